package reproduce

import (
	"math"
	"slices"

	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/internal/fit"
)

const momentumClaim = `Near the truth, and with as many columns as its rank, f is nearly a quadratic whose curvatures have a ratio of the order of κ²: gradient
descent takes steps to a given test error that grow with κ², the heavy ball with the momentum that suits κ steps that grow with κ
(Polyak 1964). That is local: the runs start from the spectral estimate.`

// judgeMomentum asks that the steps grow with κ to the power of 2 for gd and of 1 for the best of the heavy ball's momenta, each to
// within 0.25; more than 0.5 off either disagrees, as does a heavy ball that is not faster at the largest κ.
func judgeMomentum(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{X: "kappa", Y: "iterations_to_1e-10", By: "momentum"}},
	}}
	plain, slow := v.powerOfKappa(all, "gd")
	heavy, fast := v.powerOfKappa(all, "momentum")
	off := math.Max(math.Abs(plain-2), math.Abs(heavy-1)) // NaN stays
	v.settle(off <= 0.25 && fast < slow, off > 0.5 || fast >= slow)
	return v
}

// powerOfKappa tells a method's steps to the target, medians over the seeds and with the momentum for which they are least, over
// those κ that a momentum takes all runs to the target with. It returns the slope in logarithms and the steps at the largest κ,
// NaN for fewer than three κ.
func (v *Verdict) powerOfKappa(all []observation, method string) (slope, last float64) {
	kappas, groups := by(slices.DeleteFunc(slices.Clone(all), func(o observation) bool { return o.Method != method }), func(o observation) float64 { return o.Kappa })
	slope, last = math.NaN(), math.NaN()
	var xs, ys []float64
	for _, kappa := range kappas {
		least, at := math.Inf(1), 0.0
		momenta, runs := by(groups[kappa], func(o observation) float64 { return o.Momentum })
		for _, momentum := range momenta {
			if slices.ContainsFunc(runs[momentum], func(o observation) bool { return reached(o) == nil }) {
				continue
			}
			if steps := median(runs[momentum], func(o observation) float64 { return float64(*reached(o)) }); steps < least {
				least, at = steps, momentum
			}
		}
		if math.IsInf(least, 1) {
			v.find("%s, κ = %g: not reached by all runs", method, kappa)
			continue
		}
		if method == "gd" {
			v.find("%s, κ = %g: %g steps", method, kappa, least)
		} else {
			v.find("%s, κ = %g: %g steps, with β = %g, the best of %d", method, kappa, least, at, len(momenta))
		}
		xs, ys = append(xs, math.Log(kappa)), append(ys, math.Log(least))
	}
	if line, ok := fit.Through(xs, ys); ok && len(xs) >= 3 {
		slope, last = line.Slope, math.Exp(ys[len(ys)-1])
		v.find("%s: steps grow with κ to the power of %.2f (R² %.4f)", method, slope, line.R2)
	} else {
		v.find("%s: too few κ for a slope", method)
	}
	return slope, last
}
