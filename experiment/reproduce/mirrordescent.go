package reproduce

import (
	"math"

	"github.com/matsense/matsense/experiment/sweep"
)

const mirrorClaim = `Mirror descent with the spectral entropy recovers matrices of low rank from small starts,
although nothing in f asks for low rank: the test error falls with the size α of the start. Gradient descent
on UUᵀ with a square U approximates mirror descent, and ends at nearly the same test error from each start (Wu
and Rebeschini, arXiv 2105.13831).`

// judgeMirror asks of mirror-descent and of gd that the median of the last test error fall from each α to the
// next smaller one, in all at least to a fifth, and that the two medians for an α differ by at most a factor
// of two. It disagrees if the error with the smallest α is more than half of that with the largest, or if the
// medians for an α differ by more than a factor of four.
func judgeMirror(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{X: "alpha", Y: "test_error", By: "method"}},
		{Query: sweep.Query{X: sweep.Iteration, Y: "test_error", By: "alpha",
			Where: map[string][]string{"method": {"mirror-descent"}}}},
	}}
	agree, disagree := true, false
	also := func(a, d bool) { agree, disagree = agree && a, disagree || d }
	errors := map[string]map[float64]float64{}
	for _, method := range []string{"mirror-descent", "gd"} {
		alphas, runs := by(keep(all, func(o observation) bool { return o.Method == method }), alphaOf)
		if len(alphas) < 2 {
			v.find("runs of %s with two α are missing", method)
			return v
		}
		errors[method] = map[float64]float64{}
		before := 0.0
		for _, alpha := range alphas { // from the smallest
			here := median(runs[alpha], testError)
			v.find("%s, α = %g: the test error ends at %.2g (median)", method, alpha, here)
			agree = agree && here > before
			errors[method][alpha], before = here, here
		}
		share := errors[method][alphas[0]] / before
		v.find("%s: the error with α = %g is %.2g of that with α = %g", method, alphas[0], share,
			alphas[len(alphas)-1])
		also(share <= 0.2, share > 0.5)
	}
	apart, both := 1.0, 0
	for alpha, e := range errors["mirror-descent"] {
		if plain, there := errors["gd"][alpha]; there {
			both++
			apart = math.Max(apart, math.Max(e/plain, plain/e))
		}
	}
	v.find("the two methods end at most a factor of %.2f apart, for %d α", apart, both)
	also(apart <= 2 && both == len(errors["mirror-descent"]) && both == len(errors["gd"]), apart > 4)
	v.settle(agree, disagree)
	return v
}
