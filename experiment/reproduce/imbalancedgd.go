package reproduce

import (
	"fmt"
	"math"

	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/internal/fit"
	"github.com/matsense/matsense/solver"
)

const imbalancedClaim = `If the factor has more columns than the truth's rank, gradient descent on UUᵀ
converges sublinearly: ‖UUᵀ − M*‖² is at least of order 1/T². With as many columns as the rank it converges
linearly. On UVᵀ, from V₀ a third as large as U₀, it converges linearly with more columns too, at a rate
proportional to α². With one step that makes U and V unbalanced, the rate does not depend on α (Xiong, Ding
and Du, arXiv 2310.01769).`

// judgeImbalanced looks at four kinds of runs: gradient descent on UUᵀ with r = r* and with r > r*, and with
// r > r* gradient descent and imbalanced-gd on UVᵀ. For UUᵀ with r > r* it asks that the power of T in the
// squared error, over the last decade of T, be within 0.2 of −2, and that T² times the squared error never
// fall below a half of its median there. Of the others it asks for a steady rate ([fall]) of at least 0.9.
// The rate of gd on UVᵀ must grow as α to a power within 0.2 of 2, and the rates of imbalanced-gd must be
// within a quarter of each other. A power below −2.5 for UUᵀ, one more than 0.5 off for UVᵀ, rates of
// imbalanced-gd twofold apart, a steadiness below 0.75, or runs that do not fall disagree. So does T² times
// the squared error below a tenth of its median.
func judgeImbalanced(all []observation) Verdict {
	const method = "imbalanced-gd"
	uv := solver.UV{}.Name()
	where := func(key, value string) map[string][]string { return map[string][]string{key: {value}} }
	v := Verdict{Status: Unclear,
		follow: []string{"n2", "measurements", "step", "iterations", "measure-every", "alpha-right"},
		Figures: []Figure{
			{Query: sweep.Query{X: sweep.Iteration, Y: "test_error", By: "factor-rank",
				Where: where("parametrization", solver.PSD{}.Name())}},
			{Query: sweep.Query{X: sweep.Iteration, Y: "test_error", By: "alpha",
				Where: map[string][]string{"parametrization": {uv}, "method": {"gd"}}}},
			{Query: sweep.Query{X: sweep.Iteration, Y: "test_error", By: "alpha",
				Where: where("method", method)}},
		}}
	exact := func(o observation) bool { return o.FactorRank == o.Rank }
	symmetric := keep(all, func(o observation) bool { return o.Parametrization == solver.PSD{}.Name() })
	rectangular := keep(all, func(o observation) bool { return o.Parametrization == uv && !exact(o) })
	wide := keep(symmetric, func(o observation) bool { return !exact(o) })
	narrow := keep(symmetric, exact)
	plain := keep(rectangular, func(o observation) bool { return o.Method == "gd" })
	changed := keep(rectangular, func(o observation) bool { return o.Method == method })
	plainAlphas, _ := by(plain, alphaOf)
	changedAlphas, groups := by(changed, alphaOf)
	if len(wide) == 0 || len(narrow) == 0 || len(plainAlphas) < 3 || len(changedAlphas) < 2 {
		v.find("runs of UUᵀ with r = r* and r > r*, of UVᵀ with three α, or of %s with two are missing",
			method)
		return v
	}
	var agree, disagree bool
	also := func(a, d bool) { agree, disagree = agree && a, disagree || d }
	agree = true

	power := median(wide, func(o observation) float64 { return powerOfT(o).Slope })
	fastest := least(wide, func(o observation) float64 { return powerOfT(o).Slope })
	lowest := least(wide, leastOverMedian)
	v.find("UUᵀ, r > r*: ‖UUᵀ − M*‖² falls like T to the power %.3f over the last decade of T (median of "+
		"%d runs, at the fastest %.3f); T² times it is never below %.2f of its median there", power,
		len(wide), fastest, lowest)
	also(math.Abs(power+2) <= 0.2 && math.Abs(fastest+2) <= 0.2 && lowest >= 0.5,
		fastest < -2.5 || lowest < 0.1)

	linear := func(what string, runs []observation) {
		steady, slowest := v.steadiness(what, runs), least(runs, rateOf)
		v.find("%s: the error falls by e^−%.4g each step (median of %d runs), at the end at least %.2f "+
			"times as fast as before", what, median(runs, rateOf), len(runs), steady)
		also(steady >= 0.9 && slowest > 0, steady < 0.75 || slowest <= 0)
	}
	linear("UUᵀ, r = r*", narrow)
	_, starts := by(plain, alphaOf)
	for _, alpha := range plainAlphas {
		linear(fmt.Sprintf("UVᵀ, r > r*, gd, α = %g", alpha), starts[alpha])
	}
	s := slopeOf(plain, log10(alphaOf), log10(rateOf))
	v.find("UVᵀ, r > r*, gd: the rate grows like α to the power %v, over %.1f decades of α", s,
		decades(plain, alphaOf))
	also(math.Abs(s.mean-2) <= 0.2, math.Abs(s.mean-2) > 0.5)

	lowRate, highRate := math.Inf(1), 0.0
	for _, alpha := range changedAlphas {
		linear(fmt.Sprintf("UVᵀ, r > r*, %s, α = %g", method, alpha), groups[alpha])
		rate := median(groups[alpha], rateOf)
		lowRate, highRate = math.Min(lowRate, rate), math.Max(highRate, rate)
	}
	v.find("%s: rates differ by a factor of %.2f over %.1f decades of α", method, highRate/lowRate,
		decades(changed, alphaOf))
	also(highRate/lowRate <= 1.25, highRate/lowRate >= 2)
	v.settle(agree, disagree)
	return v
}

// powerOfT fits the squared test error as a power of T, over the last decade of iterations.
func powerOfT(o observation) fit.Line {
	var x, y []float64
	for _, p := range lastDecade(o) {
		x, y = append(x, math.Log(float64(p.Iteration))), append(y, 2*math.Log(p.TestError))
	}
	return through(x, y)
}

// leastOverMedian returns the least of T² times the squared test error over its median, in the last decade.
func leastOverMedian(o observation) float64 {
	var scaled []float64
	lowest := math.Inf(1)
	for _, p := range lastDecade(o) {
		square := math.Pow(float64(p.Iteration)*p.TestError, 2)
		scaled, lowest = append(scaled, square), math.Min(lowest, square)
	}
	return lowest / medianOf(scaled)
}

// lastDecade returns the points of a run's last decade of iterations; none if the run diverged.
func lastDecade(o observation) (points []sweep.Point) {
	for _, p := range o.Trajectory {
		if !o.Diverged() && p.Iteration > 0 && 10*p.Iteration >= o.Final.Iteration {
			points = append(points, p)
		}
	}
	return points
}

// fall is how a run's error falls over the later half of its points between the bounds of distances.
type fall struct {
	// rate: the error falls by e^−rate each step.
	rate float64
	// steady is the rate over the later half of these points over that of the earlier half: 1 if the error
	// falls linearly, and about 5/7 if it falls like any power of T.
	steady float64
}

// fallOf fits lines to the logarithms of a run's errors; NaN if there are too few. Both numbers are 0 if the
// run stays above the bounds of distances.
func fallOf(o observation) fall {
	if testError(o) > greatestDistance {
		return fall{}
	}
	x, y := falling(o)
	half := len(x) / 2
	x, y = x[half:], y[half:]
	return fall{-through(x, y).Slope, laterOverEarlier(x, y)}
}

// falling returns the logarithms of a run's errors between the bounds of distances, and their iterations;
// nothing if the run diverged.
func falling(o observation) (x, y []float64) {
	for _, p := range o.Trajectory {
		if p.TestError > leastDistance && p.TestError < greatestDistance && !o.Diverged() {
			x, y = append(x, float64(p.Iteration)), append(y, math.Log(p.TestError))
		}
	}
	return x, y
}

// laterOverEarlier returns the slope of the later half of points over that of the earlier half.
func laterOverEarlier(x, y []float64) float64 {
	half := len(x) / 2
	return through(x[half:], y[half:]).Slope / through(x[:half], y[:half]).Slope
}

func rateOf(o observation) float64 { return fallOf(o).rate }

// steadiness returns the least steadiness ([fall]) of runs of some kind, of those whose records have enough
// points to tell: a sweep keeps some 200 points of a run, and a run may stay long before it falls. NaN if
// none has.
func (v *Verdict) steadiness(what string, all []observation) float64 {
	known := keep(all, func(o observation) bool { return !math.IsNaN(fallOf(o).steady) })
	if len(known) == 0 {
		return math.NaN()
	}
	if len(known) < len(all) {
		v.find("%s: the records of %d of %d runs have too few points to tell how steadily the error falls",
			what, len(all)-len(known), len(all))
	}
	return least(known, func(o observation) float64 { return fallOf(o).steady })
}

// through fits a line to points; its numbers are NaN for fewer than five.
func through(x, y []float64) fit.Line {
	line, ok := fit.Through(x, y)
	if !ok || len(x) < 5 {
		return fit.Line{Slope: math.NaN(), R2: math.NaN()}
	}
	return line
}

// least returns the least of a value; NaN if one is unknown.
func least(all []observation, value func(observation) float64) float64 {
	lowest := math.Inf(1)
	for _, o := range all {
		lowest = math.Min(lowest, value(o)) // NaN stays
	}
	return lowest
}
