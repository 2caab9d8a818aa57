package solver_test

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// rectangular returns a problem with a 9 × 13 truth of rank 2.
func rectangular(t *testing.T, m int, kappa float64) *sensing.Problem {
	t.Helper()
	e, err := sensing.NewGaussian(sensing.Rect{N1: 9, N2: 13}, m, sensing.F32, 1)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := sensing.NewRectTruth(9, 13, 2, kappa, 1)
	if err != nil {
		t.Fatal(err)
	}
	return &sensing.Problem{Ensemble: e, Truth: truth}
}

// TestUVRecovers: from a small start two wide factors find a rectangular truth. They stay balanced although
// no term balances them: the imbalance never exceeds a small part of ‖M*‖.
func TestUVRecovers(t *testing.T) {
	var trajectory solver.Trajectory
	p := rectangular(t, 400, 2)
	s := solver.Settings{Parametrization: solver.UV{}, Start: solver.Random{Alpha: 1e-6, Seed: 1},
		FactorRank: 9, Iterations: 800, Recorder: &trajectory}
	res := solve(t, p, solver.GD{StepSize: 0.5}, s)
	last := trajectory[len(trajectory)-1]
	if !(last.TestError < 1e-4) || !(last.Angle < 1e-3) || math.Abs(last.Signal-0.5) > 1e-3 ||
		!(last.Noise < 1e-2) {
		t.Errorf("it ends at %+v", last)
	}
	worst := 0.0
	for _, x := range trajectory {
		worst = max(worst, x.Imbalance)
	}
	if !(worst > 0 && worst < 0.05) {
		t.Errorf("the imbalance goes up to %v", worst)
	}
	if shapes := res.Factor.Shapes(); len(shapes) != 2 || shapes[0] != (solver.Shape{Rows: 9, Cols: 9}) ||
		shapes[1] != (solver.Shape{Rows: 13, Cols: 9}) {
		t.Errorf("the factor is %v", shapes)
	}
	// The stacked factor has the truth's singular values, those of X.
	if !(math.Abs(last.Sigma[0]-1) < 1e-3 && math.Abs(last.Sigma[1]-0.5) < 1e-3 && last.Sigma[2] < 1e-2) {
		t.Errorf("singular values %v", last.Sigma)
	}
}

// TestUVIsSymmetric: on symmetric measurements with U₀ = V₀, UVᵀ with twice the step has the iterates of UUᵀ,
// if the entries of A are those in the rectangular space.
func TestUVIsSymmetric(t *testing.T) {
	const n, m, r = 6, 600, 4
	sym, err := sensing.NewGaussian(sensing.Sym{N: n}, m, sensing.F64, 1)
	if err != nil {
		t.Fatal(err)
	}
	rows := mat.NewDense(m, n*n, nil)
	row, a := make([]float64, n*(n+1)/2), mat.NewDense(n, n, nil)
	for i := range m {
		sym.(sensing.RowSource[float64]).Row(i, row)
		sensing.Sym{N: n}.Matrix(a, row)
		rows.SetRow(i, a.RawMatrix().Data)
	}
	truth, err := sensing.NewTruth(n, 2, 1.5, 1)
	if err != nil {
		t.Fatal(err)
	}
	u, err := solver.Random{Alpha: 0.1, Seed: 1}.Factor([]solver.Shape{{Rows: n, Cols: r}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var one, two solver.Trajectory
	res := solve(t, &sensing.Problem{Ensemble: sym, Truth: truth}, solver.GD{StepSize: 0.2},
		solver.Settings{Start: solver.Given{Start: u}, FactorRank: r, Iterations: 50, Recorder: &one})
	rect := &sensing.Problem{Ensemble: given{sensing.Rect{N1: n, N2: n}, rows}, Truth: truth}
	both := solve(t, rect, solver.GD{StepSize: 0.4}, solver.Settings{Parametrization: solver.UV{},
		Start: solver.Given{Start: solver.Factor{u[0], mat.DenseCopyOf(u[0])}}, FactorRank: r, Iterations: 50,
		Recorder: &two})
	for i, f := range both.Factor {
		if !mat.EqualApprox(f, res.Factor[0], 1e-10) {
			t.Errorf("factor %d differs from U", i)
		}
	}
	for i := range one {
		a, b := one[i], two[i]
		for name, pair := range map[string][2]float64{"test error": {a.TestError, b.TestError},
			"train loss": {a.TrainLoss, b.TrainLoss},
			"signal":     {a.Signal, b.Signal}, "noise": {a.Noise, b.Noise}, "angle": {a.Angle, b.Angle},
			"spectral angle": {a.SpectralAngle, b.SpectralAngle},
			"imbalance":      {0, b.Imbalance}, "σ₁": {a.Sigma[0], b.Sigma[0]}} {
			if !(math.Abs(pair[0]-pair[1]) <= 1e-9) {
				t.Errorf("%s at iteration %d: %v and %v", name, a.Iteration, pair[0], pair[1])
			}
		}
	}
}

// given is an ensemble of given rows.
type given struct {
	space sensing.Space
	rows  *mat.Dense
}

func (given) Name() string               { return "given" }
func (g given) Space() sensing.Space     { return g.space }
func (g given) Measurements() int        { m, _ := g.rows.Dims(); return m }
func (given) Entries() sensing.Entries   { return sensing.F64 }
func (g given) Row(i int, dst []float64) { copy(dst, g.rows.RawRowView(i)) }

// TestUVSpectralStart: if M* is observed whole, the estimate is exact, and so is the start from it; scaled
// steps keep it.
func TestUVSpectralStart(t *testing.T) {
	truth, err := sensing.NewRectTruth(4, 6, 2, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	p := &sensing.Problem{Ensemble: basis{sensing.Rect{N1: 4, N2: 6}}, Truth: truth}
	var trajectory solver.Trajectory
	res := solve(t, p, solver.ScaledGD{StepSize: 0.5},
		solver.Settings{Parametrization: solver.UV{}, Start: solver.Spectral{},
			FactorRank: 2, Iterations: 20, Recorder: &trajectory})
	for _, x := range trajectory {
		if !(x.TestError < 1e-13 && x.Imbalance < 1e-13 && x.SpectralAngle < 1e-13) {
			t.Errorf("%+v", x)
		}
	}
	if angle := res.Spectral.AngleTo(truth); !(angle < 1e-13) {
		t.Errorf("the estimate is %g from the truth", angle)
	}
	for j, v := range res.Spectral.Values() {
		want := 0.0
		if j < 2 {
			want = math.Pow(truth.Sigma()[j], 2)
		}
		if math.Abs(v-want) > 1e-13 {
			t.Errorf("singular value %d of S is %v, want %v", j+1, v, want)
		}
	}
}

// TestScaledUVRate: near a truth that is observed whole, each step reduces an error of UVᵀ by a factor of 1 −
// μ/2 between the truth's columns and the others, and by 1 − μ within them, whatever the condition number.
// (∇f has a factor ½ that UUᵀ's does not have.)
func TestScaledUVRate(t *testing.T) {
	const mu = 0.5
	for _, kappa := range []float64{1, 20} {
		truth, err := sensing.NewRectTruth(5, 7, 2, kappa, 1)
		if err != nil {
			t.Fatal(err)
		}
		p := &sensing.Problem{Ensemble: basis{sensing.Rect{N1: 5, N2: 7}}, Truth: truth}
		start := solver.Factor{mat.DenseCopyOf(truth.X()), mat.DenseCopyOf(truth.Right())}
		for b, u := range start {
			noise := make([]float64, 14)
			sensing.NewStream(3, sensing.StartStream).Normals(uint64(b), noise)
			u.Apply(func(i, j int, v float64) float64 { return v + 1e-3/kappa*noise[2*i+j] }, u)
		}
		var trajectory solver.Trajectory
		solve(t, p, solver.ScaledGD{StepSize: mu},
			solver.Settings{Parametrization: solver.UV{}, Start: solver.Given{Start: start},
				FactorRank: 2, Iterations: 45, MeasureEvery: 5, Recorder: &trajectory})
		a, b := trajectory[8], trajectory[9] // 40 and 45
		if got := math.Pow(b.TestError/a.TestError, 1.0/5); math.Abs(got-(1-mu/2)) > 1e-3 {
			t.Errorf("κ = %g: the error falls by %v, want %v", kappa, got, 1-mu/2)
		}
	}
}
