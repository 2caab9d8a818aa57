package reproduce

import (
	"math"
	"slices"
	"strconv"

	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/sensing"
)

const saddlesClaim = `On the manifold of matrices of rank r, Riemannian gradient descent from a random start
and Riemannian SGD end at a strict saddle point with probability 0 (Hsieh, Karimi, Krause and Mertikopoulos,
arXiv 2311.02374). Let a planted saddle miss the largest eigenvalue λ_1 of M*, and let λ be the least
eigenvalue that it has. From a start at a distance α, the distance from the saddle grows by a factor 1 +
(μ/2)(λ_1/λ − 1) a step, so that the steps to leave it are a line in ln(1/α) with the slope 1/ln(1 +
(μ/2)(λ_1/λ − 1)).`

// judgeSaddles asks that all runs of rgd from beside a saddle, and of rsgd from the saddle itself, end at the
// least test error of their rank, with thirty of each at least, and that rgd's steps to the target be a line
// in ln(1/α) (R² of 0.95 for each seed) with the slope predicted to within a tenth. It disagrees if such a
// run ends at a strict saddle, or if the slope is off by a quarter.
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

// planted returns the runs that begin at a planted saddle, and notes the others.
func (v *Verdict) planted(all []observation) []observation {
	kept := keep(all, func(o observation) bool { return o.Init == "saddle" })
	if left := len(all) - len(kept); left > 0 {
		v.find("%d of %d runs do not begin at a planted saddle and are left out", left, len(all))
	}
	return kept
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

// escape counts the ends of runs from a planted saddle.
type escape struct {
	runs   int
	best   int // at the least test error of their rank
	stayed int // at a strict saddle, the planted one or another
	early  int // at the planted saddle, with too few steps to leave it
}

// all reports whether there are at least so many runs, and all of them end at the best.
func (e escape) all(least int) bool { return e.runs >= least && e.best == e.runs }

// escapes counts and notes how a method's runs end, for the α that chosen accepts.
func (v *Verdict) escapes(
	all []observation, method, from string, chosen func(alpha float64) bool,
) (e escape) {
	for _, o := range all {
		if o.Method != method || !chosen(o.Alpha) {
			continue
		}
		levels := saddleLevels(o.Rank, o.FactorRank, o.Kappa)
		atSaddle := slices.ContainsFunc(levels[1:], func(level float64) bool {
			return math.Abs(testError(o)/level-1) < 0.01
		})
		e.runs++
		switch {
		case o.Diverged():
		case testError(o) < (levels[0]+levels[1])/2:
			e.best++
		case !atSaddle || !hasSettled(o, func(p sweep.Point) float64 { return p.TestError }):
		case timeToLeave(o):
			e.stayed++
		default:
			e.early++
		}
	}
	if e.runs == 0 {
		v.find("%s: no runs %s", method, from)
		return e
	}
	if e.best == e.runs {
		v.find("%s: all %d runs %s end at the best of their rank: "+
			"the probability to stay is below %.2g, with 95 %% confidence",
			method, e.runs, from, 3/float64(e.runs))
		return e
	}
	v.find("%s: of %d runs %s %d end at the best of their rank, %d at a strict saddle",
		method, e.runs, from, e.best, e.stayed)
	if e.early > 0 {
		v.find("%s: %d of these runs had too few steps to leave the saddle", method, e.early)
	}
	return e
}

// timeToLeave reports whether a run took twice as many steps as the claim gives it to leave the planted saddle.
// For a start at the saddle itself it allows as many as from the distance 1e-4: less than one of a step's noise.
func timeToLeave(o observation) bool {
	from := o.Alpha
	if from == 0 {
		from = 1e-4
	}
	return saddleGrowth(o, o.Record.Iterations) >= 2*math.Log(1/from)
}

// saddleGrowth returns Σ ln(1 + (μ_t/2)(λ_1/λ − 1)) over so many steps.
func saddleGrowth(o observation, steps int) (sum float64) {
	largest, smallest := 1.0, 1/(o.Kappa*o.Kappa) // eigenvalues of M*
	growth := o.Step / 2 * (largest/smallest - 1)
	decay := o.NewStepDecay()
	if decay == nil {
		return float64(steps) * math.Log1p(growth)
	}
	for t := range steps {
		sum += math.Log1p(growth * decay.Factor(t))
	}
	return sum
}

// saddleLevels returns the test errors of the critical points of rank r, ascending: the critical point with the
// truth's eigenpairs i ∈ S has the test error √(Σ_{i ∉ S} λ_i²/Σ λ_i²). All but the first are strict saddles.
func saddleLevels(rank, r int, kappa float64) (levels []float64) {
	squares, sum := sensing.EvenSpectrum(rank, kappa), 0.0
	for j, sigma := range squares {
		squares[j] = math.Pow(sigma, 4) // λ² = σ⁴
		sum += squares[j]
	}
	var without func(from, left int, missing float64)
	without = func(from, left int, missing float64) {
		if left == 0 {
			levels = append(levels, math.Sqrt(missing/sum))
			return
		}
		for j := from; j <= rank-left; j++ {
			without(j+1, left-1, missing+squares[j])
		}
	}
	without(0, rank-r, 0)
	slices.Sort(levels)
	return levels
}

// escapeSlope notes and returns how a method's steps to the target grow with ln(1/α), and the relative
// difference of this slope from the prediction.
func (v *Verdict) escapeSlope(all []observation, method string) (s slope, off float64) {
	there := keep(all, func(o observation) bool {
		return o.Method == method && o.Alpha != 0 && reached(o) != nil
	})
	s = slopeOf(there, logInverseAlpha, stepsToTarget)
	if s.replicas == 0 {
		v.find("%s: too few α for a slope", method)
		return s, math.NaN()
	}
	o := there[0]
	largest, smallest := 1.0, 1/(o.Kappa*o.Kappa) // eigenvalues of M*
	growth := o.Step * (largest - smallest)
	if method == "rgd" {
		growth /= 2 * smallest
	}
	predicted := 1 / math.Log1p(growth)
	off = s.mean/predicted - 1
	v.find("%s: slope %v steps per e-fold of 1/α, predicted %.3g (%+.0f %%), least R² %.4f",
		method, s, predicted, 100*off, s.worst)
	return s, off
}
