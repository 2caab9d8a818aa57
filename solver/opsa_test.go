package solver_test

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// corruptedRectangle is a 20 × 16 truth of rank 2 with Gaussian measurements and outliers in a tenth of them.
func corruptedRectangle(t *testing.T, kappa float64, seed uint64) *sensing.Problem {
	t.Helper()
	const m = 2000
	e, err := sensing.NewGaussian(sensing.Rect{N1: 20, N2: 16}, m, sensing.F64, seed)
	must(t, err)
	truth, err := sensing.NewRectTruth(20, 16, 2, kappa, seed)
	must(t, err)
	return &sensing.Problem{Ensemble: e, Truth: truth,
		Outliers: sensing.Outliers{Count: m / 10, Size: 1}}
}

// TestOPSAStep: the linear model of f at the iterate has the value f* at the next one,
// f + ⟨∂f, U₁ − U₀⟩ = f*, and (U₀ − U₁)(VᵀV + λI) and (V₀ − V₁)(UᵀU + λI) are one multiple of the
// subgradient. The factor has more columns than the truth's rank.
func TestOPSAStep(t *testing.T) {
	const lambda, target = 0.05, 0.03
	p := corruptedRectangle(t, 3, 1)
	from := solver.Factor{generic(20, 4, 5), generic(16, 4, 6)}
	m := lossMember(t, p, solver.UV{}, solver.L1{}, from)
	f, err := m.Loss()
	must(t, err)
	g, to := from.Clone(), from.Clone()
	must(t, m.Gradient())
	must(t, m.Get(solver.Gradient, g))
	must(t, solver.OPSA{StepSize: 1e6, Lambda: lambda, OptimalValue: target}.Step(m, 0))
	must(t, m.Get(solver.Iterate, to))
	var steps []float64
	model := f
	for i := range from {
		var moved, gram, scaled mat.Dense
		moved.Sub(from[i], to[i])
		model -= inner(g[i], &moved)
		gram.Mul(from[1-i].T(), from[1-i])
		for j := range 4 {
			gram.Set(j, j, gram.At(j, j)+lambda)
		}
		scaled.Mul(&moved, &gram)
		scale := inner(g[i], &scaled) / inner(g[i], g[i])
		steps = append(steps, scale)
		var off mat.Dense
		off.Scale(scale, g[i])
		off.Sub(&off, &scaled)
		// The Gram matrices have conditions below 1e4.
		if d := mat.Norm(&off, 2); !(d < 1e-10*mat.Norm(&scaled, 2)) {
			t.Errorf("matrix %d: the scaled step is %g away from a multiple of the subgradient", i, d)
		}
	}
	if !(math.Abs(model-target) < 1e-12*f) {
		t.Errorf("the linear model has the value %v at the next iterate, want %v", model, target)
	}
	if !(math.Abs(steps[0]/steps[1]-1) < 1e-10) {
		t.Errorf("the steps of U and V are %v", steps)
	}
}

// inner is ⟨A, B⟩ = tr AᵀB.
func inner(a, b *mat.Dense) float64 {
	var c mat.Dense
	c.Mul(a.T(), b)
	return mat.Trace(&c)
}

// TestOPSALimits: λ = 0 gives the step of scaled-subgradient, and a huge λ that of polyak-gd, whose largest
// step is 1/λ of that of opsa.
func TestOPSALimits(t *testing.T) {
	p := corruptedRectangle(t, 3, 1)
	step := func(method solver.Method) solver.Factor {
		u := solver.Factor{generic(20, 2, 5), generic(16, 2, 6)}
		m := lossMember(t, p, solver.UV{}, solver.L1{}, u)
		must(t, method.Step(m, 0))
		must(t, m.Get(solver.Iterate, u))
		return u
	}
	for _, mu := range []float64{1e-3, 1e3} { // shorter and longer than Polyak's
		want := step(solver.ScaledSubgradient{StepSize: mu, OptimalValue: 0.03})
		got := step(solver.OPSA{StepSize: mu, OptimalValue: 0.03})
		if !mat.Equal(got[0], want[0]) || !mat.Equal(got[1], want[1]) {
			t.Errorf("μ = %g: without λ the bits are not those of scaled-subgradient", mu)
		}
		const lambda = 1e12
		want = step(solver.PolyakGD{StepSize: mu, OptimalValue: 0.03})
		got = step(solver.OPSA{StepSize: lambda * mu, Lambda: lambda, OptimalValue: 0.03})
		for i := range got {
			if !mat.EqualApprox(got[i], want[i], 1e-10) { // UᵀU/λ is 1e-11 or less
				t.Errorf("μ = %g: with a huge λ matrix %d is not that of polyak-gd", mu, i)
			}
		}
	}
}

// TestOPSAConverges: from the unbalanced spectral start, with twice as many columns as the truth's rank and
// with outliers, the error falls to rounding within 150 steps for κ = 1 and κ = 10 alike. From the balanced
// start it does not: the columns that the truth does not need vanish in U and V together.
func TestOPSAConverges(t *testing.T) {
	for _, kappa := range []float64{1, 10} {
		p := corruptedRectangle(t, kappa, 2)
		y, err := cpu.Backend{Workers: 2}.Open(background, p, solver.Batch{
			Parametrization: solver.UV{}, FactorRanks: []int{2}, Losses: []solver.Loss{solver.L1{}},
			Needs: solver.GD{}.Needs(),
		})
		must(t, err)
		member, err := solver.NewMember(y, 0, p.Ensemble.Space(), solver.UV{}, 2)
		must(t, err)
		must(t, member.Set(solver.Iterate, solver.Factor{p.Truth.X(), p.Truth.Right()}))
		least, err := member.Loss()
		must(t, err)
		must(t, y.Close())
		for _, c := range []struct{ imbalance, least, most float64 }{{2, 0, 1e-13}, {0, 1e-9, 1}} {
			var path solver.Trajectory
			method := solver.OPSA{StepSize: 1, Lambda: 0.1 / (kappa * kappa), OptimalValue: least}
			_, err := solver.Solve(background, p, cpu.Backend{Workers: 2}, method, solver.Settings{
				Parametrization: solver.UV{}, Start: solver.Spectral{Imbalance: c.imbalance}, FactorRank: 4,
				Iterations: 150, MeasureEvery: 150, Loss: solver.L1{}, Recorder: &path,
				Stopper: solver.LossBelow(0),
			})
			must(t, err)
			if last := path[len(path)-1].TestError; !(last >= c.least && last <= c.most) {
				t.Errorf("κ = %g, imbalance %g: the test error is %g", kappa, c.imbalance, last)
			}
		}
	}
}

// TestSpectralImbalance: U₀V₀ᵀ stays, and U₀ᵀU₀ = c²Σ and V₀ᵀV₀ = Σ/c² with the singular values Σ of an
// estimate that is exact.
func TestSpectralImbalance(t *testing.T) {
	const c = 3
	truth, err := sensing.NewRectTruth(4, 6, 2, 3, 1)
	must(t, err)
	p := &sensing.Problem{Ensemble: basis{sensing.Rect{N1: 4, N2: 6}}, Truth: truth}
	var path solver.Trajectory
	solve(t, p, solver.GD{StepSize: 0.1}, solver.Settings{Parametrization: solver.UV{}, FactorRank: 2,
		Start: solver.Spectral{Imbalance: c}, Iterations: 1, Recorder: &path})
	var squares float64
	for _, s := range truth.Sigma() {
		squares += math.Pow(s, 4)
	}
	want := (c*c - 1./(c*c)) * math.Sqrt(squares)
	if got := path[0]; !(got.TestError < 1e-13 && math.Abs(got.Imbalance-want) < 1e-12) {
		t.Errorf("the test error is %g, and the imbalance %v, want %v", got.TestError, got.Imbalance, want)
	}
	if solver.Suits(solver.Spectral{Imbalance: c}, solver.PSD{}) == nil {
		t.Error("UUᵀ is not refused")
	}
}
