package reproduce

import "testing"

// scaledSubgradients makes runs with outliers of both methods whose steps follow laws of κ.
func scaledSubgradients(scaled, plain law) []observation {
	all := methodGrid([]float64{1, 2, 4, 8}, alphas[:1],
		map[string]law{"scaled-subgradient": scaled, "polyak-gd": plain})
	for i := range all {
		all[i].Outliers, all[i].Loss = 0.1, "l1"
	}
	return all
}

func TestScaledSubgradient(t *testing.T) {
	law := func(exponent int) law {
		return func(kappa, _ float64) float64 {
			steps := 20.0
			for range exponent {
				steps *= kappa
			}
			return steps
		}
	}
	expect(t, "as claimed", judgeScaledSubgradient(scaledSubgradients(law(0), law(2))), Agrees)
	expect(t, "plain does not grow", judgeScaledSubgradient(scaledSubgradients(law(0), law(0))), Disagrees)
	expect(t, "scaled grows", judgeScaledSubgradient(scaledSubgradients(law(1), law(2))), Disagrees)
	squared := scaledSubgradients(law(0), law(2))
	for i := range squared {
		squared[i].Loss = ""
	}
	expect(t, "the squared loss", judgeScaledSubgradient(squared), Unclear)
	expect(t, "nothing", judgeScaledSubgradient(nil), Unclear)
}
