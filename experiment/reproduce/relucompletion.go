package reproduce

import (
	"fmt"
	"strings"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/sweep"
)

var reluCompletionExperiment = Experiment{
	Name:  "relu-completion",
	About: "three starts, if exactly the entries that are not negative are observed",
	Claim: `If exactly the entries of a positive semidefinite matrix that are not negative are observed,
gradient descent from a random start generally ends at stationary points that are not the solution. From a
start made for such entries it finds the solution (Liu, Wang, Huang, Qu and Balzano, arXiv 2406.05822). That
start here is relu-spectral: the spectral estimate's eigenpairs without the first.`,
	Compared: `the shares of runs from relu-spectral and from random starts that recover the truth, and
whether the train loss of the others has settled`,
	AgreesIf: `all runs from relu-spectral recover it, and at least half of those from random starts settle
without recovering it`,
	DisagreesIf: `a tenth of the runs from relu-spectral do not recover the truth, or nine tenths of those
from random starts do`,
	Untested: `thresholds and noise (which relu-thresholds tests), and starts with more columns than the
truth has`,
	judge: judgeReLU,
}

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
