package reproduce

import (
	"math"
	"slices"

	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/internal/fit"
)

var rgdaExperiment = Experiment{
	Name:  "rgda",
	About: "the distance of descent-ascent from an equilibrium, for several κ of X",
	Claim: `In a geodesically strongly monotone game the last iterate of Riemannian gradient descent-ascent
converges linearly to the equilibrium, with step sizes and at a rate that do not depend on the manifold's
curvature (Cai, Jordan, Lin, Oikonomou and Vlatakis-Gkaragkounis, arXiv 2306.16617). Here matrices of rank
r* play against shifts of the observations. The curvature of their manifold near M* grows with the square of
the condition number κ of X, and the game's monotonicity does not change.`,
	Compared: `lines through the logarithm of the distance to the equilibrium, from 1e-2 to 1e-10, over κ of
X`,
	AgreesIf: `all runs end below 1e-10, every R² is at least 0.99, and the slopes for all κ are within a
tenth of that for the least κ (medians)`,
	DisagreesIf: `a run does not end below 1e-6, an R² is below 0.9, or a slope is more than twice or less
than half of that for the least κ`,
	Untested: `noise on the gradients, and games without strong monotonicity`,
	judge:    judgeRGDA,
}

func judgeRGDA(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{X: sweep.Iteration, Y: "test_error", By: "kappa"}},
		{Query: sweep.Query{X: sweep.Iteration, Y: "shift", By: "kappa"}},
	}}
	kappas, groups := by(all, kappaOf)
	agree, disagree := len(kappas) > 1, false
	first := math.NaN()
	for _, kappa := range kappas {
		g := groups[kappa]
		rate := median(g, func(o observation) float64 { return linearFall(o).Slope })
		worst := slices.Min(valuesOf(g, func(o observation) float64 { return linearFall(o).R2 }))
		last := slices.Max(valuesOf(g, lastDistance))
		if math.IsNaN(first) {
			first = rate
		}
		v.find("κ = %g: distance × %.4f each step (median of %d runs), least R² %.5f, "+
			"in the end at most %.1e", kappa, math.Exp(rate), len(g), worst, last)
		agree = agree && last < leastDistance && worst >= 0.99 && math.Abs(rate/first-1) <= 0.1
		disagree = disagree || !(last < 1e-6) || worst < 0.9 || rate/first < 0.5 || rate/first > 2
	}
	if len(kappas) < 2 {
		v.find("there are no two condition numbers")
		return v
	}
	g := all[0]
	v.find("for measurements that are an isometry the distance is × %.4f each step",
		isometricRate(g.Step, g.AdversaryStep, g.AdversaryWeight))
	v.settle(agree, disagree)
	return v
}

// distance returns √(‖Z − M*‖²/‖M*‖² + ‖e‖²/m), the distance from the equilibrium (M*, 0) of a game without
// noise.
func distance(p sweep.Point) float64 { return math.Hypot(p.TestError, p.Shift) }

// lastDistance returns a run's last distance, or infinity if the run diverged.
func lastDistance(o observation) float64 {
	if d := distance(o.Final); !o.Diverged() && !math.IsNaN(d) {
		return d
	}
	return math.Inf(1)
}

// linearFall returns the line fitted to the logarithms of a run's distances, or NaN for fewer than ten
// distances.
func linearFall(o observation) fit.Line {
	var x, y []float64
	for _, p := range o.Trajectory {
		if d := distance(p); d > leastDistance && d < greatestDistance {
			x, y = append(x, float64(p.Iteration)), append(y, math.Log(d))
		}
	}
	line, ok := fit.Through(x, y)
	if !ok || len(x) < 10 {
		return fit.Line{Slope: math.NaN(), R2: math.NaN()}
	}
	return line
}

// isometricRate returns the greater spectral radius of 1 − [wμ −wμ; η η(λ − 1)] for w = 1 and 2. By this
// factor a step reduces errors of Z between the truth's columns and the rest (w = 1) or within them (w = 2),
// and the shifts that answer to these errors (docs/rgda.md).
func isometricRate(step, up, weight float64) float64 {
	rate := 0.0
	for _, mu := range []float64{step, 2 * step} {
		half, product := (mu+up*(weight-1))/2, mu*up*weight
		if turn := half*half - product; turn < 0 {
			rate = max(rate, math.Hypot(1-half, math.Sqrt(-turn)))
		} else {
			rate = max(rate, math.Abs(1-half-math.Sqrt(turn)), math.Abs(1-half+math.Sqrt(turn)))
		}
	}
	return rate
}
