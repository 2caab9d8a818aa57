package reproduce

import (
	"fmt"
	"maps"
	"math"

	"github.com/matsense/matsense/experiment/sweep"
)

var opsaExperiment = Experiment{
	Name:  "opsa",
	About: "the steps on the ℓ1 loss with more columns than the rank, against κ of X",
	Claim: `On the ℓ1 loss and with outliers, with more columns than the truth's rank, the overparameterized
preconditioned subgradient algorithm on UVᵀ converges linearly from a start near the truth. Its rate does
not depend on the truth's rank (Giampouras, Cai and Vidal, arXiv 2410.16826). With λ proportional to the
least singular value of M*, and U₀ and V₀ of different sizes as in the authors' program, the rate does not
depend on κ of X either. Without the preconditioners the steps grow with κ.`,
	Compared: `the steps to a test error of 1e-8 on the ℓ1 loss with outliers and r > r* by opsa and
polyak-gd, over κ of X and r*`,
	AgreesIf: `for each r* and r all runs of opsa arrive, their steps differ by at most a quarter between any
two κ (medians), and between the errors 1e-2 and 1e-10 the logarithm of each run's error falls in the later
half of the points at least 0.8 times as fast as in the earlier half; for each r the steps of opsa differ by
at most a quarter between any two r* (medians), of which there must be two for some r; and the steps of
polyak-gd grow at least twofold from the least κ to the largest`,
	DisagreesIf: `the steps of opsa differ more than twofold, a run of it never arrives, the ratio of the
halves is below 0.6, or the steps of polyak-gd grow by less than a quarter`,
	Untested: `geometric and constant steps, the truncated start of the authors' program, larger outliers,
and how many measurements the theorem asks for`,
	judge: judgeOPSA,
}

func judgeOPSA(all []observation) Verdict {
	v := Verdict{Status: Unclear}
	robust := keep(all, func(o observation) bool {
		return o.Outliers > 0 && o.LossName() == "l1" && o.FactorRank > o.Rank
	})
	of := func(method string) []observation {
		return keep(robust, func(o observation) bool { return o.Method == method })
	}
	columns, groups := by(of("opsa"), func(o observation) int { return o.FactorRank })
	agree, disagree, compared := true, false, false
	for _, r := range columns {
		ranks, runs := by(groups[r], func(o observation) int { return o.Rank })
		for _, rank := range ranks {
			name := fmt.Sprintf("opsa, r* = %d, r = %d", rank, r)
			apart := v.stepsOver(name, runs[rank], kappaOf).apart
			steady := least(runs[rank], func(o observation) float64 { return laterOverEarlier(falling(o)) })
			v.find("%s: in the later half of the steps the error falls at least %.2f times as fast as in the "+
				"earlier half", name, steady)
			agree = agree && apart <= 1.25 && steady >= 0.8
			disagree = disagree || apart > 2 || steady < 0.6
			if len(v.Figures) == 0 {
				v.Figures = opsaFigures(rank, r)
			}
		}
		there := keep(groups[r], func(o observation) bool { return reached(o) != nil })
		if len(ranks) > 1 && len(there) == len(groups[r]) {
			compared = true
			few, many := math.Inf(1), 0.0
			for _, rank := range ranks {
				steps := median(runs[rank], stepsToTarget)
				few, many = min(few, steps), max(many, steps)
			}
			v.find("opsa, r = %d: the steps differ by a factor of at most %.2f between any two r* (medians)", r,
				many/few)
			agree = agree && many <= 1.25*few
			disagree = disagree || many > 2*few
		}
	}
	plain := v.overKappa(of("polyak-gd"), "polyak-gd").growth
	agree, disagree = agree && compared && plain.least >= 2, disagree || plain.most < 1.25
	v.settle(agree, disagree)
	return v
}

// opsaFigures show the runs with one rank and one number of columns.
func opsaFigures(rank, columns int) []Figure {
	both := whereOf("rank", rank)
	maps.Copy(both, whereOf("factor-rank", columns))
	opsa := maps.Clone(both)
	opsa["method"] = []string{"opsa"}
	return []Figure{
		{Query: sweep.Query{X: "kappa", Y: "iterations_to_1e-08", By: "method", Where: both}},
		{Query: sweep.Query{X: sweep.Iteration, Y: "test_error", By: "kappa", Where: opsa}},
	}
}
