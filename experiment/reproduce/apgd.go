package reproduce

import (
	"fmt"
	"math"

	"github.com/matsense/matsense/experiment/sweep"
)

var apgdExperiment = Experiment{
	Name:  "apgd",
	About: "the steps of alternating preconditioned gradient descent against κ of X",
	Claim: `With more columns than the truth's rank, and without a damping parameter, alternating
preconditioned gradient descent on UVᵀ converges linearly from random starts of any size. Its rate does not
depend on the condition number κ of X, or κ² of M*. The steps of gradient descent grow with κ (Liu, Han,
Tang, Tang and Wang, arXiv 2502.00463).`,
	Compared: `the steps of apgd and gd to a test error of 1e-3, over κ of X, and the rates of apgd, for each
α`,
	AgreesIf: `there are two α at least, all runs of apgd arrive, their steps differ by at most a quarter
between any two κ, every rate is steady to 0.9, the rates from different α are within a quarter of each
other (medians), and the steps of gd grow at least threefold`,
	DisagreesIf: `for an α the steps of apgd differ more than twofold between two κ, the rates from two α do
(medians), a run of apgd does not arrive, a rate is steady to less than 0.75, or the steps of gd grow by
less than a half`,
	Untested: `noise, tasks other than sensing, larger steps than scaled gradients with damping admit, and
how many measurements the theorem asks for`,
	judge: judgeAPGD,
}

func judgeAPGD(all []observation) Verdict {
	const method, steps = "apgd", "iterations_to_0.001"
	here := map[string][]string{"method": {method}}
	small := map[string][]string{"method": {method}, "alpha": {"0.001"}}
	v := Verdict{Status: Unclear, follow: []string{"step", "iterations", "measure-every"}, Figures: []Figure{
		{Query: sweep.Query{X: "kappa", Y: steps, By: "alpha", Where: here}},
		{Query: sweep.Query{X: sweep.Iteration, Y: "test_error", By: "kappa", Where: small}},
	}}
	of := func(method string) []observation {
		return keep(all, func(o observation) bool { return o.Method == method })
	}
	alphas, groups := by(of(method), alphaOf)
	if len(alphas) == 0 {
		v.find("there are no runs of %s", method)
	}
	agree, disagree := len(alphas) > 1, false
	slowest, fastest := math.Inf(1), 0.0
	for _, alpha := range alphas {
		name := fmt.Sprintf("%s, α = %g", method, alpha)
		apart := v.stepsOver(name, groups[alpha], kappaOf).apart
		steady := v.steadiness(name, groups[alpha])
		v.find("%s: at the end the error falls at least %.2f times as fast as before", name, steady)
		agree = agree && apart <= 1.25 && steady >= 0.9
		disagree = disagree || apart > 2 || steady < 0.75
		rate := median(groups[alpha], rateOf)
		slowest, fastest = math.Min(slowest, rate), math.Max(fastest, rate) // NaN stays
	}
	v.find("%s: the rates from different α differ by a factor of at most %.2f (medians)", method,
		fastest/slowest)
	agree, disagree = agree && fastest <= 1.25*slowest, disagree || fastest > 2*slowest
	plain := v.overKappa(all, "gd").growth
	agree, disagree = agree && plain.least >= 3, disagree || plain.most < 1.5
	v.settle(agree, disagree)
	return v
}
