package reproduce

import (
	"fmt"
	"math"

	"github.com/matsense/matsense/experiment/sweep"
)

var singleIndexExperiment = Experiment{
	Name:  "single-index",
	About: "the test error of sparse vectors behind links against the number of samples",
	Claim: `From a small start and after some log(1/α) steps u∘u − v∘v finds a sparse vector behind a link,
known or not, without a penalty. Its error is of order √(s·log p / m), a slope of −1/2 in the number of
samples m, and all of its support is found. From a large start the other elements do not stay small (Fan,
Yang and Yu, arXiv 2007.08322).`,
	Compared: `for each link, from the least start: the slope of the last test error in the number m of
samples, in logarithms, and whether the support is found with the most samples (each of its elements is
above every other element); and the error from the largest start`,
	AgreesIf: `every slope is within 0.1 of −1/2, all runs find the support, and the error from the largest
start with the most samples is at least three times as large`,
	DisagreesIf: `a slope is more than 0.25 off, half of the runs miss the support, or the error from the
largest start is no larger`,
	Untested: `other sparsities and sizes (single-index-sizes), samples that are not Gaussian (covariates),
heavy tails (truncation), other links, and the constants`,
	judge: judgeSingleIndex,
}

func judgeSingleIndex(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Fit: true, Query: sweep.Query{
			X: "measurements", Y: "test_error", By: "alpha",
			Where: map[string][]string{"link": {"sign"}, "link-scale": {"unknown"}},
		}},
	}}
	alphas, starts := by(stable(all), alphaOf)
	if len(alphas) < 2 {
		v.find("there are no two sizes of the start")
		return v
	}
	v.Figures = append(v.Figures, Figure{Fit: true, Query: sweep.Query{
		X: "measurements", Y: "test_error", By: "link",
		Where: map[string][]string{"link-scale": {"known"}, "alpha": {fmt.Sprint(alphas[0])}},
	}})
	model := func(o observation) string { return fmt.Sprintf("%s, %s", o.Link, o.LinkScale) }
	models, small := by(starts[alphas[0]], model)
	_, large := by(starts[alphas[len(alphas)-1]], model)
	agree, disagree := true, false
	for _, name := range models {
		g := small[name]
		samples := func(o observation) float64 { return float64(o.Measurements) }
		s := slopeOf(g, log10(samples), log10(testError))
		most := 0
		for _, o := range g {
			most = max(most, o.Measurements)
		}
		hasMost := func(o observation) bool { return o.Measurements >= most }
		last := keep(g, hasMost)
		found := len(keep(last, func(o observation) bool { return o.Final.Signal > o.Final.Noise }))
		ratio := median(keep(large[name], hasMost), testError) / median(last, testError)
		v.find("%s: slope %v in m; with m = %d the test error is %.2g, "+
			"the support is found by %d of %d runs, and from α = %g the error is %.3g times as large",
			name, s, most, median(last, testError), found, len(last), alphas[len(alphas)-1], ratio)
		off := math.Abs(s.mean + 0.5)
		agree = agree && off <= 0.1 && found == len(last) && ratio >= 3
		disagree = disagree || off > 0.25 || 2*found <= len(last) || ratio <= 1
	}
	v.settle(agree && len(models) > 0, disagree)
	return v
}
