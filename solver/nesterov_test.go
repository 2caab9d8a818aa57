package solver_test

import (
	"errors"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/solver"
)

// TestNesterov: the method on an engine equals its second form, in X and Y, in dense algebra.
func TestNesterov(t *testing.T) {
	p := problem(t, 0)
	n := solver.Nesterov{StepSize: 0.1, Momentum: 0.7}
	got := solve(t, p, n, small(20)).Factor[0]

	y, err := small(0).Start.Factor([]solver.Shape{{Rows: 17, Cols: 17}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e := memberOf(t, p, solver.PSD{}, 17)
	x, next, g := y.Clone(), y.Clone(), y.Clone()
	for range 20 {
		if err := errors.Join(e.Set(solver.Iterate, y), e.Gradient(), e.Get(solver.Gradient, g)); err != nil {
			t.Fatal(err)
		}
		next.Combine(1, y, -n.StepSize, g)
		y.Combine(1+n.Momentum, next, -n.Momentum, x)
		x.Copy(next)
	}
	var d mat.Dense
	d.Sub(got, y[0])
	// 20 steps of rounding, growing with the signal.
	if rel := mat.Norm(&d, 2) / mat.Norm(got, 2); !(rel < 1e-12) {
		t.Errorf("off by %g", rel)
	}
}

// TestNesterovRate: near a truth of condition number κ that is observed whole, the least curvature is ℓ =
// 1/κ², and the momentum β = (1 − √(μℓ))/(1 + √(μℓ)) makes the error fall by 1 − √(μℓ) a step: with it, the
// two roots of z² − (1 + β)(1 − μℓ)z + β(1 − μℓ) are one, (1 + β)(1 − μℓ)/2 = 1 − √(μℓ). A double root makes
// the error grow by a factor that is about the number of steps. Without momentum the method is gradient
// descent, to the bit.
func TestNesterovRate(t *testing.T) {
	const mu, kappa = 0.25, 8.0
	p := observedWhole(t, 8, 2, kappa)
	start := mat.DenseCopyOf(p.Truth.X())
	start.Apply(func(i, j int, v float64) float64 { return v + 1e-4*math.Sin(float64(3*i+5*j+1)) }, start)
	root := math.Sqrt(mu) / kappa
	e := memberAt(t, p, start)
	m := solver.Nesterov{StepSize: mu, Momentum: (1 - root) / (1 + root)}
	steps(t, e, m, start, 150)
	before := lossOf(t, e)
	steps(t, e, m, start, 80)
	growth := math.Pow(230.0/150, 1.0/80)
	if got, want := math.Pow(lossOf(t, e)/before, 0.5/80), (1-root)*growth; math.Abs(got-want) > 2e-3 {
		t.Errorf("the error falls by %.5f, want %.5f", got, want)
	}
	plain := steps(t, memberAt(t, p, start), solver.GD{StepSize: mu}, start, 5)
	got := steps(t, memberAt(t, p, start), solver.Nesterov{StepSize: mu}, start, 5)
	if !mat.Equal(got, plain) {
		t.Error("without momentum it is not gradient descent")
	}
}
