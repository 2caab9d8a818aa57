package reproduce

import (
	"math"
	"strconv"

	"github.com/matsense/matsense/experiment/sweep"
)

var riemannianSaddlesExperiment = Experiment{
	Name:  "riemannian-saddles",
	About: "how Riemannian gradient descent and SGD leave planted saddle points",
	Claim: `On the manifold of matrices of rank r, Riemannian gradient descent from a random start and
Riemannian SGD end at a strict saddle point with probability 0 (Hsieh, Karimi, Krause and Mertikopoulos,
arXiv 2311.02374). Let a planted saddle miss the largest eigenvalue λ_1 of M*, and let λ be the least
eigenvalue that it has. From a start at a distance α, the distance from the saddle grows by a factor 1 +
(μ/2)(λ_1/λ − 1) a step, so that the steps to leave it are a line in ln(1/α) with the slope 1/ln(1 +
(μ/2)(λ_1/λ − 1)).`,
	Compared: `where runs end, of rgd from beside a planted saddle and of rsgd from the saddle itself, and
the slope of rgd's steps to the target in ln(1/α) beside the predicted one`,
	AgreesIf: `all of these runs, thirty of each at least, end at the least test error of their rank, the
slope is within a tenth of the predicted one, and R² is at least 0.95 for each seed`,
	DisagreesIf: `a run of rgd from beside the saddle, or of rsgd from the saddle, ends at a strict saddle,
or the slope is more than a quarter off`,
	Untested: `steps that get shorter, as the theorem for rsgd assumes, and other retractions (retractions)`,
	judge:    onEvenSpectra(judgeSaddles),
}

func judgeSaddles(all []observation) Verdict {
	const least = 30 // if all of 30 escape, the probability to stay is below 3/30 with 95 % confidence
	v := Verdict{Status: Unclear, follow: []string{"step", "batch-size"}, Figures: []Figure{
		{Fit: true, Query: sweep.Query{
			X: "alpha", Y: "iterations_to_0.3", By: "method",
			Where: map[string][]string{"method": {"rgd", "gd"}, "alpha": positiveAlphas(all)},
		}},
		{Query: sweep.Query{
			X: "iteration", Y: "test_error", By: "method",
			Where: map[string][]string{"alpha": {"0"}},
		}},
	}}
	all = v.planted(all)
	positive := func(alpha float64) bool { return alpha > 0 }
	zero := func(alpha float64) bool { return alpha == 0 }
	beside := v.escapes(all, "rgd", "beside the saddle", positive)
	noisy := v.escapes(all, "rsgd", "from the saddle", zero)
	v.escapes(all, "gd", "beside the saddle", positive)
	v.escapes(all, "rgd", "from the saddle, where only rounding moves them,", zero)
	s, off := v.escapeSlope(all, "rgd")
	v.escapeSlope(all, "gd")
	v.settle(
		beside.all(least) && noisy.all(least) && math.Abs(off) <= 0.1 && s.worst >= 0.95,
		beside.stayed > 0 || noisy.stayed > 0 || math.Abs(off) > 0.25)
	return v
}

// positiveAlphas returns the α > 0 as their texts in results.
func positiveAlphas(all []observation) (texts []string) {
	alphas, _ := by(all, alphaOf)
	for _, alpha := range alphas {
		if alpha > 0 {
			texts = append(texts, strconv.FormatFloat(alpha, 'g', -1, 64))
		}
	}
	return texts
}
