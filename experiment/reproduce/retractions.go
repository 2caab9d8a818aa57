package reproduce

import (
	"cmp"
	"fmt"
	"math"

	"github.com/matsense/matsense/experiment/sweep"
)

var retractionsExperiment = Experiment{
	Name:  "retractions",
	About: "how four retractions leave planted saddle points, with decaying steps too",
	Claim: `Riemannian stochastic gradient descent with step sizes that go to zero, and with any retraction,
ends at a strict saddle point with probability 0 (Hsieh, Karimi, Krause and Mertikopoulos, arXiv
2311.02374). Here four retractions, for UUᵀ and UVᵀ, start at a planted saddle, which misses the largest
singular value λ_1 of M* and has λ as its least, or at a distance α from it. All retractions have the same
derivative, so that the distance from the saddle grows by the same factor 1 + (μ_t/2)(λ_1/λ − 1) in step t.
The logarithms of these factors, summed over the steps to leave it, are a line in ln(1/α) with the slope 1,
whatever the law of the step sizes μ_t.`,
	Compared: `for each retraction: where runs end, of rsgd from a planted saddle with steps that get shorter
and of rgd from beside it, and for rgd, each parametrization and law of the steps the line of ln of the
growth until the target in ln(1/α)`,
	AgreesIf: `all of these runs end at the least test error of their rank, there are two retractions and
thirty runs of rsgd at least, and each line has an R² of at least 0.95 for each seed and the slope 1 to
within a tenth`,
	DisagreesIf: `a run of rgd from beside the saddle, or of rsgd from the saddle with steps that get
shorter, ends at a strict saddle, or a slope is more than a quarter off`,
	Untested: `noise that is not that of mini-batches, other manifolds, and convergence to a minimum`,
	judge:    onEvenSpectra(judgeRetractions),
}

func judgeRetractions(all []observation) Verdict {
	const least = 30
	v := Verdict{Status: Unclear, follow: []string{"measurements", "step", "batch-size"}, Figures: []Figure{
		{Fit: true, Query: sweep.Query{
			X: "alpha", Y: "iterations_to_0.3", By: "retraction",
			Where: map[string][]string{"method": {"rgd"}, "step-decay": {""}, "parametrization": {"uv"}},
		}},
		{Query: sweep.Query{
			X: sweep.Iteration, Y: "test_error", By: "retraction",
			Where: map[string][]string{"method": {"rsgd"}, "parametrization": {"uv"}},
		}},
	}}
	names, byName := by(v.planted(all), func(o observation) string { return cmp.Or(o.Retraction, "factor") })
	agree, disagree, noisy := len(names) > 1, false, 0
	for _, name := range names {
		ends := func(method, from string, chosen func(o observation) bool) escape {
			e := v.escapes(keep(byName[name], chosen), method, from+", retraction "+name+",",
				func(float64) bool { return true })
			disagree = disagree || e.stayed > 0
			agree = agree && e.all(1)
			return e
		}
		noisy += ends("rsgd", "from the saddle", func(o observation) bool {
			return o.Alpha == 0 && o.StepDecay != ""
		}).runs
		ends("rgd", "beside the saddle", func(o observation) bool { return o.Alpha > 0 })
		laws, byLaw := by(byName[name], func(o observation) string {
			return fmt.Sprintf("%s, %s", o.Parametrization, cmp.Or(o.StepDecay, "constant steps"))
		})
		for _, law := range laws {
			beside := keep(byLaw[law], func(o observation) bool {
				return o.Method == "rgd" && o.Alpha > 0 && reached(o) != nil
			})
			if len(beside) == 0 {
				continue
			}
			s := slopeOf(beside, logInverseAlpha, func(o observation) float64 {
				return plantedSaddle(o).growth(o, 0, *reached(o))
			})
			if s.replicas == 0 {
				v.find("%s, %s: too few α for a slope", name, law)
				agree = false
				continue
			}
			v.find("%s, %s: ln of the growth against ln(1/α) has the slope %v, least R² %.4f", name, law, s,
				s.worst)
			agree = agree && math.Abs(s.mean-1) <= 0.1 && s.worst >= 0.95
			disagree = disagree || math.Abs(s.mean-1) > 0.25
		}
	}
	if len(names) < 2 {
		v.find("there are no two retractions")
	}
	v.settle(agree && noisy >= least, disagree)
	return v
}
