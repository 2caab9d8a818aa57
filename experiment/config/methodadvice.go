package config

import (
	"math"

	"github.com/matsense/matsense/solver"
)

// Each function says for one method, or for a few that fail in the same way, which settings suit the data.
// [Method.Advise] names it.

// adviseGradient: steps along the gradient are as long as its curvature allows.
func (c *Config) adviseGradient(f Facts, a *Advice) {
	suited, words := c.gradientStep(f)
	c.adviseStep(f, a, suited, words)
}

// gradientGrowth is by which part a step enlarges the largest component of a small factor: μ‖S‖ for UUᵀ.
func (c *Config) gradientGrowth(f Facts) float64 {
	suited, _ := c.gradientStep(f)
	return c.Step / (4 * suited)
}

// advisePolyak: --step is only the longest step, four times as long as that of gradient descent by default,
// and no step is taken below the optimal value.
func (c *Config) advisePolyak(f Facts, a *Advice) {
	if c.OptimalValue >= f.ZeroLoss/2 {
		a.Set("optimal-value", f.optimalValue())
		a.Say("no step is taken where f is below --optimal-value, and f(0) is %s", brief2(f.ZeroLoss))
		return
	}
	suited, words := c.gradientStep(f)
	if f.Status != solver.Diverged {
		suited, words = 4*suited, "four times "+words
	}
	if f.Status == solver.Running && c.Step > suited { // most steps are shorter
		return
	}
	c.adviseStep(f, a, suited, words)
}

// adviseMomentum: in the long run the momentum β makes steps longer by 1/(1 − β).
func (c *Config) adviseMomentum(f Facts, a *Advice) {
	const memories = 10
	if f.Status == solver.BudgetSpent && c.Momentum > defaultMomentum &&
		float64(c.Iterations)*(1-c.Momentum) < memories {
		a.Set("momentum", defaultMomentum)
		a.Say("the momentum remembers as many steps as there are iterations, 1/(1 − β)")
		return
	}
	suited, words := c.gradientStep(f)
	if f.Status == solver.Diverged && c.Step <= 2*suited {
		suited, words = (1-c.Momentum)*suited, "1 − β times "+words
	}
	c.adviseStep(f, a, suited, words)
}

// momentumGrowth is [Config.gradientGrowth] of the longer steps.
func (c *Config) momentumGrowth(f Facts) float64 { return c.gradientGrowth(f) / (1 - c.Momentum) }

// adviseImbalanced: as gradient descent, but once U has the singular values β the curvature of f is
// ½(β² + (‖M*‖/β)²), not ‖M*‖.
func (c *Config) adviseImbalanced(f Facts, a *Advice) {
	suited, words := c.gradientStep(f)
	norm, square := 1/(2*suited), c.ImbalanceScale*c.ImbalanceScale
	share := 2 * norm / (square + norm*norm/square)
	if f.Status == solver.Diverged && share < 1.0/wrongBefore {
		a.Set("imbalance-scale", math.Sqrt(norm))
		a.Say("β is far from √‖S‖ of the spectral estimate S, so that one of the factors is too large")
		return
	}
	if share < 1 {
		suited, words = share*suited, words+", less for --imbalance-scale"
	}
	c.adviseStep(f, a, suited, words)
}

// adviseAlternating: a step of 2 leaves nothing of an error whose measurements are an isometry.
func (c *Config) adviseAlternating(f Facts, a *Advice) {
	c.adviseStep(f, a, 1, "half of the step that solves an isometry at once")
}

// adviseAltMin: an iteration must come closer to the minimum for one matrix than the other one permits.
func (c *Config) adviseAltMin(f Facts, a *Advice) {
	const fewIterations, loose = 10, 0.1
	if f.Status == solver.Running {
		return
	}
	if c.InnerIterations < fewIterations {
		a.Set("inner-iterations", defaultInnerIterations)
		a.Say("the conjugate gradients of an iteration end before the minimum")
	}
	if c.InnerTolerance > loose {
		a.Set("inner-tolerance", defaultInnerTolerance)
		a.Say("the conjugate gradients of an iteration end far from the minimum")
	}
}

// adviseNormalized: a step of 1/‖M*‖² leaves nothing of an error in the direction of the largest eigenvalue,
// if the measurements are an isometry. Steps of Θ are stable up to a size that depends on the measurements.
func (c *Config) adviseNormalized(f Facts, a *Advice) {
	gradient, _ := c.gradientStep(f)
	suited := 8 * gradient * gradient // 1/(4‖S‖) is the gradient's
	if f.Status == solver.Diverged && c.Step <= 2*suited {
		a.Set("magnitude-step", c.MagnitudeStep/2)
		a.Say("the step of X suits the data, and so the step of Θ is too long for these measurements")
		return
	}
	c.adviseStep(f, a, suited, "1/(2‖S‖²) of the spectral estimate S")
}

// adviseAdam: a step moves each entry of the factor by about its size, whatever the gradient is, and entries
// at the truth are about ‖U‖/√n.
func (c *Config) adviseAdam(f Facts, a *Advice) {
	const share = 20
	c.adviseStep(f, a, c.wholeEntry(f)/share, "a twentieth of the size of the factor's entries")
}

// wholeEntry is about the size of a factor's entries at the truth, ‖U‖/√n.
func (c *Config) wholeEntry(f Facts) float64 {
	n1, n2 := c.Sides()
	return c.wholeFactor(f) / math.Sqrt(float64(max(n1, n2)))
}

// batchShare is by how much steps on mini-batches must be shorter: the gradient of B measurements is larger
// by up to (1 + √(2n/B))².
func (c *Config) batchShare() float64 {
	n1, n2 := c.Sides()
	root := 1 + math.Sqrt(float64(n1+n2)/float64(max(c.BatchSize, 1)))
	return 1 / (root * root)
}

// adviseBatches: as gradient descent, but diverging steps must be shorter the smaller the mini-batches.
func (c *Config) adviseBatches(f Facts, a *Advice) {
	suited, words := c.gradientStep(f)
	if f.Status == solver.Diverged {
		suited, words = suited*c.batchShare(), words+", less for mini-batches of "+brief(float64(c.BatchSize))
	} else if c.Step < suited && c.Step > suited*c.batchShare()/shortAfter {
		return // shorter steps are right for small batches
	}
	c.adviseStep(f, a, suited, words)
}

// nearStart advises a factor and a start for methods that are only defined near the truth, with no more
// columns than its rank. It says whether the run had others.
func (c *Config) nearStart(f Facts, a *Advice) bool {
	tall := c.Rank > 0 && c.FactorRank > c.Rank
	small := c.Init == random && c.Alpha < 0.1*c.wholeFactor(f)
	if f.Status == solver.Running || !tall && !small {
		return false
	}
	delete(a.Settings, "alpha")
	if start := c.nearInit(); start != "" {
		a.Set("init", start)
	} else {
		a.Set("alpha", c.wholeFactor(f)/2)
	}
	most := max(c.Rank, 1)
	if c.FactorRank <= most {
		a.Say("%s starts near the truth", c.Method)
		return true
	}
	unknown := ""
	if c.Rank == 0 {
		unknown = ", which is not known here (1 is the least)"
	}
	a.Set("factor-rank", most)
	a.Say("%s is for at most r* columns%s, and starts near the truth", c.Method, unknown)
	return true
}

// scaledStep is a step that suits methods with a scaled gradient, on data of any scale: 1 would leave
// nothing of a small error. Measurements that are not isotropic have a larger curvature.
func (c *Config) scaledStep(f Facts) float64 {
	step := 0.5
	if f.Spectral != nil && !c.ChosenParametrization().Rectangular {
		largest, _ := f.Spectral.Extremes()
		step *= min(1, 4*largest*f.Spectral.SuggestStep())
	}
	return step
}

// adviseNear: a factor and a start near the truth, and then a step that does not depend on the data.
func (c *Config) adviseNear(f Facts, a *Advice) {
	if !c.nearStart(f, a) {
		c.adviseStep(f, a, c.scaledStep(f), "the step that suits scaled gradients")
	}
}

// adviseNearBatches is [Config.adviseNear] for mini-batches.
func (c *Config) adviseNearBatches(f Facts, a *Advice) {
	if !c.nearStart(f, a) {
		c.adviseStep(f, a, c.scaledStep(f)*c.batchShare(),
			"the step that suits mini-batches of "+brief(float64(c.BatchSize)))
	}
}

// adviseScaled: a step that does not depend on the data.
func (c *Config) adviseScaled(f Facts, a *Advice) {
	c.adviseStep(f, a, c.scaledStep(f), "the step that suits scaled gradients")
}

// adviseLambda: while the factor is small, a step makes a component of size u as large as μσ²u/(u² + λ), at
// most μσ²/(2√λ) if u = √λ. With λ = μ²‖M*‖/4 that is no more than √‖M*‖. With a smaller λ the factor
// overshoots, whatever the step is; with a much larger one it stays small.
func (c *Config) adviseLambda(f Facts, a *Advice) {
	step := c.Step
	if step > 1 {
		step = c.scaledStep(f)
	}
	suited, _ := c.gradientStep(f)
	norm := 1 / (4 * suited) // ‖S‖, or half of it for UVᵀ, which grows half as fast
	least := step * step * norm / 4
	far := float64(wrongBefore)
	if f.Status == solver.Running {
		far = 100 // of losses, 10⁴: divergence
	}
	switch {
	case !(least > 0):
		c.adviseScaled(f, a)
		return
	case f.Status == solver.Diverged && c.Lambda < 0.9*least, c.Lambda*far < least:
		a.Set("lambda", least)
		a.Say("λ is below μ²‖S‖/4 of the spectral estimate S, so that a step from a small factor overshoots")
	case f.Status == solver.BudgetSpent && f.LastLoss > 0.9*f.ZeroLoss && c.Lambda > wrongBefore*least:
		a.Set("lambda", least)
		a.Say("λ is large beside μ²‖S‖/4 of the spectral estimate S, so that a small factor hardly grows")
	default:
		c.adviseScaled(f, a)
		return
	}
	if step != c.Step {
		a.Set("step", step)
		a.Say("steps of more than 1 overshoot near the truth too")
	}
}

// lambdaGrowth is by which part a step enlarges the largest component of a small factor.
func (c *Config) lambdaGrowth(f Facts) float64 {
	suited, _ := c.gradientStep(f)
	return c.Step / (4 * suited * c.Lambda)
}

// rootGrowth is [Config.lambdaGrowth] with the λ = 2·√f(0) of prec-gd.
func (c *Config) rootGrowth(f Facts) float64 {
	suited, _ := c.gradientStep(f)
	return c.Step / (8 * suited * math.Sqrt(f.ZeroLoss))
}

// leastScaled: with measurements that are an isometry, a step μ of a scaled gradient leaves 1 − μ of an error
// near the truth, and for UVᵀ 1 − μ/2.
func (c *Config) leastScaled(Facts) float64 {
	if c.ChosenParametrization().Rectangular {
		return stepsLeaving(1 - c.Step/2)
	}
	return stepsLeaving(1 - c.Step)
}

// leastRiemannian: with measurements that are an isometry, a step μ along the manifold leaves 1 − μ/2 of an
// error near the truth.
func (c *Config) leastRiemannian(Facts) float64 { return stepsLeaving(1 - c.Step/2) }

// stepsLeaving is how many steps that each leave a part of the error explain f: it is then
// [solver.Unexplained] of f(0).
func stepsLeaving(part float64) float64 {
	if part <= 0 {
		return 1
	}
	return math.Log(solver.Unexplained) / (2 * math.Log(part))
}

// leastAdam: a step moves each entry of the factor by about its length, and entries at the truth are about
// ‖U‖/√n.
func (c *Config) leastAdam(f Facts) float64 { return c.wholeEntry(f) / c.Step }

// adviseLabelNoise: the noise must be small beside the observations, and the step as for gradient descent.
func (c *Config) adviseLabelNoise(f Facts, a *Advice) {
	if c.LabelNoise > f.Size {
		a.Set("label-noise", f.Size/10)
		a.Say("the label noise is larger than the observations, whose root mean square is %s", brief2(f.Size))
		if f.Status == solver.Diverged {
			return
		}
	}
	c.adviseGradient(f, a)
}

// adviseZerothOrder: q directions for d numbers make the mean square of the gradient larger by
// 1 + (d + 1)/q, and steps shorter. The radius is small beside the factor.
func (c *Config) adviseZerothOrder(f Facts, a *Advice) {
	shapes, err := c.NewParametrization().Shapes(c.Space(), c.FactorRank)
	if err != nil {
		return
	}
	d := solver.Numbers(shapes)
	q := c.Directions
	if q == 0 {
		q = d
	}
	suited, words := c.gradientStep(f)
	if f.Status == solver.Diverged || q < d {
		suited *= 2 / (1 + float64(d+1)/float64(q))
		words += ", less for few directions"
	}
	switch whole := c.wholeFactor(f); {
	case c.Radius > whole/10:
		a.Set("radius", defaultRadius*whole)
		a.Say("the radius is not small beside the factor, whose norm is about %s", brief2(whole))
	case c.Radius < defaultRadius*whole/100:
		a.Set("radius", defaultRadius*whole)
		a.Say("differences of f over so small a radius are lost in rounding: the norm of the factor is "+
			"about %s", brief2(whole))
		if c.Init == random {
			a.Set("alpha", c.smallStart(f))
		}
	}
	c.adviseStep(f, a, suited, words)
}

// adviseGame is [Config.adviseNear] with the adversary, whose steps shrink the shift by 1 − ηλ or less.
func (c *Config) adviseGame(f Facts, a *Advice) {
	if c.nearStart(f, a) {
		return
	}
	c.adviseStep(f, a, c.scaledStep(f), "the step that suits scaled gradients")
	if f.Status == solver.Diverged && c.AdversaryStep*c.AdversaryWeight > 1 {
		a.Set("adversary-step", min(c.AdversaryStep/2, 1/c.AdversaryWeight))
		a.Say("the adversary's step is at most 1 by its weight")
	}
}
