package reproduce

import (
	"math"

	"github.com/matsense/matsense/experiment/sweep"
)

var truncationExperiment = Experiment{
	Name:  "truncation",
	About: "the error of the direction with heavy tails, with and without clipping",
	Claim: `Observations with heavy tails are to be clipped to ±τ. The direction of a sparse vector is then
found with an error of order √(s·log p / m), a slope of −1/2 in the number of samples m. The error is
smaller than without clipping (Fan, Yang and Yu, arXiv 2007.08322).`,
	Compared: `for observations with heavy tails the sine of the angle to the truth: its slope in m, in
logarithms, for each bound τ, and its median with the most samples, beside that without clipping. Clipping
makes another link of h, so that every τ finds the direction; the paper lets τ grow with m`,
	AgreesIf: `for every τ the slope is within 0.1 of −1/2, and the median is at most 0.8 of that without
clipping`,
	DisagreesIf: `the slope for a τ is more than 0.25 off, or no τ has a smaller median than without clipping`,
	Untested:    `a τ that grows with the number of samples, clipped covariates, and matrices`,
	judge:       judgeTruncation,
}

func judgeTruncation(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Fit: true, Query: sweep.Query{X: "measurements", Y: "angle", By: "truncation"}},
	}}
	bounds, groups := by(stable(all),
		func(o observation) float64 { return o.Truncation })
	if len(bounds) < 2 || bounds[0] != 0 {
		v.find("there are no runs with and without clipping")
		return v
	}
	sine := func(o observation) float64 { return o.Final.Angle }
	samples := func(o observation) float64 { return float64(o.Measurements) }
	agree, disagree := true, false
	without, best := math.NaN(), math.Inf(1)
	for _, bound := range bounds {
		sizes, ends := by(groups[bound], func(o observation) int { return o.Measurements })
		most := sizes[len(sizes)-1]
		s, last := slopeOf(groups[bound], log10(samples), log10(sine)), median(ends[most], sine)
		if bound == 0 {
			v.find("not clipped: slope %v in m; with m = %d the sine of the angle is %.2g", s, most, last)
			without = last
			continue
		}
		v.find("τ = %g: slope %v in m; with m = %d the sine of the angle is %.2g, %.2g of that without clipping",
			bound, s, most, last, last/without)
		best = math.Min(best, last)
		off := math.Abs(s.mean + 0.5)
		agree = agree && off <= 0.1 && last <= 0.8*without
		disagree = disagree || off > 0.25
	}
	v.settle(agree, disagree || best >= without)
	return v
}
