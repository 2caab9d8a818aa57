package reproduce

import (
	"math"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/sweep"
)

var spectralExperiment = Experiment{
	Name:  "spectral",
	About: "the factor's angle to the spectral method's subspace over the iterations",
	Claim: `From a small start the factor first turns to the spectral method's subspace, comes far closer to
it than that subspace is to the truth, and then leaves it for the truth.`,
	Compared: `for each number of columns the least angle to the spectral estimate and the last one, beside
the estimate's own angle to the truth (medians)`,
	AgreesIf: `the least angle is at most a tenth of the estimate's own, and the last at least half of it`,
	DisagreesIf: `the least angle is more than half of the estimate's own, or the last is at most twice the
least although the runs went on for as many iterations again`,
	Untested: `how the closest angle depends on α`,
	judge:    judgeSpectral,
}

func judgeSpectral(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{X: sweep.Iteration, Y: "spectral_angle", By: "factor-rank"}},
	}}
	ranks, groups := by(stable(all), func(o observation) int { return o.FactorRank })
	agree, disagree := len(ranks) > 0, false
	for _, r := range ranks {
		g := groups[r]
		estimate := median(g, func(o observation) float64 { return float64(o.EstimateAngle) })
		closest := median(g, func(o observation) float64 { return float64(o.ClosestAngle) })
		last := median(g, func(o observation) float64 { return o.Final.SpectralAngle })
		when := median(g, func(o observation) float64 {
			if o.ClosestIteration == nil {
				return math.NaN()
			}
			return float64(*o.ClosestIteration)
		})
		v.find("r = %d: closest to the spectral estimate at iteration %g, sine %.2g (%.2g°), "+
			"in the end %.2g; the estimate is %.2g (%.2g°) from the truth (medians of %d runs)",
			r, when, closest, degrees(closest), last, estimate, degrees(estimate), len(g))
		agree = agree && closest <= experiment.AkinWithin*estimate && last >= estimate/2
		stays := last <= 2*closest && median(g, lastIteration) >= 2*when
		agree = agree && !stays
		disagree = disagree || closest > estimate/2 || stays
	}
	v.settle(agree, disagree)
	return v
}

func degrees(sine float64) float64 { return math.Asin(sine) * 180 / math.Pi }
