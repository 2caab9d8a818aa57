package reproduce

import "github.com/matsense/matsense/experiment/sweep"

var mirrorDescentExperiment = Experiment{
	Name:  "mirror-descent",
	About: "the test error of mirror descent against α, beside UUᵀ with a square U",
	Claim: `Among the matrices that fit the observations, mirror descent with the spectral entropy ends at
one that is close to that of least nuclear norm if the start is small, although nothing in f asks for low
rank (Wu and Rebeschini, arXiv 2105.13831). So its test error should fall with the size α of the start, and
that of gradient descent on UUᵀ with a square U too. By the same paper the two methods agree to first order
in the step if the measurement matrices commute. Gaussian ones do not, and the verdict does not compare the
methods.`,
	Compared: `the last test errors of mirror-descent and of gd with a square U, over a decade of α at least
(medians)`,
	AgreesIf: `for each method the errors fall with each smaller α, in all to a fifth or less, grow by at
most a tenth in the last half of the steps, and have settled for the largest α (else smaller starts might
only be ahead)`,
	DisagreesIf: `for one of the methods the errors with the smallest α have settled at more than half of
those with the largest`,
	Untested: `that the limit is the fit of least divergence from the start, that gd agrees to first order
for matrices that commute, noise and early stopping, nuclear norms and effective ranks, starts that are
multiples of I, fewer measurements than three times n·r*, completion, the hypentropy, and the theorem's
bounds`,
	judge: judgeMirror,
}

func judgeMirror(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{X: "alpha", Y: "test_error", By: "method"}},
		{Query: sweep.Query{X: sweep.Iteration, Y: "test_error", By: "alpha",
			Where: map[string][]string{"method": {"mirror-descent"}}}},
	}}
	agree, disagree := true, false
	for _, method := range []string{"mirror-descent", "gd"} {
		runs := keep(all, func(o observation) bool { return o.Method == method })
		alphas, groups := by(runs, alphaOf)
		if len(alphas) < 2 || decades(runs, alphaOf) < 0.99 {
			v.find("runs of %s over a decade of α are missing", method)
			return v
		}
		var ends []float64
		var settled []bool
		for _, alpha := range alphas { // from the smallest
			value := func(p sweep.Point) float64 { return p.TestError }
			var firsts, lasts []float64
			for _, o := range groups[alpha] {
				first, last := halves(o, value)
				firsts, lasts = append(firsts, first), append(lasts, last)
			}
			halfway, end := medianOf(firsts), medianOf(lasts)
			v.find("%s, α = %g: the test error ends at %.2g, after %.2g half-way (medians)",
				method, alpha, end, halfway)
			agree = agree && end <= 1.1*halfway && (len(ends) == 0 || end > ends[len(ends)-1])
			ends, settled = append(ends, end), append(settled, hasSettled(halfway, end))
		}
		last := len(ends) - 1
		share := ends[0] / ends[last]
		v.find("%s: the error with α = %g is %.2g of that with α = %g", method, alphas[0], share, alphas[last])
		agree = agree && share <= 0.2 && settled[last]
		disagree = disagree || share > 0.5 && settled[0]
	}
	v.settle(agree, disagree)
	return v
}
