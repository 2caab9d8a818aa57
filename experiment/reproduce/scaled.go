package reproduce

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/matsense/matsense/experiment/sweep"
)

const scaledClaim = `Near the truth, and with as many columns as its rank, scaled gradient descent takes the
same number of steps to a test error of 1e-10 for every condition number κ of X, whose square
is that of M*. Gradient descent takes more steps for a larger κ (Tong, Ma and Chi, arXiv 2005.08898).`

// judgeScaled asks that the steps of scaled-gd differ by at most a half between any two κ, and that those of
// gd grow at least fivefold from the least κ to the largest. A factor of 3, runs of scaled-gd that do not
// reach the target, or growth below twofold, disagrees.
func judgeScaled(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{X: "kappa", Y: "iterations_to_1e-10", By: "method"}},
	}}
	apart, growth := v.overKappa(all, "scaled-gd").apart, v.overKappa(all, "gd").growth
	v.settle(apart <= 1.5 && growth.least >= 5, apart > 3 || growth.most < 2)
	return v
}

const dampedClaim = `From small random starts with more columns than the truth's rank, the steps of scaled
gradient descent with damping λ (here σ_min²) to a given test error grow with the condition number κ of X only
by its logarithm, and are a line in ln(1/α) (Xu, Shen, Chi and Ma, arXiv 2302.01186). So are those of PrecGD,
whose λ follows the error (Zhang, Fattahi and Zhang, NeurIPS 2021). The steps of gradient descent grow with κ,
and without damping there is no inverse to scale by.`

// judgeDamped asks of both damped methods that the steps grow by at most a half from any κ to a larger one,
// and that they be lines in ln(1/α) for each κ (R² of 0.95 for each seed). Steps that fall do not contradict
// the claim: λ is smaller for a larger κ. It asks of gd that its steps grow at least threefold, and of
// scaled-gd that no run reach the target. It disagrees if the steps of a damped method grow more than
// threefold, if runs of it do not reach the target, if an R² is below 0.8, if the steps of gd grow by less
// than 1.5, or if half of the runs of scaled-gd reach the target.
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
		rise := v.overKappa(all, method).rise
		agree, disagree = agree && rise <= 1.5, disagree || rise > 3
		there := keep(all, func(o observation) bool { return o.Method == method && reached(o) != nil })
		kappas, groups := by(there, kappaOf)
		for _, kappa := range kappas {
			s := slopeOf(groups[kappa], logInverseAlpha, stepsToTarget)
			v.find("%s, κ = %g: slope %v steps per e-fold of 1/α, least R² %.3f", method, kappa, s, s.worst)
			agree, disagree = agree && s.worst >= 0.95, disagree || s.worst < 0.8
		}
	}
	plain := v.overKappa(all, "gd").growth
	agree, disagree = agree && plain.least >= 3, disagree || plain.most < 1.5
	undamped := func(o observation) bool { return o.Method == "scaled-gd" }
	v.mayDiverge = undamped
	v.overKappa(all, "scaled-gd")
	without := keep(all, undamped)
	there := len(keep(without, func(o observation) bool { return reached(o) != nil }))
	agree = agree && len(without) > 0 && there == 0
	disagree = disagree || len(without) > 0 && 2*there >= len(without)
	v.settle(agree, disagree)
	return v
}

// kappaSteps compares a method's steps to the target for several condition numbers. The numbers are NaN if
// there are no two.
type kappaSteps struct {
	// growth is the last κ's over the first's; its bounds are NaN if not all runs of the first κ reach the
	// target.
	growth bounds
	// apart is the most over the least, and rise the largest ratio of a larger κ's to a smaller one's: +Inf
	// if not all runs reach the target for some κ.
	apart, rise float64
}

// bounds are those of a ratio of steps. They differ if runs ended without reaching the target: such a run
// takes more steps than it did, and maybe any number.
type bounds struct{ least, most float64 }

// overKappa notes and compares a method's steps to the target, medians over seeds and starts.
func (v *Verdict) overKappa(all []observation, method string) kappaSteps {
	return v.stepsOver(method, keep(all, func(o observation) bool { return o.Method == method }), kappaOf)
}

// stepsOver notes and compares the steps of runs to the target for the values of a condition number, medians
// over seeds and starts.
func (v *Verdict) stepsOver(what string, all []observation, condition func(observation) float64) kappaSteps {
	kappas, groups := by(all, condition)
	var texts []string
	var steps []float64 // for each κ; +Inf if not all runs reach the target
	for _, kappa := range kappas {
		there := keep(groups[kappa], func(o observation) bool { return reached(o) != nil })
		here := median(there, stepsToTarget)
		switch missing := len(groups[kappa]) - len(there); {
		case len(there) == 0:
			texts = append(texts, fmt.Sprintf("κ = %g: not reached", kappa))
			steps = append(steps, math.Inf(1))
		case missing > 0:
			texts = append(texts, fmt.Sprintf("κ = %g: %g, and not reached by %d of %d runs",
				kappa, here, missing, len(groups[kappa])))
			steps = append(steps, math.Inf(1))
		default:
			texts, steps = append(texts, fmt.Sprintf("κ = %g: %g", kappa, here)), append(steps, here)
		}
	}
	v.find("%s, steps: %s", what, strings.Join(texts, "; "))
	if len(kappas) < 2 {
		v.find("%s: there are no two κ", what)
		return kappaSteps{bounds{math.NaN(), math.NaN()}, math.NaN(), math.NaN()}
	}
	first, last := steps[0], steps[len(steps)-1]
	taken := median(groups[kappas[len(kappas)-1]], func(o observation) float64 { // without reaching it too
		if reached(o) == nil {
			return lastIteration(o)
		}
		return stepsToTarget(o)
	})
	k := kappaSteps{growth: bounds{taken / first, last / first}, apart: slices.Max(steps) / slices.Min(steps)}
	for i, few := range steps {
		k.rise = math.Max(k.rise, slices.Max(steps[i:])/few)
	}
	if math.IsInf(slices.Max(steps), 1) {
		k.apart, k.rise = math.Inf(1), math.Inf(1)
	}
	if math.IsInf(first, 1) {
		k.growth = bounds{math.NaN(), math.NaN()}
	}
	if math.IsInf(last, 1) && !math.IsInf(first, 1) {
		v.find("%s: the steps grow %.3g times or more from the least κ to the largest", what, k.growth.least)
	}
	return k
}
