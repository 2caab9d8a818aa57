package experiment

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// registerMine registers an ensemble, a method and a start as a user of the library does, once.
var registerMine = sync.OnceValue(func() error {
	err := config.RegisterEnsemble(config.Ensemble{
		Entry: config.Entry{
			Name: "my-rows", About: "Gaussian rows of another seed",
			Declared: []config.Setting{{Key: "my-seed", Help: "seed of the rows", Default: 5}},
		},
		Law: config.Law{
			Formats: []sensing.Entries{sensing.F64}, Side: sensing.MaxRowSide,
			Count: func(c *config.Config) float64 { return float64(c.Measurements) * float64(c.Space().K()) },
			Make: func(c *config.Config) (sensing.Ensemble, error) {
				return sensing.NewGaussian(c.Space(), c.Measurements, sensing.F64, uint64(c.Int("my-seed")))
			},
		},
	})
	if err != nil {
		return err
	}
	err = config.RegisterMethod(config.Method{
		Entry: config.Entry{
			Name: "my-gd", About: "gradient descent with a step of its own",
			Declared: []config.Setting{{Key: "my-step", Help: "step size", Default: 0.125}},
			Check: func(c *config.Config, m *config.Mistakes) {
				step := c.Float("my-step")
				m.Finite("my-step", step, step > 0, "positive")
			},
		},
		Make: func(c *config.Config) solver.Method {
			usual := *c
			usual.Method, usual.Step = "gd", c.Float("my-step")
			return usual.NewMethod()
		},
	})
	if err != nil {
		return err
	}
	return config.RegisterStart(config.Start{
		Entry: config.Entry{
			Name: "my-random", About: "the random start, of a size that has a name",
			Declared: []config.Setting{{Key: "my-size", Help: "small or large", Default: "small"}},
			Check: func(c *config.Config, m *config.Mistakes) {
				m.OneOf("my-size", c.Text("my-size"), "small", "large")
			},
		},
		Random: true,
		Make: func(c *config.Config, truth *sensing.Truth) (solver.Start, error) {
			usual := *c
			usual.Init = "random"
			usual.Alpha = map[string]float64{"small": 1e-3, "large": 0.1}[c.Text("my-size")]
			return usual.NewStart(truth)
		},
	})
})

const mine = "n=8 rank=2 measurements=60 checkpoint-every=0 ensemble=my-rows method=my-gd init=my-random "

// TestRegistered: members that a user of the library registers run under their names and resume to the same
// bits. config.yaml keeps the names and their settings. The names also work in groups.
func TestRegistered(t *testing.T) {
	if err := registerMine(); err != nil {
		t.Fatal(err)
	}
	whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
	run := func(dir string, resume bool, settings string) *Outcome {
		t.Helper()
		out, err := runHere(configOf(t, strings.Fields(mine+settings)...), cpuHost(1e9), Options{Dir: dir,
			Resume: resume})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	want := run(whole, false, "iterations=40 my-size=large")
	run(parts, false, "iterations=15 my-size=large")
	got := run(parts, true, "iterations=40 my-size=large")
	if err := sameFactor(t, &got.Config, parts, whole); err != nil {
		t.Error(err)
	}
	if p := want.Summary.Problem; p.Ensemble != "my-rows" || p.Entries != "f64" {
		t.Errorf("the summary has %+v", p)
	}
	text := string(readFile(t, filepath.Join(whole, configFile)))
	for _, line := range []string{"ensemble: my-rows", "method: my-gd", "init: my-random", "my-seed: 5",
		"my-step: 0.125", "my-size: large"} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("config.yaml lacks %q:\n%s", line, text)
		}
	}
	again := config.Default()
	if err := config.ReadConfig(filepath.Join(whole, configFile), &again); err != nil {
		t.Fatal(err)
	}
	repeated, err := runHere(again, cpuHost(1e9), Options{Dir: filepath.Join(t.TempDir(), "again")})
	if err != nil {
		t.Fatal(err)
	}
	if err := sameRun(repeated.Run, want.Run); err != nil {
		t.Error(err)
	}
	if err := checkBatch(t, config.Entry{Kind: "method", Name: "my-gd"}); err != nil {
		t.Error(err)
	}
}

// TestDeclaredSettings: a setting that a member declares is checked, and refused with other members. It is
// part of a checkpoint's identity and of the problem that runs share. Configurations without the member
// ignore it.
func TestDeclaredSettings(t *testing.T) {
	if err := registerMine(); err != nil {
		t.Fatal(err)
	}
	for settings, want := range map[string]string{
		mine + "my-step=-1":     "--my-step must be positive, got -1",
		mine + "my-size=medium": `--my-size: must be small or large, got "medium"`,
		"my-step=0.5":           "--my-step is for method my-gd, and this is gd",
		"my-size=large":         "--my-size is for start my-random, and this is random",
		"my-seed=7":             "--my-seed is for ensemble my-rows, and this is gaussian",
	} {
		c := configOf(t, strings.Fields(settings)...)
		if problems := problemsOf(t, c.Validate()); len(problems) != 1 || problems[0] != want {
			t.Errorf("%s: %q, want %s", settings, problems, want)
		}
	}
	plain := configOf(t, "n=8")
	if err := plain.Validate(); err != nil {
		t.Fatal(err)
	}
	if text := string(plain.YAML()); strings.Contains(text, "my-") {
		t.Errorf("a configuration without the members has their settings:\n%s", text)
	}
	key := func(settings string) string {
		c := configOf(t, strings.Fields(mine+settings)...)
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		return c.ProblemKey()
	}
	if key("my-seed=5") != key("") || key("my-seed=6") == key("") || key("my-step=0.5") != key("") {
		t.Error("the wrong settings decide who shares measurements")
	}
}

// TestFingerprint: the fingerprint is the SHA-256 of the lines of config.yaml that decide the bits. So a
// setting that another method, a registered one for example, brings into the catalog changes nothing.
//
// Symptom: a version with one setting more could not resume any run of the version before.
func TestFingerprint(t *testing.T) {
	if err := registerMine(); err != nil {
		t.Fatal(err)
	}
	for settings, kind := range map[string]string{
		"n=8 alpha=0.001 device=cpu": "cpu", mine: "auto", "alpha=0.001 method=momentum": "auto",
		"alpha=0.001 device=cuda": "cuda", "alpha=0.001 device=cuda:1": "cuda",
		"alpha=0.001 device=cuda:0,3": "cuda", "alpha=0.001 device=cuda:all": "cuda",
		"alpha=0.001 device=emulator:2": "emulator",
	} {
		c := configOf(t, strings.Fields(settings)...)
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		decisive := sha256.New()
		for line := range strings.Lines(string(c.YAML())) {
			switch key, _, _ := strings.Cut(line, ":"); key {
			case "iterations", "storage", "workers", "simd", "checkpoint-every":
			case "device": // counts by its kind
				decisive.Write([]byte("device: " + kind + "\n"))
			default:
				decisive.Write([]byte(line))
			}
		}
		if want := hex.EncodeToString(decisive.Sum(nil)); c.Fingerprint(nil) != want {
			t.Errorf("%s: the fingerprint is not that of the lines of\n%s", settings, c.YAML())
		}
	}
}
