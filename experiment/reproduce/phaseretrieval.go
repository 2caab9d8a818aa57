package reproduce

import (
	"fmt"
	"math"

	"github.com/matsense/matsense/experiment/sweep"
)

var phaseRetrievalExperiment = Experiment{
	Name:  "phase-retrieval",
	About: "recovery from squared products against their number, from three starts",
	Claim: `Gradient descent on uuᵀ recovers a vector of n numbers from the squares of its products with a
few times n random vectors. Each step reads the m·n numbers of these vectors twice. The start is the
spectral estimate (Candès, Li and Soltanolkotabi, arXiv 1407.1065), a small random vector (Chen, Chi, Fan
and Ma, arXiv 1803.07726), or a small random factor with more than one column.`,
	Compared: `the share of runs that recover the truth over m/n, from two random starts and a spectral one.
From n squares or fewer none should: several vectors have the same n generic squares`,
	AgreesIf: `from each start at least nine of ten runs recover the truth with every number of measurements
from 8n on, and none with n or fewer`,
	DisagreesIf: `from a start fewer than half of the runs recover it with some number of measurements from
8n on, or at least one in ten does with n or fewer`,
	Untested: `complex vectors, noise, and rates`,
	judge:    judgePhaseRetrieval,
}

func judgePhaseRetrieval(all []observation) Verdict {
	one := map[string][]string{"factor-rank": {"1"}}
	v := Verdict{Status: Unclear, follow: []string{"alpha"}, Figures: []Figure{
		{Query: sweep.Query{X: "measurements", Y: "test_error", By: "init", Where: one}},
		{Query: sweep.Query{
			X: "measurements", Y: "test_error", By: "factor-rank",
			Where: map[string][]string{"init": {"random"}},
		}},
	}, mayDiverge: counted}
	starts, groups := by(all, func(o observation) string {
		return fmt.Sprintf("%s start, r = %d", o.Init, o.FactorRank)
	})
	agree, disagree := len(starts) > 0, false
	for _, start := range starts {
		sizes, runs := by(groups[start], func(o observation) int { return o.Measurements })
		least, most, text := math.Inf(1), math.Inf(-1), "" // shares of runs that recover
		for _, m := range sizes {
			g := runs[m]
			here := shareOf(g)
			text += fmt.Sprintf("; m = %.3gn: %v", float64(m)/float64(g[0].N), here)
			if m <= g[0].N {
				most = max(most, here.part())
			}
			if m >= 8*g[0].N {
				least = min(least, here.part())
			}
		}
		v.find("%s, recovered%s", start, text[1:])
		agree = agree && least >= 0.9 && least <= 1 && most == 0
		disagree = disagree || least < 0.5 || most >= 0.1
	}
	v.settle(agree, disagree)
	return v
}
