package reproduce

import "github.com/matsense/matsense/experiment/sweep"

var scaledGDLambdaExperiment = Experiment{
	Name:  "scaled-gd-lambda",
	About: "the steps of ScaledGD(λ) and PrecGD from small starts against κ of X and α",
	Claim: `From small random starts with more columns than the truth's rank, the steps of scaled gradient
descent with damping λ (here σ_min²) to a given test error grow with the condition number κ of X only by its
logarithm, and are a line in ln(1/α) (Xu, Shen, Chi and Ma, arXiv 2302.01186). So are those of PrecGD, whose
λ follows the error (Zhang, Fattahi and Zhang, NeurIPS 2021). The steps of gradient descent grow with κ, and
without damping there is no inverse to scale by.`,
	Compared: `the steps to a test error of 1e-5 by scaled-gd-lambda and prec-gd, which are damped, and by gd
and scaled-gd: over κ of X (medians over all seeds and α) and over α for each κ. Fewer steps for a larger κ
do not contradict the claim, because λ is smaller for a larger κ`,
	AgreesIf: `the steps of the damped methods grow by at most a half from any κ to a larger one and are for
each κ lines in ln(1/α) with an R² of at least 0.95 for each seed, those of gd grow at least threefold from
the least κ to the largest, and no run of scaled-gd, which has no damping, arrives`,
	DisagreesIf: `the steps of a damped method grow more than threefold from a κ to a larger one, a run of it
does not arrive, an R² is below 0.8, the steps of gd grow by less than a half, or half of the runs of
scaled-gd arrive`,
	Untested: `noise (which minimax tests), matrices of approximately low rank (approximate-rank), and the
theorem's constants`,
	judge: judgeDamped,
}

func judgeDamped(all []observation) Verdict {
	const steps = "iterations_to_1e-05"
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{
			X: "kappa", Y: steps, By: "method",
			Where: map[string][]string{"alpha": {"1e-10"}},
		}},
	}}
	for _, method := range []string{"scaled-gd-lambda", "prec-gd"} {
		v.Figures = append(v.Figures, Figure{
			Fit: true,
			Query: sweep.Query{
				X: "alpha", Y: steps, By: "kappa",
				Where: map[string][]string{"method": {method}},
			},
		})
	}
	agree, disagree := true, false
	for _, method := range []string{"scaled-gd-lambda", "prec-gd"} {
		rise := v.overKappa(all, method).rise
		agree, disagree = agree && rise <= 1.5, disagree || rise > 3
		there := keep(all, func(o observation) bool { return o.Method == method && reached(o) != nil })
		kappas, groups := by(there, kappaOf)
		for _, kappa := range kappas {
			s := slopeOf(groups[kappa], logInverseAlpha, stepsToTarget)
			v.find("%s, κ = %g: slope %v steps per e-fold of 1/α, least R² %.3f", method, kappa, s, s.worst)
			agree, disagree = agree && s.worst >= 0.95, disagree || s.worst < 0.8
		}
	}
	plain := v.overKappa(all, "gd").growth
	agree, disagree = agree && plain.least >= 3, disagree || plain.most < 1.5
	undamped := func(o observation) bool { return o.Method == "scaled-gd" }
	v.mayDiverge = undamped
	v.overKappa(all, "scaled-gd")
	without := keep(all, undamped)
	there := len(keep(without, func(o observation) bool { return reached(o) != nil }))
	agree = agree && len(without) > 0 && there == 0
	disagree = disagree || len(without) > 0 && 2*there >= len(without)
	v.settle(agree, disagree)
	return v
}
