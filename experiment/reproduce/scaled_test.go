package reproduce

import (
	"math"
	"slices"
	"testing"
)

// methodGrid makes observations of some methods whose steps to the target follow a law; 0 steps mean that the
// target is not reached.
func methodGrid(kappas, alphas []float64, laws map[string]func(kappa, alpha float64) float64) []observation {
	var all []observation
	for method, law := range laws {
		for _, alpha := range alphas {
			all = slices.Concat(all, grid(kappas, func(o *observation, kappa, wobble float64) {
				o.Method, o.Kappa, o.Alpha = method, kappa, alpha
				steps := int(wobble * law(kappa, alpha))
				o.takes(steps)
			}))
		}
	}
	return all
}

// takes says after how many steps a run reaches its target; or, negative, after how many it ended without.
func (o *observation) takes(steps int) {
	if o.Targets = []*int{&steps}; steps <= 0 {
		o.Targets[0], o.Final.Iteration = nil, -steps
	}
}

type law = func(kappa, alpha float64) float64

func TestScaled(t *testing.T) {
	constant := func(_, _ float64) float64 { return 100 }
	quadratic := func(kappa, _ float64) float64 { return 100 * kappa * kappa }
	kappas := []float64{1, 5, 20}
	judge := func(what string, scaled, plain law, want Status) {
		laws := map[string]law{"scaled-gd": scaled, "gd": plain}
		expect(t, what, judgeScaled(methodGrid(kappas, alphas[:1], laws)), want)
	}
	judge("as claimed", constant, quadratic, Agrees)
	judge("scaled steps grow as well", quadratic, quadratic, Disagrees)
	judge("both are steady", constant, constant, Disagrees)
	judge("scaled steps double", func(kappa, _ float64) float64 {
		return 100 * (1 + kappa/20)
	}, quadratic, Unclear)
	judge("scaled never gets there for large κ", func(kappa, _ float64) float64 {
		return max(0, 100-20*(kappa-1))
	}, quadratic, Disagrees)
	judge("scaled never gets there at all", func(_, _ float64) float64 { return 0 }, quadratic, Disagrees)
	short := func(ended float64) law { // gd gets there for the least κ alone
		return func(kappa, _ float64) float64 {
			if kappa > 1 {
				return -ended
			}
			return 100
		}
	}
	judge("gd takes more than five times as many steps for a larger κ", constant, short(510), Agrees)
	judge("gd ends before it has taken five times as many", constant, short(490), Unclear)
	expect(t, "nothing", judgeScaled(nil), Unclear)
	expect(t, "one κ", judgeScaled(methodGrid([]float64{5}, alphas[:1],
		map[string]law{"scaled-gd": constant, "gd": quadratic})), Unclear)
}

func TestDamped(t *testing.T) {
	logarithmic := func(_, alpha float64) float64 { return 50 + 4*math.Log(1/alpha) }
	quadratic := func(kappa, alpha float64) float64 { return kappa * kappa * logarithmic(kappa, alpha) }
	kappas, small := []float64{1, 2, 5, 10}, []float64{1e-8, 1e-10, 1e-12, 1e-14}
	judge := func(what string, damped, prec, plain law, want Status) {
		laws := map[string]law{
			"scaled-gd-lambda": damped, "prec-gd": prec, "gd": plain,
			"scaled-gd": func(_, _ float64) float64 { return 0 },
		}
		expect(t, what, judgeDamped(methodGrid(kappas, small, laws)), want)
	}
	judge("as claimed", logarithmic, logarithmic, quadratic, Agrees)
	few := methodGrid(kappas, small[:2], map[string]law{
		"scaled-gd-lambda": logarithmic, "prec-gd": logarithmic, "gd": quadratic,
		"scaled-gd": func(_, _ float64) float64 { return 0 },
	})
	expect(t, "two α have no slope", judgeDamped(few), Unclear)
	judge("steps fall with κ", func(kappa, alpha float64) float64 {
		return logarithmic(kappa, alpha) / (1 + kappa/10)
	}, logarithmic, quadratic, Agrees)
	judge("one of them grows", logarithmic, quadratic, quadratic, Disagrees)
	judge("gd does not grow", logarithmic, logarithmic, logarithmic, Disagrees)
	judge("no line in log α", func(_, alpha float64) float64 {
		return 100 + 1e-12/alpha
	}, logarithmic, quadratic, Disagrees)
	judge("somewhat bent", func(_, alpha float64) float64 {
		return 100 + 0.1*math.Pow(alpha, -1.0/6)
	}, logarithmic, quadratic, Unclear)
	expect(t, "nothing", judgeDamped(nil), Unclear)
	one := map[string]law{"scaled-gd-lambda": logarithmic, "prec-gd": logarithmic, "gd": quadratic}
	expect(t, "one κ", judgeDamped(methodGrid([]float64{5}, small, one)), Unclear)
}
