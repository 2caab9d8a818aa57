package reproduce

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/experiment/sweep"
)

// sure is an experiment with the sweep of alpha whose judge always agrees.
func sure() Experiment {
	return Experiment{Name: "alpha", judge: func(all []observation) Verdict {
		return Verdict{
			Status: Agrees, Findings: []string{fmt.Sprintf("%d runs", len(all))}, Figures: make([]Figure, 1),
		}
	}}
}

// named returns the experiment with a name.
func named(t *testing.T, name string) Experiment {
	t.Helper()
	all := All()
	i := slices.IndexFunc(all, func(e Experiment) bool { return e.Name == name })
	if i < 0 {
		t.Fatalf("there is no experiment %s", name)
	}
	return all[i]
}

// TestDiverged: one run that diverges contradicts a claim, unless the claim lets it.
func TestDiverged(t *testing.T) {
	all := grid([]float64{1, 2}, func(*observation, float64, float64) {})
	all[3].Method, all[5].Method = "momentum", "momentum"
	expect(t, "no run", sure().verdict(all), Agrees)
	all[3].Status = "diverged"
	expect(t, "one run", sure().verdict(all), Disagrees)
	judge := sure().judge
	lenient := sure()
	lenient.judge = func(all []observation) Verdict {
		v := judge(all)
		v.mayDiverge = func(o observation) bool { return o.Method == "momentum" }
		return v
	}
	expect(t, "a run that may", lenient.verdict(all), Agrees)
	all[4].Status = "diverged"
	expect(t, "a run that may not", lenient.verdict(all), Disagrees)
}

// TestMayDiverge: these claims let runs diverge, and no others.
func TestMayDiverge(t *testing.T) {
	var lenient []string
	for _, e := range All() {
		if e.judge(nil).mayDiverge != nil {
			lenient = append(lenient, e.Name)
		}
	}
	if got := strings.Join(lenient, " "); got != "scaled-gd-lambda completion relu-completion momentum phase-retrieval" {
		t.Error(got)
	}
}

// TestLackingRuns: no claim is confirmed by a sweep that is not whole.
func TestLackingRuns(t *testing.T) {
	r := resultsOf(t, "base: {n: 10, measurements: 40}\nseeds: 3\n")
	expect(t, "whole", sure().Judge(r), Agrees)
	r.Records[1].Status = sweep.Failed
	expect(t, "a run failed", sure().Judge(r), Unclear)
	r.Records = append(r.Records[:1:1], r.Records[2])
	expect(t, "a run is missing", sure().Judge(r), Unclear)
}

// TestPooled: a verdict does not put runs together that differ in a setting which its own sweeps do not vary.
func TestPooled(t *testing.T) {
	base := "base: {n: 10}\n"
	for text, want := range map[string]Status{
		"axes:\n  - alpha: [1e-3, 1e-4]\nseeds: 2\n":                        Agrees,
		"axes:\n  - alpha: [1e-3, 1e-4]\n  - step: [0.1, 0.2]\n":            Unclear,
		"axes:\n  - alpha: [1e-3, 1e-4]\n    iterations: [100, 200]\n":      Agrees, // it follows from α
		"axes:\n  - alpha: [1e-3, 1e-3, 1e-4]\n    step: [0.1, 0.2, 0.1]\n": Unclear,
		"axes:\n  - measurements: [40, 50]\n  - alpha: [1e-3, 1e-4, 1e-5]":  Agrees,
	} {
		v := sure().Judge(resultsOf(t, base+text))
		expect(t, text, v, want)
		if (want == Unclear) != (len(v.Figures) == 0) {
			t.Errorf("%s: %d figures", text, len(v.Figures))
		}
		last := v.Findings[len(v.Findings)-1]
		if want == Unclear && !strings.Contains(last, "the sweep varies") {
			t.Errorf("%s: %q", text, last)
		}
	}
}

// TestFollow: no experiment refuses its own sweeps; each setting that is said to follow from others is one of
// them, and does not vary by itself.
func TestFollow(t *testing.T) {
	for _, e := range All() {
		follow, keys := e.judge(nil).follow, map[string]bool{}
		for _, full := range []bool{false, true} {
			name, text := e.File(full)
			r := resultsOf(t, string(text))
			if pooled := e.pooled(r, follow); len(pooled) > 0 {
				t.Errorf("%s: %v", name, pooled)
			}
			for _, key := range r.Spec.Keys() {
				keys[key] = true
			}
		}
		for _, key := range follow {
			if !keys[key] {
				t.Errorf("%s: its sweeps do not vary %s", e.Name, key)
			}
		}
	}
	saddles := named(t, "riemannian-saddles")
	for axis, want := range map[string]int{
		"{method: [rgd, rsgd], step: [0.2, 0.1], batch-size: [0, 210]}":              0,
		"{method: [rgd, rgd, rsgd], step: [0.2, 0.1, 0.1], batch-size: [0, 0, 210]}": 1,
	} {
		r := resultsOf(t, "base: {n: 20, rank: 3, factor-rank: 2, init: saddle, measurements: 210}\naxes:\n  - "+
			axis+"\n  - alpha: [1e-8, 1e-4]\n")
		if keys := saddles.pooled(r, saddles.judge(nil).follow); len(keys) != want {
			t.Errorf("%s: %v", axis, keys)
		}
	}
}

// resultsOf makes results of a sweep in which all runs have ended.
func resultsOf(t *testing.T, text string) *sweep.Results {
	t.Helper()
	s, err := sweep.Parse("sweep.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	runs, err := s.Runs()
	if err != nil {
		t.Fatal(err)
	}
	r := &sweep.Results{Spec: s, Runs: runs}
	for i := range runs {
		r.Records = append(r.Records, &sweep.Record{Index: i, Status: "budget-spent"})
	}
	return r
}

// TestNamedInDocs: the table of README.md names every experiment.
func TestNamedInDocs(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range All() {
		if !strings.Contains(string(text), "`matsense reproduce "+e.Name+"`") &&
			!strings.Contains(string(text), ", `"+e.Name+"`") {
			t.Errorf("README.md does not name %s", e.Name)
		}
	}
}

// TestTexts: every experiment says all of its rule, each part as the end of a sentence.
func TestTexts(t *testing.T) {
	for _, e := range All() {
		for what, text := range map[string]string{"about": e.About, "claim": e.Claim, "compared": e.Compared,
			"agrees if": e.AgreesIf, "disagrees if": e.DisagreesIf, "untested": e.Untested} {
			if text == "" || strings.HasSuffix(strings.TrimRight(text, ")"), ".") != (what == "claim") || strings.Contains(text, "\n") {
				t.Errorf("%s, %s: %q", e.Name, what, text)
			}
		}
	}
}

// mustRead reads an experiment's quick size.
func mustRead(t *testing.T, e Experiment) *sweep.Spec {
	t.Helper()
	s, err := sweep.Parse(e.File(false))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestPresets: both sizes of every experiment are valid sweeps, and the quick size does not cost more than
// the full size.
func TestPresets(t *testing.T) {
	for _, e := range All() {
		var cost [2]float64
		for i, full := range []bool{false, true} {
			name, text := e.File(full)
			s, err := sweep.Parse(name, text)
			if err != nil {
				t.Fatal(err)
			}
			runs, err := s.Runs()
			if err != nil {
				t.Fatal(err)
			}
			if text[0] != '#' {
				t.Errorf("%s does not begin by saying what is shown", name)
			}
			if keys := (&sweep.Plan{Spec: s, Runs: runs}).Unlike(); len(keys) > 0 {
				t.Errorf("%s compares methods that differ in %v", name, keys)
			}
			for _, r := range runs {
				cost[i] += r.Config.EntryCount() * float64(r.Config.Iterations)
			}
			for _, f := range e.Judge(&sweep.Results{Spec: s, Runs: runs}).Figures {
				if f.By != "" && !strings.Contains(strings.Join(s.Keys(), " "), f.By) {
					t.Errorf("%s does not vary %s", name, f.By)
				}
			}
		}
		limit := 2e11
		// With a target, most runs stop after a tenth of their iterations.
		if mustRead(t, e).Base.TargetLoss > 0 {
			limit *= 10
		}
		if cost[0] > limit || cost[1] < cost[0] {
			t.Errorf("%s: %.1e multiplications in the quick size, %.1e in the full one",
				e.Name, cost[0], cost[1])
		}
	}
}

// TestConditionNumbers: every text with a condition number says of which matrix it is. Symptom: kappa is of
// X, most papers' κ is of M* = XXᵀ, its square, and the texts said neither.
func TestConditionNumbers(t *testing.T) {
	for _, x := range All() {
		for _, text := range []string{x.About, x.Claim, x.Compared, x.Untested} {
			if strings.Contains(text, "κ") && !strings.Contains(text, "κ of X") &&
				!strings.Contains(text, "κ of M*") {
				t.Errorf("%s: of which matrix is κ? %s", x.Name, text)
			}
		}
	}
}
