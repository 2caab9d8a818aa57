package reproduce

import (
	"math"

	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/solver"
)

const adamClaim = `With fewer measurements than M has numbers, infinitely many M fit. From a small start,
gradient descent on UVᵀ comes to one of nearly the truth's rank, and the smaller the start, the nearer. Adam,
which scales each entry's step by itself, fits too, but not by a matrix of low rank, however small the start
(arXiv 2608.05136, as its abstract says).`

// judgeAdam asks that all runs fit, that gd's test error fall with α at least like α^0.3, that Adam's depend
// on α by a power within 0.1 of 0, and that from the least α it be ten times gd's. A power below 0.1 for gd
// or above 0.25 for Adam, or less than twice gd's error, disagrees. If a matrix of low rank fits, it is the
// truth: the sweep has three times as many measurements as the truth has free numbers.
func judgeAdam(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{X: "alpha", Y: "test_error", By: "method"}, Fit: true},
		{Query: sweep.Query{X: sweep.Iteration, Y: "test_error", By: "alpha",
			Where: map[string][]string{"method": {"adam"}}}},
	}}
	fitted := v.arrived(all, func(o observation) bool { return o.Final.TrainLoss <= 1e-6 && testError(o) > 0 },
		"have a train loss above 1e-6")
	_, methods := by(fitted, func(o observation) string { return o.Method })
	slopes, errors := map[string]float64{}, map[string]float64{}
	least := math.Inf(1) // the least α of both
	for _, o := range fitted {
		least = math.Min(least, o.Alpha)
	}
	for _, method := range []string{solver.GD{}.Name(), solver.Adam{}.Name()} {
		s := slopeOf(methods[method], log10(alphaOf), log10(testError))
		slopes[method] = s.mean
		errors[method] = median(keep(methods[method], func(o observation) bool { return o.Alpha == least }),
			testError)
		v.find("%s: slope %v over %.1f decades of α; test error %.2g from α = %g (median)", method, s,
			decades(methods[method], alphaOf), errors[method], least)
	}
	gd, adam := slopes["gd"], slopes["adam"]
	apart := errors["adam"] / errors["gd"]
	v.settle(gd >= 0.3 && math.Abs(adam) <= 0.1 && apart >= 10, gd < 0.1 || adam > 0.25 || apart < 2)
	return v
}
