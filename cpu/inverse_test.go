package cpu

import (
	"context"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
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

// TestInversesSameBitsEverywhere: trajectories of the methods with inverses of Gram matrices have the same
// bits on every processor. The checksums were made on amd64.
func TestInversesSameBitsEverywhere(t *testing.T) {
	const n, m, r = 23, 331, 9
	e, err := sensing.NewGaussian(sensing.Sym{N: n}, m, sensing.F64, 1)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := sensing.NewTruth(n, r, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method solver.Method
		want   string
	}{
		{solver.ScaledGD{StepSize: 0.3}, "0b31eb284808951f"},
		{solver.ScaledGDLambda{StepSize: 0.3, Lambda: 0.2}, "b934ffb713e89358"},
		{solver.PrecGD{StepSize: 0.3}, "bf1c66aa0ee2343b"},
		{solver.RGD{StepSize: 0.3}, "fef6d874927172a8"},
		{solver.RGD{StepSize: 0.3, Retraction: solver.SecondOrderRetraction{}}, "94bab26e92650b1e"},
		{solver.RGD{StepSize: 0.3, Retraction: solver.ProjectionRetraction{}}, "6187d298d0596d49"},
		{solver.RGD{StepSize: 0.3, Retraction: solver.ExponentialRetraction{}}, "05257b278b339cf3"},
	} {
		for _, simd := range []SIMD{Off, Auto} {
			res, err := solver.Solve(context.Background(), &sensing.Problem{Ensemble: e, Truth: truth},
				Backend{SIMD: simd}, c.method, solver.Settings{
					Start: solver.Random{Alpha: 0.5, Seed: 1}, FactorRank: r, Iterations: 8, MeasureEvery: 8,
				})
			if err != nil {
				t.Fatal(err)
			}
			if got := checksum(t, res.Factor[0].RawMatrix().Data); got != c.want {
				t.Errorf("%s: %q, want %q", c.method.Name(), got, c.want)
			}
		}
	}
}
