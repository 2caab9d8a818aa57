package reproduce

import (
	"testing"

	"github.com/matsense/matsense/experiment"
)

// corrupted makes runs with outliers whose test errors depend on the loss, the columns and the start.
func corrupted(errorOf func(loss string, r int, alpha float64) float64) (all []observation) {
	for _, loss := range []string{"l1", "squared"} {
		for _, r := range []int{2, 30} {
			all = append(all, grid([]float64{1e-3, 1e-7}, func(o *observation, alpha, w float64) {
				o.Loss, o.Rank, o.FactorRank, o.Alpha, o.Outliers = loss, 2, r, alpha, 0.1
				if loss == "squared" {
					o.Loss = ""
				}
				o.Final.TestError = w * errorOf(loss, r, alpha)
				o.BestTestError = experiment.Number(o.Final.TestError)
			})...)
		}
	}
	return all
}

// asClaimed is what the claim says of the errors.
func asClaimed(loss string, r int, alpha float64) float64 {
	switch {
	case loss == "squared":
		return 0.5
	case r > 2 && alpha > 1e-4:
		return 2e-3
	}
	return 1e-5
}

func TestSubgradient(t *testing.T) {
	expect(t, "as claimed", judgeSubgradient(corrupted(asClaimed)), Agrees)
	worse := func(loss string, r int, alpha float64) float64 {
		if loss == "l1" && r == 30 && alpha < 1e-4 {
			return 1.9e-4
		}
		return asClaimed(loss, r, alpha)
	}
	expect(t, "worse with many columns", judgeSubgradient(corrupted(worse)), Unclear)
	close := func(loss string, r int, alpha float64) float64 {
		if loss == "squared" {
			return 0.03
		}
		return asClaimed(loss, r, alpha)
	}
	expect(t, "the squared loss comes close", judgeSubgradient(corrupted(close)), Unclear)
	diverged := corrupted(asClaimed)
	for i := range diverged {
		if diverged[i].Loss == "l1" {
			diverged[i].Status = "diverged"
		}
	}
	expect(t, "l1 diverges", judgeSubgradient(diverged), Disagrees)
	expect(t, "no outliers", judgeSubgradient(keep(corrupted(asClaimed),
		func(o observation) bool { return o.Outliers == 0 })), Unclear)
	expect(t, "no more columns", judgeSubgradient(keep(corrupted(asClaimed),
		func(o observation) bool { return o.FactorRank == 2 })), Unclear)
	expect(t, "nothing", judgeSubgradient(nil), Unclear)
}
