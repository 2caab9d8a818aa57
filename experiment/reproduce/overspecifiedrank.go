package reproduce

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/solver"
)

var overspecifiedRankExperiment = Experiment{
	Name:  "overspecified-rank",
	About: "how the error falls on the ℓ1 loss with more columns than the truth's rank",
	Claim: `From a start near the truth the subgradient method on the ℓ1 loss with diminishing steps
converges to the exact matrix, although some observations are outliers and the factor has more columns than
the truth's rank: sublinearly with more columns, linearly with as many (Ding, Jiang, Chen, Qu and Zhu, arXiv
2109.11154).`,
	Compared: `how the test error falls on the ℓ1 loss with outliers: with r = r* and geometric steps, and
with r > r* and steps of a power of t`,
	AgreesIf: `with r = r* every run ends at 1e-8 or less, at a rate steady to 0.9, and with r > r* the error
of every run falls at least like T^−0.75 over the last decade of T`,
	DisagreesIf: `with r = r* a run ends above 1e-4 or its rate is steady to less than 0.75, or with r > r*
an error falls more slowly than T^−0.5`,
	Untested: `the paper's own steps, with which the rate changes by itself if r = r*, outliers that an
adversary chooses, and how many measurements the theorem asks for`,
	judge: judgeOverspecifiedRank,
}

func judgeOverspecifiedRank(all []observation) Verdict {
	v := Verdict{Status: Unclear}
	robust := keep(all, func(o observation) bool { return o.Outliers > 0 && o.LossName() == "l1" })
	geometric := func(o observation) bool {
		_, is := o.NewStepDecay().(solver.GeometricDecay)
		return is
	}
	power := func(o observation) bool {
		_, is := o.NewStepDecay().(solver.PowerDecay)
		return is
	}
	end := func(o observation) float64 {
		if o.Diverged() {
			return math.Inf(1)
		}
		return testError(o)
	}
	exponent := func(o observation) float64 { return -powerOfT(o).Slope / 2 }
	agree, disagree := true, false
	var narrow, wide int
	shares, byShare := by(robust, func(o observation) float64 { return o.Outliers })
	for _, share := range shares {
		ranks, runs := by(byShare[share], func(o observation) int { return o.FactorRank })
		for _, r := range ranks {
			what := fmt.Sprintf("outliers in %g of the observations, r = %d", share, r)
			linear, slow := keep(runs[r], geometric), keep(runs[r], power)
			if len(linear) > 0 {
				v.find("%s, geometric steps: test errors of %.2g (median)", what, median(linear, end))
			}
			if r == runs[r][0].Rank && len(linear) > 0 {
				narrow++
				worst, steady := extreme(linear, end, slices.Max), v.steadiness(what, linear)
				v.find("%s = r*, geometric steps: all are %.2g or less; at the end the error falls at least "+
					"%.2f times as fast as before", what, worst, steady)
				agree = agree && worst <= 1e-8 && steady >= 0.9
				disagree = disagree || worst > 1e-4 || steady < 0.75
			}
			if r > runs[r][0].Rank && len(slow) > 0 {
				wide++
				slowest := least(slow, exponent)
				v.find("%s, steps of a power of t: test errors of %.2g (median), which fall at least like "+
					"T^−%.2f over the last decade of T", what, median(slow, end), slowest)
				agree = agree && slowest >= 0.75
				disagree = disagree || slowest < 0.5
			}
		}
	}
	if narrow == 0 || wide == 0 {
		v.find("there are no runs on the ℓ1 loss with outliers, both of geometric steps with r = r* and of " +
			"a power of t with r > r*")
		return v
	}
	first := strconv.FormatFloat(shares[0], 'g', -1, 64)
	for _, decay := range []func(observation) bool{geometric, power} {
		law := keep(robust, decay)[0].StepDecay
		v.Figures = append(v.Figures, Figure{Query: sweep.Query{
			X: sweep.Iteration, Y: "test_error", By: "factor-rank",
			Where: map[string][]string{"step-decay": {law}, "outliers": {first}},
		}})
	}
	v.settle(agree, disagree)
	return v
}
