package reproduce

import (
	"math"
	"testing"

	"github.com/matsense/matsense/experiment"
)

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
