package solver_test

import (
	"errors"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/solver"
)

// TestPolyakGDStep: each step on an engine equals the formula in dense algebra. The bound is in force at
// first and not later. Steps are compared one by one, because their sizes depend on each other so strongly
// that roundings grow.
func TestPolyakGDStep(t *testing.T) {
	p := problem(t, 0)
	const most, aim = 1.5, 1e-6
	method := solver.PolyakGD{StepSize: most, OptimalValue: aim}
	u, err := small(0).Start.Factor([]solver.Shape{{Rows: 17, Cols: 17}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e := memberAt(t, p, u[0])
	g, got, bounded, free := u.Clone(), u.Clone(), 0, 0
	for i := range 60 {
		if err := errors.Join(e.Gradient(), e.Get(solver.Gradient, g)); err != nil {
			t.Fatal(err)
		}
		var square float64
		for _, v := range g[0].RawMatrix().Data {
			square += v * v
		}
		step := (lossOf(t, e) - aim) / square
		if step >= most {
			step, bounded = most, bounded+1
		} else {
			free++
		}
		u.Combine(1, u, -step, g)
		if err := errors.Join(method.Step(e, i), e.Get(solver.Iterate, got)); err != nil {
			t.Fatal(err)
		}
		var d mat.Dense
		d.Sub(got[0], u[0])
		if rel := mat.Norm(&d, 2) / mat.Norm(u[0], 2); !(rel < 1e-14) { // the order of 289 products
			t.Errorf("step %d is off by %g", i, rel)
		}
		u.Copy(got)
	}
	if bounded < 5 || free < 5 {
		t.Fatalf("%d steps at the bound and %d below it: this test shows too little", bounded, free)
	}
}

// TestPolyakGDStays: if f is at most OptimalValue, the iterate does not move, and a vanishing gradient causes
// no division by zero.
func TestPolyakGDStays(t *testing.T) {
	p := observedWhole(t, 4, 2, 1)
	u := mat.DenseCopyOf(p.Truth.X())
	u.Scale(1.1, u)
	for _, c := range []struct {
		name string
		u    *mat.Dense
		aim  float64
	}{{"below", u, 1}, {"at zero", mat.NewDense(4, 2, nil), 0},
		{"at zero and below", mat.NewDense(4, 2, nil), 10}} {
		got := steps(t, memberAt(t, p, c.u), solver.PolyakGD{StepSize: 0.5, OptimalValue: c.aim}, c.u, 3)
		if !mat.Equal(got, c.u) {
			t.Errorf("%s: the iterate has moved", c.name)
		}
	}
}

// TestPolyakGDRate: for one number u with the truth 1, f = (u² − 1)²/4 and ∇f = (u² − 1)u, so that a step
// below the bound gives u + (1 − u²)/(4u): near 1 each step halves the error.
func TestPolyakGDRate(t *testing.T) {
	u := 1.2
	e := memberAt(t, observedWhole(t, 1, 1, 1), mat.NewDense(1, 1, []float64{u}))
	for range 20 {
		got := steps(t, e, solver.PolyakGD{StepSize: 1}, mat.NewDense(1, 1, nil), 1).At(0, 0)
		before := u - 1
		u += (1 - u*u) / (4 * u)
		if math.Abs(got-u) > 1e-14 {
			t.Fatalf("%v, want %v", got, u)
		}
		if ratio := (u - 1) / before; ratio < 0.49 || ratio > 0.6 {
			t.Fatalf("the error falls by %v", ratio)
		}
	}
}
