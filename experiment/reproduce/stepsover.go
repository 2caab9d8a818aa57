package reproduce

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

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
