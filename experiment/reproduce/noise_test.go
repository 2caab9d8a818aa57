package reproduce

import (
	"math"
	"testing"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
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

// orders makes runs whose least error is a product of powers of σ, m, r* and r.
func orders(sigmas, measurements, ranks, columns float64) (all []observation) {
	for _, r := range []int{8, 40} {
		for _, rank := range []int{2, 4, 8} {
			for _, m := range []int{3200, 6400, 12800} {
				all = append(all, grid([]float64{0.03, 0.1, 0.3}, func(o *observation, sigma, w float64) {
					o.Noise, o.FactorRank, o.Rank, o.Measurements = sigma, r, rank, m
					o.Method = "scaled-gd-lambda"
					at := 100
					e := 3 * w * math.Pow(sigma, sigmas) * math.Pow(float64(m), measurements) *
						math.Pow(float64(rank), ranks) * math.Pow(float64(r), columns) / sizeOfTruth(*o)
					o.BestIterates = experiment.BestIterates{BestTestError: experiment.Number(e),
						BestTestErrorIteration: &at}
				})...)
			}
		}
	}
	return all
}

func TestMinimax(t *testing.T) {
	all := orders(1, -0.5, 0.5, 0)
	expect(t, "the order", judgeMinimax(all), Agrees)
	expect(t, "nearly the order", judgeMinimax(orders(1.05, -0.45, 0.47, 0.1)), Agrees)
	expect(t, "slopes in between", judgeMinimax(orders(1.15, -0.5, 0.5, 0)), Unclear)
	one := keep(all, func(o observation) bool { return o.FactorRank == 8 })
	expect(t, "one r", judgeMinimax(one), Unclear)
	two := keep(all, func(o observation) bool { return o.Measurements < 9000 })
	expect(t, "two m", judgeMinimax(two), Unclear)
	expect(t, "nothing", judgeMinimax(nil), Unclear)
	if d := len(judgeMinimax(all).Figures); d != 3 {
		t.Errorf("%d figures", d)
	}
}

// TestOracleError: the error of least squares in the tangent space is what its definition says: for n = 3 and
// r* = 2 there are 5 free numbers.
func TestOracleError(t *testing.T) {
	o := observe(func(o *observation) {
		o.Config = config.Default()
		o.N, o.Rank, o.Kappa, o.Measurements, o.HoldOut, o.Noise = 3, 2, 1, 100, 0.2, 0.4
	})
	if got, want := oracleError(o), 0.4*math.Sqrt(5./80)/math.Sqrt2; !(math.Abs(got-want) <= 1e-15) {
		t.Errorf("%v, not %v", got, want)
	}
}
