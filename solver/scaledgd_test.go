package solver_test

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// observedWhole returns a problem whose truth is observed entry by entry, so that f(U) = ‖UUᵀ − M*‖²_F/4.
func observedWhole(t *testing.T, n, rank int, kappa float64) *sensing.Problem {
	t.Helper()
	truth, err := sensing.NewTruth(n, rank, kappa, 5)
	if err != nil {
		t.Fatal(err)
	}
	return &sensing.Problem{Ensemble: basis{sensing.Sym{N: n}}, Truth: truth}
}

// memberOf opens an engine with one member of factor rank r. It has room for every method's slots
// and vectors.
func memberOf(t *testing.T, p *sensing.Problem, par solver.Parametrization, r int) *solver.Member {
	t.Helper()
	e, err := cpu.Backend{}.Open(background, p, solver.Batch{
		Parametrization: par, FactorRanks: []int{r},
		Needs: solver.Needs{Slots: 12, Vectors: 2, Draws: true, Values: true, Random: true, Entrywise: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	m, err := solver.NewMember(e, 0, p.Ensemble.Space(), par, r)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// memberAt opens an engine for a problem of UUᵀ and returns its member, with the iterate u.
func memberAt(t *testing.T, p *sensing.Problem, u *mat.Dense) *solver.Member {
	t.Helper()
	_, r := u.Dims()
	m := memberOf(t, p, solver.PSD{}, r)
	if err := m.Set(solver.Iterate, solver.Factor{u}); err != nil {
		t.Fatal(err)
	}
	return m
}

// lossOf returns f at a member's iterate.
func lossOf(t *testing.T, m *solver.Member) float64 {
	t.Helper()
	loss, err := m.Loss()
	if err != nil {
		t.Fatal(err)
	}
	return loss
}

// steps takes count steps and returns the iterate.
func steps(t *testing.T, e *solver.Member, m solver.Method, u *mat.Dense, count int) *mat.Dense {
	t.Helper()
	for i := range count {
		if err := m.Step(e, i); err != nil {
			t.Fatal(err)
		}
	}
	got := mat.DenseCopyOf(u)
	if err := e.Get(solver.Iterate, solver.Factor{got}); err != nil {
		t.Fatal(err)
	}
	return got
}

// TestScaledGDScalar: for one number u with the truth 1, the step is u − μ(u² − 1)u/(u² + λ), and PrecGD's λ
// is |u² − 1|.
func TestScaledGDScalar(t *testing.T) {
	p := observedWhole(t, 1, 1, 1)
	for _, lambda := range []float64{0, 0.3} {
		u := 0.2
		got := steps(t, memberAt(t, p, mat.NewDense(1, 1, []float64{u})),
			solver.ScaledGDLambda{StepSize: 0.4, Lambda: lambda}, mat.NewDense(1, 1, nil), 5)
		for range 5 {
			u -= 0.4 * (u*u - 1) * u / (u*u + lambda)
		}
		if math.Abs(got.At(0, 0)-u) > 1e-14 {
			t.Errorf("λ = %g: %v, want %v", lambda, got.At(0, 0), u)
		}
	}
	u := 0.2
	got := steps(t, memberAt(t, p, mat.NewDense(1, 1, []float64{u})), solver.PrecGD{StepSize: 0.4},
		mat.NewDense(1, 1, nil), 5)
	for range 5 {
		u -= 0.4 * (u*u - 1) * u / (u*u + math.Abs(u*u-1))
	}
	if math.Abs(got.At(0, 0)-u) > 1e-14 {
		t.Errorf("PrecGD: %v, want %v", got.At(0, 0), u)
	}
}

// TestScaledGDRate: near a truth that is observed whole, each step reduces an error E of UUᵀ by a factor of 1
// − 2μ within the truth's columns, and by 1 − μ between them and the others, whatever the condition number.
// The factor of gradient descent is at best 1 − 2μσ_min².
func TestScaledGDRate(t *testing.T) {
	const mu = 0.25
	for _, kappa := range []float64{1, 5, 20} {
		t.Run(fmt.Sprintf("kappa=%g", kappa), func(t *testing.T) {
			p := observedWhole(t, 8, 2, kappa)
			start := mat.DenseCopyOf(p.Truth.X())
			noise := make([]float64, 16)
			sensing.NewStream(3, sensing.StartStream).Normals(0, noise)
			start.Apply(func(i, j int, v float64) float64 { return v + 1e-3/kappa*noise[2*i+j] }, start)
			rate := func(m solver.Method) float64 {
				e := memberAt(t, p, start)
				steps(t, e, m, start, 20)
				before := lossOf(t, e)
				steps(t, e, m, start, 5)
				after := lossOf(t, e)
				return math.Pow(after/before, 1.0/10) // f goes with the square of the error
			}
			if got := rate(solver.ScaledGD{StepSize: mu}); math.Abs(got-(1-mu)) > 1e-3 {
				t.Errorf("scaled: the error falls by %v, want %v", got, 1-mu)
			}
			if got := rate(solver.GD{StepSize: mu}); kappa > 1 && got < 1-2.01*mu/(kappa*kappa) {
				t.Errorf("gd: the error falls by %v, faster than %v", got, 1-2*mu/(kappa*kappa))
			}
		})
	}
}

// TestLargeDamping: as λ grows, ScaledGD(λ) with the step μλ becomes gradient descent with the step μ.
func TestLargeDamping(t *testing.T) {
	p := problem(t, 0)
	u := solver.Random{Alpha: 0.3, Seed: 2}
	first, err := u.Factor([]solver.Shape{{Rows: 17, Cols: 17}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	const lambda = 1e8
	want := steps(t, memberAt(t, p, first[0]), solver.GD{StepSize: 0.1}, first[0], 10)
	got := steps(t, memberAt(t, p, first[0]), solver.ScaledGDLambda{StepSize: 0.1 * lambda, Lambda: lambda},
		first[0], 10)
	if !mat.EqualApprox(got, want, 1e-6) || mat.Equal(got, want) {
		t.Error("it does not")
	}
}

// TestScaledGDRecovers: with more columns than the truth's rank and a condition number of 10, the damped
// methods recover the truth from a small start, in a number of steps after which gradient descent is still
// far away.
func TestScaledGDRecovers(t *testing.T) {
	p := problem(t, 0)
	var err error
	if p.Truth, err = sensing.NewTruth(17, 2, 10, 1); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method solver.Method
		below  float64
	}{
		{solver.ScaledGDLambda{StepSize: 0.25, Lambda: 0.01}, 1e-3}, {solver.PrecGD{StepSize: 0.25}, 1e-3},
		{solver.GD{StepSize: 0.25}, math.Inf(1)},
	} {
		var trajectory solver.Trajectory
		s := solver.Settings{Start: solver.Random{Alpha: 1e-6, Seed: 1}, Iterations: 150,
			Recorder: &trajectory}
		solve(t, p, c.method, s)
		last := trajectory[len(trajectory)-1].TestError
		if !(last < c.below) || math.IsInf(c.below, 1) && last < 1e-3 {
			t.Errorf("%s: test error %.2g", c.method.Name(), last)
		}
	}
}

// TestScaledGDOfSingular: if UᵀU has no inverse, the run ends as diverged, without an error.
func TestScaledGDOfSingular(t *testing.T) {
	p := observedWhole(t, 4, 1, 1)
	s := solver.Settings{Start: solver.Spectral{}, FactorRank: 4, Iterations: 50}
	res := solve(t, p, solver.ScaledGD{StepSize: 0.5}, s)
	if res.Status != solver.Diverged {
		t.Errorf("it ends as %v", res.Status)
	}
}
