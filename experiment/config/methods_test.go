package config

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDefaultStart: methods for starts near the truth begin at the spectral estimate, unless anything is said
// of the start.
func TestDefaultStart(t *testing.T) {
	for settings, want := range map[string]string{
		"method=gd": random, "method=none": spectral, "method=scaled-gd": spectral, "method=rgd": spectral,
		"method=scaled-gd alpha=1e-3": random, "method=rgd start-seed=7": random,
		"method=scaled-gd parametrization=uv start-imbalance=2": spectral, "method=rgd alpha=0": spectral,
		"method=scaled-gd parametrization=indefinite": random, "method=scaled-gd start-seed=0": spectral,
		"method=rgda init=random": random, "method=scaled-gd parametrization=uv": spectral,
		"method=scaled-gd-lambda": random, "method=scaled-gd ensemble=relu-completion": reluSpectral,
	} {
		c := configOf(t, strings.Fields("n=20 rank=3 "+settings)...)
		if err := c.Check(); err != nil || c.Init != want {
			t.Errorf("%s: the start is %s, not %s; %v", settings, c.Init, want, err)
		}
		again := c
		if err := again.Check(); err != nil || again.Init != want || again.Alpha != c.Alpha {
			t.Errorf("%s, checked again: the start is %s of size %g; %v", settings, again.Init, again.Alpha, err)
		}
	}
	named := ", " + strings.ReplaceAll(nearMethods, " and ", ", ") + ","
	// Another method, checked after one that starts near the truth, has its own start.
	c := configOf(t, strings.Fields("n=20 rank=3 method=scaled-gd")...)
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	c.Method = "gd"
	if err := c.Check(); err != nil || c.Init != random || c.Alpha != Default().Alpha {
		t.Errorf("gd after scaled-gd starts from %s of size %g; %v", c.Init, c.Alpha, err)
	}
	for _, m := range methods {
		if m.Near != strings.Contains(named, ", "+m.Name+",") {
			t.Errorf("%s is near: %v, and the texts name %s", m.Name, m.Near, nearMethods)
		}
	}
}

// TestDefaultFactorRank: methods for matrices of a rank get that of the truth, and others a square factor.
// Symptom: rgd took n columns, with which it diverges.
func TestDefaultFactorRank(t *testing.T) {
	for settings, want := range map[string]int{
		"method=rgd": 3, "method=rsgd": 3, "method=none": 3, "method=rgd factor-rank=5": 5, "method=gd": 20,
		"method=scaled-gd": 3, "method=scaled-gd-lambda": 20, "method=rgda": 3,
		"method=scaled-subgradient":           3,
		"method=rgd parametrization=uv n2=15": 3, "parametrization=uv n2=15": 15,
	} {
		c := configOf(t, strings.Fields("n=20 rank=3 init=spectral measurements=300 "+settings)...)
		if err := c.Check(); err != nil {
			t.Errorf("%s: %v", settings, err)
		}
		if c.FactorRank != want {
			t.Errorf("%s: the factor has %d columns, not %d", settings, c.FactorRank, want)
		}
	}
	path := filepath.Join(t.TempDir(), "entries.csv")
	if err := os.WriteFile(path, []byte("0,0,1\n0,1,2\n1,1,4\n1,2,3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for settings, want := range map[string]string{
		"method=rgd rank=0": "method rgd needs factor-rank", "method=rsgd rank=2": "",
		"method=none rank=0":              "",
		"method=rgd rank=0 factor-rank=2": "",
	} {
		c := configOf(t, append(strings.Fields(settings), "triplets="+path, "triplets-base=0",
			"parametrization=psd", "init=spectral")...)
		switch err := c.Check(); {
		case want == "" && err != nil:
			t.Errorf("%s: %v", settings, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s is not refused with %q: %v", settings, want, err)
		}
	}
}

// TestLeastSteps: about the fewest steps after which f is a hundredth of f(0). In each the error is
// multiplied by 1 − μ for scaled gradients of UUᵀ, and by 1 − μ/2 for those of UVᵀ and along the manifold, as
// the laws of these methods have it (solver's tests).
func TestLeastSteps(t *testing.T) {
	for settings, part := range map[string]float64{
		"method=scaled-gd": 0.5, "method=scaled-gd parametrization=uv n2=40": 0.75,
		"method=apgd parametrization=uv n2=40": 0.75, "method=rgd": 0.75, "method=rsgd batch-size=20": 0.75,
	} {
		c := configOf(t, append(strings.Fields(settings), "step=0.5", "factor-rank=2", "init=spectral")...)
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", settings, err)
			continue
		}
		least := find(methods, c.Method).Least(&c, Facts{})
		if left := math.Pow(part, 2*least); math.Abs(left-0.01) > 1e-12 {
			t.Errorf("%s: after %.3g steps f is %.3g of f(0)", settings, least, left)
		}
	}
}

// TestMethodSettings: settings of momentum, mini-batches and the planted saddle are filled in, and mistakes
// in them are told with a word of what is right.
func TestMethodSettings(t *testing.T) {
	for _, c := range []struct{ settings, want string }{ // want is part of the one problem; "" is none
		{"method=momentum", ""},
		{"method=momentum momentum=0", ""},
		{"method=momentum momentum=1", "momentum must be at least 0 and less than 1, got 1"},
		{"method=momentum momentum=NaN", "and finite"},
		{"momentum=0.5", "momentum is for method momentum or nesterov, and this is gd"},
		{"method=adam", ""},
		{"method=adam beta1=0 beta2=0", ""},
		{"method=adam beta1=1", "beta1 must be at least 0 and less than 1, got 1"},
		{"method=adam beta2=-0.1", "beta2 must be at least 0 and less than 1, got -0.1"},
		{"method=adam epsilon=0", "epsilon must be positive, got 0"},
		{"method=gd beta2=0.9", "beta2 is for method adam, and this is gd"},
		{"method=adam momentum=0.9", "momentum is for method momentum or nesterov, and this is adam"},
		{"method=sgd", ""},
		{"method=sgd batch-size=100000", ""}, // with replacement there may be more than measurements
		{"method=sgd batch-size=0", "batch-size goes from 1"},
		{"method=momentum batch-size=3", "batch-size is for method sgd or rsgd, and this is momentum"},
		{"method=rgd method-seed=3", "and this is rgd"},
		{"method=sgd precision=mixed", "method sgd takes its steps in f64"},
		{"method=sgd precision=f32", "method sgd takes its steps in f64"},
		{"method=sgd parametrization=uv", ""},
		{"method=rgd parametrization=uv", ""},
		{"method=rsgd parametrization=uv retraction=exponential", ""},
		{"method=rgda parametrization=uv", "method rgda goes with parametrization psd, not uv"},
		{"method=rgd parametrization=deep", "method rgd goes with parametrization psd or uv, not deep"},
		{"init=saddle factor-rank=2", ""},
		{"init=saddle factor-rank=2 alpha=0", ""},
		{"init=saddle factor-rank=2 alpha=-1", "alpha must be zero or positive, got -1"},
		{"init=saddle factor-rank=2 start-seed=7 parametrization=uv", ""},
		{"init=saddle factor-rank=3", "needs a factor-rank below rank, which is 3, got 3"},
		{"init=saddle", "got 100"},
		{"init=saddle matrices=A.npy observations=y.npy factor-rank=1", "add truth"},
		{"method=sgd matrices=A.npy observations=y.npy", ""},
		{"init=saddle rank=1 factor-rank=1", "needs rank 2 or more, got 1"},
	} {
		config := configOf(t, strings.Fields(c.settings)...)
		switch problems := problemsOf(t, config.Validate()); {
		case c.want == "" && problems != nil:
			t.Errorf("%s: %q", c.settings, problems)
		case c.want != "" && (len(problems) != 1 || !strings.Contains(problems[0], c.want)):
			t.Errorf("%s: %q, want … %s …", c.settings, problems, c.want)
		}
	}
	c := configOf(t, "method=rsgd", "factor-rank=3", "measurements=1234", "seed=9", "precision=auto")
	if err := c.Validate(); err != nil || c.BatchSize != 123 || c.MethodSeed != 9 || c.Momentum != 0 ||
		c.Precision != "f64" {
		t.Errorf("filled in: batch-size %d, method-seed %d, momentum %v, precision %s (%v)", c.BatchSize,
			c.MethodSeed, c.Momentum, c.Precision, err)
	}
	c = configOf(t, "method=adam", "beta1=0")
	if err := c.Validate(); err != nil || c.Beta1 != 0 || c.Beta2 != 0.999 || c.Epsilon != 1e-8 ||
		c.Step != 1e-3 {
		t.Errorf("filled in: beta1 %v, beta2 %v, epsilon %v, step %v (%v)", c.Beta1, c.Beta2, c.Epsilon,
			c.Step, err)
	}
	c = configOf(t, "method=momentum")
	if err := c.Validate(); err != nil || c.Momentum != 0.9 || c.BatchSize != 0 || c.MethodSeed != 0 {
		t.Errorf("filled in: momentum %v, batch-size %d, method-seed %d (%v)", c.Momentum, c.BatchSize,
			c.MethodSeed, err)
	}
}

// TestImbalanceScale: the default is the root of the truth's least singular value. User data must give it.
func TestImbalanceScale(t *testing.T) {
	for _, c := range []struct {
		settings string
		want     float64
	}{
		{"kappa=4", 0.25}, {"spectrum=1,0.09", 0.3}, {"kappa=4 imbalance-scale=0.7", 0.7},
	} {
		given := append(strings.Fields("n=9 parametrization=uv method=imbalanced-gd"),
			strings.Fields(c.settings)...)
		got := configOf(t, given...)
		if err := got.Validate(); err != nil {
			t.Fatal(err)
		}
		if math.Abs(got.ImbalanceScale-c.want) > 1e-15 || got.ImbalanceBelow != 0.1 {
			t.Errorf("%s: β = %v and τ = %v", c.settings, got.ImbalanceScale, got.ImbalanceBelow)
		}
	}
	for _, w := range []struct{ settings, want string }{
		{"n=9 imbalance-scale=0", "imbalance-scale must be positive, got 0"},
		{"n=9 imbalance-scale=-1", "imbalance-scale must be positive, got -1"},
		{"n=9 imbalance-below=-0.1", "imbalance-below must be positive and less than 1"},
		{"n=9 imbalance-below=1", "imbalance-below must be positive and less than 1"},
		{"n=9 parametrization=psd", "method imbalanced-gd goes with parametrization uv, not psd"},
		{"n=9 method=gd imbalance-below=0.2", "imbalance-below is for method imbalanced-gd, and this is gd"},
		{"matrices=A.npy observations=y.npy", "which is not known of user data"},
	} {
		given := append(strings.Fields("parametrization=uv method=imbalanced-gd"),
			strings.Fields(w.settings)...)
		c := configOf(t, given...)
		if p := problemsOf(t, c.Validate()); len(p) != 1 || !strings.Contains(p[0], w.want) {
			t.Errorf("%s: %v, want … %s …", w.settings, p, w.want)
		}
	}
}

// TestMirrorStart: mirror-descent refuses drawn problems without a logarithm of UUᵀ in one sentence, and the
// size of user data is not known yet.
func TestMirrorStart(t *testing.T) {
	for _, w := range []struct{ settings, want string }{
		{"", ""}, {"factor-rank=9", ""}, {"parametrization=indefinite", ""},
		{"factor-rank=8", "needs as many columns as n, 9, got 8"},
		{"init=spectral", "need not have full rank: init is"},
		{"parametrization=uv", "goes with parametrization psd or indefinite, not uv"},
		{"parametrization=none", "parametrization: must be"},
		{"loss=l1", "is defined for loss squared alone"},
		{"matrices=A.npy observations=y.npy factor-rank=8", ""},
	} {
		given := []string{"n=9"}
		if strings.HasPrefix(w.settings, "matrices") {
			given = nil
		}
		c := configOf(t, append(append(given, "method=mirror-descent"), strings.Fields(w.settings)...)...)
		err := c.Validate()
		if w.want == "" {
			if err != nil {
				t.Errorf("%s: %v", w.settings, err)
			}
			continue
		}
		if p := problemsOf(t, err); len(p) != 1 || !strings.Contains(p[0], w.want) {
			t.Errorf("%s: %v, want … %s …", w.settings, p, w.want)
		}
	}
}

// TestUnknownParametrization: a parametrization that does not exist is a mistake for every method. Symptom:
// zeroth-order-newton panicked.
func TestUnknownParametrization(t *testing.T) {
	for _, m := range methods {
		c := configOf(t, "n=9", "parametrization=foo", "method="+m.Name)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "parametrization: must be") {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
}

// TestOrthonormalColumns: symptom: user data of n = 120 with 110 columns were refused, because n is 100 by
// default.
func TestOrthonormalColumns(t *testing.T) {
	given := []string{"method=weight-normalization", "parametrization=polar", "factor-rank=110"}
	c := configOf(t, append(given, "matrices=A.npy", "observations=y.npy")...)
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	c = configOf(t, given...)
	if p := problemsOf(t, c.Validate()); len(p) != 1 || !strings.Contains(p[0], "at most n = 100, got 110") {
		t.Error(p)
	}
}
