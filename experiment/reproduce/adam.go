package reproduce

import (
	"math"
	"slices"

	"github.com/matsense/matsense/experiment/sweep"
)

var adamExperiment = Experiment{
	Name:  "adam",
	About: "the test error of gd, momentum and Adam on UVᵀ against the size of the start",
	Claim: `With fewer measurements than M has numbers, infinitely many M fit. From a small start, gradient
descent on UVᵀ comes to one of nearly the truth's rank, and the smaller the start, the nearer. So does
gradient descent with momentum. Adam, which scales each entry's step by itself, fits too, but does not come
near low rank, however small the start (Singh, arXiv 2608.05136).`,
	Compared: `UVᵀ with fewer measurements than M has numbers: the powers of α in the test errors of gd,
momentum and Adam, and their errors from the least α (medians). The sweep has three times as many
measurements as the truth has free numbers. So if a matrix of low rank fits, it is the truth`,
	AgreesIf: `all train losses fall to a ten-thousandth of the first, the powers for gd and momentum are at
least 0.3, that for Adam is within 0.1 of 0, and Adam's error from the least α is at least ten times that of
gd and that of momentum`,
	DisagreesIf: `a power for gd or momentum is below 0.1, that for Adam is above 0.25, or Adam's error from
the least α is less than twice that of gd or that of momentum`,
	Untested: `the paper's theorems, methods between Adam and gd, other steps and decays of Adam, rotated
starts, truths of approximately low rank, and networks`,
	judge: judgeAdam,
}

func judgeAdam(all []observation) Verdict {
	v := Verdict{Status: Unclear, follow: []string{"step"}, Figures: []Figure{
		{Query: sweep.Query{X: "alpha", Y: "test_error", By: "method"}, Fit: true},
		{Query: sweep.Query{X: sweep.Iteration, Y: "test_error", By: "alpha",
			Where: map[string][]string{"method": {"adam"}}}},
	}}
	open := v.about(all, func(o observation) bool { return o.Measurements < o.N*o.N2 },
		"have as many measurements as M has numbers")
	// With a constant step Adam stays at a distance from the observations that the step decides.
	fitted := v.arrived(open, func(o observation) bool { return partOfLoss(o) <= 1e-4 },
		"have a train loss above a ten thousandth of the first")
	methods, groups := by(fitted, func(o observation) string { return o.Method })
	least := math.Inf(1) // the least α
	for _, o := range fitted {
		least = math.Min(least, o.Alpha)
	}
	slopes, errors := map[string]float64{}, map[string]float64{}
	for _, method := range methods {
		g := groups[method]
		s := slopeOf(g, log10(alphaOf), log10(testError))
		slopes[method] = s.mean
		errors[method] = median(keep(g, func(o observation) bool { return o.Alpha == least }), testError)
		v.find("%s: slope %v over %.1f decades of α; test error %.2g from α = %g (median)", method, s,
			decades(g, alphaOf), errors[method], least)
	}
	descents := []string{"gd", "momentum"}
	for _, method := range append(descents, "adam") {
		if !slices.Contains(methods, method) {
			v.find("there are no runs of %s that fit", method)
			return v
		}
	}
	adam := slopes["adam"]
	agree, disagree := math.Abs(adam) <= 0.1, adam > 0.25
	for _, method := range descents {
		apart := errors["adam"] / errors[method]
		agree = agree && slopes[method] >= 0.3 && apart >= 10
		disagree = disagree || slopes[method] < 0.1 || apart < 2
	}
	v.settle(agree, disagree)
	return v
}
