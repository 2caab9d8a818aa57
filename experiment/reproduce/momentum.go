package reproduce

import (
	"math"
	"slices"

	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/internal/fit"
)

var momentumExperiment = Experiment{
	Name:  "momentum",
	About: "the steps of gradient descent and momentum against κ of X",
	Claim: `Near the truth, and with as many columns as its rank, f is nearly a quadratic whose curvatures
have a ratio of the order of κ², with the condition number κ of X. The steps of gradient descent to a given
test error grow with κ², and those of the heavy ball, with the momentum that suits κ, grow with κ (Polyak
1964). This holds near the truth only, so the runs start from the spectral estimate.`,
	Compared: `the power of κ of X in the steps to a test error of 1e-10, for gd and for the heavy ball with
the best momentum for each κ, of those with which all runs arrive (medians)`,
	AgreesIf: `the power is 2 for gd and 1 for the heavy ball, each to within 0.25`,
	DisagreesIf: `a power is more than 0.5 off, the heavy ball is no faster at the largest κ at which both
arrive, or for some κ all runs of gd arrive and with no momentum all do`,
	Untested: `Nesterov's method, and starts far from the truth`,
	judge:    judgeMomentum,
}

func judgeMomentum(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{X: "kappa", Y: "iterations_to_1e-10", By: "momentum"}},
	}, mayDiverge: func(o observation) bool { return o.Method == "momentum" }} // if it does not suit κ
	plain, slow := v.powerOfKappa(all, "gd")
	heavy, fast := v.powerOfKappa(all, "momentum")
	missed, both := false, 0.0 // the largest κ for which both reach the target
	for kappa := range slow {
		_, there := fast[kappa]
		missed = missed || !there
		if there {
			both = max(both, kappa)
		}
	}
	slower := both > 0 && fast[both] >= slow[both]
	off := math.Max(math.Abs(plain-2), math.Abs(heavy-1)) // NaN stays
	v.settle(off <= 0.25 && !slower && !missed, off > 0.5 || slower || missed)
	return v
}

// powerOfKappa notes a method's steps to the target for each κ: the median over seeds with the momentum for
// which it is least, among momenta with which all runs reach the target. It returns the slope in logarithms,
// NaN for fewer than three κ, and the steps for each κ for which the target was reached. If there are others,
// the verdict does not agree.
func (v *Verdict) powerOfKappa(all []observation, method string) (slope float64, steps map[float64]float64) {
	kappas, groups := by(keep(all, func(o observation) bool { return o.Method == method }), kappaOf)
	slope, steps = math.NaN(), map[float64]float64{}
	var xs, ys []float64
	for _, kappa := range kappas {
		least, at := math.Inf(1), 0.0
		momenta, runs := by(groups[kappa], func(o observation) float64 { return o.Momentum })
		for _, momentum := range momenta {
			if slices.ContainsFunc(runs[momentum], func(o observation) bool { return reached(o) == nil }) {
				continue
			}
			if steps := median(runs[momentum], stepsToTarget); steps < least {
				least, at = steps, momentum
			}
		}
		if math.IsInf(least, 1) {
			v.find("%s, κ = %g: not reached by all runs", method, kappa)
			v.partial = true
			continue
		}
		if method == "gd" {
			v.find("%s, κ = %g: %g steps", method, kappa, least)
		} else {
			v.find("%s, κ = %g: %g steps, with β = %g, the best of %d",
				method, kappa, least, at, len(momenta))
		}
		steps[kappa] = least
		xs, ys = append(xs, math.Log(kappa)), append(ys, math.Log(least))
	}
	if line, ok := fit.Through(xs, ys); ok && len(xs) >= 3 {
		slope = line.Slope
		v.find("%s: steps grow with κ to the power of %.2f (R² %.4f)", method, slope, line.R2)
	} else {
		v.find("%s: too few κ for a slope", method)
	}
	return slope, steps
}
