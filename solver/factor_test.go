package solver

import (
	"testing"

	"gonum.org/v1/gonum/mat"
)

// TestCombineIsNotFused: both products are rounded before they are added. (1 + 2⁻³⁰)² is 1 + 2⁻²⁹ + 2⁻⁶⁰.
// Rounding drops the last term; without rounding, the subtraction of the other product would leave exactly
// this term.
func TestCombineIsNotFused(t *testing.T) {
	const v = 1 + 0x1p-30
	x, y := Factor{mat.NewDense(1, 1, []float64{v})}, Factor{mat.NewDense(1, 1, []float64{1 + 0x1p-29})}
	f := NewFactor(x.Shapes())
	f.Combine(v, x, -1, y)
	if got := f[0].At(0, 0); got != 0 {
		t.Errorf("v·v − y = %g, want 0", got)
	}
	if f.Combine(-1, y, v, x); f[0].At(0, 0) != 0 {
		t.Errorf("−y + v·v = %g, want 0", f[0].At(0, 0))
	}
}
