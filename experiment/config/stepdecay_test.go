package config

import (
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/matsense/matsense/solver"
)

// TestStepDecay: a law is read as it is written, and one that is none, or for steps without a step size, is
// refused in a sentence.
func TestStepDecay(t *testing.T) {
	for text, want := range map[string]solver.StepDecay{
		"power:1":            solver.PowerDecay{Power: 1, Rate: 1},
		"power:0.625,0.05":   solver.PowerDecay{Power: 0.625, Rate: 0.05},
		" power : 2 , 1e-3 ": solver.PowerDecay{Power: 2, Rate: 1e-3},
		"geometric:0.99":     solver.GeometricDecay{Ratio: 0.99},
		"":                   nil,
	} {
		c := configOf(t, "step-decay="+text)
		if err := c.Validate(); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if got := c.NewStepDecay(); got != want {
			t.Errorf("%q is %+v, want %+v", text, got, want)
		}
	}
	for _, c := range []struct{ settings, part string }{
		{"step-decay=power", "power:p or power:p,c"},
		{"step-decay=power:0", "power:p or power:p,c"},
		{"step-decay=power:0.6", "a multiple of 1/8"},
		{"step-decay=power:9", "up to 8"},
		{"step-decay=power:1,0", "c > 0"},
		{"step-decay=power:1,-1", "c > 0"},
		{"step-decay=power:1,NaN", "c > 0"},
		{"step-decay=power:1,2,3", "power:p or power:p,c"},
		{"step-decay=geometric:1.01", "0 < q ≤ 1"},
		{"step-decay=geometric:0.9,2", "0 < q ≤ 1"},
		{"step-decay=linear:1", "power:p or power:p,c"},
		{"step-decay=power:1 method=none", "takes no steps"},
		{"step-decay=power:1 method=custom", "has its own step size"},
		{"retraction=projection", "retraction is for method rgd or rsgd, and this is gd"},
		{"retraction=cayley method=rgd factor-rank=2", "factor, second-order, projection or exponential"},
	} {
		refused := configOf(t, strings.Fields(c.settings)...)
		if err := refused.Validate(); err == nil || !strings.Contains(err.Error(), c.part) {
			t.Errorf("%s: %v, want %q", c.settings, err, c.part)
		}
	}
}

// TestStepDecayOfAll: the law acts on every step size of every method, on all fields that are named so, and a
// configuration without a law has the method itself.
func TestStepDecayOfAll(t *testing.T) {
	for _, m := range methods {
		if m.Stepless || m.Estimates {
			continue
		}
		settings := []string{"method=" + m.Name, "factor-rank=2", "init=spectral"}
		switch m.Name {
		case (solver.WeightNormalization{}).Name():
			settings = []string{"method=" + m.Name, "parametrization=polar"}
		case (solver.MirrorDescent{}).Name():
			settings = []string{"method=" + m.Name, "parametrization=psd"}
		case (solver.APGD{}).Name(), (solver.OPSA{}).Name(), (solver.ImbalancedGD{}).Name():
			settings = append(settings, "parametrization=uv", "n2=40")
		}
		c := configOf(t, settings...)
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", m.Name, err)
			continue
		}
		if _, decays := c.NewMethod().(solver.Decaying); decays {
			t.Errorf("%s: its steps become smaller unasked", m.Name)
		}
		c = configOf(t, append(settings, "step-decay=power:1,0.5")...)
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", m.Name, err)
			continue
		}
		decaying, ok := c.NewMethod().(solver.Decaying)
		if !ok {
			t.Errorf("%s: its steps stay the same", m.Name)
			continue
		}
		steps, rest := fieldsOf("", reflect.ValueOf(decaying.Method))
		later, same := fieldsOf("", reflect.ValueOf(decaying.Scaled(decaying.Decay.Factor(2)))) // μ/2
		for name, step := range steps {
			if later[name] != step/2 {
				t.Errorf("%s: %s is %v in step 2, and %v in step 0", m.Name, name, later[name], step)
			}
		}
		if len(steps) == 0 || !maps.Equal(rest, same) {
			t.Errorf("%s: %d step sizes; %v in step 2, and %v in step 0", m.Name, len(steps), same, rest)
		}
	}
}

// fieldsOf returns the step sizes of a method, and all its other fields.
func fieldsOf(of string, v reflect.Value) (steps map[string]float64, rest map[string]any) {
	steps, rest = map[string]float64{}, map[string]any{}
	for i := range v.NumField() {
		name, field := of+v.Type().Field(i).Name, v.Field(i)
		switch {
		case field.Kind() == reflect.Struct:
			inner, others := fieldsOf(name+".", field)
			maps.Copy(steps, inner)
			maps.Copy(rest, others)
		case field.CanFloat() && strings.Contains(name, "Step"):
			steps[name] = field.Float()
		default:
			rest[name] = field.Interface()
		}
	}
	return steps, rest
}
