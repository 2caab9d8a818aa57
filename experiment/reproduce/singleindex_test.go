package reproduce

import (
	"math"
	"testing"
)

func TestSingleIndex(t *testing.T) {
	sizes := []float64{1000, 4000, 16000}
	law := func(exponent, noise, larger float64) (all []observation) {
		for _, link := range []string{"identity", "sign"} {
			for alpha, times := range map[float64]float64{1e-7: 1, 0.1: larger} {
				all = append(all, grid(sizes, func(o *observation, m, w float64) {
					o.Link, o.LinkScale, o.Alpha, o.Measurements = link, "known", alpha, int(m)
					o.Final.TestError = w * times * math.Pow(m, exponent)
					o.Final.Signal, o.Final.Noise = 0.3, noise
				})...)
			}
		}
		return all
	}
	expect(t, "as claimed", judgeSingleIndex(law(-0.5, 1e-6, 5)), Agrees)
	expect(t, "a rate of its own", judgeSingleIndex(law(-1, 1e-6, 5)), Disagrees)
	expect(t, "somewhat slow", judgeSingleIndex(law(-0.35, 1e-6, 5)), Unclear)
	expect(t, "no support", judgeSingleIndex(law(-0.5, 0.4, 5)), Disagrees)
	expect(t, "a large start as good", judgeSingleIndex(law(-0.5, 1e-6, 1)), Disagrees)
	expect(t, "a large start hardly worse", judgeSingleIndex(law(-0.5, 1e-6, 2)), Unclear)
	expect(t, "one start", judgeSingleIndex(law(-0.5, 1e-6, 5)[:12]), Unclear)
	expect(t, "nothing", judgeSingleIndex(nil), Unclear)
}
