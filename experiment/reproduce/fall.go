package reproduce

import (
	"math"

	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/internal/fit"
)

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

// Lines are fitted to distances between these bounds.
const leastDistance, greatestDistance = 1e-10, 1e-2
