package reproduce

import (
	"fmt"
	"math"

	"github.com/matsense/matsense/experiment/sweep"
)

const scaledClaim = `Near the truth, and with as many columns as its rank, scaled gradient descent takes the
same number of steps to a test error of 1e-10 for every condition number κ. Gradient descent takes more steps
for a larger κ (Tong, Ma and Chi, arXiv 2005.08898).`

// judgeScaled asks that the steps of scaled-gd differ by at most a half over all κ, and that those of gd grow
// at least fivefold. A factor of 3, or growth below twofold, disagrees.
func judgeScaled(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{X: "kappa", Y: "iterations_to_1e-10", By: "method"}},
	}}
	steady, grows := v.overKappa(all, "scaled-gd"), v.overKappa(all, "gd")
	switch {
	case steady > 3 || grows < 2:
		v.Status = Disagrees
	case steady <= 1.5 && grows >= 5:
		v.Status = Agrees
	}
	return v
}

const dampedClaim = `From small random starts with more columns than the truth's rank, the steps of scaled
gradient descent with damping λ (here σ_min²) to a given test error grow with the condition number κ only by
its logarithm, and are a line in ln(1/α) (Xu, Shen, Chi and Ma, arXiv 2302.01186). So are those of PrecGD,
whose λ follows the error (Zhang, Fattahi and Zhang, NeurIPS 2021). The steps of gradient descent grow with
κ, and without damping there is no inverse to scale by.`

// judgeDamped asks of both damped methods that the steps for the largest κ be at most 1.5 times those for
// κ = 1, and that the steps be lines in ln(1/α) for each κ (R² of 0.95 for each seed). It asks of gd that its
// steps grow at least threefold. It disagrees if the steps of a damped method grow more than threefold, if an
// R² is below 0.8, or if the steps of gd grow by less than 1.5.
func judgeDamped(all []observation) Verdict {
	const steps = "iterations_to_1e-05"
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{
			X: "kappa", Y: steps, By: "method",
			Where: map[string][]string{"alpha": {"1e-10"}},
		}},
	}}
	for _, method := range []string{"scaled-gd-lambda", "prec-gd"} {
		v.Figures = append(v.Figures, Figure{
			Fit: true,
			Query: sweep.Query{
				X: "alpha", Y: steps, By: "kappa",
				Where: map[string][]string{"method": {method}},
			},
		})
	}
	agree, disagree := true, false
	for _, method := range []string{"scaled-gd-lambda", "prec-gd"} {
		growth := v.overKappa(all, method)
		agree, disagree = agree && growth <= 1.5, disagree || growth > 3
		there := keep(all, func(o observation) bool { return o.Method == method && reached(o) != nil })
		kappas, groups := by(there, kappaOf)
		for _, kappa := range kappas {
			s := slopeOf(groups[kappa], logInverseAlpha, stepsToTarget)
			v.find("%s, κ = %g: slope %v steps per e-fold of 1/α, least R² %.3f", method, kappa, s, s.worst)
			agree, disagree = agree && s.worst >= 0.95, disagree || s.worst < 0.8
		}
	}
	plain := v.overKappa(all, "gd")
	agree, disagree = agree && plain >= 3, disagree || plain < 1.5
	v.overKappa(all, "scaled-gd")
	v.settle(agree, disagree)
	return v
}

// overKappa notes a method's steps to the target for each condition number, medians over seeds and starts,
// and returns the ratio of the last to the first: infinity if not all runs of the last κ reach the target,
// and NaN if not all of the first do.
func (v *Verdict) overKappa(all []observation, method string) float64 {
	kappas, groups := by(keep(all, func(o observation) bool { return o.Method == method }), kappaOf)
	growth, first, text := math.NaN(), math.NaN(), ""
	for i, kappa := range kappas {
		there := keep(groups[kappa], func(o observation) bool { return reached(o) != nil })
		steps := median(there, stepsToTarget)
		if i > 0 {
			text += "; "
		}
		switch missing := len(groups[kappa]) - len(there); {
		case len(there) == 0:
			text += fmt.Sprintf("κ = %g: not reached", kappa)
			growth = math.Inf(1)
		case missing > 0:
			text += fmt.Sprintf("κ = %g: %g, and not reached by %d of %d runs",
				kappa, steps, missing, len(groups[kappa]))
			growth = math.Inf(1)
		default:
			text += fmt.Sprintf("κ = %g: %g", kappa, steps)
			growth = steps / first
		}
		if i == 0 {
			first = steps
			if growth = 1; len(there) < len(groups[kappa]) {
				first = math.NaN()
			}
		}
	}
	if math.IsNaN(first) {
		growth = math.NaN()
	}
	v.find("%s, steps: %s", method, text)
	return growth
}
