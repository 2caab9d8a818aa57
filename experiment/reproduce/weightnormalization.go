package reproduce

import (
	"fmt"
	"math"

	"github.com/matsense/matsense/experiment/sweep"
)

const normalizationClaim = `With more columns than the truth's rank, and from random starts, weight
normalization with Riemannian steps converges linearly, and in fewer steps the more columns there are.
Gradient descent on UUᵀ with as many columns converges sublinearly (Wei, Zhang, Li and He, arXiv 2510.01175).`

// judgeNormalization looks at runs of weight-normalization and of gd on UUᵀ, all with r > r*, for several
// r. The target is a test error of 0.1, which ends the first phase of the theorem; in the second phase the
// rate of runs with usual steps hardly depends on r. Of weight-normalization it asks that all runs arrive,
// that each run's rate be steady ([fall]) to 0.9, that the median steps to the target never grow by more
// than a quarter from one r to the next, and that the largest r take at most half as many as the least. Of
// gd it asks that the squared error fall like T to a power within 0.2 of −2, in the median over the runs
// of each r. It disagrees if a run of weight-normalization does not arrive or has a rate that falls below
// 0.75, if the largest r takes as many steps as the least, or if the power for gd is below −2.5.
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
