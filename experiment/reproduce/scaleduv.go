package reproduce

import (
	"math"

	"github.com/matsense/matsense/experiment/sweep"
)

const scaledUVClaim = `From the spectral estimate, with as many columns as the rank, scaled gradient descent on
UVᵀ reaches a test error of 1e-14 in a number of steps that does not grow with the condition number κ of M*.
This holds with m = 5nr Gaussian measurements, and with a fifth of the entries of a matrix whose singular
vectors are spread out. The steps of gradient descent grow with κ (Tong, Ma and Chi, arXiv 2005.08898,
Figure 2).`

// judgeScaledUV asks for each ensemble that all runs of scaled-gd arrive for every κ, that their steps differ
// by at most a fifth between any two κ, and that the power of κ in the steps, over seeds, be 0.05 at most at
// the upper end of its interval: at most 16 % more steps for κ = 20 than for κ = 1. (The power of gradient
// descent is 1.) Those of gd must grow at least twofold. It disagrees if the whole interval is above 0.05, if
// steps of scaled-gd differ by more than a half, if runs of it do not arrive, or if the steps of gd grow by
// less than a quarter.
func judgeScaledUV(all []observation) Verdict {
	const steps = "iterations_to_1e-14"
	v := Verdict{Status: Unclear, follow: []string{"n", "n2", "measurements", "singular-vectors"}}
	known := keep(all, func(o observation) bool { return conditionOf(o) >= 1 })
	if len(known) < len(all) {
		v.find("%d runs have a truth of unknown condition and are left out", len(all)-len(known))
	}
	ensembles, groups := by(known, func(o observation) string { return o.Ensemble })
	if len(ensembles) == 0 {
		v.find("there are no runs")
	}
	agree, disagree := len(ensembles) > 0, false
	for _, ensemble := range ensembles {
		of := func(method string) []observation {
			return keep(groups[ensemble], func(o observation) bool { return o.Method == method })
		}
		scaled := v.stepsOver(ensemble+", scaled-gd", of("scaled-gd"), conditionOf).apart
		there := keep(of("scaled-gd"), func(o observation) bool { return reached(o) != nil })
		power := slopeOf(there, log10(conditionOf), log10(stepsToTarget))
		v.find("%s, scaled-gd: the steps grow with κ to the power %v", ensemble, power)
		plain := v.stepsOver(ensemble+", gd", of("gd"), conditionOf).growth
		agree = agree && scaled <= 1.2 && power.high <= 0.05 && plain.least >= 2
		disagree = disagree || scaled > 1.5 || power.low > 0.05 || plain.most < 1.25
		here, scaledHere := map[string][]string{}, map[string][]string{"method": {"scaled-gd"}}
		if len(ensembles) > 1 {
			here["ensemble"], scaledHere["ensemble"] = []string{ensemble}, []string{ensemble}
		}
		v.Figures = append(v.Figures,
			Figure{Query: sweep.Query{X: "spectrum", Y: steps, By: "method", Where: here}},
			Figure{Query: sweep.Query{
				X: sweep.Iteration, Y: "test_error", By: "spectrum", Where: scaledHere,
			}})
	}
	v.settle(agree, disagree)
	return v
}

// conditionOf returns the condition number of M*, or NaN if the truth is not drawn.
func conditionOf(o observation) float64 {
	singular := o.Singular()
	if len(singular) == 0 {
		return math.NaN()
	}
	return singular[0] / singular[len(singular)-1]
}
