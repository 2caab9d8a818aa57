package reproduce

import (
	"fmt"
	"math"
	"strings"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/sweep"
)

const completionClaim = `A matrix of low rank whose singular vectors are spread out is recovered from entries
at random positions if their number is of the order of its free numbers times ln n. It cannot be recovered
from fewer entries than free numbers (Candès and Recht, Foundations of Computational Mathematics 9 (2009);
Candès and Tao, arXiv 0903.1476). Gradient descent from a small start recovers it without knowing the rank
(Ma and Fattahi, arXiv 2402.06756, for symmetric matrices).`

// judgeCompletion asks that every run recover from at least 2·d·ln n entries, for d free numbers, and none
// from fewer than d. It disagrees if a run recovers from fewer than d, or if a tenth of the runs with at
// least 2·d·ln n entries does not recover.
func judgeCompletion(all []observation) Verdict {
	v := Verdict{Status: Unclear, follow: []string{"n2", "step"}, Figures: []Figure{
		{Query: sweep.Query{X: "measurements", Y: "test_error", By: "parametrization"}},
	}, mayDiverge: counted}
	names, groups := by(all, func(o observation) string { return o.Parametrization })
	if len(names) == 0 {
		v.find("there are no runs")
	}
	agree, disagree := len(names) > 0, false
	for _, name := range names {
		few, ample := share{}, share{}
		var free, enough float64
		sizes, of := by(groups[name], func(o observation) int { return o.Measurements })
		var text []string
		for _, m := range sizes {
			var here share
			for _, o := range of[m] {
				free = freeNumbers(o, o.Rank)
				enough = 2 * free * math.Log(float64(max(o.N, o.N2)))
				here.count(o)
				if float64(m) < free {
					few.count(o)
				} else if float64(m) >= enough {
					ample.count(o)
				}
			}
			text = append(text, fmt.Sprintf("%d: %v", m, here))
		}
		v.find("%s, %.0f free numbers; entries, and runs that recover from them: %s",
			name, free, strings.Join(text, "; "))
		v.find("%s: %v recover from fewer entries than free numbers, "+
			"%v from at least %.0f, twice the free numbers times ln n", name, few, ample, enough)
		if few.of == 0 || ample.of == 0 {
			v.find("%s: there are no runs with so few or so many entries", name)
			agree = false
			continue
		}
		agree = agree && few.recovered == 0 && ample.recovered == ample.of
		disagree = disagree || few.recovered > 0 || 10*(ample.of-ample.recovered) >= ample.of
	}
	v.settle(agree, disagree)
	return v
}

// freeNumbers returns the dimension of the set of matrices of a rank, of the truth's size.
func freeNumbers(o observation, rank int) float64 {
	n, n2, r := float64(o.N), float64(o.N2), float64(rank)
	if o.N2 > 0 {
		return r * (n + n2 - r)
	}
	return r * (2*n - r + 1) / 2
}

const reluClaim = `If exactly the entries of a positive semidefinite matrix that are not negative are
observed, gradient descent from a random start generally ends at stationary points that are not the solution.
From a start made for such entries it finds the solution (Liu, Wang, Huang, Qu and Balzano, arXiv
2406.05822). That start here is relu-spectral: the spectral estimate's eigenpairs without the first.`

// judgeReLU asks that all runs from relu-spectral recover, and that at least half of the runs from random
// starts settle without recovering: their train loss falls by less than a tenth in the last half of the
// steps. It disagrees if a tenth of the former does not recover, or nine tenths of the latter do.
func judgeReLU(all []observation) Verdict {
	v := Verdict{Status: Unclear, follow: []string{"factor-rank", "alpha"}, Figures: []Figure{
		{Query: sweep.Query{X: "rank", Y: "test_error", By: "init"}},
	}, mayDiverge: counted}
	inits, groups := by(all, func(o observation) string { return o.Init })
	shares, settled := map[string]share{}, map[string]int{}
	for _, init := range inits {
		ranks, of := by(groups[init], func(o observation) int { return o.Rank })
		var text []string
		var sum share
		var stuck []observation
		for _, rank := range ranks {
			var here share
			for _, o := range of[rank] {
				here.count(o)
				sum.count(o)
				if o.Recovered != nil && !*o.Recovered && !o.Diverged() {
					stuck = append(stuck, o)
				}
			}
			text = append(text, fmt.Sprintf("r* = %d: %v", rank, here))
		}
		shares[init] = sum
		v.find("%s: %v recover (test error below %g); %s",
			init, sum, experiment.RecoveredBelow, strings.Join(text, "; "))
		if len(stuck) > 0 {
			loss := func(p sweep.Point) float64 { return p.TrainLoss }
			settled[init] = len(keep(stuck, func(o observation) bool { return hasSettled(halves(o, loss)) }))
			v.find("%s: the others end at a train loss of %.2g and a test error of %.2g (medians); "+
				"%d of these %d have settled: the loss fell by less than a tenth in the last half of the steps",
				init, median(stuck, func(o observation) float64 { return loss(o.Final) }),
				median(stuck, testError), settled[init], len(stuck))
		}
	}
	made, random := shares["relu-spectral"], shares["random"]
	if made.of == 0 || random.of == 0 {
		v.find("there are no runs from one of the starts")
		return v
	}
	v.settle(made.recovered == made.of && 2*settled["random"] >= random.of,
		10*(made.of-made.recovered) >= made.of || 10*random.recovered >= 9*random.of)
	return v
}
