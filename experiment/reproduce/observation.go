package reproduce

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/internal/fit"
)

// freeNumbers returns the dimension of the set of matrices of a rank, of the truth's size.
func freeNumbers(o observation, rank int) float64 {
	n, n2, r := float64(o.N), float64(o.N2), float64(rank)
	if o.N2 > 0 {
		return r * (n + n2 - r)
	}
	return r * (2*n - r + 1) / 2
}

// least returns the least of a value; NaN if one is unknown.
func least(all []observation, value func(observation) float64) float64 {
	lowest := math.Inf(1)
	for _, o := range all {
		lowest = math.Min(lowest, value(o)) // NaN stays
	}
	return lowest
}

func rankOf(o observation) float64 { return float64(o.Rank) }

// observation is a run that ended, with its configuration.
type observation struct {
	config.Config
	*sweep.Record
}

// observations returns the runs that did not fail.
func observations(r *sweep.Results) []observation {
	var all []observation
	for _, rec := range r.Records {
		if rec.Status != sweep.Failed {
			all = append(all, observation{r.Runs[rec.Index].Config, rec})
		}
	}
	return all
}

// stable returns the runs that did not diverge. [Experiment.verdict] judges the others.
func stable(all []observation) []observation {
	return keep(all, func(o observation) bool { return !o.Diverged() })
}

// about returns the stable runs that a claim is about. It notes how many others it leaves out, and why.
func (v *Verdict) about(all []observation, condition func(observation) bool, otherwise string) []observation {
	all = stable(all)
	kept := keep(all, condition)
	if len(kept) < len(all) {
		v.find("%d of %d runs %s and are left out", len(all)-len(kept), len(all), otherwise)
	}
	return kept
}

// arrived returns the stable runs that have come to what the claim says of them. If others have not, the
// verdict does not agree: with more iterations they might, and might contradict the claim.
func (v *Verdict) arrived(
	all []observation, condition func(observation) bool, otherwise string,
) []observation {
	kept := v.about(all, condition, otherwise)
	v.partial = v.partial || len(kept) < len(stable(all))
	return kept
}

// keep returns the runs that satisfy a condition.
func keep(all []observation, condition func(observation) bool) (kept []observation) {
	for _, o := range all {
		if condition(o) {
			kept = append(kept, o)
		}
	}
	return kept
}

// by sorts observations into groups by a key, in the key's ascending order.
func by[K cmp.Ordered](all []observation, key func(observation) K) (keys []K, groups map[K][]observation) {
	groups = map[K][]observation{}
	for _, o := range all {
		k := key(o)
		if groups[k] == nil {
			keys = append(keys, k)
		}
		groups[k] = append(groups[k], o)
	}
	slices.Sort(keys)
	return keys, groups
}

// replica returns a name for an observation's seeds.
func replica(o observation) string { return fmt.Sprint(o.Seed, o.StartSeed-o.Seed) }

// median returns the median of a value, or NaN if there are no observations.
func median(all []observation, value func(observation) float64) float64 {
	return medianOf(valuesOf(all, value))
}

// medianOf sorts numbers and returns their median; NaN if there are none.
func medianOf(xs []float64) float64 {
	if len(xs) == 0 {
		return math.NaN()
	}
	slices.Sort(xs)
	return (xs[(len(xs)-1)/2] + xs[len(xs)/2]) / 2
}

// slope is the slope of straight lines, one for each replica.
type slope struct {
	mean, low, high float64 // the mean over the replicas and its 95 % interval
	worst           float64 // the least R²; NaN if there is no replica, as the others
	replicas        int
}

// slopeOf fits a line to each replica. Replicas are independent of each other, while the runs of one replica
// are not.
func slopeOf(all []observation, x, y func(observation) float64) slope {
	names, groups := by(all, replica)
	s := slope{mean: math.NaN(), low: math.NaN(), high: math.NaN(), worst: 1}
	var slopes []float64
	for _, name := range names {
		var xs, ys []float64
		for _, o := range groups[name] {
			xs, ys = append(xs, x(o)), append(ys, y(o))
		}
		line, ok := fit.Through(xs, ys)
		if !ok || len(xs) < 3 {
			continue
		}
		slopes = append(slopes, line.Slope)
		s.worst = min(s.worst, line.R2)
		s.low, s.high = line.Low, line.High
	}
	switch s.replicas = len(slopes); s.replicas {
	case 0:
		s.worst = math.NaN()
	case 1:
		s.mean = slopes[0]
	default:
		s.mean, s.low, s.high = fit.Mean(slopes)
	}
	return s
}

// slopesInAlpha returns and notes, for each parametrization, the slope of the floor's test error in α, in
// logarithms, over the runs that reached a floor.
func (v *Verdict) slopesInAlpha(all []observation) map[string]slope {
	reached := v.arrived(all, hasFloor, "reached no floor")
	names, groups := by(reached, func(o observation) string { return o.Parametrization })
	slopes := map[string]slope{}
	for _, name := range names {
		g := groups[name]
		s := slopeOf(g, log10(alphaOf), log10(testError))
		slopes[name] = s
		v.find("%s: slope %v over %.1f decades of α, least R² %.4f", name, s, decades(g, alphaOf), s.worst)
	}
	return slopes
}

func (s slope) String() string {
	return fmt.Sprintf("%.3g (95 %%: %.3g to %.3g, from %d seeds)", s.mean, s.low, s.high, s.replicas)
}

// most returns the largest of a value over the runs of a parametrization that did not diverge, with or
// without a floor: NaN if there are none, or if a value is unknown.
func most(all []observation, parametrization string, value func(o observation) float64) float64 {
	worst := math.NaN()
	for i, o := range keep(all, func(o observation) bool {
		return o.Parametrization == parametrization && !o.Diverged()
	}) {
		if v := value(o); i == 0 {
			worst = v
		} else {
			worst = math.Max(worst, v) // NaN stays
		}
	}
	return worst
}

// decades returns how many powers of ten a value spans.
func decades(all []observation, value func(observation) float64) float64 {
	lo, hi := math.Inf(1), 0.0
	for _, o := range all {
		lo, hi = min(lo, value(o)), max(hi, value(o))
	}
	if hi == 0 {
		return 0
	}
	return math.Log10(hi / lo)
}

// isIsotropic reports whether 1/m Σ ⟨A_i, Z⟩A_i has the expectation Z, as with all measurements but a aᵀ and
// entries that are chosen by their sign.
func isIsotropic(o observation) bool {
	return (o.Ensemble != "rank-one" || o.N2 > 0) && o.Ensemble != "relu-completion"
}

func alphaOf(o observation) float64 { return o.Alpha }

func kappaOf(o observation) float64 { return o.Kappa }

func testError(o observation) float64 { return float64(o.Final.TestError) }

// partOfLoss returns the last train loss over the first; NaN if the record has no points.
func partOfLoss(o observation) float64 {
	if len(o.Trajectory) == 0 {
		return math.NaN()
	}
	return o.Final.TrainLoss / o.Trajectory[0].TrainLoss
}

// hasFloor reports whether a run reached its floor, at a test error that has a logarithm.
func hasFloor(o observation) bool { return o.FloorStart != nil && testError(o) > 0 }

func logInverseAlpha(o observation) float64 { return math.Log(1 / o.Alpha) }

// log10 returns the logarithm of a value.
func log10(value func(observation) float64) func(observation) float64 {
	return func(o observation) float64 { return math.Log10(value(o)) }
}

// reached returns the iteration at which a run reached its target, or nil if it did not or diverged.
func reached(o observation) *int {
	if o.Diverged() || len(o.Targets) == 0 {
		return nil
	}
	return o.Targets[0]
}

// stepsToTarget returns the iteration at which a run reached its target, which it must have reached.
func stepsToTarget(o observation) float64 { return float64(*reached(o)) }

// share counts runs, and those that recover the truth.
type share struct{ recovered, of int }

// counted lets all runs diverge, for claims about the share of runs that recover: one that diverges is
// counted as one that does not.
func counted(observation) bool { return true }

// shareOf counts observations.
func shareOf(all []observation) (s share) {
	for _, o := range all {
		s.count(o)
	}
	return s
}

func (s *share) count(o observation) {
	s.of++
	if o.Recovered != nil && *o.Recovered {
		s.recovered++
	}
}

// part returns the share as a number, or NaN for no runs.
func (s share) part() float64 { return float64(s.recovered) / float64(s.of) }

func (s share) String() string { return fmt.Sprintf("%d of %d", s.recovered, s.of) }

func valuesOf(all []observation, value func(observation) float64) (xs []float64) {
	for _, o := range all {
		xs = append(xs, value(o))
	}
	return xs
}

// extreme returns the largest or the least of a value.
func extreme(all []observation, value func(observation) float64, pick func([]float64) float64) float64 {
	return pick(valuesOf(all, value))
}

// halves returns a value at the last point of a run's first half, and at its last point: NaN if the run
// diverged, or has no point between its start and its half.
func halves(o observation, value func(p sweep.Point) float64) (halfway, end float64) {
	if o.Diverged() || len(o.Trajectory) == 0 {
		return math.NaN(), math.NaN()
	}
	last := o.Trajectory[len(o.Trajectory)-1]
	halfway = math.NaN()
	for _, p := range o.Trajectory {
		if p.Iteration > 0 && 2*p.Iteration <= last.Iteration {
			halfway = value(p)
		}
	}
	return halfway, value(last)
}

// hasSettled reports whether a value changed by less than a tenth in the last half of the steps: see
// [halves].
func hasSettled(halfway, end float64) bool { return math.Abs(halfway-end) <= 0.1*math.Abs(end) }

func lastIteration(o observation) float64 { return float64(o.Final.Iteration) }

// meanOf returns the mean of numbers; NaN if there are none.
func meanOf(xs []float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	return sum / float64(len(xs))
}
