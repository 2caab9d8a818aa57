package reproduce

import "testing"

// alternated makes runs of altmin and gd: with r = r*, whose iterations to the target follow
// laws of κ and whose errors fall by a law of the share of these iterations, and with more unknowns than
// measurements, whose test errors depend on the method.
func alternated(steps, plain law, fall func(share float64) float64, wide func(method string) float64,
) (all []observation) {
	all = methodGrid([]float64{1, 3, 10}, []float64{1e-3},
		map[string]law{"altmin": steps, "gd": plain})
	for i := range all {
		o := &all[i]
		o.N, o.N2, o.Rank, o.FactorRank, o.Measurements = 20, 20, 2, 2, 1600
		o.fallUntilTarget(fall)
	}
	for _, method := range []string{"altmin", "gd"} {
		all = append(all, grid([]float64{20}, func(o *observation, r, w float64) {
			o.Method, o.N, o.N2, o.Rank, o.FactorRank, o.Measurements = method, 20, 20, 2, int(r), 320
			o.Final.TestError = w * wide(method)
		})...)
	}
	return all
}

// overfits is what the claim says of the errors with more unknowns than measurements.
func overfits(method string) float64 {
	if method == "gd" {
		return 1e-4
	}
	return 0.5
}

func TestAltMin(t *testing.T) {
	constant := func(_, _ float64) float64 { return 20 }
	quadratic := func(kappa, _ float64) float64 { return 160 * kappa * kappa }
	judge := func(what string, steps, plain law, wide func(string) float64, want Status) {
		t.Helper()
		expect(t, what, judgeAltMin(alternated(steps, plain, linearly, wide)), want)
	}
	judge("as claimed", constant, quadratic, overfits, Agrees)
	judge("a half more iterations for the largest κ", func(kappa, _ float64) float64 {
		return 20 * (1 + kappa/20)
	}, quadratic, overfits, Unclear)
	judge("an error between", constant, quadratic, func(method string) float64 {
		return overfits(method) / 10
	}, Unclear)
	judge("gradient descent does not come so close", constant, quadratic, func(method string) float64 {
		return overfits(method) + 0.02
	}, Unclear)
	claimed := alternated(constant, quadratic, linearly, overfits)
	for i := range claimed {
		claimed[i].Final.TrainLoss = 0.1
	}
	expect(t, "no fit", judgeAltMin(claimed), Unclear)
	expect(t, "as many columns alone", judgeAltMin(keep(claimed,
		func(o observation) bool { return o.FactorRank == 2 })), Unclear)
	expect(t, "nothing", judgeAltMin(nil), Unclear)
}
