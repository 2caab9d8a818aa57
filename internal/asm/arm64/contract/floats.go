package main

import "github.com/matsense/matsense/internal/asm/arm64"

// arithmetic is the type in which sums are computed.
type arithmetic struct {
	name, text string
	size       int // bytes of a number
	numbers    arm64.Arrangement
}

var (
	double = arithmetic{"Double", "float64", 8, arm64.D2}
	single = arithmetic{"Single", "float32", 4, arm64.S4}
)

// perRegister is how many numbers a register holds.
func (a arithmetic) perRegister() int { return 16 / a.size }

// floats are the formats f64, f32 and bf16. bf16 is the upper half of an f32 whose lower half is zero.
type floats struct {
	name string
	size int // bytes of an entry
}

var (
	f64  = floats{"F64", 8}
	f32  = floats{"F32", 4}
	bf16 = floats{"BF16", 2}
)

// decode reads as many entries of a row as fill so many registers of numbers, moves the row's pointer past
// them, and returns the registers.
func (f floats) decode(w *arm64.Function, a arithmetic, row arm64.X, units int) []arm64.V {
	bytes := units * a.perRegister() * f.size
	size := min(bytes, 16) // of what a register takes from memory
	x := w.Vs(bytes / size)
	w.Load(row, size, x...)
	switch {
	case f.size > a.size:
		return narrow(w, x)
	case f.size == 2:
		x = widen(w, x, size == 16, w.SpreadLow, w.SpreadHigh)
		if a.size == 4 {
			return x
		}
		return widen(w, x, true, w.WidenLow, w.WidenHigh)
	case f.size < a.size:
		return widen(w, x, true, w.WidenLow, w.WidenHigh)
	}
	return x
}

// widen makes numbers twice as long, of the lower halves of registers and, if they are full, of the upper
// ones.
func widen(w *arm64.Function, from []arm64.V, full bool, low, high func(from, to arm64.V)) (to []arm64.V) {
	for _, x := range from {
		y := w.V()
		low(x, y)
		to = append(to, y)
		if full {
			y := w.V()
			high(x, y)
			to = append(to, y)
		}
		w.FreeV(x)
	}
	return to
}

// narrow rounds doubles to singles.
func narrow(w *arm64.Function, from []arm64.V) (to []arm64.V) {
	for i := 0; i < len(from); i += 2 {
		y := w.V()
		w.NarrowLow(from[i], y)
		w.NarrowHigh(from[i+1], y)
		w.FreeV(from[i], from[i+1])
		to = append(to, y)
	}
	return to
}
