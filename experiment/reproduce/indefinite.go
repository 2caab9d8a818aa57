package reproduce

import (
	"fmt"
	"math"

	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/solver"
)

const indefiniteClaim = `From a small start UUᵀ − VVᵀ recovers symmetric matrices with eigenvalues of both signs, with as many columns of U and of V as
there are rows: the test error falls with the size α of the start as that of UUᵀ does on positive semidefinite matrices, and U and V
share nothing in the end (the matrix case of Fan, Yang and Yu, arXiv 2007.08322, observed by Gaussian measurements).`

// judgeIndefinite asks that all runs with α ≤ 1e-5 recover the truth, that the slopes of the floor's test error in α, in logarithms, be
// within a tenth of each other, and that ‖UᵀV‖_F be at most a hundredth of ‖M*‖ in the end; a run that recovers nothing, slopes a quarter
// apart, or a share of a tenth disagrees.
func judgeIndefinite(all []observation) Verdict {
	const small = 1.001e-5
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{X: "alpha", Y: "test_error", By: "parametrization"}, Fit: true},
	}}
	var begun share
	for _, o := range all {
		if o.Parametrization == (solver.Indefinite{}).Name() && o.Alpha <= small {
			begun.count(o)
		}
	}
	v.find("%v runs of UUᵀ − VVᵀ with α ≤ 1e-5 recover the truth", begun)
	shared := math.NaN()
	slopes := v.slopesInAlpha(all, func(parametrization string, runs []observation) string {
		if parametrization != (solver.Indefinite{}).Name() {
			return ""
		}
		shared = 0
		for _, o := range runs {
			shared = math.Max(shared, o.Final.Imbalance/(2*math.Sqrt2)) // NaN stays
		}
		return fmt.Sprintf("; ‖UᵀV‖ ends at %.2g or less, where ‖M*‖ = 1", shared)
	})
	if len(slopes) < 2 || begun.of == 0 {
		v.find("there are not both parametrizations, from small starts too")
		return v
	}
	apart := math.Abs(slopes[solver.Indefinite{}.Name()]/slopes[solver.PSD{}.Name()] - 1)
	v.settle(begun.recovered == begun.of && apart <= 0.1 && shared <= 0.01, begun.recovered < begun.of || apart > 0.25 || shared > 0.1)
	return v
}
