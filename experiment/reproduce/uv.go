package reproduce

import (
	"math"

	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/solver"
)

var uvExperiment = Experiment{
	Name:  "uv",
	About: "the balance of U and V, and the test error against α, beside UUᵀ",
	Claim: `From a small random start U and V stay balanced without a term that asks for it: ‖UᵀU − VᵀV‖
stays far below ‖M*‖. The test error of UVᵀ falls with the size α of the start as the test error of UUᵀ does
(Soltanolkotabi, Stöger and Xie, arXiv 2303.14244).`,
	Compared: `the slopes of the floor's test error in α, in logarithms, with UUᵀ and UVᵀ, and the largest
‖UᵀU − VᵀV‖ of all points of all runs, for ‖M*‖ = 1`,
	AgreesIf: `the slopes are within a tenth of each other, all of the interval of that of UVᵀ is positive,
and the imbalance is at most 0.01`,
	DisagreesIf: `the slopes are more than a quarter apart, no number in the interval of that of UVᵀ is
positive, or the imbalance is above 0.1`,
	Untested: `the theorem's exponent of α, and the number of measurements that it asks for`,
	judge:    judgeUV,
}

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
