package reproduce

import (
	"math"

	"github.com/matsense/matsense/experiment/sweep"
)

// While UUᵀ is small compared with M* = XXᵀ, the gradient at U is −S·U with S = 1/m Σ y_i A_i ≈ M*, so that a
// step is
//
//	U_{t+1} = (I + μ·S) U_t
//
// and the component of U along the truth's i-th direction, which begins at a size of order α, grows by
// 1 + μσ_i² each step. The weakest component, along σ_min(X), reaches the size of the truth when
// α·(1 + μσ_min²)^t is of order σ_min:
//
//	t = ln(1/α) / ln(1 + μσ_min²) + a constant
//
// The number of steps from there to a given test error does not depend on α. For UVᵀ, where M* is σ_i² along
// the i-th pair of directions, the component grows by 1 + μσ_i²/2.
var iterationsExperiment = Experiment{
	Name:  "iterations",
	About: "the steps to a test error of 1 % against log(1/α)",
	Claim: `While the factor is small its weakest component grows by 1 + μσ_min² each step, so that the steps
to a given test error are a line in ln(1/α) with slope 1/ln(1 + μσ_min²), where σ_min = 1/κ of X.`,
	Compared: `the slope of the steps to a test error of 1 % in ln(1/α), for each κ of X, and the predicted
one: 1/ln(1 + μσ_min²), or with UVᵀ 1/ln(1 + μσ_min²/2)`,
	AgreesIf:    `every slope is within a tenth of the predicted one, and R² is at least 0.99 for each seed`,
	DisagreesIf: `a slope is more than a quarter off, or an R² is below 0.9`,
	Untested:    `the theorem's bound on the number of steps, with its constants`,
	judge:       onEvenSpectra(judgeIterations),
}

func judgeIterations(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Fit: true, Query: sweep.Query{X: "alpha", Y: "iterations_to_0.01", By: "kappa"}},
	}}
	told := v.about(all, func(o observation) bool {
		return o.Method == "gd" && o.StepDecay == "" && o.HasSquaredLoss() && isIsotropic(o) &&
			o.LinkScale != "unknown" && (o.Parametrization == "psd" || o.Parametrization == "uv")
	}, "are not of the kind for which the slope is predicted (gd with constant steps on the squared loss of UUᵀ "+
		"or UVᵀ, with isotropic measurements)")
	there := v.arrived(told, func(o observation) bool { return reached(o) != nil },
		"did not reach a test error of 1 %")
	kappas, groups := by(there, kappaOf)
	agree, disagree := len(kappas) > 0, false
	for i, kappa := range kappas {
		g := groups[kappa]
		growth := g[0].Step / (kappa * kappa) // ‖X‖ is 1
		if g[0].Parametrization == "uv" {
			growth /= 2
		}
		predicted := 1 / math.Log1p(growth)
		s := slopeOf(g, logInverseAlpha, stepsToTarget)
		off := s.mean/predicted - 1
		v.find("κ = %g: slope %v steps per e-fold, predicted %.3g (%+.0f %%), least R² %.4f, "+
			"over %.1f decades of α",
			kappa, s, predicted, 100*off, s.worst, decades(g, alphaOf))
		agree = agree && math.Abs(off) <= 0.1 && s.worst >= 0.99
		disagree = disagree || math.Abs(off) > 0.25 || s.worst < 0.9
		var guide Guide
		if i == 0 {
			guide.Name = "predicted slopes"
		}
		alphas, ends := by(g, alphaOf)
		largest := alphas[len(alphas)-1]
		for _, a := range []float64{alphas[0], largest} {
			guide.X = append(guide.X, a)
			guide.Y = append(guide.Y, median(ends[largest], stepsToTarget)+predicted*math.Log(largest/a))
		}
		v.Figures[0].Guides = append(v.Figures[0].Guides, guide)
	}
	v.settle(agree, disagree)
	return v
}
