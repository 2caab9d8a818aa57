package reproduce

import (
	"math"
	"testing"
)

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
