package reproduce

import "github.com/matsense/matsense/experiment/sweep"

var generalizationExperiment = Experiment{
	Name:  "generalization",
	About: "train loss and test error against the number of measurements",
	Claim: `A factor of n columns fits fewer than n(n+1)/2 observations by matrices that have nothing to do
with the truth. Yet gradient descent from a small start finds the truth as soon as there are a few times as
many observations as the truth has free numbers. With fewer observations than free numbers, no method can.`,
	Compared: `train loss and test error with fewer measurements than the truth has free numbers, and with
more (medians)`,
	AgreesIf: `for every number of measurements the train loss falls below a millionth of the start's, and
the test error is above 0.1 with fewer measurements than free numbers and below 0.01 with at least four
times as many as free numbers`,
	DisagreesIf: `a test error with fewer measurements than free numbers is 0.1 or less, or one with at least
four times as many is 0.01 or more`,
	Untested: `how the threshold depends on κ of X, and ranks and sizes other than those of the sweep`,
	judge:    judgeGeneralization,
}

func judgeGeneralization(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{X: "measurements", Y: "test_error"}},
		{Query: sweep.Query{X: "measurements", Y: "train_loss"}},
	}}
	fits, below, above := true, true, true
	under, over := 0, 0
	sizes, groups := by(stable(all), func(o observation) int { return o.Measurements })
	for _, m := range sizes {
		g := groups[m]
		free := freeNumbers(g[0], g[0].Rank)
		loss := median(g, partOfLoss)
		e := median(g, testError)
		v.find("m = %d, %.2f of the %g free numbers: train loss %.1e of the start's, test error %.1e "+
			"(medians of %d runs)",
			m, float64(m)/free, free, loss, e, len(g))
		fits = fits && loss < 1e-6
		if float64(m) < free {
			under++
			below = below && e > 0.1
		}
		if float64(m) >= 4*free {
			over++
			above = above && e < 0.01
		}
	}
	if under == 0 || over == 0 {
		v.find("measurements are not on both sides of the free numbers")
		return v
	}
	v.settle(fits && below && above, !below || !above)
	return v
}
