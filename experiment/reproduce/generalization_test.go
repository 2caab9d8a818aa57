package reproduce

import "testing"

func TestGeneralization(t *testing.T) {
	law := func(below, above, loss float64) []observation {
		return grid([]float64{40, 70, 120, 320, 800}, func(o *observation, m, _ float64) {
			o.Measurements = int(m)
			o.Final.TestError, o.Final.TrainLoss = below, loss
			if m > 200 {
				o.Final.TestError = above
			}
		})
	}
	expect(t, "a threshold", judgeGeneralization(law(0.9, 1e-4, 1e-9)), Agrees)
	expect(t, "recovery below the limit", judgeGeneralization(law(1e-3, 1e-4, 1e-9)), Disagrees)
	expect(t, "no recovery above it", judgeGeneralization(law(0.9, 0.1, 1e-9)), Disagrees)
	expect(t, "fits that are not done", judgeGeneralization(law(0.9, 1e-4, 1e-3)), Unclear)
	expect(t, "one side only", judgeGeneralization(law(0.9, 1e-4, 1e-9)[:2]), Unclear)
	// 156 free numbers: 120 measurements are too few, and 800 more than four times as many.
	wide := law(0.9, 1e-4, 1e-9)
	for i := range wide {
		if wide[i].N2 = 40; wide[i].Measurements == 320 {
			wide[i].Final.TestError = 0.05
		}
	}
	expect(t, "UVᵀ has more free numbers", judgeGeneralization(wide), Agrees)
}
