package sweep

import (
	"strings"
	"testing"
)

const changeable = `# What is shown.
base: {n: 20, rank: 2}
axes:
  - alpha: {logspace: [1.0e-6, 1.0e-4, 3]}
  - {parametrization: [psd, uv], n2: [0, 30]}
seeds: 4
`

func TestChanged(t *testing.T) {
	for _, c := range []struct {
		changes []string
		runs    int
		check   func(s *Spec) bool
	}{
		{nil, 24, func(s *Spec) bool { return s.Base.N == 20 }},
		{[]string{"n=12", "kappa=3"}, 24, func(s *Spec) bool { return s.Base.N == 12 && s.Base.Kappa == 3 }},
		{[]string{"seeds=1"}, 6, func(s *Spec) bool { return s.Base.Rank == 2 }},
		{[]string{"alpha=[1e-3, 1e-2]"}, 16, func(s *Spec) bool { return s.Axes[0].Values[0][1] == "0.01" }},
		{[]string{"alpha={linspace: [1, 2, 5]}", "seeds=1"}, 10,
			func(s *Spec) bool { return s.Axes[0].Values[0][4] == "2" }},
		{[]string{"n2=[0, 40]", "filter=alpha < 1e-5", "seeds=1"}, 2, nil},
		{[]string{"ensemble=rademacher", "seeds=1"}, 6,
			func(s *Spec) bool { return s.Base.Ensemble == "rademacher" }},
	} {
		text, err := Changed([]byte(changeable), c.changes)
		if err != nil {
			t.Errorf("%v: %v", c.changes, err)
			continue
		}
		s, err := Parse("x.yaml", text)
		if err != nil {
			t.Errorf("%v: %v\n%s", c.changes, err, text)
			continue
		}
		runs, err := s.Runs()
		if err != nil || len(runs) != c.runs || c.check != nil && !c.check(s) {
			t.Errorf("%v: %d runs, want %d, %v\n%s", c.changes, len(runs), c.runs, err, text)
		}
		if !strings.HasPrefix(string(text), "# What is shown.") {
			t.Errorf("%v: the comment is lost:\n%s", c.changes, text)
		}
	}
	for change, want := range map[string]string{
		"n":          "--set n: a change is KEY=VALUE",
		"=3":         "a change is KEY=VALUE",
		"kapa=3":     "did you mean kappa?",
		"alpha=1e-3": "alpha is an axis of this experiment: give a list, such as [1e-3]",
		"kappa=[1]":  "kappa is no axis of this experiment",
		"base={}":    "change the settings in base one by one",
		"n=[":        "the value is not one of YAML",
	} {
		if _, err := Changed([]byte(changeable), []string{change}); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", change, err, want)
		}
	}
	// What the file's own rules refuse is found when the text is read.
	text, err := Changed([]byte(changeable), []string{"n2=[0, 40, 50]"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse("x.yaml", text); err == nil || !strings.Contains(err.Error(), "go together") {
		t.Errorf("an axis with settings of two lengths: %v", err)
	}
}
