package reproduce

import (
	"math"
	"testing"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/sweep"
)

// noiseLaw says how runs with noise go.
type noiseLaw struct {
	scale   float64 // least error for σ = 1
	slope   float64 // power of σ in the least error
	power   float64 // power of r in it
	grown   float64 // last error over the least, with r > r*
	later   float64 // power of σ in the iteration at which the error has grown
	stopped float64 // error of the result over the least
}

// noises makes runs that change one thing of the claim's law.
func noises(change func(*noiseLaw)) (all []observation) {
	law := noiseLaw{scale: 0.2, slope: 1, grown: 4, later: -1, stopped: 1.1}
	change(&law)
	for _, r := range []int{2, 10, 40} {
		all = append(all, grid([]float64{0.1, 0.2, 0.4, 0.8}, func(o *observation, sigma, w float64) {
			o.Noise, o.FactorRank, o.HoldOut, o.Keep = sigma, r, 0.1, "best"
			least := law.scale * w * math.Pow(sigma, law.slope) * math.Pow(float64(r), law.power)
			at, end, grown := 100, int(400*math.Pow(sigma, law.later)), law.grown
			if r == 2 {
				grown = 1
			}
			o.BestIterates = experiment.BestIterates{BestTestError: experiment.Number(least),
				BestTestErrorIteration: &at}
			o.Final.TestError = law.stopped * least
			o.Trajectory = []sweep.Point{
				{TestError: 1}, {Iteration: at, TestError: least}, {Iteration: end, TestError: grown * least},
			}
		})...)
	}
	return all
}

func TestNoise(t *testing.T) {
	same := func(*noiseLaw) {}
	all := noises(same)
	expect(t, "as claimed", judgeNoise(all), Agrees)
	expect(t, "r* columns alone", judgeNoise(all[:16]), Unclear)
	few := keep(all, func(o observation) bool { return o.Noise < 0.4 })
	expect(t, "two sizes of the noise", judgeNoise(few), Unclear)
	expect(t, "nothing", judgeNoise(nil), Unclear)
	expect(t, "a slope of 0.85", judgeNoise(noises(func(n *noiseLaw) { n.slope = 0.85 })), Unclear)
	last := noises(same)
	for i := range last {
		last[i].Keep = "last"
	}
	expect(t, "nothing was stopped by the held-out error", judgeNoise(last), Unclear)
}
