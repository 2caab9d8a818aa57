package reproduce

import (
	"maps"
	"math"
	"slices"

	"github.com/matsense/matsense/experiment/sweep"
)

var altminExperiment = Experiment{
	Name:  "altmin",
	About: "the iterations against κ of X, and the error with more columns, beside gd",
	Claim: `With as many columns as the truth's rank and enough measurements alternating minimization on UVᵀ
converges linearly (Jain, Netrapalli and Sanghavi, arXiv 1212.0467). Its iterations do not grow with κ of X,
those of gradient descent do. With so many columns that an iteration has as many unknowns as there are
measurements, or more, it fits the observations by a matrix that has nothing to do with the truth. Gradient
descent from a small start then still finds the truth.`,
	Compared: `with r = r* the iterations of altmin and gd to a test error of 1e-10 over κ of X, and with n·r
≥ m their last test errors`,
	AgreesIf: `with r = r* all runs of altmin arrive, their iterations differ by at most a quarter between
any two κ (medians), between the errors 1e-2 and 1e-10 the logarithm of each run's error falls in the later
half of the points at least 0.8 times as fast as in the earlier half, and the iterations of gd grow at least
threefold from the least κ to the largest; with n·r ≥ m all runs of altmin fit (a loss below a millionth of
the first) with errors of 0.1 or more, and all of gd end below 0.01`,
	DisagreesIf: `with r = r* the iterations of altmin differ more than twofold, a run of it never arrives,
the ratio of the halves is below 0.5, or the iterations of gd grow by less than a half; or with n·r ≥ m the
median error of altmin is below 0.01, or that of gd above 0.1`,
	Untested: `the paper's start, completion, noise, and how many measurements the theorem asks for`,
	judge:    judgeAltMin,
}

func judgeAltMin(all []observation) Verdict {
	const method = "altmin"
	of := func(runs []observation, method string) []observation {
		return keep(runs, func(o observation) bool { return o.Method == method })
	}
	unknowns := func(o observation) int { return max(o.N, o.N2) * o.FactorRank }
	exact := keep(all, func(o observation) bool { return o.FactorRank == o.Rank })
	wide := keep(all, func(o observation) bool { return o.FactorRank > o.Rank })
	under := keep(wide, func(o observation) bool { return unknowns(o) >= o.Measurements })
	v := Verdict{Status: Unclear, follow: []string{"iterations", "step", "alpha", "measurements"}}
	if len(of(exact, method)) == 0 || len(of(under, method)) == 0 || len(of(under, "gd")) == 0 {
		v.find("there are no runs of %s with r = r*, and of both methods with n·r ≥ m", method)
		return v
	}
	v.Figures = altminFigures(exact[0], under[0])

	apart := v.stepsOver(method+", r = r*", of(exact, method), kappaOf).apart
	steady := least(of(exact, method), func(o observation) float64 { return laterOverEarlier(falling(o)) })
	v.find("%s, r = r*: in the later half of the iterations the error falls at least %.2f times as fast as in "+
		"the earlier half", method, steady)
	plain := v.stepsOver("gd, r = r*", of(exact, "gd"), kappaOf).growth
	agree := apart <= 1.25 && steady >= 0.8 && plain.least >= 3
	disagree := apart > 2 || steady < 0.5 || plain.most < 1.5

	end := func(o observation) float64 {
		if o.Diverged() {
			return math.Inf(1)
		}
		return testError(o)
	}
	ranks, runs := by(wide, func(o observation) int { return o.FactorRank })
	for _, r := range ranks {
		o := runs[r][0]
		v.find("m = %d, r = %d, %d unknowns in an iteration: test errors of %.2g by %s and of %.2g by gd "+
			"(medians)", o.Measurements, r, unknowns(o), median(of(runs[r], method), end), method,
			median(of(runs[r], "gd"), end))
	}
	fitted := extreme(of(under, method), partOfLoss, slices.Max)
	v.find("%s, n·r ≥ m: the losses are %.2g of the first or less", method, fitted)
	agree = agree && fitted < 1e-6 && extreme(of(under, method), end, slices.Min) >= 0.1 &&
		extreme(of(under, "gd"), end, slices.Max) < 0.01
	disagree = disagree || median(of(under, method), end) < 0.01 || median(of(under, "gd"), end) > 0.1
	v.settle(agree, disagree)
	return v
}

// altminFigures show runs like a narrow one over κ, and runs like a wide one over r.
func altminFigures(narrow, wide observation) []Figure {
	exact := whereOf("measurements", narrow.Measurements)
	maps.Copy(exact, whereOf("factor-rank", narrow.FactorRank))
	return []Figure{
		{Query: sweep.Query{X: "kappa", Y: "iterations_to_1e-10", By: "method", Where: exact}},
		{Query: sweep.Query{X: "factor-rank", Y: "test_error", By: "method",
			Where: whereOf("measurements", wide.Measurements)}},
	}
}
