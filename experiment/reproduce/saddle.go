package reproduce

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/combin"

	"github.com/matsense/matsense/sensing"
)

// planted returns the runs that begin at a planted saddle, and notes the others.
func (v *Verdict) planted(all []observation) []observation {
	kept := keep(all, func(o observation) bool { return o.Init == "saddle" })
	if left := len(all) - len(kept); left > 0 {
		v.find("%d of %d runs do not begin at a planted saddle and are left out", left, len(all))
	}
	return kept
}

// escape counts the ends of runs from a planted saddle.
type escape struct {
	runs   int
	best   int // at the least test error of their rank
	stayed int // at a strict saddle, the planted one or another, for long enough to leave it
	early  int // at a strict saddle, for fewer steps than that
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
		e.runs++
		best, saddles := criticalPoints(o)
		end := testError(o)
		switch at := slices.IndexFunc(saddles, func(s saddle) bool { return s.near(end) }); {
		case o.Diverged():
		case len(saddles) == 0 && end < 1.01*best || len(saddles) > 0 && end < (best+saddles[0].level)/2:
			e.best++
		case at >= 0 && saddles[at].held(o):
			e.stayed++
		case at >= 0:
			e.early++
		}
	}
	switch {
	case e.runs == 0:
		v.find("%s: no runs %s", method, from)
	case e.best == e.runs:
		v.find("%s: all %d runs %s end at the best of their rank: "+
			"the probability to stay is below %.2g, with 95 %% confidence",
			method, e.runs, from, 3/float64(e.runs))
	default:
		v.find("%s: of %d runs %s %d end at the best of their rank, %d at a strict saddle, "+
			"and %d are at one with too few steps to leave it", method, e.runs, from, e.best, e.stayed, e.early)
	}
	return e
}

// saddle is a strict saddle of f on the matrices of rank r: the truth's eigenpairs i ∈ S.
type saddle struct {
	level         float64 // its test error, √(Σ_{i ∉ S} λ_i²/Σ λ_i²)
	missing, kept float64 // the largest λ_i without S, and the least in S
}

// near reports whether a test error is that of the saddle, to within a hundredth.
func (s saddle) near(testError float64) bool { return math.Abs(testError/s.level-1) < 0.01 }

// held reports whether a run that ends near the saddle has been there for one and a half times the steps that
// it takes to leave from a distance α. A run from the planted saddle itself, which noise moves, gets the
// steps from 1e-4, which is less than the noise of a step.
func (s saddle) held(o observation) bool {
	from := o.Alpha
	if from == 0 {
		from = 1e-4
	}
	arrived := len(o.Trajectory) // the first of the points near the saddle at the end
	for arrived > 0 && s.near(o.Trajectory[arrived-1].TestError) {
		arrived--
	}
	if arrived == len(o.Trajectory) {
		return false
	}
	last := o.Trajectory[len(o.Trajectory)-1].Iteration
	return s.growth(o, o.Trajectory[arrived].Iteration, last) >= 1.5*math.Log(1/from)
}

// growth returns the logarithm of the growth of the distance from the saddle, from one iteration to another:
// Σ ln(1 + (μ_t/2)(λ_1/λ − 1)), or for gd Σ ln(1 + μ_t(λ_1 − λ)), with λ_1 missing and λ the least that it
// has.
func (s saddle) growth(o observation, first, last int) (sum float64) {
	rate := (s.missing/s.kept - 1) / 2
	if o.Method == "gd" {
		rate = s.missing - s.kept
	}
	decay := o.NewStepDecay()
	if decay == nil {
		return float64(last-first) * math.Log1p(o.Step*rate)
	}
	for t := first; t < last; t++ {
		sum += math.Log1p(o.Step * rate * decay.Factor(t))
	}
	return sum
}

// plantedSaddle returns the saddle at which a run begins: the least r of the truth's eigenvalues 1 … 1/κ².
func plantedSaddle(o observation) saddle {
	return saddleWithout(o, func(i int) bool { return i < o.Rank-o.FactorRank })
}

// saddleWithout returns the saddle that misses some of the truth's eigenvalues.
func saddleWithout(o observation, misses func(i int) bool) saddle {
	s := saddle{missing: 0, kept: math.Inf(1)}
	left, sum := 0.0, 0.0
	for i, sigma := range sensing.EvenSpectrum(o.Rank, o.Kappa) {
		lambda := sigma * sigma
		sum += lambda * lambda
		if misses(i) {
			left += lambda * lambda
			s.missing = math.Max(s.missing, lambda)
		} else {
			s.kept = math.Min(s.kept, lambda)
		}
	}
	s.level = math.Sqrt(left / sum)
	return s
}

// criticalPoints returns the least test error of a matrix of rank r, and the strict saddles of that rank by
// their test errors, ascending. If there are more than a thousand, only the planted one is in the list.
func criticalPoints(o observation) (best float64, saddles []saddle) {
	best = saddleWithout(o, func(i int) bool { return i >= o.FactorRank }).level
	if combin.GeneralizedBinomial(float64(o.Rank), float64(o.FactorRank)) > 1000 {
		return best, []saddle{plantedSaddle(o)}
	}
	for _, kept := range combin.Combinations(o.Rank, o.FactorRank) {
		s := saddleWithout(o, func(i int) bool { return !slices.Contains(kept, i) })
		if s.missing > s.kept {
			saddles = append(saddles, s)
		}
	}
	slices.SortFunc(saddles, func(a, b saddle) int { return cmp.Compare(a.level, b.level) })
	return best, saddles
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
	predicted := 1 / plantedSaddle(there[0]).growth(there[0], 0, 1)
	off = s.mean/predicted - 1
	v.find("%s: slope %v steps per e-fold of 1/α, predicted %.3g (%+.0f %%), least R² %.4f",
		method, s, predicted, 100*off, s.worst)
	return s, off
}
