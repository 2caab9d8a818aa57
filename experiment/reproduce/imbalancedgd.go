package reproduce

import (
	"fmt"
	"math"

	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/solver"
)

var imbalancedGDExperiment = Experiment{
	Name:  "imbalanced-gd",
	About: "rates with more columns than the rank, with UUᵀ, UVᵀ and unbalanced factors",
	Claim: `If the factor has more columns than the truth's rank, gradient descent on UUᵀ converges
sublinearly: ‖UUᵀ − M*‖² is at least of order 1/T². With as many columns as the rank it converges linearly.
On UVᵀ, from V₀ a third as large as U₀, it converges linearly with more columns too, at a rate proportional
to α². With one step that makes U and V unbalanced, the rate does not depend on α (Xiong, Ding and Du, arXiv
2310.01769).`,
	Compared: `for r > r*: the power of T in the squared error of UUᵀ over the last decade of T, the power of
α in the rate of gd on UVᵀ, and the rates of imbalanced-gd for several α; and how steady these two rates,
and that of UUᵀ with r = r*, are`,
	AgreesIf: `over the last decade of T the power of T is within 0.2 of −2, in the median and for the run
that falls fastest, and T² times the squared error is never below half of its median; the power of α is
within 0.2 of 2, the rates of imbalanced-gd are within a quarter of each other (medians for each α), and
every rate is positive and steady to 0.9`,
	DisagreesIf: `over the last decade of T the power of T is below −2.5 for a run, or T² times the squared
error falls below a tenth of its median; the power of α is more than 0.5 off, the rates of imbalanced-gd are
twofold apart, or one of the runs that are to converge linearly ends above 0.01, does not fall, or has a
rate steady to less than 0.75 (a power of T has 0.71)`,
	Untested: `the constants, the numbers of columns and measurements that the theorems ask for, κ of X above
1, and that no rate of gd on UVᵀ is better than of order α²`,
	judge: onEvenSpectra(judgeImbalanced),
}

func judgeImbalanced(all []observation) Verdict {
	const method = "imbalanced-gd"
	uv := solver.UV{}.Name()
	where := func(key, value string) map[string][]string { return map[string][]string{key: {value}} }
	v := Verdict{Status: Unclear,
		follow: []string{"n2", "measurements", "step", "iterations", "measure-every", "alpha-right"},
		Figures: []Figure{
			{Query: sweep.Query{X: sweep.Iteration, Y: "test_error", By: "factor-rank",
				Where: where("parametrization", solver.PSD{}.Name())}},
			{Query: sweep.Query{X: sweep.Iteration, Y: "test_error", By: "alpha",
				Where: map[string][]string{"parametrization": {uv}, "method": {"gd"}}}},
			{Query: sweep.Query{X: sweep.Iteration, Y: "test_error", By: "alpha",
				Where: where("method", method)}},
		}}
	exact := func(o observation) bool { return o.FactorRank == o.Rank }
	symmetric := keep(all, func(o observation) bool { return o.Parametrization == solver.PSD{}.Name() })
	rectangular := keep(all, func(o observation) bool { return o.Parametrization == uv && !exact(o) })
	wide := keep(symmetric, func(o observation) bool { return !exact(o) })
	narrow := keep(symmetric, exact)
	plain := keep(rectangular, func(o observation) bool { return o.Method == "gd" })
	changed := keep(rectangular, func(o observation) bool { return o.Method == method })
	plainAlphas, _ := by(plain, alphaOf)
	changedAlphas, groups := by(changed, alphaOf)
	if len(wide) == 0 || len(narrow) == 0 || len(plainAlphas) < 3 || len(changedAlphas) < 2 {
		v.find("runs of UUᵀ with r = r* and r > r*, of UVᵀ with three α, or of %s with two are missing",
			method)
		return v
	}
	var agree, disagree bool
	also := func(a, d bool) { agree, disagree = agree && a, disagree || d }
	agree = true

	power := median(wide, func(o observation) float64 { return powerOfT(o).Slope })
	fastest := least(wide, func(o observation) float64 { return powerOfT(o).Slope })
	lowest := least(wide, leastOverMedian)
	v.find("UUᵀ, r > r*: ‖UUᵀ − M*‖² falls like T to the power %.3f over the last decade of T (median of "+
		"%d runs, at the fastest %.3f); T² times it is never below %.2f of its median there", power,
		len(wide), fastest, lowest)
	also(math.Abs(power+2) <= 0.2 && math.Abs(fastest+2) <= 0.2 && lowest >= 0.5,
		fastest < -2.5 || lowest < 0.1)

	linear := func(what string, runs []observation) {
		steady, slowest := v.steadiness(what, runs), least(runs, rateOf)
		v.find("%s: the error falls by e^−%.4g each step (median of %d runs), at the end at least %.2f "+
			"times as fast as before", what, median(runs, rateOf), len(runs), steady)
		also(steady >= 0.9 && slowest > 0, steady < 0.75 || slowest <= 0)
	}
	linear("UUᵀ, r = r*", narrow)
	_, starts := by(plain, alphaOf)
	for _, alpha := range plainAlphas {
		linear(fmt.Sprintf("UVᵀ, r > r*, gd, α = %g", alpha), starts[alpha])
	}
	s := slopeOf(plain, log10(alphaOf), log10(rateOf))
	v.find("UVᵀ, r > r*, gd: the rate grows like α to the power %v, over %.1f decades of α", s,
		decades(plain, alphaOf))
	also(math.Abs(s.mean-2) <= 0.2, math.Abs(s.mean-2) > 0.5)

	lowRate, highRate := math.Inf(1), 0.0
	for _, alpha := range changedAlphas {
		linear(fmt.Sprintf("UVᵀ, r > r*, %s, α = %g", method, alpha), groups[alpha])
		rate := median(groups[alpha], rateOf)
		lowRate, highRate = math.Min(lowRate, rate), math.Max(highRate, rate)
	}
	v.find("%s: rates differ by a factor of %.2f over %.1f decades of α", method, highRate/lowRate,
		decades(changed, alphaOf))
	also(highRate/lowRate <= 1.25, highRate/lowRate >= 2)
	v.settle(agree, disagree)
	return v
}
