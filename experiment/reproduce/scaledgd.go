package reproduce

import "github.com/matsense/matsense/experiment/sweep"

var scaledGDExperiment = Experiment{
	Name:  "scaled-gd",
	About: "the steps of gradient descent and ScaledGD against κ of X",
	Claim: `Near the truth, and with as many columns as its rank, scaled gradient descent takes the same
number of steps to a test error of 1e-10 for every condition number κ of X, whose square is that of M*.
Gradient descent takes more steps for a larger κ (Tong, Ma and Chi, arXiv 2005.08898).`,
	Compared: `the steps to a test error of 1e-10 by gd and scaled-gd, over κ of X (medians)`,
	AgreesIf: `the steps of scaled-gd differ by at most a half between any two κ, and those of gd grow at
least fivefold from the least κ to the largest`,
	DisagreesIf: `the steps of scaled-gd differ more than threefold, a run of it does not arrive, or those of
gd grow less than twofold`,
	Untested: `outliers, and the number of measurements that the theorem asks for`,
	judge:    judgeScaled,
}

func judgeScaled(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{X: "kappa", Y: "iterations_to_1e-10", By: "method"}},
	}}
	apart, growth := v.overKappa(all, "scaled-gd").apart, v.overKappa(all, "gd").growth
	v.settle(apart <= 1.5 && growth.least >= 5, apart > 3 || growth.most < 2)
	return v
}
