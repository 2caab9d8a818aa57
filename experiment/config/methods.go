package config

import (
	"fmt"
	"math"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Method is an update rule that a configuration can name.
type Method struct {
	Entry
	// Make makes the method of a configuration that was found valid.
	Make func(c *Config) solver.Method
	// Complete fills in defaults that follow from the problem's size, once the size is known; nil if there
	// are none.
	Complete func(c *Config)
	// Fits refuses factors of a shape with which the method cannot work, once the problem's size is known;
	// nil if it works with all.
	Fits func(c *Config, m *Mistakes)
	// Near: the method works near the truth alone. Its factor has as many columns as the truth's rank unless
	// factor-rank is given, and it starts from the spectral estimate unless a setting of the start is given.
	Near bool
	// Estimates: the method takes no steps, and the start is all that there is.
	Estimates bool
	// Step is the default step for ‖M*‖ = 1 and measurements that are isotropic; 0: that of most methods.
	Step float64
	// InverseSquare: the step has the unit of 1/‖M*‖², and not of 1/‖M*‖ as that of most methods.
	InverseSquare bool
	// ScaleFree: the step suits matrices of any size, because the method divides by a size itself.
	ScaleFree bool
	// Lengthwise: the step is the length of a move, however much f curves.
	Lengthwise bool
	// Stepless: the steps have no step size.
	Stepless bool
	// Programmed: a user's program takes the steps. Such a method is Stepless.
	Programmed bool
	// Advise says which settings suit the data, if the method's own may be why a run failed, or must fail if
	// it has not begun. If it is nil, a run that diverged is advised to halve its step.
	Advise func(c *Config, f Facts, a *Advice)
	// Growth is the part by which a step enlarges the largest component of a factor that is still small; nil
	// if that is not known.
	Growth func(c *Config, f Facts) float64
	// Least is about the fewest steps of the length --step in which the method can explain the observations,
	// whatever it starts from; nil if that is not known, or if Growth says more.
	Least func(c *Config, f Facts) float64
}

// nearMethods names the methods that are Near.
const nearMethods = "scaled-gd, scaled-subgradient, rgd, rsgd and rgda"

// methods are all methods, as matsense list shows them.
var methods []Method

func init() {
	methods = []Method{
		{
			Entry: Entry{
				Name:       "gd",
				About:      "U ← U − μ∇f(U): gradient descent",
				References: []Reference{stoeger2021},
			},
			Make:   func(c *Config) solver.Method { return solver.GD{StepSize: c.Step} },
			Advise: (*Config).adviseGradient,
			Growth: (*Config).gradientGrowth,
		},
		{
			Entry: Entry{
				Name:       "polyak-gd",
				About:      "gd with Polyak's step, (f(U) − f*)/‖∇f(U)‖² but at most --step",
				References: []Reference{polyak1987, hazan2019},
				Settings:   []string{"optimal-value"},
				Check:      (*Config).checkPolyak,
			},
			Step:   1, // the largest: Polyak's own is shorter wherever f curves by more than 1/2
			Make:   func(c *Config) solver.Method { return c.polyak() },
			Advise: (*Config).advisePolyak,
			Growth: (*Config).gradientGrowth,
		},
		{
			Entry: Entry{
				Name:       "imbalanced-gd",
				About:      "gd for UVᵀ, but for one step near the truth that makes U and V unbalanced",
				References: []Reference{xiong2024},
				After:      true,
				Settings:   []string{"imbalance-scale", "imbalance-below"},
				Check:      (*Config).checkImbalance,
			},
			Make: func(c *Config) solver.Method {
				return solver.ImbalancedGD{StepSize: c.Step, Scale: c.ImbalanceScale, Below: c.ImbalanceBelow}
			},
			Advise: (*Config).adviseImbalanced,
			Growth: (*Config).gradientGrowth,
		},
		{
			Entry: Entry{
				Name:       "scaled-gd",
				About:      "U ← U − μ∇f(U)(UᵀU)⁻¹: ScaledGD, for factor rank r* and starts near the truth",
				References: []Reference{tong2021},
			},
			Near:      true,
			ScaleFree: true,
			Make:      func(c *Config) solver.Method { return solver.ScaledGD{StepSize: c.Step} },
			Advise:    (*Config).adviseNear,
			Least:     (*Config).leastScaled,
		},
		{
			Entry: Entry{
				Name: "scaled-subgradient",
				About: "scaled-gd with Polyak's step, (f(U) − f*)/⟨∇f(U), ∇f(U)(UᵀU)⁻¹⟩ but at most --step, for " +
					"loss l1",
				References: []Reference{tong2020},
				Settings:   []string{"optimal-value"},
				Check:      (*Config).checkPolyak,
			},
			Near:      true,
			ScaleFree: true,
			Step:      1, // the largest: Polyak's own is shorter near the truth
			Make:      func(c *Config) solver.Method { return solver.ScaledSubgradient(c.polyak()) },
			Advise:    (*Config).adviseNear,
		},
		{
			Entry: Entry{
				Name:       "scaled-gd-lambda",
				About:      "U ← U − μ∇f(U)(UᵀU + λI)⁻¹: ScaledGD(λ), for small starts of any factor rank",
				References: []Reference{xu2023},
				Settings:   []string{"lambda"},
				Check:      (*Config).checkLambda,
			},
			ScaleFree: true,
			Make: func(c *Config) solver.Method {
				return solver.ScaledGDLambda{StepSize: c.Step, Lambda: c.Lambda}
			},
			Advise: (*Config).adviseLambda,
			Growth: (*Config).lambdaGrowth,
		},
		{
			Entry: Entry{
				Name: "opsa",
				About: "scaled-subgradient with (UᵀU + λI)⁻¹: the overparameterized preconditioned subgradient " +
					"algorithm, for loss l1 and any factor rank",
				References: []Reference{giampouras2025},
				Settings:   []string{"optimal-value", "lambda"},
				Check: func(c *Config, m *Mistakes) {
					c.checkPolyak(m)
					c.checkLambda(m)
					if sought := c.soughtSingular(); sought != nil && !c.Given("lambda") {
						c.Lambda = sought[len(sought)-1] // Polyak's steps do not overshoot
					}
					if !c.Given("lambda") {
						c.Lambda /= 10
					}
				},
			},
			ScaleFree: true,
			Step:      1, // the largest, as that of scaled-subgradient
			Make: func(c *Config) solver.Method {
				p := c.polyak()
				return solver.OPSA{
					StepSize: p.StepSize, Lambda: c.Lambda, OptimalValue: p.OptimalValue, AtTruth: p.AtTruth,
				}
			},
			Advise: (*Config).adviseScaled,
		},
		{
			Entry: Entry{
				Name:       "prec-gd",
				About:      "scaled-gd-lambda with λ = 2·√f(U): PrecGD",
				References: []Reference{zhang2021},
			},
			ScaleFree: true,
			Make: func(c *Config) solver.Method {
				return solver.PrecGD{StepSize: c.Step}
			},
			Advise: (*Config).adviseScaled,
			Growth: (*Config).rootGrowth,
		},
		{
			Entry: Entry{
				Name: "apgd",
				About: "U ← U − μ∂f/∂U(VᵀV)⁻¹, then V ← V − μ∂f/∂V(UᵀU)⁻¹: alternating preconditioned " +
					"gradient descent, or approximated Gauss-Newton, for UVᵀ of any factor rank",
				References: []Reference{liu2025, jia2024},
			},
			ScaleFree: true,
			Step:      1,
			Make:      func(c *Config) solver.Method { return solver.APGD{StepSize: c.Step} },
			Advise:    (*Config).adviseAlternating,
			Least:     (*Config).leastScaled,
		},
		{
			Entry: Entry{
				Name: "altmin",
				About: "alternating minimization for UVᵀ: V ← argmin f(U, V), then U ← argmin f(U, V), by " +
					"conjugate gradients; an iteration moves one of them",
				References: []Reference{jain2013},
				Settings:   []string{"inner-tolerance", "inner-iterations"},
				Check:      (*Config).checkAltMin,
			},
			Stepless:  true,
			ScaleFree: true,
			Make: func(c *Config) solver.Method {
				return solver.AltMin{Tolerance: c.InnerTolerance, Most: c.InnerIterations}
			},
			Advise: (*Config).adviseAltMin,
		},
		{
			Entry: Entry{
				Name: "weight-normalization",
				About: "Riemannian steps of the directions X, and then gradient steps of the magnitudes Θ, for " +
					"XΘXᵀ with more columns than the rank",
				References: []Reference{wei2025},
				Settings:   []string{"magnitude-step"},
				Check:      (*Config).checkMagnitudes,
			},
			Fits:          (*Config).fitOrthonormal,
			InverseSquare: true,
			Step:          0.5,
			Make: func(c *Config) solver.Method {
				return solver.WeightNormalization{StepSize: c.Step, MagnitudeStep: c.MagnitudeStep}
			},
			Complete: (*Config).fillMagnitudeStep,
			Advise:   (*Config).adviseNormalized,
		},
		{
			Entry: Entry{
				Name: "mirror-descent",
				About: "log UUᵀ ← log UUᵀ − 2μG: mirror descent with the spectral entropy, for factor rank n; " +
					"the spectral hypentropy for UUᵀ − VVᵀ",
				References: []Reference{wu2021},
				Check:      (*Config).checkMirror,
			},
			Fits:   (*Config).fitSquare,
			Make:   func(c *Config) solver.Method { return solver.MirrorDescent{StepSize: c.Step} },
			Advise: (*Config).adviseGradient,
			Growth: (*Config).gradientGrowth,
		},
		{
			Entry: Entry{
				Name:       "momentum",
				About:      "V ← βV − μ∇f(U), U ← U + V: the heavy ball",
				References: []Reference{polyak1964},
				Settings:   []string{"momentum"},
				Check:      (*Config).checkMomentum,
			},
			Make: func(c *Config) solver.Method {
				return solver.Momentum{StepSize: c.Step, Momentum: c.Momentum}
			},
			Advise: (*Config).adviseMomentum,
			Growth: (*Config).momentumGrowth,
		},
		{
			Entry: Entry{
				Name:       "nesterov",
				About:      "V ← βV − μ∇f(Y), Y ← Y + βV − μ∇f(Y): Nesterov's accelerated gradient",
				References: []Reference{nesterov2004},
				Settings:   []string{"momentum"},
				Check:      (*Config).checkMomentum,
			},
			Make: func(c *Config) solver.Method {
				return solver.Nesterov{StepSize: c.Step, Momentum: c.Momentum}
			},
			Advise: (*Config).adviseMomentum,
			Growth: (*Config).momentumGrowth,
		},
		{
			Entry: Entry{
				Name:       "adam",
				About:      "Adam on the full gradient: steps of about --step in each entry of U",
				References: []Reference{kingma2015},
				Settings:   []string{"beta1", "beta2", "epsilon"},
				Check:      (*Config).checkAdam,
			},
			ScaleFree:  true,
			Lengthwise: true,
			Step:       1e-3,
			Make: func(c *Config) solver.Method {
				return solver.Adam{StepSize: c.Step, Beta1: c.Beta1, Beta2: c.Beta2, Epsilon: c.Epsilon}
			},
			Advise: (*Config).adviseAdam,
			Least:  (*Config).leastAdam,
		},
		{
			Entry: Entry{
				Name:       "sgd",
				About:      "gradient descent on mini-batches, drawn anew for each step",
				References: []Reference{ma2018},
				Settings:   []string{"batch-size", "method-seed"},
				Check:      (*Config).checkBatches,
			},
			Make: func(c *Config) solver.Method {
				return solver.SGD{StepSize: c.Step, Batch: c.batches()}
			},
			Complete: (*Config).fillBatchSize,
			Advise:   (*Config).adviseBatches,
			Growth:   (*Config).gradientGrowth,
		},
		{
			Entry: Entry{
				Name: "rgd",
				About: "Z ← R(−μξ), ξ the projection of ∂f/∂Z to the tangent space: Riemannian gradient " +
					"descent on matrices of rank r",
				References: []Reference{vandereycken2013},
				Settings:   []string{"retraction"},
				Check:      (*Config).checkRetraction,
			},
			Near:      true,
			ScaleFree: true,
			Make: func(c *Config) solver.Method {
				return solver.RGD{StepSize: c.Step, Retraction: c.newRetraction()}
			},
			Advise: (*Config).adviseNear,
			Least:  (*Config).leastRiemannian,
		},
		{
			Entry: Entry{
				Name:       "rsgd",
				About:      "rgd on mini-batches",
				References: []Reference{hsieh2023},
				Settings:   []string{"retraction", "batch-size", "method-seed"},
				Check: func(c *Config, m *Mistakes) {
					c.checkRetraction(m)
					c.checkBatches(m)
				},
			},
			Near:      true,
			ScaleFree: true,
			Make: func(c *Config) solver.Method {
				return solver.RSGD{StepSize: c.Step, Retraction: c.newRetraction(), Batch: c.batches()}
			},
			Complete: (*Config).fillBatchSize,
			Advise:   (*Config).adviseNearBatches,
			Least:    (*Config).leastRiemannian,
		},
		{
			Entry: Entry{
				Name: "label-noise-gd",
				About: "U ← U − μ∇f(U) with the observations y ± σ, signs drawn for every step: drifts " +
					"to flat solutions",
				References: []Reference{gatmiry2023},
				Settings:   []string{"label-noise", "method-seed"},
				Check:      (*Config).checkLabelNoise,
			},
			Make: func(c *Config) solver.Method {
				return solver.LabelNoiseGD{StepSize: c.Step, Noise: c.LabelNoise,
					Seed: c.MethodSeed}
			},
			Advise: (*Config).adviseLabelNoise,
			Growth: (*Config).gradientGrowth,
		},
		{
			Entry: Entry{
				Name: "zeroth-order",
				About: "descent along central differences of f in random directions: only values of f " +
					"are used",
				References: []Reference{yu2024},
				After:      true,
				Settings:   []string{"directions", "radius", "evaluation-noise", "method-seed"},
				Check:      (*Config).checkZerothOrder,
			},
			Make: func(c *Config) solver.Method {
				return solver.ZerothOrder{
					StepSize: c.Step, Directions: c.Directions, Radius: c.Radius, Noise: c.EvaluationNoise,
					Seed: c.MethodSeed,
				}
			},
			Advise: (*Config).adviseZerothOrder,
			Growth: (*Config).gradientGrowth,
		},
		{
			Entry: Entry{
				Name: "zeroth-order-newton",
				About: "steps of zeroth-order, then Newton steps with a Hessian and a gradient from values " +
					"of f",
				References: []Reference{yu2024},
				After:      true,
				Settings: []string{"directions", "radius", "evaluation-noise", "method-seed",
					"bootstrap-steps", "hessian-radius", "least-curvature"},
				Check: (*Config).checkZerothOrderNewton,
			},
			Fits: (*Config).fitHessian,
			Make: func(c *Config) solver.Method {
				return solver.ZerothOrderNewton{
					First: solver.ZerothOrder{
						StepSize: c.Step, Directions: c.Directions, Radius: c.Radius,
						Noise: c.EvaluationNoise, Seed: c.MethodSeed,
					},
					Bootstrap: c.BootstrapSteps, HessianRadius: c.HessianRadius,
					LeastCurvature: c.LeastCurvature,
				}
			},
			Advise: (*Config).adviseZerothOrder,
			Growth: (*Config).gradientGrowth,
		},
		{
			Entry: Entry{
				Name: "rgda",
				About: "Riemannian gradient descent-ascent, against an adversary who shifts the " +
					"observations",
				References: []Reference{cai2023},
				Settings:   []string{"adversary-step", "adversary-weight", "adversary-radius"},
				Check:      (*Config).checkGame,
			},
			Near:      true,
			ScaleFree: true,
			Make: func(c *Config) solver.Method {
				return solver.RGDA{
					StepSize: c.Step, AdversaryStep: c.AdversaryStep, Weight: c.AdversaryWeight,
					Radius: c.AdversaryRadius,
				}
			},
			Complete: (*Config).fillAdversaryStep,
			Advise:   (*Config).adviseGame,
			Least:    (*Config).leastScaled,
		},
		{
			Entry: Entry{
				Name:     "custom",
				About:    "steps that your own program takes: from Python by Problem.solve",
				Settings: []string{"custom-name", "custom-slots"},
				Check:    (*Config).checkCustom,
			},
			Make:       func(c *Config) solver.Method { return c.custom() },
			Stepless:   true,
			Programmed: true,
			Advise:     (*Config).adviseCustom,
		},
		{
			Entry: Entry{
				Name:       "none",
				About:      "no steps: the start is made and measured, an estimate without descent",
				References: []Reference{keshavan2010},
				Check:      (*Config).checkNone,
			},
			Make:      func(*Config) solver.Method { return solver.None{} },
			Estimates: true,
		},
	}
}

// StartsAtEstimate says whether the method's defaults are a spectral start and as many columns as the truth's
// rank.
func (c *Config) StartsAtEstimate() bool {
	x := find(methods, c.Method)
	return x != nil && (x.Near || x.Estimates)
}

// NewMethod makes the method of a configuration that was found valid.
func (c *Config) NewMethod() solver.Method {
	x := find(methods, c.Method)
	if decay := c.NewStepDecay(); decay != nil {
		return c.decaying(x, decay)
	}
	return x.Make(c)
}

// PassesAlone says whether a run is mostly passes over the measurements, one in each step, whose time can be
// estimated. A method of draws or of values of f takes other steps, and a model makes its observations of
// samples before the first step, which may take longer than all steps.
func (c *Config) PassesAlone() bool {
	return c.observation().Observe == nil && (c.EstimatesOnly() || c.NewMethod().Needs().Gradient)
}

// EstimatesOnly says whether the method takes no steps, so that the start is all that there is.
func (c *Config) EstimatesOnly() bool {
	x := find(methods, c.Method)
	return x != nil && x.Estimates
}

// IsProgrammed says whether a user's program takes the steps.
func (c *Config) IsProgrammed() bool {
	x := find(methods, c.Method)
	return x != nil && x.Programmed
}

// completeMethod fills in the method's defaults that follow from the problem's size.
func (c *Config) completeMethod() {
	if x := find(methods, c.Method); x != nil && x.Complete != nil {
		x.Complete(c)
	}
}

// checkFit refuses a factor of a shape with which the method cannot work. The problem's size must be known.
func (c *Config) checkFit(m *Mistakes) {
	x, p := find(methods, c.Method), find(parametrizations, c.Parametrization)
	if x == nil || x.Fits == nil || p == nil || !c.hasSides() || c.FactorRank < 1 ||
		solver.Suits(x.Make(c), p.Make(c)) != nil { // said elsewhere
		return
	}
	x.Fits(c, m)
}

// checkTogether refuses a method that is not defined for the parametrization, and says which are.
func (c *Config) checkTogether(m *Mistakes) {
	// Validate has said so
	if find(methods, c.Method) == nil || find(parametrizations, c.Parametrization) == nil {
		return
	}
	why := solver.Suits(c.NewMethod(), c.NewParametrization())
	if why == nil {
		return
	}
	var suited []string
	for _, p := range parametrizations {
		if solver.Suits(c.NewMethod(), p.Make(c)) == nil {
			suited = append(suited, p.Name)
		}
	}
	m.Bad("method", "method %s goes with parametrization %s, not %s: %v", c.Method, orList(suited),
		c.Parametrization, why)
}

// checkLambda fills in the damping: 1/kappa², but of a truth from a file or with a spectrum the least
// eigenvalue with which a step from a small factor does not overshoot, λ ≥ μ²‖M*‖/4 ([Config.adviseLambda]).
// The values below are a tail, which the theory of ScaledGD(λ) counts as noise: its λ is of the order of
// σ_r*(M*), where M* is approximately of rank r*. (Xu, Shen, Chi and Ma, arXiv 2302.01186.)
func (c *Config) checkLambda(m *Mistakes) {
	switch {
	case c.Given("lambda"):
		m.Finite("lambda", c.Lambda, c.Lambda > 0, "positive")
	case c.soughtSingular() != nil:
		singular := c.soughtSingular()
		c.Lambda = singular[0]
		for _, v := range singular {
			if v >= c.Step*c.Step*singular[0]/4 {
				c.Lambda = v
			}
		}
	case !c.drawsTruth():
		m.Bad("lambda", "%s needs lambda, of the order of the truth's smallest eigenvalue, which is not "+
			"known of user data", c.Method)
	case c.Kappa >= 1:
		c.Lambda = 1 / (c.Kappa * c.Kappa)
	}
}

// checkPolyak wants an optimal value that a loss can have, and one at all if f at the truth is not known.
func (c *Config) checkPolyak(m *Mistakes) {
	m.Finite("optimal-value", c.OptimalValue, c.OptimalValue >= 0, "zero or positive")
	if c.Observation != linear && !c.Given("optimal-value") && c.OptimalValue == 0 {
		m.Bad("optimal-value", "method %s needs optimal-value with observation %s: f at the truth is known of "+
			"linear observations alone", c.Method, c.Observation)
	}
}

// AimsAtTruth says whether f* of Polyak's step is f at the truth: it is the goal, and where noise or outliers
// part the two not the least value of f. The observations must be made from the truth.
func (c *Config) AimsAtTruth() bool {
	return !c.Given("optimal-value") && c.OptimalValue == 0 && c.isDrawn() && c.Observation == linear
}

// polyak is Polyak's step of the configuration.
func (c *Config) polyak() solver.PolyakGD {
	return solver.PolyakGD{StepSize: c.Step, OptimalValue: c.OptimalValue, AtTruth: c.AimsAtTruth()}
}

// noticePolyak says which f* a user's observations have where none is given.
func (d *Data) noticePolyak(c *Config) {
	if f, _ := c.Field("optimal-value"); f.isUsed() && c.HasUserData() && !c.Given(f.Key) {
		d.Notices = append(d.Notices, fmt.Sprintf("%s takes %v for f*, which is right for observations "+
			"without noise: give --optimal-value if they have noise or outliers", c.Method, c.OptimalValue))
	}
}

// defaultImbalanceBelow is the part of ‖y‖ that the residuals must come down to before imbalanced-gd makes
// the factors unbalanced.
const defaultImbalanceBelow = 0.1

// checkImbalance fills in the size of U after the step that makes the factors unbalanced, and when to take
// it.
func (c *Config) checkImbalance(m *Mistakes) {
	switch {
	case c.Given("imbalance-scale"):
		m.Finite("imbalance-scale", c.ImbalanceScale, c.ImbalanceScale > 0, "positive")
	case c.soughtSingular() != nil:
		singular := c.soughtSingular()
		c.ImbalanceScale = math.Sqrt(singular[len(singular)-1])
	case !c.drawsTruth():
		m.Bad("imbalance-scale", "imbalanced-gd needs imbalance-scale, of the order of the root of the "+
			"truth's smallest singular value, which is not known of user data")
	case c.Kappa >= 1:
		c.ImbalanceScale = 1 / c.Kappa
	}
	if !c.Given("imbalance-below") && c.ImbalanceBelow == 0 {
		c.ImbalanceBelow = defaultImbalanceBelow
	}
	m.Finite("imbalance-below", c.ImbalanceBelow, c.ImbalanceBelow > 0 && c.ImbalanceBelow < 1,
		"positive and less than 1")
}

// The defaults of altmin. Each iteration then comes a million times closer to the minimum for
// one matrix, which is far closer than the other matrix permits.
const (
	defaultInnerTolerance  = 1e-6
	defaultInnerIterations = 100
)

// checkAltMin refuses a step size, and fills in when the conjugate gradients of an iteration end.
func (c *Config) checkAltMin(m *Mistakes) {
	c.refuseStep(m, "method altmin has no step size: each iteration goes to a minimum")
	if !c.Given("inner-tolerance") && c.InnerTolerance == 0 {
		c.InnerTolerance = defaultInnerTolerance
	}
	m.Finite("inner-tolerance", c.InnerTolerance, c.InnerTolerance > 0 && c.InnerTolerance < 1,
		"positive and less than 1")
	if !c.Given("inner-iterations") && c.InnerIterations == 0 {
		c.InnerIterations = defaultInnerIterations
	}
	if c.InnerIterations < 1 {
		m.Bad("inner-iterations", "inner-iterations must be positive, got %d", c.InnerIterations)
	}
}

// refuseStep refuses a step size that is given for a method without one.
func (c *Config) refuseStep(m *Mistakes, why string) {
	if f, _ := c.Field("step"); !c.Given("step") {
		f.clear()
	} else if !f.isZero() {
		m.Bad("step", "%s", why)
	}
}

// checkMagnitudes wants a step of Θ that is positive.
func (c *Config) checkMagnitudes(m *Mistakes) {
	if c.Given("magnitude-step") || c.MagnitudeStep != 0 {
		m.Finite("magnitude-step", c.MagnitudeStep, c.MagnitudeStep > 0, "positive")
	}
}

// fitOrthonormal wants no more columns than can be orthonormal.
func (c *Config) fitOrthonormal(m *Mistakes) {
	if c.FactorRank > c.N {
		m.Bad("factor-rank", "the columns of weight-normalization are orthonormal, at most n = %d, got %d", c.N,
			c.FactorRank)
	}
}

// checkMirror wants a start whose UUᵀ has a logarithm.
func (c *Config) checkMirror(m *Mistakes) {
	p := find(parametrizations, c.Parametrization)
	if p == nil || solver.Suits(solver.MirrorDescent{}, p.Make(c)) != nil { // said elsewhere
		return
	}
	if s, named := c.ChosenStart(); named && s.Pairs != nil {
		m.Bad("init", "mirror-descent takes the logarithm of UUᵀ, and that of a start from eigenvectors need not "+
			"have full rank: init is %q", c.Init)
	}
}

// fitSquare wants a factor whose UUᵀ has a logarithm.
func (c *Config) fitSquare(m *Mistakes) {
	if c.FactorRank != c.N {
		m.Bad("factor-rank", "mirror-descent takes the logarithm of UUᵀ, which needs as many columns as n, %d, "+
			"got %d", c.N, c.FactorRank)
	}
}

// fillMagnitudeStep makes ν as large as the paper has it, 2, if the measurements admit it. f curves in Θ,
// which has d = r(r + 1)/2 numbers, by up to about ½(1 + √(d/m))² with m Gaussian measurements, and steps of
// more than 4/(1 + √(d/m))² diverge.
func (c *Config) fillMagnitudeStep() {
	if c.Given("magnitude-step") || c.MagnitudeStep != 0 || c.Measurements <= 0 || c.FactorRank <= 0 {
		return
	}
	r := float64(c.FactorRank)
	root := 1 + math.Sqrt(r*(r+1)/2/float64(c.Measurements))
	c.MagnitudeStep = min(2, 3/(root*root))
}

// defaultMomentum is the momentum where none is given.
const defaultMomentum = 0.9

// checkMomentum fills in the momentum.
func (c *Config) checkMomentum(m *Mistakes) {
	if !c.Given("momentum") {
		c.Momentum = defaultMomentum
	}
	m.Finite("momentum", c.Momentum, c.Momentum >= 0 && c.Momentum < 1, "at least 0 and less than 1")
}

// The defaults of Adam, from section 2 of its paper.
const (
	defaultBeta1   = 0.9
	defaultBeta2   = 0.999
	defaultEpsilon = 1e-8
)

// checkAdam fills in the decay of the moments and ε.
func (c *Config) checkAdam(m *Mistakes) {
	for _, s := range []struct {
		key   string
		value *float64
		by    float64
	}{{"beta1", &c.Beta1, defaultBeta1}, {"beta2", &c.Beta2, defaultBeta2}} {
		if !c.Given(s.key) && *s.value == 0 {
			*s.value = s.by
		}
		m.Finite(s.key, *s.value, *s.value >= 0 && *s.value < 1, "at least 0 and less than 1")
	}
	if !c.Given("epsilon") && c.Epsilon == 0 {
		c.Epsilon = defaultEpsilon
	}
	m.Finite("epsilon", c.Epsilon, c.Epsilon > 0, "positive")
}

// checkBatches fills in how many measurements a step draws, and the seed.
func (c *Config) checkBatches(m *Mistakes) {
	c.checkMethodSeed(m)
	if c.Given("batch-size") && (c.BatchSize < 1 || c.BatchSize > maxMeasurements) {
		m.Bad("batch-size", "batch-size goes from 1 to %d, got %d", maxMeasurements, c.BatchSize)
	}
}

// fillBatchSize makes a batch a tenth of all measurements, unless its size is given.
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
func (c *Config) checkMethodSeed(*Mistakes) {
	if !c.Given("method-seed") {
		c.MethodSeed = c.Seed
	}
}

// checkLabelNoise fills in the noise's size, where the observations are about 1, and the seed of its signs.
func (c *Config) checkLabelNoise(m *Mistakes) {
	c.checkMethodSeed(m)
	if !c.Given("label-noise") {
		c.LabelNoise = 0.1
	}
	m.Finite("label-noise", c.LabelNoise, c.LabelNoise > 0, "positive")
}

// checkPartial refuses single and mixed precision for methods that step without the full gradient: their
// steps are in f64. Where it could be chosen it is f64.
func (c *Config) checkPartial(m *Mistakes) {
	if find(methods, c.Method) == nil {
		return
	}
	if !c.NewMethod().Needs().Partial() {
		return
	}
	switch c.Precision {
	case "mixed", "f32":
		m.Bad("precision", "method %s takes its steps in f64, without the full gradient, which %s "+
			"precision is for", c.Method, c.Precision)
	case "auto":
		c.Precision = "f64"
	}
}

// defaultRadius is the radius of zeroth-order where none is given. Differences of f lose about 10⁻¹⁶/δ to
// rounding, and what they miss bends a solution by δ²·d: both are below 10⁻⁸ for a thousand numbers.
const defaultRadius = 1e-5

// maxDirections bounds the directions of a step: no run ends that has more.
const maxDirections = 1 << 30

// checkZerothOrder wants directions and a radius to look in, and fills in the radius and the seed.
func (c *Config) checkZerothOrder(m *Mistakes) {
	if c.Directions < 0 || c.Directions > maxDirections {
		m.Bad("directions", "directions goes from 0, as many as the factor has numbers, to %d, got %d",
			maxDirections, c.Directions)
	}
	if !c.Given("radius") && c.Radius == 0 {
		c.Radius = defaultRadius
	}
	m.Finite("radius", c.Radius, c.Radius > 0, "positive")
	m.Finite("evaluation-noise", c.EvaluationNoise, c.EvaluationNoise >= 0 &&
		c.EvaluationNoise <= sensing.Largest,
		"zero or positive")
	c.checkMethodSeed(m)
}

// What zeroth-order-newton takes where nothing is given. Second differences of f lose about 10⁻¹⁶/η² to
// rounding, and what they miss is of order η². The curvature of f at a solution is at least about that of M*.
const (
	defaultBootstrap      = 12
	defaultHessianRadius  = 1e-3
	defaultLeastCurvature = 0.1
)

// mostHessian bounds the side of the Hessian that zeroth-order-newton estimates.
const mostHessian = 1000

// checkZerothOrderNewton is [Config.checkZerothOrder] for both stages, and wants a Hessian of a size that can
// be estimated.
func (c *Config) checkZerothOrderNewton(m *Mistakes) {
	c.checkZerothOrder(m)
	if !c.Given("bootstrap-steps") && c.BootstrapSteps == 0 {
		c.BootstrapSteps = defaultBootstrap
	}
	if c.BootstrapSteps < 1 || c.BootstrapSteps > maxDirections {
		m.Bad("bootstrap-steps", "bootstrap-steps goes from 1 to %d, got %d", maxDirections, c.BootstrapSteps)
	}
	if !c.Given("hessian-radius") && c.HessianRadius == 0 {
		c.HessianRadius = defaultHessianRadius
	}
	m.Finite("hessian-radius", c.HessianRadius, c.HessianRadius > 0, "positive")
	if !c.Given("least-curvature") && c.LeastCurvature == 0 {
		c.LeastCurvature = defaultLeastCurvature
	}
	m.Finite("least-curvature", c.LeastCurvature, c.LeastCurvature > 0, "positive")
}

// fitHessian wants a factor whose Hessian is not too large.
func (c *Config) fitHessian(m *Mistakes) {
	if shapes, err := c.NewParametrization().Shapes(c.Space(), c.FactorRank); err == nil {
		if d := solver.Numbers(shapes); d > mostHessian {
			m.Bad("factor-rank", "zeroth-order-newton estimates the Hessian in all numbers of the factor, "+
				"at most %d, and this factor has %d: choose a smaller factor-rank or n", mostHessian, d)
		}
	}
}

// fillAdversaryStep makes it the step.
func (c *Config) fillAdversaryStep() {
	if !c.Given("adversary-step") && c.AdversaryStep == 0 && !c.Follows("adversary-step") {
		c.AdversaryStep = c.Step
	}
}

// checkGame wants a game that has an equilibrium, and fills in what was not said of it.
func (c *Config) checkGame(m *Mistakes) {
	fill := func(key string, value *float64, by float64) {
		if !c.Given(key) && *value == 0 {
			*value = by
		}
	}
	fill("adversary-weight", &c.AdversaryWeight, 2)
	fill("adversary-radius", &c.AdversaryRadius, 1)
	if c.Given("adversary-step") {
		m.Finite("adversary-step", c.AdversaryStep, c.AdversaryStep > 0, "positive")
	}
	m.Finite("adversary-weight", c.AdversaryWeight, c.AdversaryWeight > 1,
		"more than 1, or the adversary has no best shift")
	m.Finite("adversary-radius", c.AdversaryRadius, c.AdversaryRadius > 0, "positive")
}

// checkNone refuses what is for steps.
func (c *Config) checkNone(m *Mistakes) {
	for _, key := range []string{"iterations", "step", "target-loss"} {
		if f, _ := c.Field(key); !c.Given(key) {
			f.clear()
		} else if !f.isZero() {
			m.Bad(key, "method none takes no steps, and has no use for %s", key)
		}
	}
}

// fillFactorRank gives the factor its columns, unless the user gives them or a start that has them: n, or the
// truth's rank with methods for matrices of this rank.
func (c *Config) fillFactorRank(m *Mistakes, n1, n2 int) {
	if c.FactorRank != 0 || c.Given("factor-rank") || c.StartFile() != "" {
		return
	}
	switch {
	case !c.StartsAtEstimate() || c.Rank <= 0 && c.EstimatesOnly():
		c.FactorRank = min(n1, n2)
	case c.Rank <= 0:
		m.Bad("factor-rank", "method %s needs factor-rank, the rank of its matrices, or rank, that of the "+
			"truth, which is not known of this data", c.Method)
	default:
		c.FactorRank = c.Rank
	}
}
