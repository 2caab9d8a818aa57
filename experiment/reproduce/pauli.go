package reproduce

import (
	"fmt"
	"math"
	"slices"

	"github.com/matsense/matsense/experiment/sweep"
)

var pauliExperiment = Experiment{
	Name:  "pauli",
	About: "the test error against the number of Pauli words, for states of rank 1 and 2",
	Claim: `Some O(r·n·log²n) of the n(n+1)/2 real Pauli words determine a state of rank r (Gross, Liu,
Flammia, Becker and Eisert, arXiv 0909.3304; Liu, arXiv 1103.2816), and gradient descent on a factor finds
the state from them (Kyrillidis, Kalev, Park, Bhojanapalli, Caramanis and Sanghavi, arXiv 1711.02524).`,
	Compared: `the number of words per r·n from which on the median test error is below 1 %, over n, for each
rank. It is interpolated by a line in logarithms`,
	AgreesIf: `it grows no faster than log²n from the least n to the largest, and for the largest n the
number of words itself is at most a quarter of all words`,
	DisagreesIf: `its growth is more than halfway, in logarithms, from that of log²n to that of n, which is
the growth of all words per n, or for some n the median error with the most words is not below 1 %`,
	Untested: `noise of shots, and the constants`,
	judge:    judgePauli,
}

func judgePauli(all []observation) Verdict {
	const recovered = 0.01
	v := Verdict{Status: Unclear}
	ranks, ofRank := by(stable(all), func(o observation) int { return o.Rank })
	agree, disagree := len(ranks) > 0, false
	for _, r := range ranks {
		v.Figures = append(v.Figures, Figure{Query: sweep.Query{
			X: "measurements", Y: "test_error", By: "n",
			Where: map[string][]string{"rank": {fmt.Sprint(r)}},
		}})
		sides, ofSide := by(ofRank[r], func(o observation) int { return o.N })
		var perSide []float64 // the number needed over r·n
		for _, n := range sides {
			m := needed(ofSide[n], recovered)
			words := float64(n*(n+1)) / 2
			perSide = append(perSide, m/float64(r*n))
			v.find("rank %d, n = %d: a test error of %g takes %.0f of %.0f words, %.2f·r·n "+
				"(from medians over the seeds)", r, n, recovered, m, words, m/float64(r*n))
			agree = agree && (n < sides[len(sides)-1] || m <= words/4)
			disagree = disagree || math.IsInf(m, 1)
		}
		first, last := float64(sides[0]), float64(sides[len(sides)-1])
		if first == last {
			v.find("rank %d: there is only one n", r)
			agree = false
			continue
		}
		growth, allowed := perSide[len(perSide)-1]/perSide[0], math.Pow(math.Log(last)/math.Log(first), 2)
		v.find("rank %d: this number over r·n grows by a factor of %.2f, log²n by %.2f, "+
			"and the number of all words over n by %.3g", r, growth, allowed, (last+1)/(first+1))
		agree = agree && growth <= allowed
		disagree = disagree || growth > math.Sqrt(allowed*last/first)
	}
	if len(ranks) == 0 {
		v.find("there are no runs to judge")
	}
	v.settle(agree, disagree)
	return v
}

// needed returns the number of measurements from which on the median test error is below a bound, +Inf if the
// error is above it with the most measurements, and NaN if it is below with the fewest.
func needed(all []observation, bound float64) float64 {
	sizes, groups := by(all, func(o observation) int { return o.Measurements })
	slices.Reverse(sizes)
	// The logarithms of the next larger number of measurements and of its error over the bound.
	above, under := math.Inf(1), math.Inf(1)
	for i, m := range sizes {
		x, y := math.Log(float64(m)), math.Log(median(groups[m], testError)/bound)
		switch {
		case y < 0:
			above, under = x, y
		case i == 0:
			return math.Inf(1)
		default:
			return math.Exp(x + (above-x)*y/(y-under))
		}
	}
	return math.NaN()
}
