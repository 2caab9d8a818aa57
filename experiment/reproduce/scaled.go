package reproduce

import (
	"fmt"
	"math"
	"slices"

	"github.com/matsense/matsense/experiment/sweep"
)

const scaledClaim = `Near the truth, and with as many columns as its rank, scaled gradient descent takes the same number of steps to a test
error of 1e-10 whatever the condition number κ; gradient descent takes the more the larger κ is (Tong, Ma and Chi, arXiv 2005.08898).`

// judgeScaled asks of scaled-gd that its steps differ by at most a half over all κ, and of gd that they grow at least fivefold;
// a factor 3, or growth below twofold, disagrees.
func judgeScaled(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{{Query: sweep.Query{X: "kappa", Y: "iterations_to_1e-10", By: "method"}}}}
	steady, grows := v.overKappa(all, "scaled-gd"), v.overKappa(all, "gd")
	switch {
	case steady > 3 || grows < 2:
		v.Status = Disagrees
	case steady <= 1.5 && grows >= 5:
		v.Status = Agrees
	}
	return v
}

const dampedClaim = `From small random starts with more columns than the truth's rank, scaled gradient descent with damping λ (here σ_min²)
takes steps to a given test error that do not grow with the condition number κ but for its logarithm, and are a line in ln(1/α) (Xu, Shen,
Chi and Ma, arXiv 2302.01186); so does PrecGD, whose λ follows the error (Zhang, Fattahi and Zhang, NeurIPS 2021). Gradient descent's grow
with κ, and without damping there is nothing to scale by.`

// judgeDamped asks of both damped methods that the steps for the largest κ be at most 1.5 times those for κ = 1, of each α that
// all runs reach the target with, and that they be lines in ln(1/α) (R² of 0.95 for each seed); of gd that its steps grow at
// least threefold. Growth of the damped methods past threefold, R² below 0.8, or growth of gd below 1.5 disagrees.
func judgeDamped(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{X: "kappa", Y: "iterations_to_1e-05", By: "method", Where: map[string][]string{"alpha": {"1e-10"}}}},
		{Query: sweep.Query{X: "alpha", Y: "iterations_to_1e-05", By: "kappa", Where: map[string][]string{"method": {"scaled-gd-lambda"}}}, Fit: true},
		{Query: sweep.Query{X: "alpha", Y: "iterations_to_1e-05", By: "kappa", Where: map[string][]string{"method": {"prec-gd"}}}, Fit: true},
	}}
	agree, disagree := true, false
	for _, method := range []string{"scaled-gd-lambda", "prec-gd"} {
		growth := v.overKappa(all, method)
		agree, disagree = agree && growth <= 1.5, disagree || growth > 3
		kappas, groups := by(slices.DeleteFunc(slices.Clone(all), func(o observation) bool { return o.Method != method || reached(o) == nil }),
			func(o observation) float64 { return o.Kappa })
		for _, kappa := range kappas {
			s := slopeOf(groups[kappa], func(o observation) float64 { return math.Log(1 / o.Alpha) }, func(o observation) float64 { return float64(*reached(o)) })
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

// reached is when a run reached its target; nil where it did not, or diverged.
func reached(o observation) *int {
	if o.Diverged() || len(o.Targets) == 0 {
		return nil
	}
	return o.Targets[0]
}

// overKappa tells a method's steps to the target for each condition number, medians over seeds and starts, and returns how
// many times as many the last takes as the first: infinitely many where only some runs of the last reach it, and NaN where
// the first do not.
func (v *Verdict) overKappa(all []observation, method string) float64 {
	kappas, groups := by(slices.DeleteFunc(slices.Clone(all), func(o observation) bool { return o.Method != method }), func(o observation) float64 { return o.Kappa })
	growth, first, text := math.NaN(), math.NaN(), ""
	for i, kappa := range kappas {
		there := slices.DeleteFunc(slices.Clone(groups[kappa]), func(o observation) bool { return reached(o) == nil })
		steps := median(there, func(o observation) float64 { return float64(*reached(o)) })
		if i > 0 {
			text += "; "
		}
		switch missing := len(groups[kappa]) - len(there); {
		case len(there) == 0:
			text += fmt.Sprintf("κ = %g: not reached", kappa)
			growth = math.Inf(1)
		case missing > 0:
			text += fmt.Sprintf("κ = %g: %g, and not reached by %d of %d runs", kappa, steps, missing, len(groups[kappa]))
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
