package emulator_test

import (
	"fmt"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
)

// integer is an integer type of PTX.
type integer struct {
	name   string
	width  uint
	signed bool
}

var (
	u8, s8   = integer{"u8", 8, false}, integer{"s8", 8, true}
	u16, s16 = integer{"u16", 16, false}, integer{"s16", 16, true}
	u32, s32 = integer{"u32", 32, false}, integer{"s32", 32, true}
	u64, s64 = integer{"u64", 64, false}, integer{"s64", 64, true}

	b16, b32, b64 = integer{"b16", 16, false}, integer{"b32", 32, false}, integer{"b64", 64, false}
)

// of returns the value of the lowest bits in the type.
func (k integer) of(bits uint64) *big.Int {
	v := new(big.Int).SetUint64(k.mask(bits))
	if k.signed && v.Bit(int(k.width-1)) == 1 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), k.width))
	}
	return v
}

// mask keeps the lowest bits.
func (k integer) mask(bits uint64) uint64 { return bits << (64 - k.width) >> (64 - k.width) }

// wrap returns the lowest bits of an integer in two's complement.
func (k integer) wrap(v *big.Int) uint64 {
	return new(big.Int).And(v, new(big.Int).SetUint64(k.mask(1<<64-1))).Uint64()
}

// least and most are the ends of the type's range.
func (k integer) least() *big.Int {
	if !k.signed {
		return new(big.Int)
	}
	return new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), k.width-1))
}

func (k integer) most() *big.Int {
	width := k.width
	if k.signed {
		width--
	}
	v := new(big.Int).Lsh(big.NewInt(1), width)
	return v.Sub(v, big.NewInt(1))
}

// clamp returns the type's number that is nearest to v.
func (k integer) clamp(v *big.Int) *big.Int {
	switch {
	case v.Cmp(k.least()) < 0:
		return k.least()
	case v.Cmp(k.most()) > 0:
		return k.most()
	}
	return v
}

// twice is the type of twice the width.
func (k integer) twice() integer {
	return integer{fmt.Sprintf("%s%d", k.name[:1], 2*k.width), 2 * k.width, k.signed}
}

// edges returns the bits at which integers wrap, change sign or start a new word.
func (k integer) edges() []uint64 {
	var out []uint64
	for _, v := range []uint64{
		0, 1, 2, 3, 7, 10, 0x55, 0x7f, 0x80, 0xff, 0x8000, 0xffff, 0x10000, 0x5555_5555, 0xffff_ffff,
	} {
		out = append(out, k.mask(v), k.mask(-v), k.mask(v<<(k.width-8)))
	}
	top := uint64(1) << (k.width - 1)
	out = append(out, top, top-1, k.mask(top+1), top>>1, k.mask(0x0123456789abcdef),
		k.mask(0xfedcba9876543210))
	slices.Sort(out)
	return slices.Compact(out)
}

// random returns bits whose length is random too.
func (k integer) random(rng *rand.Rand) uint64 {
	v := rng.Uint64() >> rng.IntN(64)
	if rng.IntN(2) == 0 {
		v = -v
	}
	return k.mask(v)
}

// tuples returns operands of the types: each edge paired with random others, and more random tuples.
func tuples(seed uint64, more int, types ...integer) [][]uint64 {
	rng := rand.New(rand.NewPCG(seed, uint64(len(types))))
	var out [][]uint64
	if len(types) == 1 {
		out = product(types[0].edges())
	} else {
		out = product(types[0].edges(), types[1].edges())
		for i := range out {
			for _, k := range types[2:] {
				out[i] = append(out[i], k.edges()[rng.IntN(len(k.edges()))])
			}
		}
	}
	for range more {
		var tuple []uint64
		for _, k := range types {
			tuple = append(tuple, k.random(rng))
		}
		out = append(out, tuple)
	}
	return out
}

// registersOf returns the types' names as register types.
func registersOf(types ...integer) []string {
	var out []string
	for _, k := range types {
		out = append(out, k.name)
	}
	return out
}

// Each instruction returns the low bits of an integer; nil is a result that the ISA leaves open.
func TestIntegerArithmetic(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	mul := func(x []*big.Int) *big.Int { return new(big.Int).Mul(x[0], x[1]) }
	mad := func(x []*big.Int) *big.Int { v := mul(x); return v.Add(v, x[2]) }
	// Division by 0, and of the least number by −1, are left out.
	dividable := func(k integer, x []*big.Int) bool {
		if x[1].Sign() == 0 {
			return false
		}
		v := new(big.Int).Quo(x[0], x[1])
		return v.Cmp(k.clamp(v)) == 0
	}
	for _, tt := range []struct {
		name     string
		operands int
		types    []integer
		want     func(k integer, x []*big.Int) *big.Int
	}{
		{"add", 2, nil, func(_ integer, x []*big.Int) *big.Int { return new(big.Int).Add(x[0], x[1]) }},
		{"sub", 2, nil, func(_ integer, x []*big.Int) *big.Int { return new(big.Int).Sub(x[0], x[1]) }},
		{"mul.lo", 2, nil, func(_ integer, x []*big.Int) *big.Int { return mul(x) }},
		{"mul.hi", 2, nil, func(k integer, x []*big.Int) *big.Int { v := mul(x); return v.Rsh(v, k.width) }},
		{"mad.lo", 3, nil, func(_ integer, x []*big.Int) *big.Int { return mad(x) }},
		{"mad.hi", 3, nil, func(k integer, x []*big.Int) *big.Int {
			v := mul(x)
			return v.Add(v.Rsh(v, k.width), x[2])
		}},
		{"div", 2, nil, func(k integer, x []*big.Int) *big.Int {
			if !dividable(k, x) {
				return nil
			}
			return new(big.Int).Quo(x[0], x[1])
		}},
		{"rem", 2, nil, func(k integer, x []*big.Int) *big.Int {
			if !dividable(k, x) {
				return nil
			}
			return new(big.Int).Rem(x[0], x[1])
		}},
		{"min", 2, nil, func(_ integer, x []*big.Int) *big.Int {
			if x[0].Cmp(x[1]) < 0 {
				return x[0]
			}
			return x[1]
		}},
		{"max", 2, nil, func(_ integer, x []*big.Int) *big.Int {
			if x[0].Cmp(x[1]) > 0 {
				return x[0]
			}
			return x[1]
		}},
		{"abs", 1, []integer{s16, s32, s64}, func(_ integer, x []*big.Int) *big.Int {
			return new(big.Int).Abs(x[0])
		}},
		{"neg", 1, []integer{s16, s32, s64}, func(_ integer, x []*big.Int) *big.Int {
			return new(big.Int).Neg(x[0])
		}},
	} {
		types := tt.types
		if types == nil {
			types = []integer{u16, s16, u32, s32, u64, s64}
		}
		for seed, k := range types {
			t.Run(tt.name+"."+k.name, func(t *testing.T) {
				letters := []string{"", "%a", "%a, %b", "%a, %b, %c"}[tt.operands]
				in := make([]integer, tt.operands)
				for i := range in {
					in[i] = k
				}
				o := operation{
					tt.name + "." + k.name + " %d, " + letters + ";", kinds(k.name), registersOf(in...),
				}
				o.check(t, d, tuples(uint64(seed), 300, in...), func(x []uint64) []uint64 {
					var numbers []*big.Int
					for _, v := range x {
						numbers = append(numbers, k.of(v))
					}
					want := tt.want(k, numbers)
					if want == nil {
						return nil
					}
					return []uint64{k.wrap(want)}
				})
			})
		}
	}
}

// mul.wide and mad.wide keep the whole product; the addend has the sum's width.
func TestWideProducts(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for seed, k := range []integer{u16, s16, u32, s32} {
		wide := k.twice()
		t.Run("mul.wide."+k.name, func(t *testing.T) {
			o := operation{"mul.wide." + k.name + " %d, %a, %b;", kinds(wide.name), registersOf(k, k)}
			o.check(t, d, tuples(uint64(seed), 300, k, k), func(x []uint64) []uint64 {
				return []uint64{wide.wrap(new(big.Int).Mul(k.of(x[0]), k.of(x[1])))}
			})
		})
		t.Run("mad.wide."+k.name, func(t *testing.T) {
			o := operation{
				"mad.wide." + k.name + " %d, %a, %b, %c;", kinds(wide.name), registersOf(k, k, wide),
			}
			o.check(t, d, tuples(uint64(seed), 300, k, k, wide), func(x []uint64) []uint64 {
				v := new(big.Int).Mul(k.of(x[0]), k.of(x[1]))
				return []uint64{wide.wrap(v.Add(v, wide.of(x[2])))}
			})
		})
	}
}

func TestLogic(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for seed, k := range []integer{b16, b32, b64} {
		for name, of := range map[string]func(a, b uint64) uint64{
			"and": func(a, b uint64) uint64 { return a & b },
			"or":  func(a, b uint64) uint64 { return a | b },
			"xor": func(a, b uint64) uint64 { return a ^ b },
		} {
			t.Run(name+"."+k.name, func(t *testing.T) {
				o := operation{name + "." + k.name + " %d, %a, %b;", kinds(k.name), registersOf(k, k)}
				o.check(t, d, tuples(uint64(seed), 100, k, k), func(x []uint64) []uint64 {
					return []uint64{of(x[0], x[1])}
				})
			})
		}
		t.Run("not."+k.name, func(t *testing.T) {
			o := operation{"not." + k.name + " %d, %a;", kinds(k.name), registersOf(k)}
			o.check(t, d, tuples(uint64(seed), 100, k), func(x []uint64) []uint64 {
				return []uint64{k.mask(^x[0])}
			})
		})
		t.Run("cnot."+k.name, func(t *testing.T) {
			o := operation{"cnot." + k.name + " %d, %a;", kinds(k.name), registersOf(k)}
			o.check(t, d, tuples(uint64(seed), 100, k), func(x []uint64) []uint64 {
				return []uint64{truth(x[0] == 0)}
			})
		})
	}
}

// Shift amounts are 32 bits wide; amounts from the register's width on all give the same.
func TestShifts(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	amounts := []uint64{
		0, 1, 5, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 200, 256, 1 << 16, 1 << 31, 1<<32 - 1,
	}
	for _, tt := range []struct {
		name  string
		types []integer
	}{
		{"shl", []integer{b16, b32, b64}},
		{"shr", []integer{b16, b32, b64, u16, s16, u32, s32, u64, s64}},
	} {
		for _, k := range tt.types {
			t.Run(tt.name+"."+k.name, func(t *testing.T) {
				o := operation{tt.name + "." + k.name + " %d, %a, %b;", kinds(k.name), kinds(k.name, "u32")}
				o.check(t, d, product(k.edges(), amounts), func(x []uint64) []uint64 {
					n := uint(min(x[1], uint64(k.width)))
					v := k.of(x[0])
					if tt.name == "shl" {
						return []uint64{k.wrap(v.Lsh(v, n))}
					}
					return []uint64{k.wrap(v.Rsh(v, n))}
				})
			})
		}
	}
}

// shf shifts the 64 bits %b:%a; .l keeps the upper half, .r the lower half.
func TestFunnelShift(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	rng := rand.New(rand.NewPCG(4, 14))
	var operands [][]uint64
	for _, n := range []uint64{0, 1, 7, 16, 31, 32, 33, 63, 64, 65, 200, 1<<32 - 1} {
		operands = append(operands, []uint64{0x01234567, 0x89abcdef, n},
			[]uint64{1<<32 - 1, 0, n}, []uint64{0, 1<<32 - 1, n})
		for range 40 {
			operands = append(operands, []uint64{uint64(rng.Uint32()), uint64(rng.Uint32()), n})
		}
	}
	for _, mode := range []string{"wrap", "clamp"} {
		for _, direction := range []string{"l", "r"} {
			t.Run(direction+"."+mode, func(t *testing.T) {
				o := operation{
					"shf." + direction + "." + mode + ".b32 %d, %a, %b, %c;", kinds("b32"), repeat("b32", 3),
				}
				o.check(t, d, operands, func(x []uint64) []uint64 {
					n := x[2] % 32
					if mode == "clamp" {
						n = min(x[2], 32)
					}
					both := x[1]<<32 | x[0]
					if direction == "l" {
						return []uint64{both << n >> 32}
					}
					return []uint64{b32.mask(both >> n)}
				})
			})
		}
	}
}

// fields are positions and lengths inside a register and past its end, up to 255, the ISA's limit.
func fields(k integer, seed uint64) [][]uint64 {
	var out [][]uint64
	rng := rand.New(rand.NewPCG(seed, 11))
	for _, at := range []uint64{0, 1, 8, 15, 30, 31, 32, 33, 47, 62, 63, 64, 65, 128, 255} {
		for _, length := range []uint64{0, 1, 5, 16, 31, 32, 33, 63, 64, 65, 128, 255} {
			for _, v := range []uint64{0, k.mask(1<<64 - 1), k.mask(0xa5a5_5a5a_8001_c3c3), k.random(rng)} {
				out = append(out, []uint64{v, at, length})
			}
		}
	}
	return out
}

// Bits past the end of the register or the field are copies of the sign: the field's highest bit or the
// register's.
func TestBitFieldExtract(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for _, k := range []integer{u32, s32, u64, s64} {
		t.Run(k.name, func(t *testing.T) {
			o := operation{"bfe." + k.name + " %d, %a, %b, %c;", kinds(k.name), kinds(k.name, "u32", "u32")}
			o.check(t, d, fields(k, 1), func(x []uint64) []uint64 {
				at, length, top := uint(x[1]&255), uint(x[2]&255), k.width-1
				bit := func(i uint) uint64 { return x[0] >> i & 1 }
				fill := uint64(0)
				if k.signed && length > 0 {
					fill = bit(min(at+length-1, top))
				}
				var want uint64
				for i := range k.width {
					b := fill
					if i < length && at+i <= top {
						b = bit(at + i)
					}
					want |= b << i
				}
				return []uint64{want}
			})
		})
	}
}

func TestBitFieldInsert(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	rng := rand.New(rand.NewPCG(2, 12))
	for _, k := range []integer{b32, b64} {
		t.Run(k.name, func(t *testing.T) {
			var operands [][]uint64
			for _, f := range fields(k, 2) {
				operands = append(operands, []uint64{f[0], k.mask(rng.Uint64()), f[1], f[2]})
			}
			o := operation{
				"bfi." + k.name + " %d, %a, %b, %c, %f;", kinds(k.name), kinds(k.name, k.name, "u32", "u32"),
			}
			o.check(t, d, operands, func(x []uint64) []uint64 {
				at, length := uint(x[2]&255), uint(x[3]&255)
				want := x[1]
				for i := uint(0); i < length && at+i < k.width; i++ {
					want = want&^(1<<(at+i)) | x[0]>>i&1<<(at+i)
				}
				return []uint64{want}
			})
		})
	}
}

// prmt picks bytes of %b:%a by the nibbles of %c; the nibble's highest bit asks for 8 copies of the byte's
// sign. The other modes are tables of the ISA that list the bytes for each value of the lowest two bits of
// %c.
func TestPermute(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	rng := rand.New(rand.NewPCG(3, 13))
	var operands [][]uint64
	for nibble := range uint64(16) {
		operands = append(operands, []uint64{0x7f80_01fe, 0xff00_8081, nibble * 0x1111})
	}
	for range 600 {
		operands = append(operands, []uint64{
			uint64(rng.Uint32()), uint64(rng.Uint32()), uint64(rng.Uint32()),
		})
	}
	pick := func(x []uint64, nibbles uint64) uint64 {
		var want uint64
		for i := range 4 {
			nibble := nibbles >> (4 * i) & 15
			b := (x[1]<<32 | x[0]) >> (8 * (nibble & 7)) & 255
			if nibble&8 != 0 {
				b = b >> 7 * 255
			}
			want |= b << (8 * i)
		}
		return want
	}
	t.Run("bytes", func(t *testing.T) {
		o := operation{"prmt.b32 %d, %a, %b, %c;", kinds("b32"), repeat("b32", 3)}
		o.check(t, d, operands, func(x []uint64) []uint64 { return []uint64{pick(x, x[2])} })
	})
	for mode, table := range map[string][4]uint64{
		"f4e":  {0x3210, 0x4321, 0x5432, 0x6543},
		"b4e":  {0x5670, 0x6701, 0x7012, 0x0123},
		"rc8":  {0x0000, 0x1111, 0x2222, 0x3333},
		"ecl":  {0x3210, 0x3211, 0x3222, 0x3333},
		"ecr":  {0x0000, 0x1110, 0x2210, 0x3210},
		"rc16": {0x1010, 0x3232, 0x1010, 0x3232},
	} {
		t.Run(mode, func(t *testing.T) {
			o := operation{"prmt.b32." + mode + " %d, %a, %b, %c;", kinds("b32"), repeat("b32", 3)}
			o.check(t, d, operands, func(x []uint64) []uint64 { return []uint64{pick(x, table[x[2]&3])} })
		})
	}
}

// All 256 tables in one kernel: bit 4a + 2b + c of the table is the result for bits a, b and c. The operands
// hold all 8 patterns in each byte.
func TestLop3(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	var body strings.Builder
	body.WriteString(`
	ld.param.u64 %d0, [out];
	ld.param.u32 %r0, [a];
	ld.param.u32 %r1, [b];
	ld.param.u32 %r2, [c];
`)
	for table := range 256 {
		fmt.Fprintf(&body, "\tlop3.b32 %%r3, %%r0, %%r1, %%r2, %#x;\n\tst.global.u32 [%%d0+%d], %%r3;\n",
			table, 4*table)
	}
	k := load(t, d, "tables",
		entry("tables", ".param .u64 out, .param .u32 a, .param .u32 b, .param .u32 c", body.String()))
	a, b, c := uint32(0xf0f00ff0), uint32(0xcccc33cc), uint32(0xaaaa55aa)
	out := zeros(t, d, 4*256)
	launch(t, d, driver.Launch{
		Kernel: k, Grid: line(1), Block: line(1),
		Args: []driver.Arg{driver.Ptr(out), driver.U32(int(a)), driver.U32(int(b)), driver.U32(int(c))},
	})
	want := make([]uint32, 256)
	for table := range want {
		for i := range 32 {
			row := a>>i&1<<2 | b>>i&1<<1 | c>>i&1
			want[table] |= uint32(table) >> row & 1 << i
		}
	}
	equal(t, download[uint32](t, d, out, 256), want)
}

func TestBitCounts(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	const none = 1<<32 - 1
	// The position of the highest bit that differs from the sign.
	find := func(k integer, v uint64) uint64 {
		if k.signed && v>>(k.width-1) == 1 {
			v = k.mask(^v)
		}
		if v == 0 {
			return none
		}
		return uint64(bits.Len64(v) - 1)
	}
	for _, tt := range []struct {
		name  string
		types []integer
		same  bool // the result has the operand's type
		want  func(k integer, v uint64) uint64
	}{
		{"popc", []integer{b32, b64}, false, func(_ integer, v uint64) uint64 {
			return uint64(bits.OnesCount64(v))
		}},
		{"clz", []integer{b32, b64}, false, func(k integer, v uint64) uint64 {
			return uint64(int(k.width) - bits.Len64(v))
		}},
		{"brev", []integer{b32, b64}, true, func(k integer, v uint64) uint64 {
			return bits.Reverse64(v) >> (64 - k.width)
		}},
		{"bfind", []integer{u32, s32, u64, s64}, false, find},
		{"bfind.shiftamt", []integer{u32, s32, u64, s64}, false, func(k integer, v uint64) uint64 {
			if find(k, v) == none {
				return none
			}
			return uint64(k.width-1) - find(k, v)
		}},
	} {
		for _, k := range tt.types {
			t.Run(tt.name+"."+k.name, func(t *testing.T) {
				out := "u32"
				if tt.same {
					out = k.name
				}
				o := operation{tt.name + "." + k.name + " %d, %a;", kinds(out), kinds(k.name)}
				o.check(t, d, tuples(5, 400, k), func(x []uint64) []uint64 {
					return []uint64{tt.want(k, x[0])}
				})
			})
		}
	}
}

// Sums and products over several words, with the carry that .cc sets and the suffix c reads.
func TestCarries(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	limbs := func(seed uint64) [][]uint64 {
		rng := rand.New(rand.NewPCG(seed, 15))
		ends := []uint64{0, 1, 1<<64 - 1}
		out := product(ends, ends, ends, ends)
		for range 100 {
			out = append(out, []uint64{rng.Uint64(), rng.Uint64(), rng.Uint64(), rng.Uint64()})
		}
		return out
	}
	join := func(low, high uint64) *big.Int {
		v := new(big.Int).Lsh(new(big.Int).SetUint64(high), 64)
		return v.Or(v, new(big.Int).SetUint64(low))
	}
	split := func(v *big.Int) []uint64 {
		return []uint64{b64.wrap(v), b64.wrap(new(big.Int).Rsh(v, 64))}
	}
	for name, of := range map[string]func(z, x, y *big.Int) *big.Int{
		"add": (*big.Int).Add, "sub": (*big.Int).Sub,
	} {
		t.Run(name+" of 128 bits", func(t *testing.T) {
			o := operation{
				fmt.Sprintf("%s.cc.u64 %%d, %%a, %%c; %sc.u64 %%e, %%b, %%f;", name, name),
				repeat("b64", 2), repeat("b64", 4),
			}
			o.check(t, d, limbs(1), func(x []uint64) []uint64 {
				return split(of(new(big.Int), join(x[0], x[1]), join(x[2], x[3])))
			})
		})
		t.Run(name+" of 128 bits in words", func(t *testing.T) {
			text := "{ .reg .b32 %x<4>, %y<4>, %z<4>;\n"
			for i, pair := range [][2]string{{"%a", "%x"}, {"%b", "%x"}, {"%c", "%y"}, {"%f", "%y"}} {
				text += fmt.Sprintf("\tmov.b64 {%s%d, %s%d}, %s;\n",
					pair[1], i%2*2, pair[1], i%2*2+1, pair[0])
			}
			for i, form := range []string{name + ".cc", name + "c.cc", name + "c.cc", name + "c"} {
				text += fmt.Sprintf("\t%s.u32 %%z%d, %%x%d, %%y%d;\n", form, i, i, i)
			}
			text += "\tmov.b64 %d, {%z0, %z1}; mov.b64 %e, {%z2, %z3}; }"
			o := operation{text, repeat("b64", 2), repeat("b64", 4)}
			o.check(t, d, limbs(2), func(x []uint64) []uint64 {
				return split(of(new(big.Int), join(x[0], x[1]), join(x[2], x[3])))
			})
		})
	}
	t.Run("product of 64 by 64 bits in words", func(t *testing.T) {
		o := operation{`{
		.reg .b32 %x<2>, %y<2>, %z<4>;
		mov.b64 {%x0, %x1}, %a;
		mov.b64 {%y0, %y1}, %b;
		mul.lo.u32 %z0, %x0, %y0;
		mul.hi.u32 %z1, %x0, %y0;
		mad.lo.cc.u32 %z1, %x0, %y1, %z1;
		madc.hi.u32 %z2, %x0, %y1, 0;
		mad.lo.cc.u32 %z1, %x1, %y0, %z1;
		madc.hi.cc.u32 %z2, %x1, %y0, %z2;
		addc.u32 %z3, 0, 0;
		mad.lo.cc.u32 %z2, %x1, %y1, %z2;
		madc.hi.u32 %z3, %x1, %y1, %z3;
		mov.b64 %d, {%z0, %z1};
		mov.b64 %e, {%z2, %z3};
		}`, repeat("b64", 2), repeat("b64", 4)}
		o.check(t, d, limbs(3), func(x []uint64) []uint64 {
			return split(new(big.Int).Mul(new(big.Int).SetUint64(x[0]), new(big.Int).SetUint64(x[1])))
		})
	})
}

// Among integer sums, only those of s32 saturate. sad is |a − b| + c.
func TestSaturatedSumsAndDistances(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for name, of := range map[string]func(z, x, y *big.Int) *big.Int{
		"add": (*big.Int).Add, "sub": (*big.Int).Sub,
	} {
		t.Run(name+".sat.s32", func(t *testing.T) {
			o := operation{name + ".sat.s32 %d, %a, %b;", kinds("s32"), repeat("s32", 2)}
			o.check(t, d, tuples(16, 200, s32, s32), func(x []uint64) []uint64 {
				return []uint64{s32.wrap(s32.clamp(of(new(big.Int), s32.of(x[0]), s32.of(x[1]))))}
			})
		})
	}
	for seed, k := range []integer{u16, s16, u32, s32, u64, s64} {
		t.Run("sad."+k.name, func(t *testing.T) {
			o := operation{"sad." + k.name + " %d, %a, %b, %c;", kinds(k.name), repeat(k.name, 3)}
			o.check(t, d, tuples(uint64(seed), 200, k, k, k), func(x []uint64) []uint64 {
				v := new(big.Int).Sub(k.of(x[0]), k.of(x[1]))
				return []uint64{k.wrap(v.Add(v.Abs(v), k.of(x[2])))}
			})
		})
	}
}
