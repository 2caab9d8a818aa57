package reproduce

import (
	"cmp"
	"math"

	"github.com/matsense/matsense/experiment/sweep"
)

var covariatesExperiment = Experiment{
	Name:  "covariates",
	About: "the test error of sparse vectors against samples that are not Gaussian",
	Claim: `The covariates need not be Gaussian: with the score function of their law in the place of X, a
sparse vector behind an unknown link is found with an error of order √(s·log p / m), a slope of −1/2 in the
number of samples m, and with all of its support (Fan, Yang and Yu, arXiv 2007.08322).`,
	Compared: `for each law of the covariates and each link: the slope of the last test error in the number m
of samples, in logarithms, and whether the support is found with the most samples`,
	AgreesIf: `at least one law is not Gaussian, every slope is within 0.1 of −1/2, and all runs with the
most samples find the support`,
	DisagreesIf: `a slope is more than 0.25 off, or for a law and a link half of the runs with the most
samples miss the support`,
	Untested: `matrices, and covariates whose score has heavy tails`,
	judge:    judgeCovariates,
}

func judgeCovariates(all []observation) Verdict {
	v := Verdict{Status: Unclear}
	names, groups := by(stable(all),
		func(o observation) string { return cmp.Or(o.Covariates, "gaussian") + ", " + o.Link })
	agree, disagree, other := true, false, false
	links := map[string]bool{}
	for _, name := range names {
		g := groups[name]
		sizes, ends := by(g, func(o observation) int { return o.Measurements })
		last := ends[sizes[len(sizes)-1]]
		samples := func(o observation) float64 { return float64(o.Measurements) }
		s := slopeOf(g, log10(samples), log10(testError))
		found := len(keep(last, func(o observation) bool { return o.Final.Signal > o.Final.Noise }))
		v.find("%s: slope %v in m; with m = %d the test error is %.2g, and the support is found by %d of %d runs",
			name, s, sizes[len(sizes)-1], median(last, testError), found, len(last))
		off := math.Abs(s.mean + 0.5)
		agree = agree && off <= 0.1 && found == len(last)
		disagree = disagree || off > 0.25 || 2*found <= len(last)
		other = other || g[0].Covariates != ""
		if link := g[0].Link; !links[link] {
			links[link] = true
			v.Figures = append(v.Figures, Figure{Fit: true, Query: sweep.Query{
				X: "measurements", Y: "test_error", By: "covariates",
				Where: map[string][]string{"link": {link}},
			}})
		}
	}
	if !other {
		v.find("there are no runs whose covariates are not Gaussian")
	}
	v.settle(agree && other, disagree)
	return v
}
