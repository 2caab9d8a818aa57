package reproduce

import (
	"math"
	"testing"
)

// thresholded makes runs from relu-spectral for two sizes and two thresholds, with and without noise. Of ten
// runs without noise as many recover as recovered says, and error is the last test error with noise over that
// of least squares.
func thresholded(recovered int, error func(sigma float64, n int) float64) (all []observation) {
	for _, n := range []int{100, 300} {
		for _, t := range []float64{-0.5, 0} {
			set := func(o *observation) {
				o.Ensemble, o.Init = "relu-completion", "relu-spectral"
				o.N, o.Rank, o.FactorRank, o.Measurements, o.ReLUThreshold = n, 3, 3, n*n/4, t
			}
			for k := range 10 {
				all = append(all, observe(func(o *observation) {
					set(o)
					yes := k < recovered
					o.Recovered, o.Seed = &yes, uint64(k)
				}))
			}
			all = append(all, grid([]float64{0.01, 0.03, 0.1}, func(o *observation, sigma, w float64) {
				set(o)
				o.Noise = sigma
				o.Final.TestError = w * error(sigma, n) * oracleError(*o)
			})...)
		}
	}
	return all
}

// likeLeastSquares is the error that the claim has.
func likeLeastSquares(float64, int) float64 { return 1.1 }

func TestReLUThresholds(t *testing.T) {
	judge := func(what string, recovered int, error func(sigma float64, n int) float64, want Status) {
		t.Helper()
		expect(t, what, judgeReLUThresholds(thresholded(recovered, error)), want)
	}
	judge("as claimed", 10, likeLeastSquares, Agrees)
	judge("a run of one size does not recover", 9, likeLeastSquares, Disagrees)
	judge("twice the error of least squares", 10, func(float64, int) float64 { return 2 }, Unclear)
	two := keep(thresholded(10, likeLeastSquares), func(o observation) bool { return o.Noise != 0.03 })
	expect(t, "two values of σ", judgeReLUThresholds(two), Unclear)
	exact := keep(two, func(o observation) bool { return o.Noise == 0 })
	expect(t, "no noise", judgeReLUThresholds(exact), Unclear)
	noisy := keep(thresholded(10, likeLeastSquares), func(o observation) bool { return o.Noise > 0 })
	expect(t, "noise alone", judgeReLUThresholds(noisy), Unclear)
	expect(t, "nothing", judgeReLUThresholds(nil), Unclear)
	if v := judgeReLUThresholds(thresholded(10, likeLeastSquares)); len(v.Figures) != 2 ||
		v.Figures[0].Where["relu-threshold"][0] != "-0.5" {
		t.Errorf("%+v", v.Figures)
	}
	want := 0.01 * math.Sqrt(297./2500) / math.Sqrt(3)
	if e := oracleError(thresholded(10, likeLeastSquares)[10]); !(math.Abs(e/want-1) <= 1e-12) {
		t.Errorf("least squares: %v", e)
	}
}
