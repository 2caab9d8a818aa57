package solver_test

import (
	"errors"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/solver"
)

// TestMomentum: the method on an engine equals its formula in dense algebra.
func TestMomentum(t *testing.T) {
	p := problem(t, 0)
	h := momentum
	got := solve(t, p, h, small(20)).Factor[0]

	u, err := small(0).Start.Factor([]solver.Shape{{Rows: 17, Cols: 17}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e := memberOf(t, p, solver.PSD{}, 17)
	v, g := mat.NewDense(17, 17, nil), u.Clone()
	for range 20 {
		if err := errors.Join(e.Set(solver.Iterate, u), e.Gradient(), e.Get(solver.Gradient, g)); err != nil {
			t.Fatal(err)
		}
		g[0].Scale(-h.StepSize, g[0])
		v.Scale(h.Momentum, v)
		v.Add(v, g[0])
		u[0].Add(u[0], v)
	}
	var d mat.Dense
	d.Sub(got, u[0])
	// 20 steps of rounding, growing with the signal.
	if rel := mat.Norm(&d, 2) / mat.Norm(got, 2); !(rel < 1e-12) {
		t.Errorf("off by %g", rel)
	}
}

// TestMomentumRate: near a truth of condition number κ that is observed whole, the least curvature is ℓ =
// 1/κ². The momentum β = (1 − √(μℓ))² makes the error fall by a factor of √β in each step, up to a factor
// that grows with the number of steps. With β = 0 the steps are those of gradient descent, to the bit, and
// the error falls by its factor, 1 − μℓ.
func TestMomentumRate(t *testing.T) {
	const mu, kappa = 0.25, 8.0
	p := observedWhole(t, 8, 2, kappa)
	start := mat.DenseCopyOf(p.Truth.X())
	start.Apply(func(i, j int, v float64) float64 { return v + 1e-4*math.Sin(float64(3*i+5*j+1)) }, start)
	rate := func(m solver.Method, first, count int) float64 {
		e := memberAt(t, p, start)
		steps(t, e, m, start, first)
		before := lossOf(t, e)
		steps(t, e, m, start, count)
		after := lossOf(t, e)
		return math.Pow(after/before, 0.5/float64(count))
	}
	root := math.Sqrt(mu) / kappa
	// A double root 1 − √(μℓ): t steps leave about t·(1 − √(μℓ))^t.
	growth := math.Pow(230.0/150, 1.0/80)
	if got, want := rate(solver.Momentum{StepSize: mu, Momentum: sq(1 - root)}, 150, 80),
		(1-root)*growth; math.Abs(got-want) > 2e-3 {
		t.Errorf("the error falls by %.5f, want %.5f", got, want)
	}
	if got, want := rate(descent, 1500, 200), 1-mu/sq(kappa); math.Abs(got-want) > 1e-4 {
		t.Errorf("gd: the error falls by %.5f, want %.5f", got, want)
	}
	if a, b := steps(t, memberAt(t, p, start), solver.Momentum{StepSize: mu}, start, 20),
		steps(t, memberAt(t, p, start), descent, start, 20); !mat.Equal(a, b) {
		t.Error("without momentum it is not gradient descent")
	}
}
