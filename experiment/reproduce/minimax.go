package reproduce

import (
	"fmt"
	"math"

	"github.com/matsense/matsense/experiment/sweep"
)

var minimaxExperiment = Experiment{
	Name:  "minimax",
	About: "the least error of ScaledGD(λ) against noise, measurements, rank and columns",
	Claim: `With noise of standard deviation σ on each of m Gaussian measurements, scaled gradient descent
with damping reaches an error ‖UUᵀ − M*‖_F of the order σ·√(n·r*/m), up to a factor that depends on the
condition number. No method has a smaller order. It has the truth's rank r* in it, and not the number r of
columns, from small random starts with any r ≥ r* (Xu, Shen, Chi and Ma, arXiv 2302.01186).`,
	Compared: `the least ‖UUᵀ − M*‖_F of scaled-gd-lambda: its slopes in the noise σ, in m and in r*, in
logarithms, for all values of the others; its range over r; and its ratio to σ·√(n·r*/m) (medians)`,
	AgreesIf: `slopes are within 0.1 of 1, −1/2 and 1/2, errors with different r differ by at most a quarter,
and the ratio is at most 3`,
	DisagreesIf: `a slope is 0.2 off, errors are twofold apart in r, or the ratio is above 10`,
	Untested:    `the power of κ of X, the number of steps, the condition on m and σ, and the lower bound itself`,
	judge:       judgeMinimax,
}

func judgeMinimax(all []observation) Verdict {
	v := Verdict{Status: Unclear}
	noisy := v.about(all, func(o observation) bool { return o.Noise > 0 && o.BestTestErrorIteration != nil },
		"have no σ")
	if len(noisy) == 0 {
		v.find("there is no run to judge")
		return v
	}
	agree, disagree := true, false
	axes := []struct {
		name, key string
		value     func(o observation) float64
		expected  float64
	}{
		{"σ", "noise", noiseOf, 1}, {"m", "measurements", fitted, -0.5}, {"r*", "rank", rankOf, 0.5},
	}
	for _, a := range axes {
		where := map[string][]string{} // the other settings, of a run with the least of them
		for _, b := range axes {
			if values, runs := by(noisy, b.value); b.name != a.name && len(values) > 1 {
				f, _ := runs[values[0]][0].Field(b.key)
				where[b.key] = []string{f.String()}
			}
		}
		v.Figures = append(v.Figures, Figure{Fit: true, Query: sweep.Query{
			X: a.key, Y: "best_test_error", By: "factor-rank", Where: where,
		}})
		rest := func(o observation) string {
			var key string
			for _, b := range axes {
				if b.name != a.name {
					key += fmt.Sprintf("%s = %g, ", b.name, b.value(o))
				}
			}
			return key + fmt.Sprintf("r = %d", o.FactorRank)
		}
		names, groups := by(noisy, rest)
		low, high := math.Inf(1), math.Inf(-1)
		for _, name := range names {
			s := slopeOf(groups[name], log10(a.value), log10(leastDistanceOf))
			low, high = math.Min(low, s.mean), math.Max(high, s.mean) // NaN stays
		}
		v.find("slopes in %s: %.3g to %.3g; the order's is %g", a.name, low, high, a.expected)
		off := math.Max(math.Abs(low-a.expected), math.Abs(high-a.expected))
		agree, disagree = agree && off <= 0.1, disagree || off > 0.2
	}
	apart := 1.0
	names, groups := by(noisy, func(o observation) string {
		return fmt.Sprint(o.Noise, o.Measurements, o.Rank)
	})
	several := false
	for _, name := range names {
		ranks, of := by(groups[name], func(o observation) int { return o.FactorRank })
		several = several || len(ranks) > 1
		low, high := math.Inf(1), 0.0
		for _, g := range of {
			e := median(g, leastDistanceOf)
			low, high = math.Min(low, e), math.Max(high, e)
		}
		apart = math.Max(apart, high/low)
	}
	v.find("least errors of different r differ by a factor of at most %.2f (medians)", apart)
	over := func(o observation) float64 {
		return leastDistanceOf(o) / (o.Noise * math.Sqrt(float64(o.N*o.Rank)/fitted(o)))
	}
	factor := median(noisy, over)
	v.find("the least error is %.3g of σ·√(n·r*/m), and the last error is %.4g of the least (medians of %d "+
		"runs)", factor, median(noisy, overfit), len(noisy))
	v.settle(agree && several && apart <= 1.25 && factor <= 3, disagree || apart > 2 || factor > 10)
	return v
}
