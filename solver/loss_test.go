package solver_test

import (
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

var allLosses = []solver.Loss{solver.Squared{}, solver.L1{}, solver.Huber{Threshold: 0.3}}

// TestLossLaws: ρ(0) = 0, ρ is even and convex, and ψ is its derivative: the difference quotient of ρ around
// x is ψ(x), up to h/2 times the largest curvature, 1. At a kink ψ is between the slopes on both sides.
func TestLossLaws(t *testing.T) {
	const h = 1e-6
	for _, l := range allLosses {
		if l.Rho(0) != 0 || l.Psi(0) != 0 {
			t.Errorf("%s: ρ(0) = %v and ψ(0) = %v", l.Name(), l.Rho(0), l.Psi(0))
		}
		last := math.Inf(-1)
		for x := -2.0; x <= 2; x += 0.0371 {
			if l.Rho(x) != l.Rho(-x) || l.Psi(x) != -l.Psi(-x) || l.Rho(x) < 0 {
				t.Errorf("%s: ρ(±%v) = %v, %v, ψ(±%v) = %v, %v", l.Name(), x, l.Rho(x), l.Rho(-x), x,
					l.Psi(x), l.Psi(-x))
			}
			if l.Psi(x) < last {
				t.Errorf("%s: ψ falls at %v", l.Name(), x)
			}
			last = l.Psi(x)
			if got := (l.Rho(x+h) - l.Rho(x-h)) / (2 * h); !(math.Abs(got-l.Psi(x)) <= h) {
				t.Errorf("%s: ψ(%v) = %v, and ρ has the slope %v", l.Name(), x, l.Psi(x), got)
			}
		}
		if !math.IsNaN(l.Rho(math.NaN())) || !math.IsNaN(l.Psi(math.NaN())) {
			t.Errorf("%s: ρ(NaN) = %v, ψ(NaN) = %v", l.Name(), l.Rho(math.NaN()), l.Psi(math.NaN()))
		}
	}
}

// TestHuberBetween: with a threshold above all residuals the Huber loss is the squared one, to the bit, and
// with a small one it is δ times the ℓ1 loss, up to δ²/2 for each residual.
func TestHuberBetween(t *testing.T) {
	for _, x := range []float64{-3, -0.7, 0, 0.2, 5} {
		large, small := solver.Huber{Threshold: 10}, solver.Huber{Threshold: 1e-3}
		if large.Rho(x) != (solver.Squared{}).Rho(x) || large.Psi(x) != x {
			t.Errorf("ρ(%v) = %v and ψ = %v with a large threshold", x, large.Rho(x), large.Psi(x))
		}
		if d := small.Rho(x)/1e-3 - math.Abs(x); !(math.Abs(d) <= 0.5e-3*(1+1e-12)) || x != 0 &&
			small.Psi(x)/1e-3 != math.Copysign(1, x) {
			t.Errorf("ρ(%v)/δ = %v and ψ/δ = %v with a small threshold", x, small.Rho(x)/1e-3, small.Psi(x)/1e-3)
		}
	}
}

// TestLossOfZero: f(0) is the mean of ρ over 2, and a member at zero has that loss.
func TestLossOfZero(t *testing.T) {
	p := problem(t, 0.1)
	for _, l := range allLosses {
		e, err := cpu.Backend{Workers: 2}.Open(background, p, solver.Batch{
			Parametrization: solver.PSD{}, FactorRanks: []int{2}, Losses: []solver.Loss{l},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		var got [1]float64
		if err := e.Losses(got[:], 0); err != nil {
			t.Fatal(err)
		}
		backendtest.Close(t, l.Name(), got[:], []float64{solver.LossOfZero(l, e.Observations())}, 1e-14)
	}
}

// TestRefusedLosses: thresholds that are not positive, methods of the squared loss alone, and mixed
// precision, also for some of the jobs, are refused.
func TestRefusedLosses(t *testing.T) {
	p := problem(t, 0.1)
	run := func(l solver.Loss) solver.Settings {
		return solver.Settings{Start: solver.Random{Alpha: 1, Seed: 1}, FactorRank: 2, Iterations: 1, Loss: l}
	}
	for name, c := range map[string]struct {
		want string
		jobs []solver.Job
		b    cpu.Backend
	}{
		"threshold": {"threshold", []solver.Job{{solver.GD{StepSize: 0.1}, run(solver.Huber{})}},
			cpu.Backend{}},
		"prec-gd": {"squared loss alone", []solver.Job{{solver.PrecGD{StepSize: 0.1}, run(solver.L1{})}},
			cpu.Backend{}},
		"mixed": {"mixed precision", []solver.Job{{solver.GD{StepSize: 0.1}, run(solver.L1{})}},
			cpu.Backend{Precision: solver.Mixed}},
		"two": {"mixed precision", []solver.Job{{solver.GD{StepSize: 0.1}, run(nil)},
			{solver.GD{StepSize: 0.1}, run(solver.L1{})}}, cpu.Backend{Precision: solver.Mixed}},
	} {
		err := solver.SolveAll(background, p, c.b, 1, c.jobs,
			func(int, *solver.Result, error) { t.Errorf("%s: a run ended", name) })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// geometric is gradient descent with the steps μ·q^t.
func geometric(step, ratio float64) solver.Decaying {
	return solver.Decaying{
		Method: solver.GD{StepSize: step}, Decay: solver.GeometricDecay{Ratio: ratio},
		Scaled: func(factor float64) solver.Method { return solver.GD{StepSize: step * factor} },
	}
}

// TestSubgradientSteps: step t on ℓ1 is μ·q^t long, also if the run does not begin at step 0.
func TestSubgradientSteps(t *testing.T) {
	p, u := problem(t, 0.1), solver.Factor{generic(17, 2, 5)}
	for _, step := range []int{0, 1, 2, 3, 17, 40} {
		m := lossMember(t, p, solver.PSD{}, solver.L1{}, u)
		must(t, geometric(0.3, 0.9).Step(m, step))
		got, g := solver.NewFactor(m.Shapes()), solver.NewFactor(m.Shapes())
		must(t, m.Get(solver.Iterate, got))
		must(t, m.Set(solver.Iterate, u))
		must(t, m.Gradient())
		must(t, m.Get(solver.Gradient, g))
		want := u.Clone()
		want.Combine(1, u, -0.3*math.Pow(0.9, float64(step)), g)
		backendtest.Close(t, "U", got[0].RawMatrix().Data, want[0].RawMatrix().Data, 1e-14)
	}
}

// TestL1FindsTruth: from a small start with more columns than the rank, ℓ1 with shorter and shorter steps
// finds the truth although a tenth of the observations have outliers that are large beside them, and so does
// Polyak's step with f at the truth. The squared loss does not.
func TestL1FindsTruth(t *testing.T) {
	truth, err := sensing.NewTruth(12, 2, 1, 3)
	must(t, err)
	e, err := sensing.NewGaussian(sensing.Sym{N: 12}, 500, sensing.F64, 4)
	must(t, err)
	p := &sensing.Problem{
		Ensemble: e, Truth: truth, NoiseSeed: 4, Outliers: sensing.Outliers{Count: 50, Size: 10},
	}
	res := make([]float64, 500)
	p.AddNoise(res)
	polyak := solver.PolyakGD{StepSize: 0.5, OptimalValue: solver.LossOfZero(solver.L1{}, res)}
	for name, c := range map[string]struct {
		method      solver.Method
		loss        solver.Loss
		least, most float64
	}{
		"l1, geometric steps": {geometric(0.3, 0.99), solver.L1{}, 0, 1e-3},
		"l1, Polyak's steps":  {polyak, solver.L1{}, 0, 1e-3},
		"squared":             {solver.GD{StepSize: 0.1}, solver.Squared{}, 0.1, math.Inf(1)},
	} {
		var got solver.Trajectory
		_, err := solver.Solve(background, p, cpu.Backend{Workers: 2}, c.method, solver.Settings{
			Start: solver.Random{Alpha: 1e-4, Seed: 5}, FactorRank: 12, Iterations: 900, Loss: c.loss,
			Recorder: &got, MeasureEvery: 100,
		})
		must(t, err)
		if last := got[len(got)-1].TestError; !(last >= c.least && last <= c.most) {
			t.Errorf("%s: the test error is %v at the end", name, last)
		}
	}
}

// TestScaledSubgradient: the scaled subgradient method of Tong, Ma and Chi (arXiv 2010.13364) does not know
// how UVᵀ is divided into U and V: from (UQ, VQ⁻ᵀ) it steps to the same matrix as from (U, V), for every
// invertible Q, with constant steps and with Polyak's. The plain subgradient method does not have this law.
func TestScaledSubgradient(t *testing.T) {
	e, err := sensing.NewGaussian(sensing.Rect{N1: 9, N2: 7}, 120, sensing.F64, 1)
	must(t, err)
	truth, err := sensing.NewRectTruth(9, 7, 2, 3, 1)
	must(t, err)
	p := &sensing.Problem{Ensemble: e, Truth: truth, Outliers: sensing.Outliers{Count: 12, Size: 10}}
	u, v := generic(9, 2, 5), generic(7, 2, 6)
	var uq, vq, inverse mat.Dense
	q := mat.NewDense(2, 2, []float64{3, 0.5, -0.2, 0.7})
	must(t, inverse.Inverse(q))
	uq.Mul(u, q)
	vq.Mul(v, inverse.T())
	for _, c := range []struct {
		method solver.Method
		holds  bool
	}{
		{solver.ScaledGD{StepSize: 0.2}, true}, {solver.GD{StepSize: 0.2}, false},
		{solver.ScaledSubgradient{StepSize: 5, OptimalValue: 0.1}, true},
		{solver.PolyakGD{StepSize: 5, OptimalValue: 0.1}, false},
	} {
		from := func(u, v *mat.Dense) *mat.Dense {
			m := lossMember(t, p, solver.UV{}, solver.L1{}, solver.Factor{u, v})
			must(t, c.method.Step(m, 0))
			to := solver.NewFactor(m.Shapes())
			must(t, m.Get(solver.Iterate, to))
			var z mat.Dense
			z.Mul(to[0], to[1].T())
			return &z
		}
		var off mat.Dense
		want := from(u, v)
		off.Sub(from(&uq, &vq), want)
		// 1e-11 leaves room for the inverses of Gram matrices, whose condition numbers are below 100.
		if got := mat.Norm(&off, 2) <= 1e-11*mat.Norm(want, 2); got != c.holds {
			t.Errorf("%s: the matrices after a step differ by %v", c.method.Name(), mat.Norm(&off, 2))
		}
	}
}

// lossMember returns a member with a loss at an iterate.
func lossMember(t *testing.T, p *sensing.Problem, par solver.Parametrization, l solver.Loss, u solver.Factor,
) *solver.Member {
	t.Helper()
	_, r := u[0].Dims()
	e, err := cpu.Backend{Workers: 2}.Open(background, p, solver.Batch{
		Parametrization: par, FactorRanks: []int{r}, Losses: []solver.Loss{l},
		Needs: solver.ScaledGD{}.Needs(),
	})
	must(t, err)
	t.Cleanup(func() { e.Close() })
	m, err := solver.NewMember(e, 0, p.Ensemble.Space(), par, r)
	must(t, err)
	must(t, m.Set(solver.Iterate, u))
	return m
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
