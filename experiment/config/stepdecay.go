package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/matsense/matsense/solver"
)

// decays says whether a law was named by which the step sizes become smaller.
func (c *Config) decays() bool { return c.StepDecay != "" }

// checkStepDecay refuses a law that there is not, and one for steps without a step size.
func (c *Config) checkStepDecay(m *Mistakes) {
	switch _, err := c.stepDecay(); {
	case !c.decays() || find(methods, c.Method) == nil:
	case !c.takesSteps():
		m.Bad("step-decay", "method %s takes no steps, and has no use for step-decay", c.Method)
	case c.IsProgrammed():
		m.Bad("step-decay", "the function that takes the steps of method %s has its own step size: make it "+
			"smaller there", c.Method)
	case !c.HasStep():
		m.Bad("step-decay", "method %s has no step size, and no use for step-decay", c.Method)
	case err != nil:
		m.Bad("step-decay", "%v", err)
	}
}

// mostPower bounds the power of a law: with it, the second step is already 2⁻⁸ of the first.
const mostPower = 8

// stepDecay returns the law by which the step sizes become smaller; nil if they do not.
func (c *Config) stepDecay() (solver.StepDecay, error) {
	if !c.decays() {
		return nil, nil
	}
	name, text, _ := strings.Cut(c.StepDecay, ":")
	var values []float64
	for number := range strings.SplitSeq(text, ",") {
		value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(value > 0) || value > 1e9 {
			return nil, c.noStepDecay()
		}
		values = append(values, value)
	}
	switch law := strings.TrimSpace(name); {
	case law == "geometric" && len(values) == 1 && values[0] <= 1:
		return solver.GeometricDecay{Ratio: values[0]}, nil
	case law != "power" || len(values) > 2 || values[0] > mostPower || math.Mod(values[0], 0.125) != 0:
		return nil, c.noStepDecay()
	case len(values) == 1:
		values = append(values, 1)
	}
	return solver.PowerDecay{Power: values[0], Rate: values[1]}, nil
}

// noStepDecay is the error of a text that is no law.
func (c *Config) noStepDecay() error {
	return fmt.Errorf("step-decay is power:p or power:p,c, for step sizes μ/(1 + c·t)^p with p a multiple of"+
		" 1/8 up to %d and c > 0, or geometric:q, for μ·q^t with 0 < q ≤ 1, got %q", mostPower, c.StepDecay)
}

// NewStepDecay makes the law by which the step sizes of a configuration that was found valid become smaller;
// nil if they do not.
func (c *Config) NewStepDecay() solver.StepDecay {
	law, _ := c.stepDecay()
	return law
}

// wholeSteps is the length of all steps of a run together, in steps of the length --step: Σ_t μ_t/μ. The sum
// ends once it is enough.
func (c *Config) wholeSteps(law solver.StepDecay, iterations int, enough float64) (sum float64) {
	if law == nil {
		return float64(iterations)
	}
	for t := 0; t < iterations && sum < enough; t++ {
		step := law.Factor(t)
		if step*float64(iterations-t) < 1e-6*sum { // what is left is nothing beside it
			break
		}
		sum += step
	}
	return sum
}

// slowerDecay is the law as text, with a smaller rate of decay, by whose sizes so many iterations are as long
// as the wanted number of steps of the length --step; empty if there is none.
func (c *Config) slowerDecay(iterations int, wanted float64) string {
	const halvings = 40
	for k := 1; k <= halvings; k++ {
		var slower solver.StepDecay
		var text string
		part := math.Ldexp(1, -k)
		switch law := c.NewStepDecay().(type) {
		case solver.GeometricDecay:
			gap, _ := strconv.ParseFloat(strconv.FormatFloat((1-law.Ratio)*part, 'e', 0, 64), 64)
			text = "geometric:" + strconv.FormatFloat(1-gap, 'g', 10, 64)
			slower = solver.GeometricDecay{Ratio: 1 - gap}
		case solver.PowerDecay:
			rate, _ := strconv.ParseFloat(strconv.FormatFloat(law.Rate*part, 'e', 1, 64), 64)
			text = fmt.Sprintf("power:%g,%g", law.Power, rate)
			slower = solver.PowerDecay{Power: law.Power, Rate: rate}
		}
		if c.wholeSteps(slower, iterations, wanted) >= wanted {
			return text
		}
	}
	return ""
}

// decaying makes the method of a configuration whose step sizes become smaller.
func (c *Config) decaying(x *Method, decay solver.StepDecay) solver.Method {
	base := *c
	return solver.Decaying{
		Method: x.Make(&base), Decay: decay,
		Scaled: func(factor float64) solver.Method {
			scaled := base
			scaled.Step = float64(base.Step * factor)
			scaled.AdversaryStep = float64(base.AdversaryStep * factor)
			scaled.MagnitudeStep = float64(base.MagnitudeStep * factor)
			return x.Make(&scaled)
		},
	}
}
