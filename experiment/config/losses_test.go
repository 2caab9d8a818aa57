package config

import (
	"strings"
	"testing"

	"github.com/matsense/matsense/solver"
)

// TestStepOfLoss: the expected gradient of ℓ1 in Z at 0 is as long for 4·M* as for M*, so that the default
// step is the same. That of the squared loss is four times as long.
func TestStepOfLoss(t *testing.T) {
	for settings, want := range map[string]float64{
		"loss=l1": 0.25, "loss=squared": 0.25 / 4, "loss=huber": 0.25 / 4, "loss=l1 step=0.1": 0.1,
	} {
		c := configOf(t, strings.Fields("n=12 spectrum=4,2 measurements=200 "+settings)...)
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		if c.Step != want {
			t.Errorf("%s: the step is %v, not %v", settings, c.Step, want)
		}
	}
}

// TestSubgradientNow: who names a method and a setting of earlier versions learns what to write now.
func TestSubgradientNow(t *testing.T) {
	c := configOf(t, "method=subgradient")
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "gd with step-decay geometric:q") {
		t.Error(err)
	}
	if got := Nearest("step-ratio", Keys()); got != "step-decay" {
		t.Errorf("step-ratio is now %s", got)
	}
}

// TestOptimalValue: f* is f at the truth if the observations are drawn and no other value is given, and then
// config.yaml leaves it out unless it is 0. The file says the same when it is read again, as 0 does in files
// of runs that took f* = 0. TestLossOfTruth of package experiment has the values.
func TestOptimalValue(t *testing.T) {
	const drawn = "n=12 rank=2 measurements=200 "
	for settings, want := range map[string]struct {
		atTruth bool
		line    string
	}{
		"method=polyak-gd":                                       {true, "optimal-value: 0\n"},
		"method=polyak-gd hold-out=0.1":                          {true, "optimal-value: 0\n"},
		"method=polyak-gd noise=0.2":                             {true, ""},
		"method=opsa loss=l1 noise=0.2 hold-out=0.1":             {true, ""},
		"method=scaled-subgradient loss=huber snr=10":            {true, ""},
		"method=polyak-gd loss=l1 outliers=0.1":                  {true, ""},
		"method=polyak-gd noise=0.2 optimal-value=0":             {false, "optimal-value: 0\n"},
		"method=opsa snr=10 optimal-value=0.25":                  {false, "optimal-value: 0.25\n"},
		"method=polyak-gd noise=0.2 step-decay=power:0.5":        {true, ""},
		"method=scaled-subgradient outliers=0.1 optimal-value=0": {false, "optimal-value: 0\n"},
	} {
		c := configOf(t, strings.Fields(drawn+settings)...)
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		if got := aimsAtTruth(t, &c); got != want.atTruth {
			t.Errorf("%s: f* is f at the truth: %v", settings, got)
		}
		text := string(c.YAML())
		if _, line, _ := strings.Cut(text, "optimal-value"); line != "" {
			line, _, _ = strings.Cut(line, "\n")
			text = "optimal-value" + line + "\n"
		} else {
			text = ""
		}
		if text != want.line {
			t.Errorf("%s: config.yaml has %q, not %q", settings, text, want.line)
		}
		again := Default()
		if err := parseConfig(c.YAML(), "config.yaml", &again); err != nil {
			t.Fatal(err)
		}
		if err := again.Check(); err != nil {
			t.Fatal(err)
		}
		if again.Fingerprint(nil) != c.Fingerprint(nil) || want.line == "" && !aimsAtTruth(t, &again) {
			t.Errorf("%s: the file is of another run", settings)
		}
	}
}

// aimsAtTruth says whether the method of a configuration takes f at the truth for f*.
func aimsAtTruth(t *testing.T, c *Config) bool {
	t.Helper()
	m := c.NewMethod()
	if d, ok := m.(solver.Decaying); ok {
		m = d.Scaled(0.5)
	}
	switch m := m.(type) {
	case solver.PolyakGD:
		return m.AtTruth
	case solver.ScaledSubgradient:
		return m.AtTruth
	case solver.OPSA:
		return m.AtTruth
	}
	t.Fatalf("%T has no Polyak's step", m)
	return false
}

// TestUnknownOptimalValue: with observations that are not linear a value must be given.
func TestUnknownOptimalValue(t *testing.T) {
	const given = "observation=single-index parametrization=sparse n=12 measurements=200 method=polyak-gd"
	c := configOf(t, strings.Fields(given)...)
	if err := c.Check(); err == nil || !strings.Contains(err.Error(), "needs optimal-value") {
		t.Error(err)
	}
	c = configOf(t, strings.Fields(given+" optimal-value=0")...)
	if err := c.Check(); err != nil {
		t.Error(err)
	}
}
