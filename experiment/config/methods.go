package config

import (
	"slices"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// method is an update rule that a configuration can name.
type method struct {
	entry
	own
	make func(c *Config) solver.Method
	// near: it needs a factor with no more columns than the truth's rank, and a start of the truth's size.
	near bool
}

var methods = []method{
	{entry{"gd", "U ← U − μ∇f(U): gradient descent", "Stöger and Soltanolkotabi, arXiv 2106.15013"}, own{},
		func(c *Config) solver.Method { return solver.GD{StepSize: c.Step} }, false},
	{entry{"scaled-gd", "U ← U − μ∇f(U)(UᵀU)⁻¹: ScaledGD, for factor rank r* and starts near the truth", "Tong, Ma and Chi, arXiv 2005.08898"}, own{},
		func(c *Config) solver.Method { return solver.ScaledGD{StepSize: c.Step} }, true},
	{entry{"scaled-gd-lambda", "U ← U − μ∇f(U)(UᵀU + λI)⁻¹: ScaledGD(λ), for small starts of any factor rank", "Xu, Shen, Chi and Ma, arXiv 2302.01186"},
		own{[]string{"lambda"}, (*Config).checkLambda},
		func(c *Config) solver.Method {
			return solver.ScaledGDLambda{StepSize: c.Step, Lambda: c.Lambda}
		}, false},
	{entry{"prec-gd", "scaled-gd-lambda with λ = 2·√f(U): PrecGD", "Zhang, Fattahi and Zhang, NeurIPS 2021"}, own{},
		func(c *Config) solver.Method { return solver.PrecGD{StepSize: c.Step} }, false},
	{entry{"momentum", "V ← βV − μ∇f(U), U ← U + V: the heavy ball", "Polyak, USSR Computational Mathematics and Mathematical Physics 4 (1964)"},
		own{[]string{"momentum"}, (*Config).checkMomentum},
		func(c *Config) solver.Method { return solver.Momentum{StepSize: c.Step, Momentum: c.Momentum} }, false},
	{entry{"sgd", "gradient descent on mini-batches, drawn anew for each step", "Ma, Bassily and Belkin, arXiv 1712.06559"},
		own{[]string{"batch-size", "method-seed"}, (*Config).checkBatches},
		func(c *Config) solver.Method {
			return solver.SGD{StepSize: c.Step, Batch: c.batches()}
		}, false},
	{entry{"rgd", "U ← U − μB, UBᵀ + BUᵀ the projection of ∂f/∂Z: Riemannian gradient descent on matrices of rank r", "Vandereycken, SIAM Journal on Optimization 23 (2013)"},
		own{},
		func(c *Config) solver.Method { return solver.RGD{StepSize: c.Step} }, true},
	{entry{"rsgd", "rgd on mini-batches", "Hsieh, Karimi, Krause and Mertikopoulos, arXiv 2311.02374"},
		own{[]string{"batch-size", "method-seed"}, (*Config).checkBatches},
		func(c *Config) solver.Method { return solver.RSGD{StepSize: c.Step, Batch: c.batches()} }, true},
	{entry{"label-noise-gd", "U ← U − μ∇f(U) with the observations y ± σ, signs drawn for every step: drifts to flat solutions", "Gatmiry et al., arXiv 2306.13239"},
		own{[]string{"label-noise", "method-seed"}, (*Config).checkLabelNoise},
		func(c *Config) solver.Method {
			return solver.LabelNoiseGD{StepSize: c.Step, Noise: c.LabelNoise, Seed: c.MethodSeed}
		}, false},
	{entry{"zeroth-order", "descent along central differences of f in random directions: only values of f are used", "after Yu, Wang, Huang, Lei and Lee, arXiv 2406.19617"},
		own{[]string{"directions", "radius", "evaluation-noise", "method-seed"}, (*Config).checkZerothOrder},
		func(c *Config) solver.Method {
			return solver.ZerothOrder{StepSize: c.Step, Directions: c.Directions, Radius: c.Radius, Noise: c.ValueNoise, Seed: c.MethodSeed}
		}, false},
	{entry{"rgda", "Riemannian gradient descent-ascent, against an adversary who shifts the observations", "Cai, Jordan, Lin, Oikonomou and Vlatakis-Gkaragkounis, arXiv 2306.16617"},
		own{[]string{"adversary-step", "adversary-weight", "adversary-radius"}, (*Config).checkGame},
		func(c *Config) solver.Method {
			return solver.RGDA{StepSize: c.Step, AdversaryStep: c.Adversary, Weight: c.ShiftCost, Radius: c.ShiftBound}
		}, true},
}

func (c *Config) NewMethod() solver.Method { return find(methods, c.Method).make(c) }

// NeedsNearStart says whether the method's steps are only defined near the truth and for no more columns than its rank, and the run begins
// elsewhere.
func (c *Config) NeedsNearStart() bool {
	tall := c.Rank > 0 && c.FactorRank > c.Rank
	return find(methods, c.Method).near && (tall || c.Init == random && c.Alpha < 0.1)
}

// checkTogether refuses a method that is not defined for the parametrization, and says which are.
func (c *Config) checkTogether(m *mistakes) {
	if !slices.Contains(namesOf(methods), c.Method) || !slices.Contains(namesOf(parametrizations), c.Parametrization) {
		return
	}
	why := solver.Suits(c.NewMethod(), c.NewParametrization())
	if why == nil {
		return
	}
	var suited []string
	for _, p := range parametrizations {
		if solver.Suits(c.NewMethod(), p.make(c)) == nil {
			suited = append(suited, p.name)
		}
	}
	m.bad("method", "method %s goes with parametrization %s, not %s: %v", c.Method, orList(suited), c.Parametrization, why)
}

// checkLambda fills in the damping.
func (c *Config) checkLambda(m *mistakes) {
	switch {
	case c.Given("lambda"):
		m.finite("lambda", c.Lambda, c.Lambda > 0, "positive")
	case c.HasUserData():
		m.bad("lambda", "scaled-gd-lambda needs lambda, of the order of the truth's smallest eigenvalue, which is not known of own data")
	case c.Kappa >= 1:
		c.Lambda = 1 / (c.Kappa * c.Kappa)
	}
}

// checkMomentum fills in the momentum.
func (c *Config) checkMomentum(m *mistakes) {
	if !c.Given("momentum") {
		c.Momentum = 0.9
	}
	m.finite("momentum", c.Momentum, c.Momentum >= 0 && c.Momentum < 1, "at least 0 and less than 1")
}

// checkBatches fills in how many measurements a step draws, and the seed.
func (c *Config) checkBatches(m *mistakes) {
	c.checkMethodSeed(m)
	if c.Given("batch-size") && (c.BatchSize < 1 || c.BatchSize > maxMeasurements) {
		m.bad("batch-size", "batch-size goes from 1 to %d, got %d", maxMeasurements, c.BatchSize)
	}
	c.fillBatchSize()
}

// fillBatchSize makes a batch a tenth of all measurements, once their number is known, where nobody says.
func (c *Config) fillBatchSize() {
	if !c.Given("batch-size") && c.Measurements > 0 {
		c.BatchSize = max((c.Measurements+5)/10, 1)
	}
}

// batches are what sgd and rsgd draw.
func (c *Config) batches() solver.MiniBatches {
	return solver.MiniBatches{Size: c.BatchSize, Seed: c.MethodSeed}
}

// checkMethodSeed fills in the seed of what the method draws.
func (c *Config) checkMethodSeed(*mistakes) {
	if !c.Given("method-seed") {
		c.MethodSeed = c.Seed
	}
}

// checkLabelNoise fills in the noise's size, where the observations are about 1, and the seed of its signs.
func (c *Config) checkLabelNoise(m *mistakes) {
	c.checkMethodSeed(m)
	if !c.Given("label-noise") {
		c.LabelNoise = 0.1
	}
	m.finite("label-noise", c.LabelNoise, c.LabelNoise > 0, "positive")
}

// checkPartial refuses single and mixed precision for methods that step without the full gradient: their steps are in f64. Where it
// could be chosen it is f64.
func (c *Config) checkPartial(m *mistakes) {
	if !slices.Contains(namesOf(methods), c.Method) {
		return
	}
	if needs := c.NewMethod().Needs(); !needs.Draws && !needs.Values {
		return
	}
	switch c.Precision {
	case "mixed", "f32":
		m.bad("precision", "method %s takes its steps in f64, without the full gradient, which %s precision is for", c.Method, c.Precision)
	case "auto":
		c.Precision = "f64"
	}
}

// defaultRadius is the radius of zeroth-order where none is given. Differences of f lose about 10⁻¹⁶/δ to rounding, and what they
// miss bends a solution by δ²·d: both are below 10⁻⁸ for a thousand numbers.
const defaultRadius = 1e-5

// maxDirections bounds the directions of a step: no run ends that has more.
const maxDirections = 1 << 30

// checkZerothOrder wants directions and a radius to look in, and fills in the radius and the seed.
func (c *Config) checkZerothOrder(m *mistakes) {
	if c.Directions < 0 || c.Directions > maxDirections {
		m.bad("directions", "directions goes from 0, as many as the factor has numbers, to %d, got %d", maxDirections, c.Directions)
	}
	if !c.Given("radius") && c.Radius == 0 {
		c.Radius = defaultRadius
	}
	m.finite("radius", c.Radius, c.Radius > 0, "positive")
	m.finite("evaluation-noise", c.ValueNoise, c.ValueNoise >= 0 && c.ValueNoise <= sensing.Largest, "zero or positive")
	c.checkMethodSeed(m)
}

// checkGame wants a game that has an equilibrium, and fills in what was not said of it.
func (c *Config) checkGame(m *mistakes) {
	fill := func(key string, value *float64, by float64) {
		if !c.Given(key) && *value == 0 {
			*value = by
		}
	}
	fill("adversary-step", &c.Adversary, c.Step)
	fill("adversary-weight", &c.ShiftCost, 2)
	fill("adversary-radius", &c.ShiftBound, 1)
	if c.Given("adversary-step") {
		m.finite("adversary-step", c.Adversary, c.Adversary > 0, "positive")
	}
	m.finite("adversary-weight", c.ShiftCost, c.ShiftCost > 1, "more than 1, or the adversary has no best shift")
	m.finite("adversary-radius", c.ShiftBound, c.ShiftBound > 0, "positive")
}
