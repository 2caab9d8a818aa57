package solver_test

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/numtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// observedRectangle returns a problem of a 9 × 7 truth of rank 2 that is observed entry by entry, so that
// f = ‖UVᵀ − M*‖²_F/4.
func observedRectangle(t *testing.T, kappa float64) *sensing.Problem {
	t.Helper()
	truth, err := sensing.NewRectTruth(9, 7, 2, kappa, 5)
	if err != nil {
		t.Fatal(err)
	}
	return &sensing.Problem{Ensemble: basis{sensing.Rect{N1: 9, N2: 7}}, Truth: truth}
}

// productOf returns UVᵀ.
func productOf(f solver.Factor) *mat.Dense {
	var z mat.Dense
	z.Mul(f[0], f[1].T())
	return &z
}

// TestImbalancedGDStep: the first step from small residuals leaves UVᵀ and gives U the singular values β. The
// steps before and after it are those of gradient descent. The iterates are those of the paper, from βP and
// VQΣ/β, but for a rotation. They have more columns than rows too.
func TestImbalancedGDStep(t *testing.T) {
	const beta, mu = 0.8, 0.3
	p := observedRectangle(t, 1.5)
	truth := productOf(solver.Factor{p.Truth.X(), p.Truth.Right()})
	for _, r := range []int{2, 4, 12} {
		f, err := solver.Random{Alpha: 0.2, Seed: 1}.Factor(
			[]solver.Shape{{Rows: 9, Cols: r}, {Rows: 7, Cols: r}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		e, plain := memberOf(t, p, solver.UV{}, r), memberOf(t, p, solver.UV{}, r)
		set := func(m *solver.Member, f solver.Factor) {
			if err := m.Set(solver.Iterate, f); err != nil {
				t.Fatal(err)
			}
		}
		get := func(m *solver.Member) solver.Factor {
			f := f.Clone()
			if err := m.Get(solver.Iterate, f); err != nil {
				t.Fatal(err)
			}
			return f
		}
		step := func(m *solver.Member, method solver.Method, i int) {
			if err := m.Gradient(); err != nil {
				t.Fatal(err)
			}
			if err := method.Step(m, i); err != nil {
				t.Fatal(err)
			}
		}
		set(e, f)
		set(plain, f)
		method := solver.ImbalancedGD{StepSize: mu, Scale: beta, Below: 0.1}
		norm := mat.Norm(truth, 2)
		taken := false
		for i := range 60 {
			before := get(e)
			var d mat.Dense
			d.Sub(productOf(before), truth)
			near := mat.Norm(&d, 2) <= 0.1*norm
			step(e, method, i)
			after := get(e)
			if !near || taken {
				step(plain, solver.GD{StepSize: mu}, i)
				if !taken && !mat.Equal(after[0], get(plain)[0]) {
					t.Fatalf("r = %d: step %d is not one of gradient descent", r, i)
				}
				d.Sub(productOf(after), productOf(get(plain)))
				if got := mat.Norm(&d, 2); !(got < 1e-12) { // the roundings of some 60 steps
					t.Fatalf("r = %d: after step %d UVᵀ is %g from that of the paper", r, i, got)
				}
				continue
			}
			taken = true
			d.Sub(productOf(after), productOf(before))
			if got := mat.Norm(&d, 2); !(got < 1e-13) { // a few roundings of numbers of size 1
				t.Errorf("r = %d: the step changes UVᵀ by %g", r, got)
			}
			var dec mat.SVD
			if !dec.Factorize(after[0], mat.SVDThin) {
				t.Fatal("no singular values")
			}
			for j, s := range dec.Values(nil) {
				if math.Abs(s-beta) > 1e-13 {
					t.Errorf("r = %d: singular value %d of U is %v", r, j, s)
				}
			}
			if r > 9 { // the paper has no such U
				set(plain, after)
				continue
			}
			if !dec.Factorize(before[0], mat.SVDThin) {
				t.Fatal("no singular values")
			}
			var left, right, q mat.Dense
			dec.UTo(&left)
			dec.VTo(&q)
			left.Scale(beta, &left)
			right.Mul(before[1], &q)
			right.Mul(mat.DenseCopyOf(&right), mat.NewDiagDense(r, dec.Values(nil)))
			right.Scale(1/beta, &right)
			set(plain, solver.Factor{&left, &right})
		}
		if !taken {
			t.Errorf("r = %d: no step made the factors unbalanced", r)
		}
	}
}

// TestImbalancedGDRate: near a truth that is observed whole the error falls by 1 − (μ/2)·min(β², (σ/β)²) in
// each step, or a little faster, with r > r*, whatever the size α of the start. The exponent of gradient
// descent is proportional to α², if V₀ is a third of U₀: U keeps columns outside of the truth that it had at
// the start.
func TestImbalancedGDRate(t *testing.T) {
	numtest.Law(t)
	const mu = 0.2
	exponent := func(m solver.Method, alpha float64, iterations, every int, high, low float64) float64 {
		var path solver.Trajectory
		s := solver.Settings{Parametrization: solver.UV{}, FactorRank: 3, Iterations: iterations,
			MeasureEvery: every,
			Start:        solver.Random{Alpha: alpha, AlphaRight: alpha / 3, Seed: 1}, Recorder: &path}
		solve(t, observedRectangle(t, 1), m, s)
		from, to := 0, 0
		for i, x := range path {
			if x.TestError > high {
				from = i
			}
			if x.TestError > low {
				to = i
			}
		}
		if to == len(path)-1 {
			t.Fatalf("%s from %g: the error %g was not reached", m.Name(), alpha, low)
		}
		first, last := path[from], path[to]
		return math.Log(first.TestError/last.TestError) / float64(last.Iteration-first.Iteration)
	}
	for _, beta := range []float64{0.5, 1, 1.5} {
		want := -math.Log1p(-mu / 2 * min(beta*beta, 1/(beta*beta)))
		for _, alpha := range []float64{1e-1, 1e-3, 1e-5} {
			t.Run(fmt.Sprintf("beta=%g/alpha=%g", beta, alpha), func(t *testing.T) {
				m := solver.ImbalancedGD{StepSize: mu, Scale: beta, Below: 0.01}
				got := exponent(m, alpha, 2000, 1, 1e-9, 1e-12)
				// What falls faster has not vanished yet.
				if !(got > 0.99*want && got < 1.1*want) {
					t.Errorf("the error falls by e^−%v in each step, want e^−%v", got, want)
				}
			})
		}
	}
	large := exponent(solver.GD{StepSize: mu}, 0.1, 10000, 20, 1e-4, 1e-7)
	small := exponent(solver.GD{StepSize: mu}, 0.05, 40000, 20, 1e-4, 1e-7)
	if ratio := large / small; !(math.Abs(ratio/4-1) < 0.05) {
		t.Errorf("half of α makes the exponent of gradient descent smaller by %v, want 4", ratio)
	}
}

// TestImbalancedGDResumes: whether the step was taken is part of the state, and a resumed run gives the same
// bits.
func TestImbalancedGDResumes(t *testing.T) {
	p := rectangular(t, 400, 2)
	method := solver.ImbalancedGD{StepSize: 0.5, Scale: 0.5, Below: 0.1}
	settings := func(iterations int) solver.Settings {
		return solver.Settings{Parametrization: solver.UV{}, Start: solver.Random{Alpha: 0.1, Seed: 1},
			FactorRank: 4, Iterations: iterations, MeasureEvery: 1}
	}
	var path solver.Trajectory
	s := settings(120)
	s.Recorder = &path
	solve(t, p, method, s)
	at := 0 // the step that leaves the loss as it is
	for i := 1; i < len(path) && at == 0; i++ {
		if math.Abs(path[i].TrainLoss/path[i-1].TrainLoss-1) < 1e-12 {
			at = i
		}
	}
	if at < 2 || at > 110 {
		t.Fatalf("the step was taken at iteration %d", at)
	}
	resumes(t, p, method, settings, 120, at-1, at, at+5)
}

// TestImbalancedGDSuits: other parametrizations have no U and V of one product.
func TestImbalancedGDSuits(t *testing.T) {
	for _, p := range []solver.Parametrization{solver.PSD{}, solver.Indefinite{}, solver.Deep{Depth: 2}} {
		if solver.Suits(solver.ImbalancedGD{}, p) == nil {
			t.Errorf("%s is not refused", p.Name())
		}
	}
}
