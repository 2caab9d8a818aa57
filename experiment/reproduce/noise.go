package reproduce

import (
	"fmt"
	"math"

	"github.com/matsense/matsense/experiment/sweep"
)

var noiseExperiment = Experiment{
	Name:  "noise",
	About: "the least test error, and its iteration, against the noise and the columns",
	Claim: `With noise on the observations, gradient descent from a small start comes close to the truth
before it fits the noise. Its least test error is of the order that an estimator with the truth's rank has,
σ·√(n·r*/m), whatever the number of columns. With more columns than the truth's rank the error then grows,
and the sooner the more noise there is. The error on measurements that are held out tells when to stop
(Ding, Qin, Jiang, Zhou and Zhu, arXiv 2209.10675).`,
	Compared: `gd with noise σ and r columns: the slope of the least test error in σ, in logarithms, for each
r; that error for each σ beside those of other r and that of least squares in the tangent space at the
truth; and with r > r* the last error over the least, when the error exceeds 1.5 times the least, and the
test error of the iterate with the least held-out RMSE`,
	AgreesIf: `slopes are within 0.1 of 1; least errors are at most 1.5 times those of any other r and that
of least squares; and with r > r* errors exceed 1.5 times the least no later with more noise than with less,
and with the most noise the last error is at least 1.5 times the least and the iterate chosen by held-out
RMSE has at most 1.25 times the least error (all are medians)`,
	DisagreesIf: `a slope is more than 0.25 off; a least error is more than three times another r's or that
of least squares; or with r > r* errors grow more than a quarter later with more noise than with less, or
with the most noise the last error is below 1.1 times the least or the iterate chosen by held-out RMSE has
more than twice the least error (medians)`,
	Untested: `the powers of n, r* and m (minimax tests those of r* and m, for ScaledGD(λ)), the theorem's
constants, its condition on m, and noise that is not normal`,
	judge: judgeNoise,
}

func judgeNoise(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Fit: true, Query: sweep.Query{X: "noise", Y: "best_test_error", By: "factor-rank"}},
		{Query: sweep.Query{X: "noise", Y: "best_test_error_iteration", By: "factor-rank"}},
	}}
	noisy := v.about(all, func(o observation) bool { return o.Noise > 0 && o.BestTestErrorIteration != nil },
		"have no σ")
	ranks, wide := by(noisy, func(o observation) int { return o.FactorRank })
	sizes, levels := by(noisy, noiseOf)
	if len(sizes) < 3 || len(ranks) < 2 {
		v.find("there are no three sizes of the noise, or no two numbers of columns")
		return v
	}
	agree, disagree := true, false
	over := 0
	for _, r := range ranks {
		s := slopeOf(wide[r], log10(noiseOf), log10(leastError))
		v.find("r = %d: slope of the least test error in σ %v", r, s)
		agree, disagree = agree && math.Abs(s.mean-1) <= 0.1, disagree || math.Abs(s.mean-1) > 0.25
		if r <= wide[r][0].Rank {
			continue
		}
		over++
		_, at := by(wide[r], noiseOf)
		earlier := math.Inf(1)
		for _, size := range sizes {
			grown, end := median(at[size], overfit), median(at[size], fitsNoiseFrom)
			exceeds := fmt.Sprintf("exceeds 1.5 times the least at iteration %g", end)
			if math.IsInf(end, 1) {
				exceeds = "never exceeds 1.5 times the least"
			}
			v.find("r = %d, σ = %g: the test error is least at iteration %g, %s, and ends at %.3g times the "+
				"least (medians)", r, size, median(at[size], leastAt), exceeds, grown)
			agree, disagree = agree && end <= earlier, disagree || end > 1.25*earlier
			if earlier = end; size == sizes[len(sizes)-1] {
				agree, disagree = agree && grown >= 1.5, disagree || grown < 1.1
			}
		}
	}
	for _, size := range sizes {
		_, here := by(levels[size], func(o observation) int { return o.FactorRank })
		low, high := math.Inf(1), 0.0
		for _, g := range here {
			e := median(g, leastError)
			low, high = min(low, e), max(high, e)
		}
		oracle := oracleError(levels[size][0])
		v.find("σ = %g: least test error %.3g to %.3g over r (medians); least squares in the tangent space "+
			"at the truth has %.3g", size, low, high, oracle)
		agree = agree && high <= 1.5*low && high <= 1.5*oracle
		disagree = disagree || high > 3*low || high > 3*oracle
	}
	if over == 0 {
		v.find("no run has more columns than the truth's rank")
		agree = false
	}
	held := keep(levels[sizes[len(sizes)-1]], func(o observation) bool {
		return o.FactorRank > o.Rank && o.HoldOut > 0 && o.KeepsBest()
	})
	stopped, worst := func(o observation) float64 { return testError(o) / leastError(o) }, 0.0
	for _, o := range held {
		worst = math.Max(worst, stopped(o))
	}
	typical := median(held, stopped)
	v.find("with r > r* and the most noise, the iterate with the least held-out RMSE has %.4g times the "+
		"least test error (median of %d runs), and at most %.4g times", typical, len(held), worst)
	agree, disagree = agree && typical <= 1.25, disagree || typical > 2
	v.settle(agree, disagree)
	return v
}

// fitsNoiseFrom returns the first iteration after that of the least test error at which the error is more
// than 1.5 times the least; +Inf if there is none.
func fitsNoiseFrom(o observation) float64 {
	for _, p := range o.Trajectory {
		if float64(p.Iteration) > leastAt(o) && p.TestError > 1.5*leastError(o) {
			return float64(p.Iteration)
		}
	}
	return math.Inf(1)
}
