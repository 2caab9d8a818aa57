package solver_test

import (
	"errors"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/solver"
)

var adam = solver.Adam{StepSize: 0.02, Beta1: 0.8, Beta2: 0.95, Epsilon: 1e-4}

// TestAdam: the method on an engine equals algorithm 1 of Kingma and Ba, number by number.
func TestAdam(t *testing.T) {
	p := problem(t, 0)
	got := solve(t, p, adam, small(30)).Factor[0]

	u, err := small(0).Start.Factor([]solver.Shape{{Rows: 17, Cols: 17}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e := memberOf(t, p, solver.PSD{}, 17)
	g := u.Clone()
	var first, second [17][17]float64
	for step := 1.0; step <= 30; step++ {
		if err := errors.Join(e.Set(solver.Iterate, u), e.Gradient(), e.Get(solver.Gradient, g)); err != nil {
			t.Fatal(err)
		}
		u[0].Apply(func(i, j int, theta float64) float64 {
			d := g[0].At(i, j)
			first[i][j] = adam.Beta1*first[i][j] + (1-adam.Beta1)*d
			second[i][j] = adam.Beta2*second[i][j] + (1-adam.Beta2)*d*d
			meanHat := first[i][j] / (1 - math.Pow(adam.Beta1, step))
			squareHat := second[i][j] / (1 - math.Pow(adam.Beta2, step))
			return theta - adam.StepSize*meanHat/(math.Sqrt(squareHat)+adam.Epsilon)
		}, u[0])
	}
	var d mat.Dense
	d.Sub(got, u[0])
	// 30 steps of rounding, which small gradients magnify by up to 1/ε.
	if rel := mat.Norm(&d, 2) / mat.Norm(got, 2); !(rel < 1e-11) {
		t.Errorf("off by %g", rel)
	}
}

// TestAdamSteps: with an ε far below the gradients the first step is μ in each entry, whatever β₁ and β₂ are,
// because their bias is corrected. No step of an entry is longer than μ·max(1, (1 − β₁)/√(1 − β₂)), up to the
// correction (section 2.1 of the paper; the bound here is Cauchy and Schwarz's on the corrected moments).
func TestAdamSteps(t *testing.T) {
	const mu, beta1, beta2 = 1e-2, 0.9, 0.999
	p := problem(t, 0)
	method := solver.Adam{StepSize: mu, Beta1: beta1, Beta2: beta2, Epsilon: 1e-30}
	f, err := solver.Random{Alpha: 0.3, Seed: 4}.Factor([]solver.Shape{{Rows: 17, Cols: 3}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e := memberAt(t, p, f[0])
	before := f.Clone()
	for iteration := range 40 {
		if err := errors.Join(method.Step(e, iteration), e.Get(solver.Iterate, f)); err != nil {
			t.Fatal(err)
		}
		// p̂ = Σ_s a_s g_s and v̂ = Σ_s b_s g_s², so that p̂² ≤ Σ_s a_s²/b_s · v̂.
		var ratio float64
		c1, c2 := 1-math.Pow(beta1, float64(iteration+1)), 1-math.Pow(beta2, float64(iteration+1))
		for s := range iteration + 1 {
			a := (1 - beta1) * math.Pow(beta1, float64(s)) / c1
			b := (1 - beta2) * math.Pow(beta2, float64(s)) / c2
			ratio += a * a / b
		}
		for k, x := range f[0].RawMatrix().Data {
			moved := math.Abs(x - before[0].RawMatrix().Data[k])
			if moved > mu*math.Sqrt(ratio)*(1+1e-9) {
				t.Fatalf("step %d moves entry %d by %g, more than %g", iteration, k, moved, mu*math.Sqrt(ratio))
			}
			if iteration == 0 && math.Abs(moved-mu) > 1e-12 {
				t.Fatalf("the first step moves entry %d by %g, not %g", k, moved, mu)
			}
		}
		before = f.Clone()
	}
}

// TestAdamIsDescent: with an ε far above all gradients, and without memory, steps are those of gradient
// descent with the step size μ/ε.
func TestAdamIsDescent(t *testing.T) {
	const epsilon = 1e9
	p := problem(t, 0)
	method := solver.Adam{StepSize: descent.StepSize * epsilon, Beta1: 0, Beta2: 0, Epsilon: epsilon}
	got, want := solve(t, p, method, small(60)).Factor[0], solve(t, p, descent, small(60)).Factor[0]
	var d mat.Dense
	d.Sub(got, want)
	// Each step is shorter by |g|/ε, at most 1e-9.
	if rel := mat.Norm(&d, 2) / mat.Norm(want, 2); !(rel < 1e-7) {
		t.Errorf("off by %g", rel)
	}
}

// TestAdamKeepsBits: other runs in the batch, the number of workers and a resume change no bit of a run, for
// any parametrization.
func TestAdamKeepsBits(t *testing.T) { keepsBits(t, adam) }
