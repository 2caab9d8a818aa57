package reproduce

import (
	"math"

	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/solver"
)

var indefiniteExperiment = Experiment{
	Name:  "indefinite",
	About: "the test error of UUᵀ − VVᵀ against α, beside UUᵀ",
	Claim: `From a small start UUᵀ − VVᵀ recovers symmetric matrices with eigenvalues of both signs, with as
many columns of U and of V as there are rows. The test error falls with the size α of the start as the test
error of UUᵀ does on positive semidefinite matrices, and the columns of U and of V become orthogonal to each
other (the matrix case of Fan, Yang and Yu, arXiv 2007.08322, observed by Gaussian measurements).`,
	Compared: `the share of runs of UUᵀ − VVᵀ with α ≤ 1e-5 that recover the truth, the slopes of the floor's
test error in α, in logarithms, with UUᵀ and UUᵀ − VVᵀ, and the last ‖UᵀV‖_F, for ‖M*‖ = 1`,
	AgreesIf: `all runs of UUᵀ − VVᵀ with α ≤ 1e-5 recover the truth, the slopes are within a tenth of each
other, all of the interval of that of UUᵀ − VVᵀ is positive, and in all its runs ‖UᵀV‖_F ends at 0.01 at
most`,
	DisagreesIf: `a run of UUᵀ − VVᵀ with α ≤ 1e-5 does not recover the truth, the slopes are more than a
quarter apart, no number in the interval of that of UUᵀ − VVᵀ is positive, or in one of its runs ‖UᵀV‖_F
ends above 0.1`,
	Untested: `noise, and links other than the identity`,
	judge:    judgeIndefinite,
}

func judgeIndefinite(all []observation) Verdict {
	const small = 1.001e-5
	v := Verdict{Status: Unclear, follow: []string{"negative"}, Figures: []Figure{
		{Query: sweep.Query{X: "alpha", Y: "test_error", By: "parametrization"}, Fit: true},
	}}
	var begun share
	for _, o := range all {
		if o.Parametrization == (solver.Indefinite{}).Name() && o.Alpha <= small {
			begun.count(o)
		}
	}
	v.find("%v runs of UUᵀ − VVᵀ with α ≤ 1e-5 recover the truth", begun)
	slopes := v.slopesInAlpha(all)
	shared := most(all, solver.Indefinite{}.Name(), func(o observation) float64 {
		return o.Final.Imbalance / (2 * math.Sqrt2)
	})
	v.find("indefinite: ‖UᵀV‖ of all runs ends at %.2g or less, for ‖M*‖ = 1", shared)
	if len(slopes) < 2 || begun.of == 0 {
		v.find("there are no runs of one of the parametrizations, or none from small starts")
		return v
	}
	here := slopes[solver.Indefinite{}.Name()]
	apart := math.Abs(here.mean/slopes[solver.PSD{}.Name()].mean - 1)
	v.settle(begun.recovered == begun.of && apart <= 0.1 && here.low > 0 && shared <= 0.01,
		begun.recovered < begun.of || apart > 0.25 || here.high <= 0 || shared > 0.1)
	return v
}
