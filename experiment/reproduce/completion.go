package reproduce

import (
	"fmt"
	"math"
	"strings"

	"github.com/matsense/matsense/experiment/sweep"
)

var completionExperiment = Experiment{
	Name:  "completion",
	About: "recovery against the number of observed entries, symmetric and not",
	Claim: `A matrix of low rank whose singular vectors are spread out is recovered from entries at random
positions if their number is of the order of its free numbers times ln n. It cannot be recovered from fewer
entries than free numbers (Candès and Recht, Foundations of Computational Mathematics 9 (2009); Candès and
Tao, arXiv 0903.1476). Gradient descent from a small start recovers it without knowing the rank (Ma and
Fattahi, arXiv 2402.06756, for symmetric matrices).`,
	Compared: `for UUᵀ and UVᵀ, recovery from fewer observed entries than the number d of the truth's free
numbers, and from at least 2·d·ln n`,
	AgreesIf: `no run with fewer than d entries recovers the truth, and every run with at least 2·d·ln n does`,
	DisagreesIf: `a run with fewer than d entries recovers the truth, or a tenth of the runs of UUᵀ, or of
UVᵀ, with at least 2·d·ln n does not`,
	Untested: `noise, and matrices whose singular vectors are not spread out, which need more entries`,
	judge:    judgeCompletion,
}

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
