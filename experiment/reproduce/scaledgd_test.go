package reproduce

import "testing"

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
