package solver_test

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/solver"
)

// decaying is a method whose step size starts at 0.25 and falls by a law that is quick enough to matter
// within a few steps.
func decaying(method func(step float64) solver.Method) solver.Decaying {
	const step = 0.25
	return solver.Decaying{
		Method: method(step), Decay: solver.PowerDecay{Power: 0.75, Rate: 0.1},
		Scaled: func(factor float64) solver.Method { return method(float64(step * factor)) },
	}
}

func decayingGD() solver.Decaying {
	return decaying(func(step float64) solver.Method { return solver.GD{StepSize: step} })
}

// TestPowerDecay: the law is (1 + c·t)^(−p) up to a few roundings, for every eighth.
func TestPowerDecay(t *testing.T) {
	for eighths := 1; eighths <= 24; eighths++ {
		p := float64(eighths) / 8
		for _, rate := range []float64{0.01, 1, 7} {
			law := solver.PowerDecay{Power: p, Rate: rate}
			if first := law.Factor(0); first != 1 {
				t.Errorf("p = %g: step 0 has the factor %v", p, first)
			}
			for _, i := range []int{1, 2, 31, 1000, 1 << 30} {
				got, want := law.Factor(i), math.Pow(1+rate*float64(i), -p)
				if !(math.Abs(got/want-1) <= 1e-14) { // three roots, three products, and Pow's own
					t.Errorf("p = %g, c = %g: step %d has the factor %v, want %v", p, rate, i, got, want)
				}
			}
		}
	}
}

// TestGeometricDecay: the steps of the law q^t add up to 1/(1 − q).
func TestGeometricDecay(t *testing.T) {
	for _, q := range []float64{0.5, 0.9, 0.99} {
		law, sum := solver.GeometricDecay{Ratio: q}, 0.0
		for i := range 6000 {
			sum += law.Factor(i)
		}
		if !(math.Abs(sum*(1-q)-1) < 1e-12) || law.Factor(0) != 1 || law.Factor(1) != q {
			t.Errorf("q = %g: the steps add up to %v, beginning with %v and %v", q, sum, law.Factor(0),
				law.Factor(1))
		}
	}
}

// TestPowerDecaySums: with 1/2 < p ≤ 1 the sum of the steps up to T grows without bound, as T^(1−p) or ln T,
// and the sum of their squares does not. The same test finds that p = 1/2 breaks the second law, and p =
// 1.125 the first.
func TestPowerDecaySums(t *testing.T) {
	// Each sum from T to 2T, beside that from T/2 to T: a series converges if this ratio is below 1.
	ratio := func(p float64, power int) float64 {
		const half = 1 << 17
		law, parts := solver.PowerDecay{Power: p, Rate: 1}, [2]float64{}
		for i := half; i < 4*half; i++ {
			part := 0
			if i >= 2*half {
				part = 1
			}
			parts[part] += math.Pow(law.Factor(i), float64(power))
		}
		return parts[1] / parts[0]
	}
	for p, want := range map[float64][2]bool{ // whether the two sums grow without bound
		0.5: {true, true}, 0.625: {true, false}, 0.75: {true, false}, 1: {true, false}, 1.125: {false, false},
	} {
		for power := range 2 {
			if got := ratio(p, power+1); got > 1-1e-5 != want[power] {
				t.Errorf("p = %g: the sum of powers %d grows by %v as its part doubles", p, power+1, got)
			}
		}
	}
}

// TestDecaying: each step has the step size that the law says, also if the run does not begin at step 0.
func TestDecaying(t *testing.T) {
	p, u := problem(t, 0.1), generic(17, 2, 5)
	m, e := decayingGD(), memberAt(t, p, u)
	other := memberAt(t, p, u)
	for _, i := range []int{0, 1, 2, 40, 41} {
		factor := math.Pow(1+0.1*float64(i), -0.75)
		if err := m.Step(e, i); err != nil {
			t.Fatal(err)
		}
		want := steps(t, other, solver.GD{StepSize: 0.25 * factor}, u, 1)
		got := steps(t, e, solver.None{}, u, 0)
		if !mat.EqualApprox(got, want, 1e-13) {
			t.Errorf("step %d has another size", i)
		}
	}
}

// TestDecayingForwards: what else the method is, it stays.
func TestDecayingForwards(t *testing.T) {
	scaled := decaying(func(step float64) solver.Method { return solver.ScaledGD{StepSize: step} })
	if solver.Suits(scaled, solver.Deep{Depth: 3}) == nil || solver.Suits(scaled, solver.UV{}) != nil {
		t.Error("it suits other parametrizations than its method")
	}
	if scaled.Name() != "scaled-gd" || scaled.Needs() != (solver.ScaledGD{}).Needs() {
		t.Errorf("it is %q and needs %+v", scaled.Name(), scaled.Needs())
	}
	for _, c := range []struct {
		method func(step float64) solver.Method
		counts bool
	}{
		{func(step float64) solver.Method {
			return solver.ZerothOrder{StepSize: step, Directions: 3, Radius: 1e-4}
		}, true},
		{func(step float64) solver.Method { return solver.GD{StepSize: step} }, false},
	} {
		var trajectory solver.Trajectory
		s := small(4)
		s.FactorRank, s.MeasureEvery, s.Recorder = 2, 2, &trajectory
		solve(t, problem(t, 0), decaying(c.method), s)
		for _, x := range trajectory {
			if want := 6 * float64(x.Iteration); c.counts && x.Evaluations != want {
				t.Errorf("iteration %d took %v evaluations, want %v", x.Iteration, x.Evaluations, want)
			} else if !c.counts && !math.IsNaN(x.Evaluations) {
				t.Errorf("gd counts %v evaluations", x.Evaluations)
			}
		}
	}
}
