package config

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// configOf is the default configuration with settings given as "key=value".
func configOf(t *testing.T, settings ...string) Config {
	t.Helper()
	c := Default()
	for _, s := range settings {
		key, value, _ := strings.Cut(s, "=")
		f, known := c.Field(key)
		if !known {
			t.Fatalf("no setting %q", key)
		}
		if err := f.Set(value, "--"+key); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// problemsOf returns what an error lists; it must be a UsageError of single lines.
func problemsOf(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var usage *UsageError
	if !errors.As(err, &usage) || len(usage.Problems) == 0 {
		t.Fatalf("not a usage error with problems: %v", err)
	}
	for _, p := range usage.Problems {
		if p == "" || strings.ContainsAny(p, "\n\r") {
			t.Errorf("a problem that is not one line: %q", p)
		}
	}
	return usage.Problems
}

// Each mistake is told with the place where the setting was given, and no other is.
func TestValidate(t *testing.T) {
	for _, c := range []struct {
		settings string
		want     []string // keys
	}{
		{"", nil},
		{"n=1 rank=1", nil},
		{"n=65536", nil},
		{"n=65537", []string{"n"}},
		{"n=0", []string{"n"}},
		{"n=-1", []string{"n"}},
		{"rank=0", []string{"rank"}},
		{"rank=100", nil},
		{"rank=101", []string{"rank"}},
		{"kappa=1", nil},
		{"kappa=0.999", []string{"kappa"}},
		{"kappa=NaN", []string{"kappa"}},
		{"kappa=Inf", []string{"kappa"}},
		{"rank=1 kappa=2", []string{"kappa"}},
		{"rank=1 kappa=1", nil},
		{"measurements=1", nil},
		{"measurements=0", []string{"measurements"}},
		{"measurements=2147483648", nil},
		{"measurements=99999999999999", []string{"measurements"}},
		{"ensemble=rademacher", nil},
		{"ensemble=rademacher entries=sign", nil},
		{"ensemble=rademacher entries=f32", []string{"entries"}},
		{"entries=sign", []string{"entries"}},
		{"entries=F32", []string{"entries"}},
		{"ensemble=dense", []string{"ensemble"}},
		{"noise=0", nil},
		{"noise=-0", nil},
		{"noise=-1e-300", []string{"noise"}},
		{"noise=Inf", []string{"noise"}},
		{"observations=y.npy", []string{"observations"}},
		{"truth=X.npy observations=y.npy", []string{"truth", "observations"}},
		{"matrices=A.npy", []string{"matrices"}},
		{"matrices=A.npy observations=y.npy", nil},
		{"matrices=A.npy observations=y.npy kappa=2 noise=1 ensemble=gaussian entries=f32 storage=generated",
			[]string{"kappa", "noise", "ensemble", "entries", "storage"}},
		{"matrices=A.npy observations=y.npy kappa=0 noise=0 ensemble=dense entries=f64 storage=memory", nil},
		{"factor-rank=0", []string{"factor-rank"}},
		{"factor-rank=65536", nil},
		{"factor-rank=65537", []string{"factor-rank"}},
		{"init=", []string{"init"}},
		{"init=spectral", nil},
		{"init=U0.npy", nil},
		{"init=spectral alpha=1 start-seed=2", []string{"alpha", "start-seed"}},
		{"init=U0.npy alpha=1", []string{"alpha"}},
		{"init=spectral alpha=0 start-seed=0", nil},
		{"alpha=0", []string{"alpha"}},
		{"alpha=5e-324", nil},
		{"alpha=NaN", []string{"alpha"}},
		{"method=adagrad", []string{"method"}},
		{"step=0", []string{"step"}},
		{"step=Inf", []string{"step"}},
		{"iterations=0", nil},
		{"iterations=-1", []string{"iterations"}},
		{"target-loss=NaN", []string{"target-loss"}},
		{"measure-every=0", []string{"measure-every"}},
		{"alignment-margin=0", []string{"alignment-margin"}},
		{"alignment-sine=1", nil},
		{"alignment-sine=1.1", []string{"alignment-sine"}},
		{"signal-fraction=0", []string{"signal-fraction"}},
		{"floor-factor=1", nil},
		{"floor-factor=0.9", []string{"floor-factor"}},
		{"device=gpu", []string{"device"}},
		{"storage=disk", []string{"storage"}},
		{"precision=f16", []string{"precision"}},
		{"workers=4096", nil},
		{"workers=4097", []string{"workers"}},
		{"checkpoint-every=0", nil},
		{"checkpoint-every=1e9", []string{"checkpoint-every"}},
		{"rank=0 alpha=-1 step=NaN workers=-1", []string{"rank", "alpha", "step", "workers"}},
	} {
		config := configOf(t, strings.Fields(c.settings)...)
		problems := problemsOf(t, config.Validate())
		if len(problems) != len(c.want) {
			t.Errorf("%s: %q, want %q", c.settings, problems, c.want)
			continue
		}
		for i, key := range c.want {
			if !isAt(problems[i], "--"+key) {
				t.Errorf("%s: %q, want it to begin with --%s", c.settings, problems[i], key)
			}
		}
	}
}

func TestValidateFillsIn(t *testing.T) {
	for _, c := range []struct{ settings, want string }{
		{"", "measurements=3000 factor-rank=100 start-seed=1 entries=f32"},
		{"n=20 rank=2 seed=7", "measurements=400 factor-rank=20 start-seed=7"},
		{"seed=7 start-seed=0", "start-seed=0"},
		{"measurements=5 factor-rank=2 start-seed=9", "measurements=5 factor-rank=2 start-seed=9"},
		{"ensemble=rademacher", "entries=sign"},
		{"init=spectral", "alpha=0 start-seed=0"},
		{"init=U0.npy", "factor-rank=0"}, // the file says
		{"matrices=A.npy observations=y.npy", "ensemble=dense entries=f64 kappa=0 noise=0"},
	} {
		config := configOf(t, strings.Fields(c.settings)...)
		if err := config.Validate(); err != nil {
			t.Errorf("%s: %v", c.settings, err)
		}
		for _, setting := range strings.Fields(c.want) {
			key, want, _ := strings.Cut(setting, "=")
			if f, _ := config.Field(key); f.String() != want {
				t.Errorf("%s: %s is %s, want %s", c.settings, key, f.String(), want)
			}
		}
	}
}

// Symptom: the config.yaml of a run is refused, because it gives observations and truth as "".
func TestResolvedConfigIsAccepted(t *testing.T) {
	for _, settings := range []string{
		"", "n=20 rank=1", "ensemble=rademacher", "init=spectral", "kappa=3 noise=0.5",
		"seed=18446744073709551615",
		"alpha=1e-300 step=0.1", "start-seed=0", "n=40000 rank=6000 factor-rank=6000 storage=generated",
	} {
		t.Run(settings, func(t *testing.T) {
			first := configOf(t, strings.Fields(settings)...)
			if err := first.Validate(); err != nil {
				t.Fatal(err)
			}
			acceptedAgain(t, &first)
		})
	}
}

// acceptedAgain reads what a resolved configuration writes: it must be accepted as the same.
func acceptedAgain(t *testing.T, c *Config) {
	t.Helper()
	text := c.YAML()
	again := Default()
	if err := parseConfig(text, "config.yaml", &again); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if err := again.Validate(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if got := again.YAML(); string(got) != string(text) {
		t.Errorf("resolved again it is another:\n%s\n%s", text, got)
	}
}

func TestFieldSet(t *testing.T) {
	c := Default()
	for _, x := range []struct{ key, text, want string }{
		{"n", " 12 ", "12"}, {"seed", "18446744073709551615", "18446744073709551615"},
		{"alpha", "1E-6", "1e-06"}, {"alpha", "0.1", "0.1"}, {"step", "5e-324", "5e-324"},
		{"step", "1.7976931348623157e308", "1.7976931348623157e+308"},
		{"matrices", " a b.npy ", "a b.npy"}, {"noise", "-0", "-0"},
	} {
		f, _ := c.Field(x.key)
		if err := f.Set(x.text, "here"); err != nil || f.String() != x.want || !c.Given(x.key) {
			t.Errorf("%s = %q: %q, %v; want %q", x.key, x.text, f.String(), err, x.want)
		}
	}
	c = Default()
	for _, x := range []struct{ key, text string }{
		{"n", "1.0"}, {"n", "0x10"}, {"n", ""}, {"n", "9223372036854775808"}, {"seed", "-1"},
		{"seed", "18446744073709551616"},
		{"alpha", "1e"}, {"alpha", "1e309"}, {"alpha", ""}, {"alpha", "1,5"},
	} {
		f, _ := c.Field(x.key)
		before := f.String()
		if err := f.Set(x.text, "here"); err == nil || !strings.Contains(err.Error(), x.key) ||
			f.String() != before || c.Given(x.key) {
			t.Errorf("%s = %q: %v, value %s", x.key, x.text, err, f.String())
		}
	}
}

// A sweep copies one configuration for each of its runs.
func TestCopiesAreIndependent(t *testing.T) {
	first := configOf(t, "n=10", "alpha=1e-3")
	second := first
	for _, key := range []string{"alpha", "rank"} {
		f, _ := second.Field(key)
		if err := f.Set("2", "there"); err != nil {
			t.Fatal(err)
		}
	}
	if first.Alpha != 1e-3 || first.Given("rank") || first.At("alpha") != "--alpha" {
		t.Errorf("the original has alpha %v from %q, rank given: %v", first.Alpha, first.At("alpha"),
			first.Given("rank"))
	}
	if second.Rank != 2 || second.At("rank") != "there" || second.At("alpha") != "there" ||
		second.At("n") != "--n" {
		t.Errorf("the copy has rank %d from %q, alpha from %q, n from %q", second.Rank, second.At("rank"),
			second.At("alpha"), second.At("n"))
	}
}

func TestFieldsHaveHelpAndAreUnique(t *testing.T) {
	c := Default()
	keys := Keys()
	if len(c.Fields()) != len(keys) {
		t.Fatalf("%d fields, %d keys", len(c.Fields()), len(keys))
	}
	for i, f := range c.Fields() {
		if f.Key != keys[i] || f.Help == "" || slices.Index(keys, f.Key) != i {
			t.Errorf("field %d is %q, key %q, help %q", i, f.Key, keys[i], f.Help)
		}
	}
}

func TestNearest(t *testing.T) {
	words := Keys()
	for in, want := range map[string]string{
		"alpha": "alpha", "alhpa": "alpha", "iteration": "iterations", "measurments": "measurements",
		"stepsize":    "step",
		"factor_rank": "factor-rank", "checkpoint": "checkpoint-every", "Seed": "seed",
	} {
		if got := Nearest(in, words); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", in, got, want)
		}
	}
	if got := Nearest("x", []string{"a", "b"}); got != "a" { // the first of equals
		t.Errorf("Nearest of equals = %q", got)
	}
	if got := Nearest("", []string{"abc", "ab"}); got != "ab" {
		t.Errorf("Nearest of nothing = %q", got)
	}
}

func TestUsageErrorIsFoundWhenJoined(t *testing.T) {
	var u *UsageError
	if err := errors.Join(errors.New("other"), Usagef("%s is wrong", "n")); !errors.As(err, &u) ||
		u.Error() != "n is wrong" {
		t.Error(err)
	}
}
