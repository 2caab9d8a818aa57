package config

import (
	"math"
	"strings"
	"testing"

	"github.com/matsense/matsense/sensing"
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

// TestOptimalValue: with another loss than the squared one f* is f at the truth, the mean of ρ over noise and
// outliers, halved. Symptom: with noise by snr it was f of the outliers alone. f is not known there, nor with
// held-out measurements, so that f* is 0.
func TestOptimalValue(t *testing.T) {
	const given = "n=12 rank=2 measurements=200 method=polyak-gd loss=l1 outliers=0.1 outlier-size=3 seed=5"
	noise := make([]float64, 200)
	p := sensing.Problem{Noise: 0.2, NoiseSeed: 5, Outliers: sensing.Outliers{Count: 20, Size: 3}}
	p.AddNoise(noise)
	var f float64
	for _, w := range noise {
		f += math.Abs(w) / 400
	}
	for settings, want := range map[string]float64{
		given + " noise=0.2": f, given + " snr=10": 0, given + " noise=0.2 hold-out=0.1": 0,
	} {
		c := configOf(t, strings.Fields(settings)...)
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		if math.Abs(c.OptimalValue-want) > 1e-12*f {
			t.Errorf("%s: f* is %v, not %v", settings, c.OptimalValue, want)
		}
	}
}
