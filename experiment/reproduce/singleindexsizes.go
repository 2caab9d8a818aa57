package reproduce

import (
	"fmt"
	"math"

	"github.com/matsense/matsense/experiment/sweep"
)

var singleIndexSizesExperiment = Experiment{
	Name:  "single-index-sizes",
	About: "the test error behind a link against sparsity, rank and size",
	Claim: `Behind an unknown link the error of a vector with s of p numbers not zero is of order √(s·log p /
m): it grows like √s, and with p no faster than √log p. That of a p × p matrix of rank r is of order
√(r·p·log p / m): it grows like √r and √p (Fan, Yang and Yu, arXiv 2007.08322).`,
	Compared: `the slopes of the last test error, in logarithms, in the sparsity s and the size p of vectors,
and in the rank and the size p of matrices. Each slope is over at least three sizes, with the other size (p
for s and the rank, s or the rank for p) at the value for which there are the most`,
	AgreesIf: `each is within 0.1 of the claim's, which is 1/2 in s, in the rank and in the size of matrices,
and from 0 to that of √log p in the size of vectors`,
	DisagreesIf: `a slope is more than 0.25 away from the claim's`,
	Untested:    `elements so small that the logarithm counts, and the constants`,
	judge:       judgeSingleIndexSizes,
}

// sizeLaw is a slope of the last test error in a size, in logarithms, that the claim predicts.
type sizeLaw struct {
	what            string
	parametrization string
	x               string // the setting that is the size
	fixed           string // the setting that stays
	size, other     func(o observation) int
	// least and most bound the slope over the sizes from p0 to p1.
	least, most func(p0, p1 float64) float64
}

func judgeSingleIndexSizes(all []observation) Verdict {
	v := Verdict{Status: Unclear, follow: []string{"measurements", "step"}}
	half := func(_, _ float64) float64 { return 0.5 }
	n := func(o observation) int { return o.N }
	sparsity := func(o observation) int { return o.Sparsity }
	rank := func(o observation) int { return o.Rank }
	agree, disagree := true, false
	done := stable(all)
	for _, law := range []sizeLaw{
		{"vectors, in the sparsity s", "sparse", "sparsity", "n", sparsity, n, half, half},
		{"vectors, in their size p", "sparse", "n", "sparsity", n, sparsity,
			func(_, _ float64) float64 { return 0 },
			func(p0, p1 float64) float64 {
				return math.Log(math.Log(p1)/math.Log(p0)) / 2 / math.Log(p1/p0)
			}},
		{"matrices, in the rank r", "indefinite", "rank", "n", rank, n, half, half},
		{"matrices, in their size p", "indefinite", "n", "rank", n, rank, half, half},
	} {
		fixed, g := law.runs(done)
		if len(g) == 0 {
			v.find("%s: there are no three sizes", law.what)
			agree = false
			continue
		}
		sizes, ends := by(g, law.size)
		least, most := sizes[0], sizes[len(sizes)-1]
		s := slopeOf(g, log10(func(o observation) float64 { return float64(law.size(o)) }), log10(testError))
		low, high := law.least(float64(least), float64(most)), law.most(float64(least), float64(most))
		v.find("%s from %d to %d, %s %d: slope %v, the claim's is %s; test error from %.2g to %.2g", law.what,
			least, most, law.fixed, fixed, s, between(low, high), median(ends[least], testError),
			median(ends[most], testError))
		off := math.Max(low-s.mean, s.mean-high) // NaN without three sizes for a seed
		agree = agree && off <= 0.1
		disagree = disagree || off > 0.25
		v.Figures = append(v.Figures, Figure{Fit: true, Query: sweep.Query{
			X: law.x, Y: "test_error", Where: map[string][]string{
				"parametrization": {law.parametrization}, law.fixed: {fmt.Sprint(fixed)},
			},
		}})
	}
	v.settle(agree, disagree)
	return v
}

// runs returns the value of the fixed size that has the most values of the other, at least three, and the
// runs with it.
func (l sizeLaw) runs(all []observation) (fixed int, best []observation) {
	of := func(o observation) bool { return o.Parametrization == l.parametrization }
	values, groups := by(keep(all, of), l.other)
	most := 2
	for _, value := range values {
		if sizes, _ := by(groups[value], l.size); len(sizes) > most {
			most, fixed, best = len(sizes), value, groups[value]
		}
	}
	return fixed, best
}

// between writes the bounds of a slope.
func between(low, high float64) string {
	if low == high {
		return fmt.Sprintf("%.3g", low)
	}
	return fmt.Sprintf("from %.3g to %.3g", low, high)
}
