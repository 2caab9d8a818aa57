// Command normal writes the assembly of package sensing's normal deviates for arm64: Box–Muller pairs of many
// blocks of random words at a time. Run it with
//
//	go generate ./sensing
//
// The operations are those of sensing/normal.go, in the same order, so that the deviates have the same bits.
// Only u is made in another way, which is exact, too: 52 bits become the fraction of a number from 1 to 2,
// and
//
//	u = (1 + ⌊a/2¹²⌋/2⁵²) − (1 − 2⁻⁵³).
//
// A block is two 64-bit words, a and b. A group is two blocks: one register has the words a, another the
// words b. An iteration handles four groups, one instruction of each in turn, so that each fills the waits of
// the others.
package main

import (
	"fmt"
	"math"

	"github.com/matsense/matsense/internal/asm/arm64"
	"github.com/matsense/matsense/internal/asm/boxmuller"
)

const (
	perGroup = 2 // blocks
	groups   = 4 // in an iteration
)

func main() { program().Main() }

// program returns all functions.
func program() *arm64.Program {
	p := &arm64.Program{Package: "sensing", Command: "go run ./arm64/normal"}
	c := &constants{places: map[uint64]int{}}
	normals(p, c, "F64", "float64", storeF64)
	normals(p, c, "F32", "float32", storeF32)
	normals(p, c, "BF16", "uint16", storeBF16)
	p.Table(tableName, c.words)
	return p
}

const tableName = "normalConstants"

// constants are words that fill a register, by their bits: where each one is in the table.
type constants struct {
	words  []uint64
	places map[uint64]int
}

// place returns the offset of a register's worth of a word.
func (c *constants) place(word uint64) int {
	at, known := c.places[word]
	if !known {
		at = 8 * len(c.words)
		c.words = append(c.words, word, word)
		c.places[word] = at
	}
	return at
}

// writer is a function under way.
type writer struct {
	*arm64.Function
	constants *constants
	table     arm64.X
}

// normals writes the function for one format; store writes the deviates of all groups, and frees them.
func normals(
	p *arm64.Program, c *constants, name, text string, store func(w *writer, dst arm64.X, x []arm64.V),
) {
	f := p.New("normals"+name+"NEON", "dst *"+text+", words *uint32, count int",
		"writes the pairs of normal deviates of count blocks of four words.\n"+
			fmt.Sprintf("count must be a positive multiple of %d.", groups*perGroup))
	dst, from, count := f.Param("dst"), f.Param("words"), f.Param("count")
	w := &writer{f, c, f.X()}
	w.Table(tableName, w.table)
	f.Loop(count, groups*perGroup, func() {
		blocks := f.Vs(groups * perGroup)
		f.Load(from, 16, blocks...)
		a, b := make([]arm64.V, groups), make([]arm64.V, groups)
		for g := range groups {
			a[g], b[g] = f.V(), f.V()
			f.Zip(arm64.D2, blocks[2*g], blocks[2*g+1], a[g])
			f.ZipHigh(arm64.D2, blocks[2*g], blocks[2*g+1], b[g])
			f.FreeV(blocks[2*g], blocks[2*g+1])
		}
		w.radius(a)
		x, y := w.angle(a, b)
		var pairs []arm64.V
		for g := range groups {
			first, second := f.V(), f.V()
			f.Zip(arm64.D2, x[g], y[g], first)
			f.ZipHigh(arm64.D2, x[g], y[g], second)
			f.FreeV(x[g], y[g])
			pairs = append(pairs, first, second)
		}
		store(w, dst, pairs)
	})
	f.Return()
}

// with passes a register with a word in each lane to use.
func (w *writer) with(word uint64, use func(c arm64.V)) {
	c := w.V()
	w.LoadAt(w.table, w.constants.place(word), c)
	use(c)
	w.FreeV(c)
}

// withNumber is with for a number's bits.
func (w *writer) withNumber(x float64, use func(c arm64.V)) { w.with(math.Float64bits(x), use) }

// each applies an operation with a constant to registers.
func (w *writer) each(word uint64, x []arm64.V, do func(x, c, to arm64.V)) {
	w.with(word, func(c arm64.V) {
		for _, x := range x {
			do(x, c, x)
		}
	})
}

// on returns an operation on doubles.
func on(do func(a arm64.Arrangement, x, y, to arm64.V)) func(x, y, to arm64.V) {
	return func(x, y, to arm64.V) { do(arm64.D2, x, y, to) }
}

// unit makes (k + ½)/2⁵² of the upper 52 bits k of words.
func (w *writer) unit(x []arm64.V) {
	for _, x := range x {
		w.ShiftRight(arm64.D2, x, 12, x)
	}
	w.each(math.Float64bits(1), x, w.Or)
	w.each(math.Float64bits(1-0x1p-53), x, on(w.SubNumbers))
}

// series sums up a power series in z by Horner's rule.
func (w *writer) series(z []arm64.V, coefficients []float64) []arm64.V {
	sum := make([]arm64.V, len(z))
	for i, c := range coefficients {
		at := w.constants.place(math.Float64bits(c))
		for g := range z {
			next := w.V()
			w.LoadAt(w.table, at, next)
			if i > 0 {
				w.MultiplyAdd(arm64.D2, sum[g], z[g], next)
				w.FreeV(sum[g])
			}
			sum[g] = next
		}
	}
	return sum
}

// copied returns a copy of a register.
func (w *writer) copied(x arm64.V) arm64.V {
	y := w.V()
	w.Or(x, x, y)
	return y
}

// radius replaces the words a by ρ = √(−2 ln u).
func (w *writer) radius(a []arm64.V) {
	w.unit(a)
	// The difference of the bits of u and √½ is e·2⁵² plus the difference of the bits of f and √½.
	w.each(boxmuller.RootHalf, a, on(w.Subtract))
	e, s, z := w.Vs(groups), w.Vs(groups), w.Vs(groups)
	for g := range a {
		w.ShiftRightSigned(arm64.D2, a[g], 52, e[g])
		w.FromIntegers(arm64.D2, e[g], e[g])
	}
	w.each(boxmuller.Fraction, a, w.And)
	w.each(boxmuller.RootHalf, a, on(w.AddIntegers))
	w.withNumber(1, func(one arm64.V) {
		for g, f := range a {
			w.AddNumbers(arm64.D2, f, one, s[g])
			w.SubNumbers(arm64.D2, f, one, f)
			w.Divide(arm64.D2, f, s[g], s[g])
			w.Multiply(arm64.D2, s[g], s[g], z[g])
		}
	})
	p := w.series(z, boxmuller.Logarithm)
	w.withNumber(math.Ln2, func(ln2 arm64.V) {
		for g := range a {
			w.Multiply(arm64.D2, p[g], z[g], p[g])
			w.AddNumbers(arm64.D2, s[g], s[g], s[g])
			w.Or(s[g], s[g], a[g])
			w.MultiplyAdd(arm64.D2, p[g], s[g], a[g])
			w.MultiplyAdd(arm64.D2, e[g], ln2, a[g])
		}
	})
	w.FreeV(e...)
	w.FreeV(s...)
	w.FreeV(z...)
	w.FreeV(p...)
	w.each(math.Float64bits(-2), a, on(w.Multiply))
	for _, x := range a {
		w.SquareRoot(arm64.D2, x, x)
	}
}

// angle returns the deviates ρ·cos θ and ρ·sin θ from ρ and the words b, and frees these.
func (w *writer) angle(rho, b []arm64.V) (x, y []arm64.V) {
	angle := make([]arm64.V, groups)
	for g := range angle {
		angle[g] = w.V()
		w.ShiftLeftV(arm64.D2, b[g], 2, angle[g])
	}
	w.unit(angle)
	w.each(math.Float64bits(0.5), angle, on(w.SubNumbers))
	w.each(math.Float64bits(math.Pi/2), angle, on(w.Multiply))
	z := w.Vs(groups)
	for g := range z {
		w.Multiply(arm64.D2, angle[g], angle[g], z[g])
	}
	sin := w.series(z, boxmuller.Sine)
	for g := range sin {
		w.Multiply(arm64.D2, sin[g], z[g], sin[g])
		sum := w.copied(angle[g])
		w.MultiplyAdd(arm64.D2, sin[g], angle[g], sum)
		w.FreeV(sin[g], angle[g])
		sin[g] = sum
	}
	cos := w.series(z, append(boxmuller.Cosine, 1))
	w.FreeV(z...)
	w.turn(b, sin, cos)
	for g := range rho {
		w.Multiply(arm64.D2, cos[g], rho[g], cos[g])
		w.Multiply(arm64.D2, sin[g], rho[g], sin[g])
	}
	w.FreeV(rho...)
	return cos, sin
}

// turn turns the sine and the cosine of an eighth of a turn by the upper two bits of b: the lower one swaps
// them, either one alone changes the sign of the cosine then, and the upper one that of the sine. It frees b.
func (w *writer) turn(b, sin, cos []arm64.V) {
	w.with(boxmuller.Sign, func(sign arm64.V) {
		for g := range b {
			odd, swap := w.V(), w.V()
			w.ShiftLeftV(arm64.D2, b[g], 1, odd) // the lower bit becomes the sign
			w.ShiftRightSigned(arm64.D2, odd, 63, swap)
			w.Xor(odd, b[g], odd)
			difference := w.V()
			w.Xor(sin[g], cos[g], difference)
			w.And(difference, swap, difference)
			for _, change := range []struct{ by, of arm64.V }{{odd, cos[g]}, {b[g], sin[g]}} {
				w.And(change.by, sign, change.by)
				w.Xor(change.by, difference, change.by)
				w.Xor(change.of, change.by, change.of)
			}
			w.FreeV(odd, swap, difference, b[g])
		}
	})
}

// storeF64 stores deviates as they are.
func storeF64(w *writer, dst arm64.X, x []arm64.V) {
	w.Store(dst, x...)
	w.FreeV(x...)
}

// singles rounds deviates to single precision.
func (w *writer) singles(x []arm64.V) (y []arm64.V) {
	for i := 0; i < len(x); i += 2 {
		v := w.V()
		w.NarrowLow(x[i], v)
		w.NarrowHigh(x[i+1], v)
		w.FreeV(x[i], x[i+1])
		y = append(y, v)
	}
	return y
}

// storeF32 stores deviates in single precision.
func storeF32(w *writer, dst arm64.X, x []arm64.V) {
	y := w.singles(x)
	w.Store(dst, y...)
	w.FreeV(y...)
}

// storeBF16 rounds the deviates in single precision as roundBF16 does, and stores their upper halves.
func storeBF16(w *writer, dst arm64.X, x []arm64.V) {
	y := w.singles(x)
	odd := w.Vs(len(y))
	for i := range y {
		w.ShiftRight(arm64.S4, y[i], 16, odd[i])
	}
	onS4 := func(x, c, to arm64.V) { w.AddIntegers(arm64.S4, x, c, to) }
	w.each(1<<32|1, odd, w.And)
	w.each(0x7FFF<<32|0x7FFF, odd, onS4)
	for i := range y {
		w.AddIntegers(arm64.S4, y[i], odd[i], y[i])
	}
	w.FreeV(odd...)
	for i := 0; i < len(y); i += 2 {
		w.Odd(arm64.H8, y[i], y[i+1], y[i/2])
	}
	w.Store(dst, y[:len(y)/2]...)
	w.FreeV(y...)
}
