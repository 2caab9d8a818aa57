package reproduce

import (
	"math"
	"testing"
)

func TestPauli(t *testing.T) {
	// The error is 1 % for the number of words takes, and falls like the tenth power of the number.
	law := func(takes func(n float64) float64) (all []observation) {
		for _, rank := range []int{1, 2} {
			for _, n := range []int{32, 64, 128} {
				all = append(all, grid([]float64{1, 2, 3, 4, 6}, func(o *observation, each, w float64) {
					o.N, o.Rank, o.Measurements = n, rank, int(each)*n*rank
					o.Final.TestError = w * 0.01 * math.Pow(takes(float64(n))/each, 10)
				})...)
			}
		}
		return all
	}
	expect(t, "as many as r·n·log n", judgePauli(law(func(n float64) float64 {
		return math.Log2(n) / 2
	})), Agrees)
	expect(t, "as many as r·n·log³n", judgePauli(law(func(n float64) float64 {
		return math.Pow(math.Log2(n)/5, 3) * 1.5
	})), Unclear)
	expect(t, "a part of all", judgePauli(law(func(n float64) float64 { return 1.2 * n / 32 })), Disagrees)
	expect(t, "never", judgePauli(law(func(float64) float64 { return 7 })), Disagrees)
	expect(t, "not for the least n", judgePauli(law(func(n float64) float64 {
		return 7 * 32 / n
	})), Disagrees)
	expect(t, "with the fewest already", judgePauli(law(func(float64) float64 { return 0.5 })), Unclear)
	expect(t, "one n", judgePauli(law(func(float64) float64 { return 2.5 })[:20]), Unclear)
	diverged := observe(func(o *observation) { o.Status = "diverged" })
	expect(t, "diverged", judgePauli([]observation{diverged}), Unclear)
}

// TestNeeded: if the errors at 40 and 80 measurements are ten times and a tenth of the bound, their geometric
// mean is needed.
func TestNeeded(t *testing.T) {
	errors := map[float64]float64{20: 1, 40: 0.1, 80: 0.001, 160: 1e-4}
	all := grid([]float64{20, 40, 80, 160}, func(o *observation, m, _ float64) {
		o.Measurements, o.Final.TestError = int(m), errors[m]
	})
	if got, want := needed(all, 0.01), math.Sqrt(40*80); !(math.Abs(got/want-1) < 1e-12) {
		t.Errorf("%v are needed, want %v", got, want)
	}
}
