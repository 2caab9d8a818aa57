package reproduce

import (
	"math"
	"testing"
)

// preconditioned makes runs with outliers of opsa and polyak-gd whose steps to the target follow laws of κ
// and the rank, with ten columns, and whose errors fall by a law of the share of these steps.
func preconditioned(steps, plain law, fall func(share float64) float64) (all []observation) {
	for _, rank := range []float64{2, 5} {
		all = append(all, methodGrid([]float64{1, 3, 10}, []float64{rank},
			map[string]law{"opsa": steps, "polyak-gd": plain})...)
	}
	for i := range all {
		o := &all[i]
		o.Rank, o.FactorRank, o.Loss, o.Outliers = int(o.Alpha), 10, "l1", 0.1
		o.fallUntilTarget(fall)
	}
	return all
}

func TestOPSA(t *testing.T) {
	constant := func(_, _ float64) float64 { return 40 }
	quadratic := func(kappa, _ float64) float64 { return 200 * kappa * kappa }
	judge := func(what string, steps, plain law, fall func(float64) float64, want Status) {
		t.Helper()
		expect(t, what, judgeOPSA(preconditioned(steps, plain, fall)), want)
	}
	judge("as claimed", constant, quadratic, linearly, Agrees)
	judge("a half more steps for the largest κ", func(kappa, _ float64) float64 {
		return 40 * (1 + kappa/20)
	}, quadratic, linearly, Unclear)
	judge("a half more steps for the larger rank", func(_, rank float64) float64 {
		return 40 * (1 + rank/10)
	}, quadratic, linearly, Unclear)
	judge("slower at the end", constant, quadratic, func(share float64) float64 {
		return math.Pow(10, -12*share+2.5*share*share)
	}, Unclear)
	judge("polyak-gd is as steady", constant, constant, linearly, Disagrees)
	claimed := preconditioned(constant, quadratic, linearly)
	expect(t, "one rank", judgeOPSA(keep(claimed, func(o observation) bool { return o.Rank == 2 })), Unclear)
	narrow := preconditioned(constant, quadratic, linearly)
	for i := range narrow {
		narrow[i].FactorRank = narrow[i].Rank
	}
	expect(t, "no more columns than the rank", judgeOPSA(narrow), Unclear)
	one := func(steps law) []observation {
		all := preconditioned(steps, quadratic, linearly)
		return keep(all, func(o observation) bool { return o.Kappa == 3 })
	}
	expect(t, "one κ", judgeOPSA(one(constant)), Unclear)
	expect(t, "one κ that is never reached", judgeOPSA(one(func(_, _ float64) float64 { return 0 })), Unclear)
	expect(t, "nothing", judgeOPSA(nil), Unclear)
}
