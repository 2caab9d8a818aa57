package reproduce

import "github.com/matsense/matsense/experiment/sweep"

var scaledSubgradientExperiment = Experiment{
	Name:  "scaled-subgradient",
	About: "the steps on the ℓ1 loss, scaled and not, against κ of X",
	Claim: `Near the truth, on the ℓ1 loss and with outliers, the scaled subgradient method with Polyak's
steps takes about the same number of steps to a test error of 1e-8 for every condition number κ of X (Tong,
Ma and Chi, arXiv 2010.13364). Without the scaling the steps grow with κ.`,
	Compared: `the steps to a test error of 1e-8 on the ℓ1 loss with outliers by scaled-subgradient and
polyak-gd, over κ of X (medians)`,
	AgreesIf: `the steps of scaled-subgradient differ by at most a half between any two κ, and those of
polyak-gd grow at least fivefold from the least κ to the largest`,
	DisagreesIf: `the steps of scaled-subgradient differ more than threefold, a run of it does not arrive, or
those of polyak-gd grow less than twofold`,
	Untested: `other losses and ensembles, constant and geometric steps, and the truncated start of the paper`,
	judge:    judgeScaledSubgradient,
}

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
