package emulator_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/matsense/matsense/gpu/emulator"
)

// format is a binary floating-point format: its smallest normal number is 2^least; its significand has
// precision bits.
type format struct {
	name             string
	width, precision uint
	least            int
}

var (
	single = format{"f32", 32, 24, -126}
	double = format{"f64", 64, 53, -1022}
	brain  = format{"bf16", 16, 8, -126}
)

// rounding is PTX's name of a direction: to nearest, ties to even; to zero; down; up.
type rounding string

var roundings = []rounding{"rn", "rz", "rm", "rp"}

func (f format) sign() uint64     { return 1 << (f.width - 1) }
func (f format) infinity() uint64 { return f.sign() - 1<<(f.precision-1) }
func (f format) nan() uint64      { return f.sign() - 1 }
func (f format) one() uint64      { return uint64(1-f.least) << (f.precision - 1) }

func (f format) isNaN(bits uint64) bool      { return bits&^f.sign() > f.infinity() }
func (f format) isInfinite(bits uint64) bool { return bits&^f.sign() == f.infinity() }
func (f format) isSubnormal(bits uint64) bool {
	return bits&^f.sign() < 1<<(f.precision-1) && bits&^f.sign() != 0
}

// number is the value of a format's bits: whole·2^power, with a separate sign, because zeros have one too. It
// may also stand for a value slightly larger, by less than any rounding can see.
type number struct {
	nan, infinite, negative, more bool
	whole                         *big.Int
	power                         int
}

// of returns the value of bits.
func (f format) of(bits uint64) number {
	field := int(bits &^ f.sign() >> (f.precision - 1))
	fraction := bits & (1<<(f.precision-1) - 1)
	x := number{nan: f.isNaN(bits), infinite: f.isInfinite(bits), negative: bits&f.sign() != 0}
	if field > 0 {
		fraction |= 1 << (f.precision - 1)
		field--
	}
	x.whole = new(big.Int).SetUint64(fraction)
	x.power = field + f.least - int(f.precision-1)
	return x
}

func (x number) finite() bool { return !x.nan && !x.infinite }
func (x number) zero() bool   { return x.finite() && x.whole.Sign() == 0 }
func (x number) neg() number  { x.negative = !x.negative; return x }

// top returns the power of two of a number's leading bit.
func (x number) top() int { return x.power + x.whole.BitLen() - 1 }

// divide returns x·2^-shift rounded to an integer in a direction, and whether that is exact.
func (x number) divide(shift int, r rounding) (*big.Int, bool) {
	if shift <= 0 {
		return new(big.Int).Lsh(x.whole, uint(-shift)), !x.more
	}
	q := new(big.Int).Rsh(x.whole, uint(shift))
	rest := new(big.Int).Sub(x.whole, new(big.Int).Lsh(q, uint(shift)))
	exact := rest.Sign() == 0 && !x.more
	half := rest.Cmp(new(big.Int).Lsh(big.NewInt(1), uint(shift-1)))
	if half == 0 && x.more {
		half = 1
	}
	up := false
	switch r {
	case "rn":
		up = half > 0 || half == 0 && q.Bit(0) == 1
	case "rm":
		up = !exact && x.negative
	case "rp":
		up = !exact && !x.negative
	}
	if up {
		q.Add(q, big.NewInt(1))
	}
	return q, exact
}

// round returns a number's bits in the format.
func (f format) round(x number, r rounding) uint64 {
	sign := uint64(0)
	if x.negative {
		sign = f.sign()
	}
	switch {
	case x.nan:
		return f.nan()
	case x.infinite:
		return sign | f.infinity()
	case x.whole.Sign() == 0:
		return sign
	}
	// The unit in the last place is 2^unit.
	unit := max(x.top(), f.least) - int(f.precision-1)
	q, _ := x.divide(unit-x.power, r)
	// A carry out of the significand increments the exponent.
	bits := uint64(unit+int(f.precision-1)-f.least)<<(f.precision-1) + q.Uint64()
	if bits < f.infinity() && unit+int(f.precision-1) <= 1-f.least {
		return sign | bits
	}
	if r == "rz" || r == "rm" && !x.negative || r == "rp" && x.negative {
		return sign | f.infinity() - 1
	}
	return sign | f.infinity()
}

// sum returns x + y. An exact zero from opposite signs is +0, or −0 if rounding is down.
func sum(x, y number, r rounding) number {
	switch {
	case x.nan || y.nan || x.infinite && y.infinite && x.negative != y.negative:
		return number{nan: true}
	case x.infinite:
		return x
	case y.infinite:
		return y
	case x.zero() && y.zero() && x.negative == y.negative:
		return x
	}
	power := min(x.power, y.power)
	total := new(big.Int)
	for _, v := range []number{x, y} {
		w := new(big.Int).Lsh(v.whole, uint(v.power-power))
		if v.negative {
			w.Neg(w)
		}
		total.Add(total, w)
	}
	negative := total.Sign() < 0 || total.Sign() == 0 && r == "rm"
	return number{negative: negative, whole: total.Abs(total), power: power}
}

func times(x, y number) number {
	negative := x.negative != y.negative
	switch {
	case x.nan || y.nan || x.infinite && y.zero() || x.zero() && y.infinite:
		return number{nan: true}
	case x.infinite || y.infinite:
		return number{infinite: true, negative: negative}
	}
	return number{negative: negative, whole: new(big.Int).Mul(x.whole, y.whole), power: x.power + y.power}
}

// quotient returns x / y to at least 80 bits.
func quotient(x, y number) number {
	negative := x.negative != y.negative
	switch {
	case x.nan || y.nan || x.infinite && y.infinite || x.zero() && y.zero():
		return number{nan: true}
	case x.infinite || y.zero():
		return number{infinite: true, negative: negative}
	case x.zero() || y.infinite:
		return number{negative: negative, whole: new(big.Int)}
	}
	const bits = 140
	q, rest := new(big.Int).QuoRem(new(big.Int).Lsh(x.whole, bits), y.whole, new(big.Int))
	return number{negative: negative, more: rest.Sign() != 0, whole: q, power: x.power - y.power - bits}
}

// root returns √x to at least 80 bits.
func root(x number) number {
	switch {
	case x.nan || x.zero():
		return x
	case x.negative:
		return number{nan: true}
	case x.infinite:
		return x
	}
	bits := 200 + x.power&1
	square := new(big.Int).Lsh(x.whole, uint(bits))
	q := new(big.Int).Sqrt(square)
	return number{more: new(big.Int).Mul(q, q).Cmp(square) != 0, whole: q, power: (x.power - bits) / 2}
}

// flush returns subnormal bits as the zero of their sign.
func (f format) flush(bits uint64) uint64 {
	if f.isSubnormal(bits) {
		return bits & f.sign()
	}
	return bits
}

// edges returns the numbers, with both signs, at which formats and careless code break.
func (f format) edges() []uint64 {
	one, normal := f.one(), uint64(1)<<(f.precision-1)
	var out []uint64
	for _, v := range []uint64{
		0, 1, 2, normal/2 + 1, normal - 1, normal, normal + 1, // subnormal and least normal
		one - normal, one - 1, one, one + 1, one + normal/2, one + normal, // ½, the neighbours of 1, 1½, 2
		// where halves, then odd numbers, end
		one + uint64(f.precision)*normal - normal, one + uint64(f.precision)*normal + 1,
		f.infinity() - normal, f.infinity() - 1, f.infinity(), f.nan(), // half the largest, the largest
	} {
		out = append(out, v, v|f.sign())
	}
	return out
}

// random returns bits of an operand: arbitrary bits, or a number whose exponent is near that of another
// operand or of its reciprocal, so that sums cancel and products are near 1 or near the ends of the range.
func (f format) random(rng *rand.Rand, near uint64) uint64 {
	v := rng.Uint64() & (f.sign()<<1 - 1)
	fields := f.infinity() >> (f.precision - 1)
	exponent := near &^ f.sign() >> (f.precision - 1)
	switch rng.IntN(5) {
	case 0:
		return v
	case 1:
		exponent += rng.Uint64N(2*uint64(f.precision)) - uint64(f.precision)
	case 2:
		exponent = fields - exponent + rng.Uint64N(9) - 4
	case 3: // near the smallest normal product, and the smallest product of all
		exponent = uint64(1-f.least) - uint64(f.precision) + rng.Uint64N(uint64(f.precision)+8) - exponent
	case 4: // near the largest product
		exponent = fields*3/2 + rng.Uint64N(9) - exponent
	}
	if exponent >= fields {
		exponent = rng.Uint64N(fields)
	}
	return v&^f.infinity() | exponent<<(f.precision-1)
}

// operands returns tuples of n numbers: all or many of the edges, and more at random.
func (f format) operands(n, more int, seed uint64) [][]uint64 {
	rng := rand.New(rand.NewPCG(seed, uint64(f.width)))
	var out [][]uint64
	switch n {
	case 1:
		out = product(f.edges())
	case 2:
		out = product(f.edges(), f.edges())
	case 3:
		for _, pair := range product(f.edges(), f.edges()) {
			for range 2 {
				out = append(out, append(pair[:2:2], f.edges()[rng.IntN(len(f.edges()))]))
			}
			// The addend that leaves the rounding error of a fused product, and its neighbours.
			back := f.round(times(f.of(pair[0]), f.of(pair[1])), "rn") ^ f.sign()
			out = append(out, append(pair[:2:2], back))
		}
	}
	for i := range more {
		a := f.random(rng, f.one())
		b := f.random(rng, a)
		switch c := f.random(rng, f.round(times(f.of(a), f.of(b)), "rn")); {
		case n == 1:
			out = append(out, []uint64{a})
		case n == 2:
			out = append(out, []uint64{a, b})
		case i%4 == 0:
			out = append(out, []uint64{a, b, f.round(times(f.of(a), f.of(b)), "rz") ^ f.sign()})
		default:
			out = append(out, []uint64{a, b, c})
		}
	}
	return out
}

// arithmetic has the exact results of the instructions, before rounding.
var arithmetic = []struct {
	name     string
	operands int
	saturate bool
	of       func(x []number, r rounding) number
}{
	{"add", 2, true, func(x []number, r rounding) number { return sum(x[0], x[1], r) }},
	{"sub", 2, true, func(x []number, r rounding) number { return sum(x[0], x[1].neg(), r) }},
	{"mul", 2, true, func(x []number, _ rounding) number { return times(x[0], x[1]) }},
	{"fma", 3, true, func(x []number, r rounding) number { return sum(times(x[0], x[1]), x[2], r) }},
	{"div", 2, false, func(x []number, _ rounding) number { return quotient(x[0], x[1]) }},
	{"sqrt", 1, false, func(x []number, _ rounding) number { return root(x[0]) }},
	{"rcp", 1, false, func(x []number, _ rounding) number {
		return quotient(number{whole: big.NewInt(1)}, x[0])
	}},
}

// compute returns the result that an instruction must give for operands x; nil if the ISA does not say.
func (f format) compute(
	of func([]number, rounding) number, x []uint64, r rounding, flush, saturate bool,
) []uint64 {
	var numbers []number
	for _, bits := range x {
		if flush {
			bits = f.flush(bits)
		}
		numbers = append(numbers, f.of(bits))
	}
	exact := of(numbers, r)
	out := f.round(exact, r)
	if flush {
		if out&^f.sign() == 1<<(f.precision-1) && exact.top() < f.least {
			return nil // subnormal before rounding, normal after it
		}
		out = f.flush(out)
	}
	if saturate {
		switch {
		case f.isNaN(out):
			out = 0
		case out == f.sign():
			return nil // the ISA does not say whether −0 is in [0, 1]
		case out&f.sign() != 0:
			out = 0
		case out > f.one():
			out = f.one()
		}
	}
	return []uint64{out}
}

// Every operation of IEEE 754 in every direction, compared with exact integer arithmetic.
func TestArithmetic(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	letters := []string{"", "%a", "%a, %b", "%a, %b, %c"}
	for _, f := range []format{single, double} {
		for seed, a := range arithmetic {
			operands := f.operands(a.operands, 600, uint64(seed))
			type variant struct {
				modifiers       string
				r               rounding
				flush, saturate bool
			}
			var variants []variant
			for _, r := range roundings {
				variants = append(variants, variant{"." + string(r), r, false, false})
				if f == single {
					variants = append(variants, variant{"." + string(r) + ".ftz", r, true, false})
				}
			}
			if f == single && a.saturate {
				variants = append(variants,
					variant{".rn.sat", "rn", false, true}, variant{".rz.ftz.sat", "rz", true, true})
			}
			if a.name == "add" || a.name == "sub" || a.name == "mul" {
				variants = append(variants, variant{"", "rn", false, false})
			}
			for _, v := range variants {
				text := fmt.Sprintf("%s%s.%s %%d, %s;", a.name, v.modifiers, f.name, letters[a.operands])
				t.Run(a.name+v.modifiers+"."+f.name, func(t *testing.T) {
					o := operation{text, kinds(f.name), repeat(f.name, a.operands)}
					o.check(t, d, operands, func(x []uint64) []uint64 {
						return f.compute(a.of, x, v.r, v.flush, v.saturate)
					})
				})
			}
		}
	}
}

// mad of floats is fma since sm_20.
func TestMultiplyAdd(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for _, f := range []format{single, double} {
		for _, r := range roundings {
			text := fmt.Sprintf("mad.%s.%s", r, f.name)
			t.Run(text, func(t *testing.T) {
				o := operation{text + " %d, %a, %b, %c;", kinds(f.name), repeat(f.name, 3)}
				o.check(t, d, f.operands(3, 100, 30), func(x []uint64) []uint64 {
					fused := func(x []number, r rounding) number { return sum(times(x[0], x[1]), x[2], r) }
					return f.compute(fused, x, r, false, false)
				})
			})
		}
	}
}

// Rounding the product and the sum separately would lose all bits of these results.
func TestFusedness(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for _, f := range []format{single, double} {
		// (1 + u)² − (1 + 2u) = u², with u the unit in the last place of 1.
		u := f.one() - uint64(f.precision-1)<<(f.precision-1)
		square := f.one() - 2*uint64(f.precision-1)<<(f.precision-1)
		o := operation{"fma.rn." + f.name + " %d, %a, %b, %c;", kinds(f.name), repeat(f.name, 3)}
		o.check(t, d, [][]uint64{
			{f.one() + 1, f.one() + 1, f.sign() | (f.one() + 2)},
			{u, u, 0},
		}, func([]uint64) []uint64 { return []uint64{square} })
	}
}

func TestMinMax(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for _, f := range []format{single, double} {
		for _, name := range []string{"min", "max"} {
			for _, flush := range []bool{false, true} {
				if flush && f != single {
					continue
				}
				modifier := ""
				if flush {
					modifier = ".ftz"
				}
				t.Run(name+modifier+"."+f.name, func(t *testing.T) {
					o := operation{
						name + modifier + "." + f.name + " %d, %a, %b;", kinds(f.name), repeat(f.name, 2),
					}
					o.check(t, d, f.operands(2, 300, 7), func(x []uint64) []uint64 {
						a, b := x[0], x[1]
						if flush {
							a, b = f.flush(a), f.flush(b)
						}
						switch {
						case f.isNaN(a):
							return []uint64{b}
						case f.isNaN(b):
							return []uint64{a}
						case (f.rank(a) < f.rank(b)) == (name == "min"):
							return []uint64{a}
						}
						return []uint64{b}
					})
				})
			}
		}
	}
}

// With .NaN, the result is NaN if one operand is.
func TestMinMaxNaN(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for _, name := range []string{"min", "max"} {
		t.Run(name, func(t *testing.T) {
			o := operation{name + ".NaN.f32 %d, %a, %b;", kinds("f32"), repeat("f32", 2)}
			o.check(t, d, single.operands(2, 300, 31), func(x []uint64) []uint64 {
				switch {
				case single.isNaN(x[0]) || single.isNaN(x[1]):
					return []uint64{single.nan()}
				case (single.rank(x[0]) < single.rank(x[1])) == (name == "min"):
					return x[:1]
				}
				return x[1:]
			})
		})
	}
}

// rank orders a format's bits by the numbers that they represent, with −0 below +0.
func (f format) rank(bits uint64) int64 {
	if bits&f.sign() != 0 {
		return -int64(bits&^f.sign()) - 1
	}
	return int64(bits)
}

func TestSigns(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	one := func(v uint64) []uint64 { return []uint64{v} }
	for _, f := range []format{single, double} {
		for _, tt := range []struct {
			text string
			n    int
			want func(x []uint64) uint64
		}{
			{"abs", 1, func(x []uint64) uint64 { return x[0] &^ f.sign() }},
			{"neg", 1, func(x []uint64) uint64 { return x[0] ^ f.sign() }},
			{"abs.ftz", 1, func(x []uint64) uint64 { return f.flush(x[0]) &^ f.sign() }},
			{"neg.ftz", 1, func(x []uint64) uint64 { return f.flush(x[0]) ^ f.sign() }},
			// The sign of the first operand on the second.
			{"copysign", 2, func(x []uint64) uint64 { return x[0]&f.sign() | x[1]&^f.sign() }},
		} {
			if f == double && len(tt.text) == len("abs.ftz") {
				continue
			}
			t.Run(tt.text+"."+f.name, func(t *testing.T) {
				letters := []string{"%a", "%a, %b"}[tt.n-1]
				o := operation{
					tt.text + "." + f.name + " %d, " + letters + ";", kinds(f.name), repeat(f.name, tt.n),
				}
				o.check(t, d, f.operands(tt.n, 100, 3), func(x []uint64) []uint64 { return one(tt.want(x)) })
			})
		}
	}
}

func TestTestp(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for _, f := range []format{single, double} {
		for name, is := range map[string]func(bits uint64) bool{
			"finite":     func(b uint64) bool { return !f.isNaN(b) && !f.isInfinite(b) },
			"infinite":   f.isInfinite,
			"number":     func(b uint64) bool { return !f.isNaN(b) },
			"notanumber": f.isNaN,
			// Zeros count as normal.
			"normal":    func(b uint64) bool { return !f.isNaN(b) && !f.isInfinite(b) && !f.isSubnormal(b) },
			"subnormal": f.isSubnormal,
		} {
			t.Run(name+"."+f.name, func(t *testing.T) {
				o := operation{"testp." + name + "." + f.name + " %d, %a;", kinds("pred"), kinds(f.name)}
				o.check(t, d, f.operands(1, 100, 4), func(x []uint64) []uint64 {
					return []uint64{truth(is(x[0]))}
				})
			})
		}
	}
}

// truth is 1 or 0.
func truth(v bool) uint64 {
	if v {
		return 1
	}
	return 0
}
