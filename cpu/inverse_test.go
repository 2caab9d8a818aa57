package cpu

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// TestInvertShifted compares with gonum's inverse.
func TestInvertShifted(t *testing.T) {
	for _, d := range []int{1, 2, 3, 7, 33, 64} {
		for _, lambda := range []float64{0, 0.3} {
			p := wavy(d+5, d, float64(d))
			var s, shifted, want mat.Dense
			s.Mul(p.T(), p)
			shifted.CloneFrom(&s)
			for i := range d {
				shifted.Set(i, i, shifted.At(i, i)+lambda)
				for j := range i { // only the upper triangle counts
					s.Set(i, j, math.NaN())
				}
			}
			if err := want.Inverse(&shifted); err != nil {
				t.Fatal(err)
			}
			invertShifted(&s, lambda, make([]float64, 2*d*d))
			// Two inverses by different methods, each with a relative error of about d·cond·2⁻⁵³.
			within := 1e-15 * float64(d) * mat.Cond(&shifted, 2) * mat.Norm(&want, 2)
			if !mat.EqualApprox(&s, &want, within) {
				t.Errorf("d = %d, λ = %v: not the inverse, within %g", d, lambda, within)
			}
			if !mat.Equal(&s, s.T()) {
				t.Errorf("d = %d: the inverse is not symmetric", d)
			}
		}
	}
}

// TestInvertShiftedWithoutInverse: matrices that are not positive definite become NaN.
func TestInvertShiftedWithoutInverse(t *testing.T) {
	for name, s := range map[string]*mat.Dense{
		"zero":       mat.NewDense(2, 2, nil),
		"indefinite": mat.NewDense(2, 2, []float64{1, 2, 2, 1}),
		"singular":   mat.NewDense(2, 2, []float64{1, 1, 1, 1}),
		"NaN":        mat.NewDense(2, 2, []float64{1, math.NaN(), math.NaN(), 1}),
		"infinite":   mat.NewDense(2, 2, []float64{1, 0, 0, math.Inf(1)}),
	} {
		invertShifted(s, 0, make([]float64, 8))
		for _, v := range s.RawMatrix().Data {
			if !math.IsNaN(v) {
				t.Errorf("the inverse of a matrix that is %s has a %v", name, v)
			}
		}
	}
}
