package reproduce

import (
	"math"

	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/solver"
)

const uvClaim = `From a small random start U and V stay balanced without a term that asks for it: ‖UᵀU − VᵀV‖
stays far below ‖M*‖. The test error of UVᵀ falls with the size α of the start as the test error of UUᵀ does
(Soltanolkotabi, Stöger and Xie, arXiv 2303.14244).`

// judgeUV asks that the imbalance never exceed a hundredth of ‖M*‖, and that the slopes of the floor's test
// error in α, in logarithms, be within a tenth of each other, and the interval of that of UVᵀ positive. It
// disagrees if the imbalance exceeds a tenth, if the slopes are a quarter apart, or if no number in the
// interval is positive.
func judgeUV(all []observation) Verdict {
	v := Verdict{Status: Unclear, follow: []string{"n2", "step", "measurements"}, Figures: []Figure{
		{Query: sweep.Query{X: "alpha", Y: "test_error", By: "parametrization"}, Fit: true},
		{Query: sweep.Query{
			X: "alpha", Y: "imbalance",
			Where: map[string][]string{"parametrization": {solver.UV{}.Name()}},
		}},
	}}
	slopes := v.slopesInAlpha(all)
	worst := most(all, solver.UV{}.Name(), func(o observation) (imbalance float64) {
		for _, p := range o.Trajectory {
			imbalance = math.Max(imbalance, p.Imbalance) // NaN stays
		}
		return imbalance
	})
	v.find("uv: the imbalance of all runs is at most %.2g, for ‖M*‖ = 1", worst)
	psd, uv := slopes[solver.PSD{}.Name()], slopes[solver.UV{}.Name()]
	if len(slopes) < 2 {
		v.find("there are no runs of one of the parametrizations")
		return v
	}
	apart := math.Abs(uv.mean/psd.mean - 1)
	v.settle(worst <= 0.01 && apart <= 0.1 && uv.low > 0, worst > 0.1 || apart > 0.25 || uv.high <= 0)
	return v
}
