package reproduce

import (
	"math"

	"github.com/matsense/matsense/experiment/sweep"
)

const mirrorClaim = `Among the matrices that fit the observations, mirror descent with the spectral entropy ends
at one that is close to that of least nuclear norm if the start is small. So its test error falls with the
size α of the start, although nothing in f asks for low rank (Wu and Rebeschini, arXiv 2105.13831). That of
gradient descent on UUᵀ with a square U falls too. By the same paper the two methods agree to first order in
the step if the measurement matrices commute. Gaussian ones do not, and the verdict does not compare the
methods.`

// judgeMirror asks of mirror-descent and of gd that the median of the last test error fall from each α to the
// next smaller one, in all at least to a fifth. It disagrees if the error with the smallest α is more than half
// of that with the largest. The errors fall with the steps. So those with the largest α must have settled (less
// than a tenth of change in the last half of the steps), else smaller starts might only be ahead. Those with
// smaller α need not, but if the errors with the smallest have not settled, they do not contradict the claim.
func judgeMirror(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{X: "alpha", Y: "test_error", By: "method"}},
		{Query: sweep.Query{X: sweep.Iteration, Y: "test_error", By: "alpha",
			Where: map[string][]string{"method": {"mirror-descent"}}}},
	}}
	agree, disagree := true, false
	for _, method := range []string{"mirror-descent", "gd"} {
		alphas, runs := by(keep(all, func(o observation) bool { return o.Method == method }), alphaOf)
		if len(alphas) < 2 {
			v.find("runs of %s with two α are missing", method)
			return v
		}
		before := 0.0
		var settled []bool
		for _, alpha := range alphas { // from the smallest
			here := median(runs[alpha], testError)
			halfway := median(runs[alpha], func(o observation) float64 {
				return pointAt(o.Trajectory, o.Final.Iteration/2).TestError
			})
			settled = append(settled, math.Abs(halfway-here) <= 0.1*here)
			v.find("%s, α = %g: the test error ends at %.2g, after %.2g half-way (medians)",
				method, alpha, here, halfway)
			agree = agree && here > before
			before = here
		}
		share := median(runs[alphas[0]], testError) / before
		v.find("%s: the error with α = %g is %.2g of that with α = %g", method, alphas[0], share,
			alphas[len(alphas)-1])
		agree = agree && share <= 0.2 && settled[len(settled)-1]
		disagree = disagree || share > 0.5 && settled[0]
	}
	v.settle(agree, disagree)
	return v
}
