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

// observation is a run that ended, with what was asked of it.
type observation struct {
	config.Config
	*sweep.Record
}

// observations are the runs that did not fail.
func observations(r *sweep.Results) []observation {
	var all []observation
	for _, rec := range r.Records {
		if rec.Status != sweep.Failed {
			all = append(all, observation{r.Runs[rec.Index].Config, rec})
		}
	}
	return all
}

// only returns the runs that a condition is true of and that did not diverge, and notes how many it leaves out, and why.
func (v *Verdict) only(all []observation, condition func(observation) bool, otherwise string) []observation {
	var kept []observation
	for _, o := range all {
		if !o.Diverged() && condition(o) {
			kept = append(kept, o)
		}
	}
	if len(kept) < len(all) {
		v.find("%d of %d runs %s and are left out", len(all)-len(kept), len(all), otherwise)
	}
	return kept
}

// by sorts observations into groups by a number, in ascending order of it.
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

// replica names an observation's seeds.
func replica(o observation) string { return fmt.Sprint(o.Seed, o.StartSeed-o.Seed) }

// median of numbers; NaN of none.
func median(all []observation, value func(observation) float64) float64 {
	var xs []float64
	for _, o := range all {
		xs = append(xs, value(o))
	}
	if len(xs) == 0 {
		return math.NaN()
	}
	slices.Sort(xs)
	return (xs[(len(xs)-1)/2] + xs[len(xs)/2]) / 2
}

// slope is that of straight lines, one through each replica.
type slope struct {
	mean, low, high float64 // the mean of the replicas' and its 95 % interval
	worst           float64 // the least R²
	replicas        int
}

// slopeOf lays a line through each replica, which are independent of each other, as runs of one replica are not.
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
	if s.replicas = len(slopes); s.replicas == 1 {
		s.mean = slopes[0]
	} else if s.replicas > 1 {
		s.mean, s.low, s.high = fit.Mean(slopes)
	}
	return s
}

// slopesInAlpha tells, for each parametrization, the slope of the floor's test error in α, in logarithms, of the runs that reached one, and what
// more there is to say of its runs.
func (v *Verdict) slopesInAlpha(all []observation, more func(parametrization string, runs []observation) string) map[string]float64 {
	reached := v.only(all, func(o observation) bool { return o.FloorStart != nil && testError(o) > 0 }, "reached no floor")
	names, groups := by(reached, func(o observation) string { return o.Parametrization })
	slopes := map[string]float64{}
	alpha := func(o observation) float64 { return o.Alpha }
	for _, name := range names {
		g := groups[name]
		s := slopeOf(g, func(o observation) float64 { return math.Log10(o.Alpha) }, func(o observation) float64 { return math.Log10(testError(o)) })
		slopes[name] = s.mean
		v.find("%s: slope %v over %.1f decades of α, least R² %.4f%s", name, s, decades(g, alpha), s.worst, more(name, g))
	}
	return slopes
}

func (s slope) String() string {
	return fmt.Sprintf("%.3g (95 %%: %.3g to %.3g, from %d seeds)", s.mean, s.low, s.high, s.replicas)
}

// decades is how many powers of ten numbers span.
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

func testError(o observation) float64 { return o.Final.TestError }

// share is how many of some runs recover the truth.
type share struct{ recovered, of int }

// shareOf counts them.
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

// part is the share as a number; NaN of no runs.
func (s share) part() float64 { return float64(s.recovered) / float64(s.of) }

func (s share) String() string { return fmt.Sprintf("%d of %d", s.recovered, s.of) }
