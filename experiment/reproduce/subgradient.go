package reproduce

import (
	"math"
	"slices"
	"strconv"

	"github.com/matsense/matsense/experiment/sweep"
)

var subgradientExperiment = Experiment{
	Name:  "subgradient",
	About: "the test error with outliers, by the ℓ1 and by the squared loss",
	Claim: `From a small start the subgradient method on the ℓ1 loss finds the truth although some
observations have gross outliers, whether or not the factor has more columns than the truth's rank. With
more columns it comes the closer, the smaller the start (Ma and Fattahi, arXiv 2202.08788). Gradient descent
on the squared loss does not find the truth.`,
	Compared: `test errors with outliers over r: by the ℓ1 loss from the least start and from the largest,
and by the squared loss`,
	AgreesIf: `by ℓ1 from the least start every run comes to 0.001, no median is more than ten times that for
the least r, and with r > r* each is at most a tenth of that from the largest start; and by the squared loss
no measured iterate is below 0.1`,
	DisagreesIf: `by ℓ1 from the least start a median is above 0.1 or, with r > r*, above that from the
largest start; or by the squared loss a median comes to 0.001`,
	Untested: `the theorem's rate, its step sizes divided by a norm, dense noise, and more outliers than
three tenths`,
	judge: judgeSubgradient,
}

func judgeSubgradient(all []observation) Verdict {
	const recovered, lost = 1e-3, 0.1
	v := Verdict{Status: Unclear, follow: []string{"step", "step-decay"}}
	end := func(o observation) float64 {
		if o.Diverged() || math.IsNaN(testError(o)) {
			return math.Inf(1)
		}
		return testError(o)
	}
	best := func(o observation) float64 {
		if b := float64(o.BestTestError); !math.IsNaN(b) {
			return b
		}
		return end(o)
	}
	agree, disagree := true, false
	var both, wide int
	corrupt := keep(all, func(o observation) bool { return o.Outliers > 0 })
	shares, byShare := by(corrupt, func(o observation) float64 { return o.Outliers })
	for _, share := range shares {
		robust := keep(byShare[share], func(o observation) bool { return o.LossName() == "l1" })
		squared := keep(byShare[share], func(o observation) bool { return o.HasSquaredLoss() })
		alphas, starts := by(robust, alphaOf)
		if len(alphas) < 2 || len(squared) == 0 {
			continue
		}
		if both++; both == 1 {
			v.Figures = subgradientFigures(share, alphas[0])
		}
		small, large := starts[alphas[0]], starts[alphas[len(alphas)-1]]
		ranks, runs := by(small, func(o observation) int { return o.FactorRank })
		_, from := by(large, func(o observation) int { return o.FactorRank })
		few := median(runs[ranks[0]], end)
		for _, r := range ranks {
			near, far := median(runs[r], end), median(from[r], end)
			v.find("outliers in %g of the observations, ℓ1, r = %d: a test error of %.2g from α = %g, and of %.2g "+
				"from α = %g (medians)", share, r, near, alphas[0], far, alphas[len(alphas)-1])
			agree = agree && extreme(runs[r], end, slices.Max) <= recovered && near <= 10*few
			disagree = disagree || near > lost
			if r > runs[r][0].Rank {
				wide++
				agree = agree && near <= far/10
				disagree = disagree || near > far
			}
		}
		ranks, runs = by(squared, func(o observation) int { return o.FactorRank })
		for _, r := range ranks {
			closest := extreme(runs[r], best, slices.Min)
			v.find("outliers in %g of the observations, squared loss, r = %d: the best iterates have test errors "+
				"of %.2g and more", share, r, closest)
			agree = agree && closest >= lost
			disagree = disagree || median(runs[r], end) <= recovered
		}
	}
	if both == 0 || wide == 0 {
		v.find("there are no runs with outliers, of both losses, from two sizes of the start and with more " +
			"columns than the truth's rank")
		return v
	}
	v.settle(agree, disagree)
	return v
}

// subgradientFigures show the runs with one share of outliers.
func subgradientFigures(share, alpha float64) []Figure {
	text := func(v float64) []string { return []string{strconv.FormatFloat(v, 'g', -1, 64)} }
	return []Figure{
		{Query: sweep.Query{X: "alpha", Y: "test_error", By: "factor-rank",
			Where: map[string][]string{"loss": {"l1"}, "outliers": text(share)}}},
		{Query: sweep.Query{X: "factor-rank", Y: "test_error", By: "loss",
			Where: map[string][]string{"alpha": text(alpha), "outliers": text(share)}}},
	}
}
