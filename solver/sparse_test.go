package solver_test

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestSparseRecovers: with fewer measurements than numbers, a small start finds the sparse one of many
// solutions. From a large start the other elements grow as well.
func TestSparseRecovers(t *testing.T) {
	e, err := sensing.NewGaussian(sensing.Rect{N1: 100, N2: 1}, 50, sensing.F32, 1)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := sensing.NewSparseTruth(100, 3, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	end := func(alpha float64) solver.Sample {
		var trajectory solver.Trajectory
		solve(t, &sensing.Problem{Ensemble: e, Truth: truth}, descent,
			solver.Settings{Parametrization: solver.Sparse{}, Start: solver.Ones{Alpha: alpha},
				FactorRank: 1, Iterations: 600, Recorder: &trajectory})
		if x := trajectory[0]; x.TestError != 1 || x.Signal != 0 || x.Noise != 0 || x.Angle != 1 {
			t.Errorf("α = %g: u = v starts at %+v", alpha, x)
		}
		phases := trajectory.Phases(truth, math.NaN(), solver.Thresholds{})
		if at := phases.SaddleEnd; phases.AlignmentEnd != solver.Never || at == solver.Never ||
			trajectory[at].Signal < truth.Least()/math.Sqrt(10) {
			t.Errorf("α = %g: phases %+v", alpha, phases)
		}
		return trajectory[len(trajectory)-1]
	}
	small, large := end(1e-6), end(0.3)
	if !(small.TestError < 1e-3 && small.Angle < 1e-3 && math.Abs(small.Signal-truth.Least()) < 1e-3 &&
		small.Noise < 1e-3) {
		t.Errorf("from a small start: %+v", small)
	}
	if !(large.TestError > 0.1 && large.TrainLoss < 1e-6) {
		t.Errorf("from a large start: %+v", large)
	}
	if !math.IsNaN(small.SpectralAngle) || !math.IsNaN(small.Imbalance) || small.Sigma != nil {
		t.Errorf("metrics that a vector has not: %+v", small)
	}
}

// TestSparseIsDiagonal: observed by coordinates, u∘u − v∘v moves like the diagonal of UUᵀ − VVᵀ from a
// diagonal start.
func TestSparseIsDiagonal(t *testing.T) {
	const n = 5
	beta, truth := []float64{0.9, 0, -0.5, 0, 0.2}, mat.NewDense(n, n, nil)
	for i, b := range beta {
		truth.Set(i, i, b)
	}
	// Each problem observes all coordinates of its space, so that f = ¼‖Z − M*‖² in both.
	vector := make([]float64, n)
	full := make([]float64, n*(n+1)/2)
	sensing.Sym{N: n}.Coordinates(full, truth)
	for i := range full {
		full[i] *= math.Sqrt(float64(len(full)))
	}
	for i, b := range beta {
		vector[i] = b * math.Sqrt(n)
	}
	start := func(columns int) solver.Factor {
		f := solver.NewFactor([]solver.Shape{{Rows: n, Cols: columns}, {Rows: n, Cols: columns}})
		for b := range f {
			for i := range n {
				f[b].Set(i, min(i, columns-1), 0.1+0.01*float64(i+b))
			}
		}
		return f
	}
	one := solve(t, &sensing.Problem{Ensemble: basis{sensing.Rect{N1: n, N2: 1}}, Observations: vector},
		descent,
		solver.Settings{Parametrization: solver.Sparse{}, Start: solver.Given{Start: start(1)}, FactorRank: 1,
			Iterations: 40})
	two := solve(t, &sensing.Problem{Ensemble: basis{sensing.Sym{N: n}}, Observations: full}, descent,
		solver.Settings{Parametrization: solver.Indefinite{}, Start: solver.Given{Start: start(n)},
			FactorRank: n, Iterations: 40})
	for b := range one.Factor {
		for i := range n {
			if x, y := one.Factor[b].At(i, 0), two.Factor[b].At(i, i); math.Abs(x-y) > 1e-13 {
				t.Errorf("matrix %d, element %d: %v and %v", b, i, x, y)
			}
		}
	}
}

func TestSparseRefuses(t *testing.T) {
	for _, c := range []struct {
		space sensing.Space
		r     int
	}{{sensing.Rect{N1: 4, N2: 2}, 1}, {sensing.Sym{N: 4}, 1}, {sensing.Sym{N: 1}, 1},
		{sensing.Rect{N1: 4, N2: 1}, 2}} {
		if _, err := (solver.Sparse{}).Shapes(c.space, c.r); err == nil {
			t.Errorf("%v with %d columns was accepted", c.space, c.r)
		}
	}
	for _, m := range []solver.Method{solver.ScaledGD{StepSize: 1}, solver.PrecGD{StepSize: 1}} {
		if solver.Suits(m, solver.Sparse{}) == nil {
			t.Errorf("%s was accepted", m.Name())
		}
	}
	if _, err := (solver.Ones{Alpha: 1}).Factor([]solver.Shape{{Rows: 4, Cols: 2}}, nil); err == nil {
		t.Error("a matrix of equal elements was accepted")
	}
}
