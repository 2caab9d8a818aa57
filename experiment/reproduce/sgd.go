package reproduce

import (
	"math"
	"slices"

	"github.com/matsense/matsense/experiment/sweep"
)

var sgdExperiment = Experiment{
	Name:  "sgd",
	About: "passes over the measurements, and the rate, against the size of mini-batches",
	Claim: `If the observations are exact, the losses of all mini-batches have their minimum at the truth.
With a constant step size the error then falls linearly, and for sizes B from a critical size on as fast as
with the full gradient, so that the passes over the measurements fall with B (Ma, Bassily and Belkin, arXiv
1712.06559, for convex f; here after a small random start). With noise on the observations small
mini-batches stay further from the truth.`,
	Compared: `without noise the steps for each decade of test error and the passes to the last target, over
the size of mini-batches; with noise the last test error`,
	AgreesIf: `without noise each decade takes as many steps as any other, and as with the largest size, to
within a factor 1.5, and the smallest size takes at most a tenth of the largest's passes; with noise the
smallest size ends at 1.5 times the largest's test error at least`,
	DisagreesIf: `without noise decades or sizes are more than a factor of 3 apart, a run misses a target, or
the smallest size takes no fewer passes; or with noise the smallest size ends with no larger error`,
	Untested: `the value of the critical size, and a theorem: this one is for convex functions`,
	judge:    judgeSGD,
}

func judgeSGD(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{
			X: "iteration", Y: "test_error", By: "batch-size",
			Where: map[string][]string{"noise": {"0"}},
		}},
		{Query: sweep.Query{X: "batch-size", Y: "test_error", By: "noise"}},
	}}
	exact := keep(all, func(o observation) bool { return o.Noise == 0 })
	sizes, groups := by(exact, func(o observation) int { return o.BatchSize })
	uneven, apart, passes := 1.0, 1.0, make([]float64, len(sizes)) // the largest factors
	var full float64
	for i, size := range slices.Backward(sizes) {
		g := groups[size]
		if slices.ContainsFunc(g, func(o observation) bool { return decadeSteps(o) == nil }) {
			v.find("B = %d: not all of %d runs reach every target", size, len(g))
			uneven, apart, passes[i] = math.Inf(1), math.Inf(1), math.NaN()
			continue
		}
		decade := median(g, func(o observation) float64 { return meanOf(decadeSteps(o)) })
		if i == len(sizes)-1 {
			full = decade
		}
		worst := 1.0
		for _, o := range g {
			steps := decadeSteps(o)
			worst = max(worst, slices.Max(steps)/slices.Min(steps))
		}
		last := func(o observation) float64 { return float64(*o.Targets[len(o.Targets)-1]) }
		steps := median(g, last)
		passes[i] = steps * float64(size) / float64(g[0].Measurements)
		uneven, apart = max(uneven, worst), max(apart, decade/full, full/decade)
		v.find("B = %d of %d: %.3g steps a decade of test error, "+
			"no decade of a run more than %.2f times another; %g steps to the last target, %.3g passes; "+
			"alignment ends before saddle avoidance does in %d of %d runs",
			size, g[0].Measurements, decade, worst, steps, passes[i], inOrder(g), len(g))
	}
	if len(sizes) < 2 {
		v.find("there are no two sizes without noise")
		return v
	}
	gain := passes[len(sizes)-1] / passes[0]
	noisy := v.noisyFloor(all)
	v.settle(uneven <= 1.5 && apart <= 1.5 && gain >= 10 && noisy >= 1.5,
		uneven > 3 || apart > 3 || gain <= 1 || noisy <= 1)
	return v
}

// decadeSteps returns the steps from each target to the next, or nil if a target is not reached.
func decadeSteps(o observation) (steps []float64) {
	for i, at := range o.Targets {
		if at == nil || o.Diverged() {
			return nil
		}
		if i > 0 {
			steps = append(steps, float64(*at-*o.Targets[i-1]))
		}
	}
	return steps
}

// inOrder counts the runs whose alignment ends before saddle avoidance does, as with the full gradient.
func inOrder(all []observation) int {
	return len(keep(all, func(o observation) bool {
		return o.AlignmentEnd != nil && o.SaddleEnd != nil && *o.AlignmentEnd < *o.SaddleEnd
	}))
}

// noisyFloor notes the test errors at the end of runs with noise, and returns the ratio of the smallest
// size's to the largest's.
func (v *Verdict) noisyFloor(all []observation) float64 {
	noisy := keep(all, func(o observation) bool { return o.Noise != 0 })
	sizes, groups := by(noisy, func(o observation) int { return o.BatchSize })
	if len(sizes) < 2 {
		v.find("there are no two sizes with noise")
		return math.NaN()
	}
	for _, size := range sizes {
		v.find("with noise, B = %d: test error %.2g at the end", size, median(groups[size], testError))
	}
	return median(groups[sizes[0]], testError) / median(groups[sizes[len(sizes)-1]], testError)
}
