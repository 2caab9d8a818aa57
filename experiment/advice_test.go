package experiment

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// failing are runs that diverge or do not move, at least one for each method that takes steps.
var failing = []string{
	"method=gd step=100",
	"method=gd step=1e-5",
	"method=gd alpha=50",
	"method=gd iterations=20",
	"method=gd ensemble=rank-one step=9 measurements=400",
	"method=gd ensemble=completion step=9",
	"method=gd ensemble=pauli n=16 step=20",
	"method=gd parametrization=uv step=9",
	"method=gd parametrization=deep step=9",
	"method=gd parametrization=deep alpha=20",
	"method=gd parametrization=indefinite step=9",
	"method=gd parametrization=sparse rank=1 step=9",
	"method=gd parametrization=sparse rank=1 alpha=90",
	"method=gd parametrization=sparse rank=1 step=1e-5",
	"method=polyak-gd step=1e12",
	"method=polyak-gd step=1e-4",
	"method=polyak-gd optimal-value=3",
	"method=gd step-decay=geometric:0.9",
	"method=gd step-decay=power:2,0.5",
	"method=gd step-decay=geometric:0.99 iterations=20",
	"method=gd step-decay=geometric:0.5 parametrization=uv step=0.5",
	"method=momentum step-decay=geometric:0.5",
	"method=gd loss=l1 step=1e6 iterations=2000 step-decay=geometric:0.995",
	"method=gd loss=l1 step=0.1 iterations=50",
	"method=gd loss=l1 step=0.5 step-decay=geometric:0.9",
	"method=gd loss=l1 outliers=0.1 step=0.5 step-decay=geometric:0.9 measurements=600",
	"method=gd loss=huber",
	"method=gd loss=huber outliers=0.1 measurements=600",
	"method=scaled-subgradient init=random factor-rank=12",
	"method=opsa step=1e-4",
	"method=imbalanced-gd parametrization=uv step=9",
	"method=imbalanced-gd parametrization=uv imbalance-scale=1e-4 alpha=0.01",
	"method=scaled-gd init=random factor-rank=12",
	"method=scaled-gd factor-rank=2 init=spectral step=8",
	"method=scaled-gd parametrization=indefinite", // no spectral pairs are left for V
	"method=scaled-gd ensemble=relu-completion init=random factor-rank=12",
	"method=scaled-gd ensemble=rank-one measurements=800 factor-rank=2 init=spectral step=9",
	"method=scaled-gd-lambda kappa=1e4",
	"method=scaled-gd-lambda lambda=1e5",
	"method=scaled-gd-lambda step=7",
	"method=scaled-gd-lambda lambda=1e-7 parametrization=uv",
	"method=scaled-gd-lambda ensemble=rank-one measurements=400 kappa=100",
	"method=prec-gd step=9",
	"method=prec-gd step=1e-4",
	"method=momentum step=9",
	"method=momentum momentum=0.999 iterations=400",
	"method=momentum step=1e-5",
	"method=apgd parametrization=uv step=9",
	"method=apgd parametrization=uv step=1e-4",
	"method=altmin parametrization=uv iterations=2 inner-iterations=1",
	"method=weight-normalization parametrization=polar factor-rank=6 step=1e-5",
	"method=weight-normalization parametrization=polar factor-rank=6 magnitude-step=9",
	"method=mirror-descent step=9",
	"method=mirror-descent step=1e-5",
	"method=adam step=9",
	"method=adam step=1e-5",
	"method=nesterov step=9",
	"method=nesterov step=1e-5",
	"method=sgd step=9 iterations=500",
	"method=sgd batch-size=1 iterations=6000",
	"method=sgd step=1e-5",
	"method=rgd init=random factor-rank=12",
	"method=rgd factor-rank=2 init=spectral step=9",
	"method=rsgd init=random factor-rank=12",
	"method=rsgd factor-rank=2 init=spectral batch-size=2 step=2",
	"method=label-noise-gd step=9",
	"method=label-noise-gd label-noise=1000",
	"method=label-noise-gd step=1e-5",
	"method=zeroth-order step=9 factor-rank=2",
	"method=zeroth-order directions=2 factor-rank=2",
	"method=zeroth-order radius=9 factor-rank=2",
	"method=zeroth-order-newton step=9 factor-rank=2",
	"method=zeroth-order-newton radius=9 factor-rank=2",
	"method=rgda init=random factor-rank=12",
	"method=rgda factor-rank=2 init=spectral step=9",
}

// TestAdviceMends: whoever follows the advice has a run that explains the observations after two rounds at
// most. Symptom: for scaled-gd-lambda on κ = 10⁴ the advice was to halve the step, time after time, and λ was
// at fault.
func TestAdviceMends(t *testing.T) {
	// none takes no steps, and custom has no settings that could mend it: TestAdviceOfCustom.
	tried := map[string]bool{"none": true, "custom": true}
	for _, settings := range failing {
		tried[strings.TrimPrefix(strings.Fields(settings)[0], "method=")] = true
		t.Run(settings, func(t *testing.T) {
			given := append(strings.Fields("n=12 rank=2 iterations=250 measure-every=10"),
				strings.Fields(settings)...)
			for round := 0; ; round++ {
				s := summaryOf(t, given)
				if s.Advice == nil {
					if round == 0 {
						t.Fatal("the run needs no advice: the case shows nothing")
					}
					if e := s.Final.TestError; s.Status == solver.Diverged || !(e < 0.2) {
						t.Errorf("with %v the run ends as %v with the test error %v", given, s.Status, e)
					}
					return
				}
				if round == 2 {
					t.Fatalf("after two rounds, with %v, there is more advice: %v", given, s.Advice)
				}
				if len(s.Advice.Settings) == 0 || len(s.Advice.Because) == 0 {
					t.Fatalf("advice without settings or a reason: %+v", s.Advice)
				}
				for key, value := range s.Advice.Settings {
					given = append(given, fmt.Sprintf("%s=%v", key, value))
				}
			}
		})
	}
	for _, e := range config.Catalog() {
		if e.Kind == "method" && !tried[e.Name] && !strings.HasPrefix(e.Name, "test-") {
			t.Errorf("no run of %s fails here", e.Name)
		}
	}
}

// TestNearTheTruth: methods that work near the truth alone start there, with the columns of the truth, if
// nothing is said of either. Symptom: five methods diverged with the settings that they have by default.
func TestNearTheTruth(t *testing.T) {
	for _, method := range []string{"scaled-gd", "scaled-subgradient", "rgd", "rsgd", "rgda"} {
		for _, kind := range []string{
			"", " ensemble=relu-completion", " parametrization=uv", " n2=15 parametrization=uv",
		} {
			if method == "rgda" && strings.Contains(kind, "uv") {
				continue // games are for UUᵀ
			}
			settings := "n=12 rank=2 iterations=500 method=" + method + kind
			if s := summaryOf(t, strings.Fields(settings)); s.Advice != nil || !(s.Final.TestError < 1e-3) {
				t.Errorf("%s ends as %v with the test error %v, %v", settings, s.Status, s.Final.TestError, s.Advice)
			}
		}
	}
}

// TestAdviceOfColumns: a number of columns is advised to methods near the truth only if there are too many.
func TestAdviceOfColumns(t *testing.T) {
	for settings, columns := range map[string]any{
		"method=rgd init=random": nil, "method=rgd init=random factor-rank=4": 2,
	} {
		a := summaryOf(t, strings.Fields("n=12 rank=2 iterations=50 "+settings)).Advice
		if a == nil || a.Settings["init"] != "spectral" || a.Settings["factor-rank"] != columns {
			t.Errorf("%s: %+v", settings, a)
		}
	}
}

// TestAdviceOfDecay: steps that fell too quickly are advised to fall more slowly, and not to begin with
// another length. Symptom: advice did not know of laws of step sizes, and said nothing or blamed the first
// step.
func TestAdviceOfDecay(t *testing.T) {
	for _, settings := range []string{
		"step-decay=geometric:0.9", "step-decay=power:2,0.5", "loss=l1 step=0.5 step-decay=geometric:0.9",
		// Symptom: methods without a law of growth got no advice about step decay.
		"method=scaled-gd factor-rank=2 init=spectral measurements=150 step=0.3 step-decay=geometric:0.3",
		"method=rgd factor-rank=2 init=spectral measurements=150 step=0.3 step-decay=power:2,2",
		"method=apgd parametrization=uv step=0.4 step-decay=geometric:0.2",
		"method=adam step=0.01 step-decay=geometric:0.9", "method=prec-gd step-decay=geometric:0.3",
	} {
		given := append(strings.Fields("n=12 rank=2 iterations=250 measure-every=10"),
			strings.Fields(settings)...)
		a := summaryOf(t, given).Advice
		if a == nil || len(a.Settings) != 1 || a.Settings["step-decay"] == nil {
			t.Errorf("%s: %+v", settings, a)
			continue
		}
		s := summaryOf(t, append(given, fmt.Sprint("step-decay=", a.Settings["step-decay"])))
		if s.Advice != nil || !strings.Contains(settings, "loss") && !(s.Final.TestError < 0.2) {
			t.Errorf("%s, with the advice %+v: test error %v, %+v", settings, a, s.Final.TestError, s.Advice)
		}
	}
	unknown := summaryOf(t, strings.Fields("n=12 rank=2 iterations=250 measure-every=10 "+
		"parametrization=deep depth=3 step-decay=geometric:0.5")).Advice
	if unknown == nil || len(unknown.Settings) > 0 ||
		!strings.Contains(unknown.String(), "how slow is not known") {
		t.Errorf("of a method whose growth is not known: %+v", unknown)
	}
}

// TestAdviceOfLosses: advice compares with f(0) of the run's own loss. Symptom: f(0) was that of the squared
// loss whatever the loss was, so nobody was told that a start or an optimal value was too large.
func TestAdviceOfLosses(t *testing.T) {
	for settings, key := range map[string]string{
		"loss=l1 alpha=40 step=1e-5":                        "alpha",
		"loss=huber alpha=40 step=1e-5":                     "alpha",
		"loss=l1 method=polyak-gd optimal-value=0.9":        "optimal-value", // f(0) is about √(2/π)/2·‖M*‖_F
		"loss=l1 method=scaled-subgradient optimal-value=1": "optimal-value",
		"loss=l1 method=polyak-gd outliers=0.2":             "",
	} {
		a := summaryOf(t, append(strings.Fields("n=12 rank=2 iterations=250 measure-every=10"),
			strings.Fields(settings)...)).Advice
		if wrong := a == nil || len(a.Settings) != 1 || a.Settings[key] == nil; wrong == (key != "") ||
			key == "" && a != nil {
			t.Errorf("%s: %+v", settings, a)
		}
	}
}

// TestAdviceOfCustom: if a program's steps are too long, the advice tells the step that suits the data,
// 1/(4‖S‖) with ‖S‖ near the truth's norm, which is 1; and no setting, because none would help.
func TestAdviceOfCustom(t *testing.T) {
	c := configOf(t, strings.Fields("n=12 rank=2 iterations=250 measure-every=10 method=custom")...)
	c.SetProgram(func(m *solver.Member, _ int) error {
		u, g := solver.NewFactor(m.Shapes()), solver.NewFactor(m.Shapes())
		if err := errors.Join(m.Get(solver.Iterate, u), m.Get(solver.Gradient, g)); err != nil {
			return err
		}
		u.Combine(1, u, -9, g)
		return m.Set(solver.Iterate, u)
	})
	out, err := runHere(c, cpuHost(1e9), Options{Dir: filepath.Join(t.TempDir(), "run")})
	if err != nil {
		t.Fatal(err)
	}
	a := out.Summary.Advice
	if a == nil || len(a.Settings) > 0 || len(a.Because) != 1 ||
		!regexp.MustCompile(`a step size of at most 0\.(1[5-9]|2\d?) `).MatchString(a.Because[0]) {
		t.Errorf("status %v, advice %+v", out.Summary.Status, a)
	}
}

// summaryOf carries out a run. The last of several values of a setting counts.
func summaryOf(t *testing.T, settings []string) *Summary {
	t.Helper()
	o := Options{Dir: filepath.Join(t.TempDir(), "run")}
	out, err := runHere(configOf(t, settings...), cpuHost(1e9), o)
	if err != nil {
		t.Fatalf("%v: %v", settings, err)
	}
	return out.Summary
}

// TestNoAdvice: runs that succeed, and runs whose loss is the noise, get none.
func TestNoAdvice(t *testing.T) {
	for _, settings := range []string{
		"iterations=250", "noise=0.3", "noise=2", "parametrization=uv step=0.5", "init=spectral",
		"method=prec-gd step=0.3", "method=none", "ensemble=rank-one measurements=500 iterations=600",
		"loss=l1 step=0.5 step-decay=geometric:0.99 iterations=800",
		"loss=huber iterations=2000",
		"loss=l1 step=0.5 step-decay=geometric:0.99 iterations=800 outliers=0.1 outlier-size=1e4 " +
			"measurements=600",
		"iterations=0", "ensemble=rank-one observation=multi-index method=none rank=1",
	} {
		given := append(strings.Fields("n=12 rank=2 measure-every=10"), strings.Fields(settings)...)
		if a := summaryOf(t, given).Advice; a != nil {
			t.Errorf("%s: %v", settings, a)
		}
	}
}
