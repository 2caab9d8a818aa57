package reproduce

import (
	"math"
	"slices"
	"testing"
)

// clipped makes runs for three bounds on the observations, 0 for none. Their angles are a power of m, times a
// factor.
func clipped(exponent, factor float64) (all []observation) {
	for _, bound := range []float64{0, 8, 16} {
		all = slices.Concat(all, grid([]float64{1000, 4000, 16000}, func(o *observation, m, w float64) {
			o.Truncation, o.Measurements = bound, int(m)
			o.Final.Angle = w * math.Pow(m, exponent) * factor
			if bound == 0 {
				o.Final.Angle = w * math.Pow(m, -0.4) * math.Pow(16000, exponent+0.4)
			}
		}))
	}
	return all
}

func TestTruncation(t *testing.T) {
	expect(t, "as claimed", judgeTruncation(clipped(-0.5, 0.6)), Agrees)
	expect(t, "hardly better", judgeTruncation(clipped(-0.5, 0.95)), Unclear)
	expect(t, "somewhat slow", judgeTruncation(clipped(-0.35, 0.6)), Unclear)
	unclipped := keep(clipped(-0.5, 0.6), func(o observation) bool { return o.Truncation == 0 })
	expect(t, "not clipped alone", judgeTruncation(unclipped), Unclear)
	expect(t, "nothing", judgeTruncation(nil), Unclear)
}
