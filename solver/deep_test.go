package solver_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// deepFactor returns a random factor with the shapes of a deep product.
func deepFactor(t *testing.T, p solver.Deep, space sensing.Space, width int, seed uint64) solver.Factor {
	t.Helper()
	shapes, err := p.Shapes(space, width)
	if err != nil {
		t.Fatal(err)
	}
	f, err := solver.Random{Alpha: 1, Seed: seed}.Factor(shapes, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestDeepCurvature: at every depth and width the gradient is that of f, by the slope of the Taylor
// remainder. The flatness is the sum of the second differences of f in every entry, which are exact up to
// rounding because f is a quadratic in each entry.
func TestDeepCurvature(t *testing.T) {
	p := rectangular(t, 60, 2)
	space := p.Ensemble.Space()
	for _, depth := range []int{2, 3, 4} {
		for _, width := range []int{2, 5, 11, 15} { // thinner than either side, between both, wider
			t.Run(fmt.Sprintf("depth %d, width %d", depth, width), func(t *testing.T) {
				par := solver.Deep{Depth: depth}
				e := memberOf(t, p, par, width)
				loss := func(f solver.Factor) float64 {
					if err := e.Set(solver.Iterate, f); err != nil {
						t.Fatal(err)
					}
					var v [1]float64
					if err := e.Evaluate(v[:], solver.Iterate); err != nil {
						t.Fatal(err)
					}
					return v[0]
				}
				f, v := deepFactor(t, par, space, width, 1), deepFactor(t, par, space, width, 2)
				at, g := loss(f), f.Clone()
				if err := e.Gradient(); err != nil {
					t.Fatal(err)
				}
				if err := e.Get(solver.Gradient, g); err != nil {
					t.Fatal(err)
				}
				if got := backendtest.TaylorSlope(loss, f, v, g); !(math.Abs(got-2) < 0.1) {
					t.Errorf("the remainder falls with slope %.3f", got)
				}

				var trajectory solver.Trajectory
				solve(t, p, descent, solver.Settings{Parametrization: par, Start: solver.Given{Start: f},
					FactorRank: width, Recorder: &trajectory})
				var trace float64
				const h = 0.5
				for b := range f {
					data := f[b].RawMatrix().Data
					for i, x := range data {
						data[i] = x + h
						up := loss(f)
						data[i] = x - h
						trace += (up - 2*at + loss(f)) / (h * h)
						data[i] = x
					}
				}
				if got := trajectory[0].Flatness; !(math.Abs(got-trace) <= 1e-9*trace) {
					t.Errorf("flatness %v, second differences %v", got, trace)
				}
			})
		}
	}
}

// TestDeepMeasures: whether the factor is thin or not, the measured pair is balanced, has the product Z, and
// has the square roots of Z's singular values.
func TestDeepMeasures(t *testing.T) {
	space := sensing.Rect{N1: 6, N2: 8}
	for _, width := range []int{3, 6, 10} {
		par := solver.Deep{Depth: 3}
		f := deepFactor(t, par, space, width, 1)
		l, r, err := par.Balanced(f)
		if err != nil {
			t.Fatal(err)
		}
		var z, back, left, right mat.Dense
		z.Product(f[2], f[1], f[0])
		back.Mul(l, r.T())
		left.Mul(l.T(), l)
		right.Mul(r.T(), r)
		if !mat.EqualApprox(&back, &z, 1e-13) || !mat.EqualApprox(&left, &right, 1e-13) {
			t.Errorf("width %d: the pair is another product, or not balanced", width)
		}
		var dec mat.SVD
		if !dec.Factorize(&z, mat.SVDNone) {
			t.Fatal("no singular values")
		}
		sigma := dec.Values(nil)
		_, columns := l.Dims()
		if columns != min(width, 6) {
			t.Errorf("width %d: %d columns", width, columns)
		}
		for j := range columns {
			if math.Abs(left.At(j, j)-sigma[j]) > 1e-13 {
				t.Errorf("width %d: singular value %d is %v, want %v", width, j+1, left.At(j, j), sigma[j])
			}
		}
	}
}

// TestDeepRecovers: from a small start a deep product finds the truth. The third singular value of Z, which
// the truth does not have, grows by a smaller factor the deeper the product is.
func TestDeepRecovers(t *testing.T) {
	p := rectangular(t, 300, 1.5)
	before := math.Inf(1)
	for _, c := range []struct {
		depth int
		alpha float64
	}{{2, 0.03}, {3, 0.1}, {4, 0.2}} {
		var trajectory solver.Trajectory
		solve(t, p, solver.GD{StepSize: 0.4}, solver.Settings{Parametrization: solver.Deep{Depth: c.depth},
			Start: solver.Random{Alpha: c.alpha, Seed: 1}, FactorRank: 9, Iterations: 600, MeasureEvery: 100,
			Recorder: &trajectory})
		first, last := trajectory[0], trajectory[len(trajectory)-1]
		if !(last.TestError < 0.02 && math.Abs(last.Signal-1/1.5) < 0.01 &&
			math.Abs(last.Sigma[0]-1) < 0.01) || !math.IsNaN(last.Imbalance) {
			t.Errorf("depth %d ends at %+v", c.depth, last)
		}
		grown := last.Sigma[2] / first.Sigma[2]
		if !(grown < before) {
			t.Errorf("at depth %d the third singular value grows by %g, at less by %g",
				c.depth, grown, before)
		}
		before = grown
	}
}

// TestDeepRefuses: what makes no sense is refused before any work is done.
func TestDeepRefuses(t *testing.T) {
	rect, sym := rectangular(t, 30, 1), problem(t, 0)
	start := solver.Random{Alpha: 1, Seed: 1}
	for _, c := range []struct {
		problem *sensing.Problem
		method  solver.Method
		depth   int
		start   solver.Start
		want    string
	}{
		{rect, descent, 1, start, "at least two matrices"},
		{sym, descent, 3, start, "a deep product is not symmetric"},
		{rect, solver.ScaledGD{StepSize: 1}, 3, start, "deep is no product of two matrices"},
		{rect, solver.PrecGD{StepSize: 1}, 2, start, "deep is no product of two matrices"},
		{rect, descent, 2, solver.Spectral{}, "a spectral start is defined for"},
	} {
		_, err := solver.Solve(background, c.problem, cpu.Backend{}, c.method,
			solver.Settings{Parametrization: solver.Deep{Depth: c.depth}, Start: c.start, FactorRank: 3})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s at depth %d: %v, want %q", c.method.Name(), c.depth, err, c.want)
		}
	}
}
