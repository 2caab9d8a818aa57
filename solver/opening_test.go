package solver_test

import (
	"context"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// openings are problems with a truth, one for each ensemble and shape of the unknown.
func openings(t *testing.T) map[string]*sensing.Problem {
	t.Helper()
	all := map[string]*sensing.Problem{}
	add := func(name string, e sensing.Ensemble, err error) {
		if err != nil {
			t.Fatal(err)
		}
		n1, n2 := e.Space().Dims()
		truth, err := sensing.NewTruth(n1, 2, 2, 1)
		if _, rect := e.Space().(sensing.Rect); rect {
			truth, err = sensing.NewRectTruth(n1, n2, 2, 2, 1)
		}
		if err != nil {
			t.Fatal(err)
		}
		all[name] = &sensing.Problem{Ensemble: e, Truth: truth}
	}
	sym, rect := sensing.Sym{N: 8}, sensing.Rect{N1: 9, N2: 6}
	for name, space := range map[string]sensing.Space{"symmetric": sym, "rectangular": rect} {
		gaussian, err := sensing.NewGaussian(space, 70, sensing.F64, 1)
		add("gaussian "+name, gaussian, err)
		signs, err := sensing.NewRademacher(space, 70, 1)
		add("rademacher "+name, signs, err)
		entries, err := sensing.NewCompletion(space, 30, 1)
		add("completion "+name, entries, err)
		vectors, err := sensing.NewRankOne(space, 70, 1)
		add("rank-one "+name, vectors, err)
	}
	words, err := sensing.NewPauli(8, 30, 1)
	add("pauli", words, err)
	return all
}

// opened is what a run knows before its first step.
func opened(t *testing.T, p *sensing.Problem) solver.Opening {
	t.Helper()
	s := solver.Settings{Start: solver.Random{Alpha: 1e-3, Seed: 1}, FactorRank: 3}
	if _, rect := p.Ensemble.Space().(sensing.Rect); rect {
		s.Parametrization = solver.UV{}
	}
	var o solver.Opening
	s.Opened = func(got solver.Opening) { o = got }
	_, err := solver.Solve(context.Background(), p, cpu.Backend{}, solver.GD{StepSize: 0.1}, s)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// observe returns the observations of a problem's truth.
func observe(t *testing.T, p *sensing.Problem) []float64 {
	t.Helper()
	e, err := cpu.Backend{}.Open(context.Background(), p, solver.Batch{
		Parametrization: solver.PSD{}, FactorRanks: []int{1},
	})
	if err != nil { // rectangular spaces have no UUᵀ
		e, err = cpu.Backend{}.Open(context.Background(), p, solver.Batch{
			Parametrization: solver.UV{}, FactorRanks: []int{1},
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	return append([]float64(nil), e.Observations()...)
}

// TestFitOfTruth: the truth explains its own observations, and those of 3·M* and −M* up to a factor; another
// truth has nothing to do with them.
func TestFitOfTruth(t *testing.T) {
	near := func(got, want float64) bool { return math.Abs(got-want) <= 1e-12*max(math.Abs(want), 1) }
	for name, p := range openings(t) {
		t.Run(name, func(t *testing.T) {
			if o := opened(t, p); o.Fit != nil {
				t.Errorf("observations that are made from the truth are compared with it: %+v", o.Fit)
			}
			y := observe(t, p)
			size := 0.0
			for _, v := range y {
				size += v * v / float64(len(y))
			}
			with := func(c float64, truth *sensing.Truth) solver.Opening {
				scaled := make([]float64, len(y))
				for i, v := range y {
					scaled[i] = c * v
				}
				return opened(t, &sensing.Problem{Ensemble: p.Ensemble, Truth: truth, Observations: scaled})
			}
			if o := with(1, p.Truth); !near(o.Fit.Residual, 0) || !near(o.Size, math.Sqrt(size)) {
				t.Errorf("its own: %+v, size %v, want %v", o.Fit, o.Size, math.Sqrt(size))
			}
			// ‖A(M*) − c·A(M*)‖/‖c·A(M*)‖ = |1 − c|/|c|.
			for _, c := range []float64{3, -1} {
				fit := with(c, p.Truth).Fit
				far := math.Abs(1-c) / math.Abs(c)
				if !near(fit.Residual, far) || !near(fit.Scale, 1/c) || !near(fit.Scaled, 0) {
					t.Errorf("%v times its own: %+v", c, fit)
				}
			}
			n1, n2 := p.Truth.Dims()
			other, err := sensing.NewTruth(n1, 2, 2, 99)
			if n1 != n2 {
				other, err = sensing.NewRectTruth(n1, n2, 2, 2, 99)
			}
			if err != nil {
				t.Fatal(err)
			}
			fit := with(1, other).Fit
			if !(fit.Residual > 0.3) || !(fit.Scaled > 0.3) || !math.IsNaN(fit.AsMatrix) {
				t.Errorf("another truth's: %+v", fit)
			}
			if o := with(0, p.Truth); o.Fit != nil || o.Size != 0 {
				t.Errorf("nothing can be compared with zeros: %+v", o)
			}
		})
	}
}

// TestMatrixForItsFactor: a symmetric M in place of X has A(MMᵀ), and not A(M), which are the observations.
func TestMatrixForItsFactor(t *testing.T) {
	for name, p := range openings(t) {
		if _, rect := p.Ensemble.Space().(sensing.Rect); rect {
			continue
		}
		n, _ := p.Truth.Dims()
		var m mat.Dense
		p.Truth.Matrix(&m)
		for i := range n {
			m.Set(i, i, m.At(i, i)+0.3)
		}
		// X of M = XXᵀ has the rows of Cholesky's factor.
		var chol mat.Cholesky
		if !chol.Factorize(mat.NewSymDense(n, m.RawMatrix().Data)) {
			t.Fatal("M is not positive definite")
		}
		var lower mat.TriDense
		chol.LTo(&lower)
		x, err := sensing.TruthOf(mat.DenseCopyOf(&lower))
		if err != nil {
			t.Fatal(err)
		}
		taken, err := sensing.TruthOf(&m)
		if err != nil {
			t.Fatal(err)
		}
		y := observe(t, &sensing.Problem{Ensemble: p.Ensemble, Truth: x})
		fit := opened(t, &sensing.Problem{Ensemble: p.Ensemble, Truth: taken, Observations: y}).Fit
		if !(fit.AsMatrix < 1e-12) || !(fit.Residual > 0.1) {
			t.Errorf("%s: %+v", name, fit)
		}
		fit = opened(t, &sensing.Problem{Ensemble: p.Ensemble, Truth: x, Observations: y}).Fit
		if !(fit.Residual < 1e-12) {
			t.Errorf("%s: its factor: %+v", name, fit)
		}
	}
}

// TestUnexplained: a run whose factor does not explain the observations has a spectral estimate to say why,
// also without a truth; any other run is spared its cost.
func TestUnexplained(t *testing.T) {
	p := openings(t)["gaussian symmetric"]
	p = &sensing.Problem{Ensemble: p.Ensemble, Observations: observe(t, p)}
	for step, want := range map[float64]bool{1e-6: true, 0.2: false} {
		res, err := solver.Solve(context.Background(), p, cpu.Backend{}, solver.GD{StepSize: step},
			solver.Settings{Start: solver.Random{Alpha: 1e-3, Seed: 1}, Iterations: 400})
		if err != nil {
			t.Fatal(err)
		}
		if got := res.Spectral != nil; got != want {
			t.Errorf("step %v: an estimate %v, want %v", step, got, want)
		}
	}
}
