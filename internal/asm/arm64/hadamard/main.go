// Command hadamard writes the assembly of package cpu's Pauli words for arm64: Walsh–Hadamard transforms, and
// products of rows (columns.go). Run it with
//
//	go generate ./cpu
//
// # What it writes
//
// The butterflies are those of its namesake for amd64: each level does a, b ← a + b, a − b for all pairs of
// places that differ in one bit, the lowest bit first. The first two levels are done together, for four
// numbers in two registers. The levels that are left combine whole registers, two levels in one pass, and the
// last one alone if their number is odd.
package main

import (
	"github.com/matsense/matsense/internal/asm/arm64"
)

const (
	four  = 4 // numbers in two registers
	shift = 3 // log₂ of the bytes of a number
)

func main() {
	p := &arm64.Program{Package: "cpu", Command: "go run ./arm64/hadamard"}
	transform(p)
	numberBytes(p)
	columnDots(p)
	columnAdds(p)
	p.Main()
}

// writer is the function under way.
type writer struct{ *arm64.Function }

// butterfly returns a + b and a − b, and frees a and b.
func (w writer) butterfly(a, b arm64.V) (sum, difference arm64.V) {
	sum, difference = w.V(), w.V()
	w.AddNumbers(arm64.D2, a, b, sum)
	w.SubNumbers(arm64.D2, a, b, difference)
	w.FreeV(a, b)
	return sum, difference
}

// copied returns a copy of a general register.
func (w writer) copied(x arm64.X) arm64.X {
	y := w.X()
	w.Move(x, y)
	return y
}

func transform(p *arm64.Program) {
	w := writer{p.New("transformNEON", "v []float64",
		"does v_z ← Σ_j (−1)^|z∧j|·v_j for every z. v has at least four numbers.")}
	base, length := w.Base("v"), w.Len("v")

	at, left := w.copied(base), w.copied(length)
	w.Loop(left, four, func() {
		x := w.Vs(2)
		w.LoadAt(at, 0, x...)
		a, b := w.V(), w.V()
		w.Zip(arm64.D2, x[0], x[1], a)
		w.ZipHigh(arm64.D2, x[0], x[1], b)
		sum, difference := w.butterfly(a, b)
		w.Zip(arm64.D2, sum, difference, x[0])
		w.ZipHigh(arm64.D2, sum, difference, x[1])
		w.FreeV(sum, difference)
		first, second := w.butterfly(x[0], x[1])
		w.Store(at, first, second)
		w.FreeV(first, second)
	})
	w.FreeX(at, left)

	levels, odd, half, parts := w.X(), w.X(), w.X(), w.copied(length)
	w.Log2(length, levels)
	w.SubConstant(2, levels)
	w.Remainder(levels, 2, odd)
	w.ShiftRightX(1, levels)
	w.Constant(four, half)
	w.ShiftRightX(4, parts) // of four times half numbers
	w.Loop(levels, 1, func() {
		w.pieces(base, half, parts, 4)
		w.ShiftLeft(2, half)
		w.ShiftRightX(2, parts)
	})
	w.Constant(1, parts)
	w.Loop(odd, 1, func() { w.pieces(base, half, parts, 2) })
	w.Return()
}

// pieces does one level, or two, for all numbers: they lie in so many parts, each of 2 or 4 pieces of half
// numbers.
func (w writer) pieces(base, half, parts arm64.X, count int) {
	places, left := []arm64.X{w.copied(base)}, w.copied(parts)
	for range count - 1 {
		places = append(places, w.X())
	}
	w.Loop(left, 1, func() {
		for i := 1; i < count; i++ {
			w.Move(places[i-1], places[i])
			w.AddShifted(half, shift, places[i])
		}
		numbers := w.copied(half)
		w.Loop(numbers, four, func() {
			x := make([][]arm64.V, count)
			for i, place := range places {
				x[i] = w.Vs(2)
				w.LoadAt(place, 0, x[i]...)
			}
			for j := range 2 {
				for i := 0; i < count; i += 2 {
					x[i][j], x[i+1][j] = w.butterfly(x[i][j], x[i+1][j])
				}
				for i := range count / 4 * 2 {
					x[i][j], x[i+2][j] = w.butterfly(x[i][j], x[i+2][j])
				}
			}
			for i, place := range places {
				w.Store(place, x[i]...)
				w.FreeV(x[i]...)
			}
		})
		w.FreeX(numbers)
		w.Move(places[count-1], places[0])
	})
	w.FreeX(append(places, left)...)
}
