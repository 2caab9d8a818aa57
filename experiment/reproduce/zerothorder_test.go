package reproduce

import (
	"math"
	"testing"

	"github.com/matsense/matsense/experiment/sweep"
)

func TestZerothOrder(t *testing.T) {
	radii, directions := []float64{0.005, 0.007, 0.01, 0.014, 0.02, 0.028, 0.04}, []float64{16, 64, 256, 1024}
	type regret = func(q, radius float64) float64
	law := func(f regret) (all []observation) {
		for _, radius := range radii {
			all = append(all, grid(directions, func(o *observation, q, wobble float64) {
				// The power differs by a hundredth from seed to seed.
				value := math.Pow(wobble, math.Log(q)-4) * f(q, radius)
				o.Radius, o.Directions = radius, int(q)
				o.Final = sweep.Point{Iteration: 20, TrainLoss: value, Evaluations: 40 * q}
				o.Trajectory = []sweep.Point{
					{TrainLoss: 1}, {Iteration: 10, TrainLoss: 1}, {Iteration: 15, TrainLoss: value}, o.Final,
				}
			})...)
		}
		return all
	}
	judge := func(what string, f regret, want Status) {
		t.Helper()
		expect(t, what, judgeZerothOrder(law(f)), want)
	}
	bias := func(radius float64) float64 { return 100 * math.Pow(radius, 4) }
	scale := 200 * math.Pow(0.02, 6) * 64 // the radius 0.02 is best for 64 directions
	judge("as claimed", func(q, r float64) float64 { return bias(r) + scale/4/(q*r*r) }, Agrees)
	// Without bias the widest radius is the best.
	judge("without bias", func(q, r float64) float64 { return scale / (q * r * r) }, Unclear)
	judge("the bias of a gradient that is Lipschitz alone", func(q, r float64) float64 {
		return r*r/50 + math.Pow(0.02, 4)/(q*r*r)
	}, Disagrees)
	judge("no better with more", func(_, r float64) float64 { return bias(r) + 1e-11/(r*r) }, Disagrees)
	judge("any radius does", func(q, r float64) float64 {
		return math.Pow(q, -2.0/3) * (1 + math.Abs(math.Log(r/0.014)))
	}, Disagrees)
	expect(t, "nothing", judgeZerothOrder(nil), Unclear)
}
