package reproduce

import (
	"fmt"
	"math"

	"github.com/matsense/matsense/experiment/sweep"
)

var weightNormalizationExperiment = Experiment{
	Name:  "weight-normalization",
	About: "the steps of weight normalization against the number of columns, beside gd",
	Claim: `With more columns than the truth's rank, and from random starts, weight normalization with
Riemannian steps converges linearly, and in fewer steps the more columns there are. Gradient descent on UUᵀ
with as many columns converges sublinearly (Wei, Zhang, Li and He, arXiv 2510.01175).`,
	Compared: `for r > r*: the steps of weight-normalization to a test error of 0.1 over r (medians), how
steady its rates are, and the power of T in the squared error of gd over the last decade of T. The target
ends the first phase of the theorem. In the second phase the rate of runs with usual steps hardly depends on
r`,
	AgreesIf: `all runs of weight-normalization arrive with rates steady to 0.9, their steps grow by at most
a quarter from one r to the next, the largest r takes at most half as many as the least, and the power for
gd is within 0.2 of −2 for each r (medians)`,
	DisagreesIf: `a run of weight-normalization does not arrive or has a rate steady to less than 0.75, the
largest r takes as many steps as the least, or the power for gd is below −2.5 for an r (median)`,
	Untested: `the theorem's rates and constants, the number of measurements against r, noise, other
retractions, and steps as short as the theorem asks for`,
	judge: judgeNormalization,
}

func judgeNormalization(all []observation) Verdict {
	const method, steps = "weight-normalization", "iterations_to_0.1"
	here := map[string][]string{"method": {method}}
	v := Verdict{Status: Unclear,
		follow: []string{"parametrization", "step", "alpha", "iterations", "measure-every"},
		Figures: []Figure{
			{Query: sweep.Query{X: "factor-rank", Y: steps, Where: here}},
			{Query: sweep.Query{X: sweep.Iteration, Y: "test_error", By: "factor-rank", Where: here}},
			{Query: sweep.Query{X: sweep.Iteration, Y: "test_error", By: "factor-rank",
				Where: map[string][]string{"method": {"gd"}}}},
		}}
	columnsOf := func(o observation) int { return o.FactorRank }
	of := func(method string) ([]int, map[int][]observation) {
		return by(keep(all, func(o observation) bool { return o.Method == method && o.FactorRank > o.Rank }),
			columnsOf)
	}
	ranks, runs := of(method)
	plainRanks, plain := of("gd")
	if len(ranks) < 2 || len(plainRanks) == 0 {
		v.find("runs of %s with two r above r*, or of gd with r above r*, are missing", method)
		return v
	}
	agree, disagree := true, false
	also := func(a, d bool) { agree, disagree = agree && a, disagree || d }
	var medians []float64
	for _, r := range ranks {
		arrived := keep(runs[r], func(o observation) bool { return reached(o) != nil })
		what := fmt.Sprintf("%s, r = %d", method, r)
		here, steady := median(arrived, stepsToTarget), v.steadiness(what, runs[r])
		v.find("%s: %d of %d runs arrive, in %g steps (median); the error falls by e^−%.3g each step, "+
			"at the end at least %.2f times as fast as before", what, len(arrived), len(runs[r]), here,
			median(runs[r], rateOf), steady)
		missing := len(arrived) < len(runs[r])
		also(!missing && steady >= 0.9, missing || steady < 0.75)
		if n := len(medians); n > 0 {
			also(here <= 1.25*medians[n-1], false)
		}
		medians = append(medians, here)
	}
	share := medians[len(medians)-1] / medians[0]
	v.find("%s: r = %d takes %.2f of the steps that r = %d takes", method, ranks[len(ranks)-1], share, ranks[0])
	also(share <= 0.5, share >= 1)
	for _, r := range plainRanks {
		power := median(plain[r], func(o observation) float64 { return powerOfT(o).Slope })
		v.find("gd, r = %d: ‖UUᵀ − M*‖² falls like T to the power %.3f over the last decade of T", r, power)
		also(math.Abs(power+2) <= 0.2, power < -2.5)
	}
	v.settle(agree, disagree)
	return v
}
