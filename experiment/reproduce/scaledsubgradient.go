package reproduce

import "github.com/matsense/matsense/experiment/sweep"

const scaledSubgradientClaim = `Near the truth, on the ℓ1 loss and with outliers, the scaled subgradient
method with Polyak's steps takes about the same number of steps to a test error of 1e-8 for every condition
number κ of X (Tong, Ma and Chi, arXiv 2010.13364). Without the scaling the steps grow with κ.`

// judgeScaledSubgradient asks that the steps of scaled-subgradient differ by at most a half between any two
// κ, and that those of polyak-gd grow at least fivefold from the least κ to the largest. A factor of 3, runs
// of scaled-subgradient that do not reach the target, or growth below twofold, disagrees. Runs without
// outliers, or with another loss, are left out.
func judgeScaledSubgradient(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{X: "kappa", Y: "iterations_to_1e-08", By: "method"}},
	}}
	robust := keep(all, func(o observation) bool { return o.Outliers > 0 && o.LossName() == "l1" })
	apart := v.overKappa(robust, "scaled-subgradient").apart
	growth := v.overKappa(robust, "polyak-gd").growth
	v.settle(apart <= 1.5 && growth.least >= 5, apart > 3 || growth.most < 2)
	return v
}
