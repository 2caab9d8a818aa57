package reproduce

import (
	"math"
	"testing"

	"github.com/matsense/matsense/experiment/sweep"
)

func TestRGDA(t *testing.T) {
	law := func(distance func(kappa, t float64) float64) []observation {
		return grid([]float64{1, 3, 10}, func(o *observation, kappa, wobble float64) {
			o.Kappa, o.Step, o.AdversaryStep, o.AdversaryWeight = kappa, 0.3, 0.3, 2
			o.Trajectory = nil
			for i := 0; i <= 120; i += 2 {
				d := wobble * distance(kappa, float64(i))
				o.Trajectory = append(o.Trajectory, sweep.Point{
					Iteration: i, TestError: 0.8 * d, Shift: 0.6 * d,
				})
			}
			o.Final = o.Trajectory[len(o.Trajectory)-1]
		})
	}
	judge := func(what string, distance func(kappa, t float64) float64, want Status) {
		t.Helper()
		expect(t, what, judgeRGDA(law(distance)), want)
	}
	judge("as claimed", func(_, t float64) float64 { return math.Pow(0.77, t) + 1e-15 }, Agrees)
	judge("slower where it bends more", func(kappa, t float64) float64 {
		return math.Pow(0.77, t/math.Sqrt(kappa))
	}, Disagrees)
	judge("a little slower", func(kappa, t float64) float64 { return math.Pow(0.7, t/(1+kappa/40)) }, Unclear)
	judge("sublinear", func(_, t float64) float64 { return 1 / (1 + t*t) }, Disagrees)
	judge("it goes round the equilibrium", func(_, t float64) float64 {
		return 0.01 + 0.005*math.Cos(t)
	}, Disagrees)
	expect(t, "nothing", judgeRGDA(nil), Unclear)
}

// TestIsometricRate: at μ = η = 0.3 and λ = 2 the eigenvalues are 0.7 ± 0.3i, and 0.55 ± √0.1575·i for 2μ.
func TestIsometricRate(t *testing.T) {
	if got, want := isometricRate(0.3, 0.3, 2), math.Hypot(0.7, 0.3); math.Abs(got-want) > 1e-15 {
		t.Errorf("%v, want %v", got, want)
	}
	// These step sizes diverge.
	want := math.Abs(1 - (0.1+9+math.Sqrt(9.1*9.1-4*0.1*0.9*11))/2)
	if got := isometricRate(0.1, 0.9, 11); math.Abs(got-want) > 1e-12 {
		t.Errorf("%v, want %v", got, want)
	}
}
