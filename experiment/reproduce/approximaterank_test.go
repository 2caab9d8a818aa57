package reproduce

import (
	"fmt"
	"math"
	"testing"

	"github.com/matsense/matsense/experiment"
)

// tailed makes runs of truths with three large singular values and 27 equal small ones, whose least errors
// ‖UUᵀ − M*‖_F are given for the norm of the tail and the number of columns.
func tailed(least func(tail float64, r int) float64) (all []observation) {
	for _, m := range []int{1500, 6000} {
		for _, r := range []int{3, 30} {
			all = append(all, grid([]float64{1e-4, 1e-3, 1e-2}, func(o *observation, value, w float64) {
				o.N, o.Rank, o.FactorRank, o.Measurements = 30, 30, r, m
				o.Kappa, o.Spectrum = 0, fmt.Sprintf("1,0.6,0.3,%g*27", value)
				o.Method = "scaled-gd-lambda"
				at := 100
				e := w * least(value*math.Sqrt(27), r) / sizeOfTruth(*o)
				o.BestIterates = experiment.BestIterates{BestTestError: experiment.Number(e),
					BestTestErrorIteration: &at}
			})...)
		}
	}
	return all
}

func TestApproximateRank(t *testing.T) {
	judge := func(what string, least func(tail float64, r int) float64, want Status) {
		t.Helper()
		expect(t, what, judgeApproximateRank(tailed(least)), want)
	}
	judge("the tail's norm", func(tail float64, _ int) float64 { return 1.02 * tail }, Agrees)
	judge("twice the tail's norm", func(tail float64, _ int) float64 { return 2 * tail }, Agrees)
	judge("below the tail's norm", func(tail float64, _ int) float64 { return tail * tail }, Agrees)
	judge("six times the tail's norm", func(tail float64, _ int) float64 { return 6 * tail }, Unclear)
	one := func(tail float64, _ int) float64 { return tail }
	few := keep(tailed(one), func(o observation) bool { return o.FactorRank == 30 })
	expect(t, "one r", judgeApproximateRank(few), Unclear)
	flat := tailed(one)
	for i := range flat {
		flat[i].Spectrum = "power:0.5"
	}
	expect(t, "no gap", judgeApproximateRank(flat), Unclear)
	expect(t, "nothing", judgeApproximateRank(nil), Unclear)
	rank, tail, ok := headOf(tailed(one)[0])
	if rank != 3 || !ok || math.Abs(tail-1e-4*math.Sqrt(27)) > 1e-16 {
		t.Errorf("%d large values, and a tail of %v", rank, tail)
	}
}
