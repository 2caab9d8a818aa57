package solver_test

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// signed returns a problem with a 12 × 12 truth that has one eigenvalue of each sign.
func signed(t *testing.T, m int, kappa float64) *sensing.Problem {
	t.Helper()
	e, err := sensing.NewGaussian(sensing.Sym{N: 12}, m, sensing.F32, 1)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := sensing.NewIndefiniteTruth(12, 2, 1, kappa, 1)
	if err != nil {
		t.Fatal(err)
	}
	return &sensing.Problem{Ensemble: e, Truth: truth}
}

// TestIndefiniteRecovers: from a small start, two wide factors find eigenvalues of both signs, one sign in
// each. At first they turn to the pairs of the spectral estimate that are largest in magnitude.
func TestIndefiniteRecovers(t *testing.T) {
	var trajectory solver.Trajectory
	p := signed(t, 500, 1.5)
	res := solve(t, p, descent,
		solver.Settings{Parametrization: solver.Indefinite{}, Start: solver.Random{Alpha: 1e-6, Seed: 1},
			Iterations: 600, Recorder: &trajectory})
	last := trajectory[len(trajectory)-1]
	if !(last.TestError < 1e-4) || !(last.Angle < 1e-3) || math.Abs(last.Signal-1/1.5) > 1e-3 ||
		!(last.Noise < 1e-2) || !(last.Imbalance < 1e-3) {
		t.Errorf("it ends at %+v", last)
	}
	// The truth's singular values, 1 with + and 1/1.5 with −.
	u, v := spectralNorm(res.Factor[0]), spectralNorm(res.Factor[1])
	if math.Abs(u-1) > 1e-3 || math.Abs(v-1/1.5) > 1e-3 {
		t.Errorf("‖U‖ = %v and ‖V‖ = %v", u, v)
	}
	closest := 1.0
	for _, x := range trajectory {
		closest = min(closest, x.SpectralAngle)
	}
	if estimate := res.Spectral.AngleTo(p.Truth); !(closest < estimate/10) {
		t.Errorf("at its closest it is %g from the spectral estimate, and that %g from the truth",
			closest, estimate)
	}
}

// TestIndefiniteOfSemidefinite: if V is zero at first, it stays zero, and U has the iterates of UUᵀ.
func TestIndefiniteOfSemidefinite(t *testing.T) {
	p := problem(t, 0)
	n, _ := p.Ensemble.Space().Dims()
	u, err := solver.Random{Alpha: 0.1, Seed: 1}.Factor([]solver.Shape{{Rows: n, Cols: 3}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	one := solve(t, p, descent, solver.Settings{Start: solver.Given{Start: u}, FactorRank: 3, Iterations: 30})
	two := solve(t, p, descent,
		solver.Settings{Parametrization: solver.Indefinite{}, FactorRank: 3, Iterations: 30,
			Start: solver.Given{Start: solver.Factor{u[0], mat.NewDense(n, 3, nil)}}})
	if !mat.EqualApprox(one.Factor[0], two.Factor[0], 1e-12) || mat.Norm(two.Factor[1], 2) != 0 {
		t.Errorf("U differs, or ‖V‖ = %g", mat.Norm(two.Factor[1], 2))
	}
}

// TestIndefiniteSpectralStart: if M* is observed whole, the estimate is exact, also in the pairs that are
// largest in magnitude, and so is the start from it.
func TestIndefiniteSpectralStart(t *testing.T) {
	truth, err := sensing.NewIndefiniteTruth(8, 3, 2, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	var trajectory solver.Trajectory
	res := solve(t, &sensing.Problem{Ensemble: basis{sensing.Sym{N: 8}}, Truth: truth}, descent,
		solver.Settings{Parametrization: solver.Indefinite{}, Start: solver.Spectral{}, FactorRank: 3,
			Recorder: &trajectory})
	if x := trajectory[0]; !(x.TestError < 1e-13 && x.SpectralAngle < 1e-13 && x.Imbalance < 1e-13) {
		t.Errorf("%+v", x)
	}
	if angle := res.Spectral.AngleTo(truth); !(angle < 1e-13) {
		t.Errorf("the estimate is %g from the truth", angle)
	}
	// Σ = 1, ¾, ½ with +, −, −.
	if a, b := spectralNorm(res.Factor[0]), spectralNorm(res.Factor[1]); math.Abs(a-1) > 1e-13 ||
		math.Abs(b-0.75) > 1e-13 {
		t.Errorf("‖U‖ = %v and ‖V‖ = %v", a, b)
	}
}

// TestSignedEstimateIterated: an S too large to be decomposed has the same pairs.
func TestSignedEstimateIterated(t *testing.T) {
	const n = 600
	truth, err := sensing.NewIndefiniteTruth(n, 3, 2, 1.5, 2)
	if err != nil {
		t.Fatal(err)
	}
	e, err := sensing.NewCompletion(sensing.Sym{N: n}, n*(n+1)/2, 1)
	if err != nil {
		t.Fatal(err)
	}
	res := solve(t, &sensing.Problem{Ensemble: e, Truth: truth}, descent,
		solver.Settings{Parametrization: solver.Indefinite{},
			Start: solver.Spectral{}, FactorRank: 3})
	for j, v := range res.Spectral.Values() {
		if want := math.Pow(truth.Sigma()[j], 2); math.Abs(v-want) > 1e-9 {
			t.Errorf("|λ_%d| is %v, want %v", j+1, v, want)
		}
	}
	if angle := res.Spectral.AngleTo(truth); len(res.Spectral.Values()) != 3 || !(angle < 1e-8) {
		t.Errorf("%d pairs, %g from the truth", len(res.Spectral.Values()), angle)
	}
}

// TestScaledIndefiniteRate: near a truth that is observed whole, scaled steps reduce the error between the
// truth's columns and the others by a factor of 1 − μ, and within the truth's columns by 1 − 2μ, whatever the
// condition number.
func TestScaledIndefiniteRate(t *testing.T) {
	const mu = 0.3
	for _, kappa := range []float64{1, 20} {
		truth, err := sensing.NewIndefiniteTruth(7, 2, 1, kappa, 1)
		if err != nil {
			t.Fatal(err)
		}
		start := solver.NewFactor([]solver.Shape{{Rows: 7, Cols: 1}, {Rows: 7, Cols: 1}})
		for b, u := range start { // column 0 has the sign +, column 1 the sign −
			noise := make([]float64, 7)
			sensing.NewStream(3, sensing.StartStream).Normals(uint64(b), noise)
			u.Apply(func(i, _ int, _ float64) float64 { return truth.X().At(i, b) + 1e-4/kappa*noise[i] }, u)
		}
		var trajectory solver.Trajectory
		solve(t, &sensing.Problem{Ensemble: basis{sensing.Sym{N: 7}}, Truth: truth},
			solver.ScaledGD{StepSize: mu},
			solver.Settings{Parametrization: solver.Indefinite{}, Start: solver.Given{Start: start},
				FactorRank: 1, Iterations: 30, MeasureEvery: 5, Recorder: &trajectory})
		a, b := trajectory[4], trajectory[5] // 20 and 25
		if got := math.Pow(b.TestError/a.TestError, 1.0/5); math.Abs(got-(1-mu)) > 1e-3 {
			t.Errorf("κ = %g: the error falls by %v, want %v", kappa, got, 1-mu)
		}
	}
}

func TestIndefiniteRefuses(t *testing.T) {
	if _, err := (solver.Indefinite{}).Shapes(sensing.Rect{N1: 3, N2: 3}, 2); err == nil {
		t.Error("rectangular matrices were accepted")
	}
	if _, err := (solver.Indefinite{}).Shapes(sensing.Sym{N: 3}, 0); err == nil {
		t.Error("no columns were accepted")
	}
}

func spectralNorm(a *mat.Dense) float64 {
	var svd mat.SVD
	svd.Factorize(a, mat.SVDNone)
	return svd.Values(nil)[0]
}
