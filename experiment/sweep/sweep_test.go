package sweep

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/matsense/matsense/experiment/config"
)

// mustParse parses a sweep that has no mistakes.
func mustParse(t *testing.T, text string) *Spec {
	t.Helper()
	s, err := Parse("s.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return s
}

func mustRuns(t *testing.T, text string) []Run {
	t.Helper()
	runs, err := mustParse(t, text).Runs()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return runs
}

// problemsOf returns the problems of an error, which must be a UsageError with one line for each that begins
// with the file's name.
func problemsOf(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var usage *config.UsageError
	if !errors.As(err, &usage) || len(usage.Problems) == 0 {
		t.Fatalf("not a usage error with problems: %v", err)
	}
	for _, p := range usage.Problems {
		if strings.ContainsAny(p, "\n\r") || !strings.HasPrefix(p, "s.yaml:") {
			t.Errorf("a problem that is not one line with its place: %q", p)
		}
	}
	return usage.Problems
}

func TestMistakes(t *testing.T) {
	const spaces = "s.yaml:2: alpha takes a list, or {logspace: [first, last, count]}, or {linspace: [first, last, count]}"
	for _, c := range []struct {
		text string
		want []string
	}{
		{"ten", []string{"s.yaml:1: a sweep has base, axes, seeds, start-seeds, filter, targets"}},
		{"base: {}\n---\nbase: {}\n", []string{"s.yaml: more than one YAML document"}},
		{"base: [", []string{"s.yaml: yaml: line 1: did not find expected node content"}},
		{"\nbse:\n  n: 3\n", []string{`s.yaml:2: unknown key "bse"; did you mean "base"?`}},
		{"seeds: 2\nn: 50\n", []string{"s.yaml:2: n is a setting: it belongs in base or axes"}},
		{"seeds: 2\n\nseeds: 3\n", []string{"s.yaml:3: seeds is given again, after line 1"}},

		{"base: 3\n", []string{`s.yaml:1: a configuration is a list of lines like "alpha: 1e-6"`}},
		{"base:\n  n: ten\n  alhpa: 1\n  rank: [1]\n  n: 3\n", []string{
			`s.yaml:2: n takes a whole number, got "ten"`,
			`s.yaml:3: unknown key "alhpa"; did you mean "alpha"?`,
			"s.yaml:4: rank takes a single value", "s.yaml:5: n is given again, after line 2",
		}},

		{"axes:\n  alpha: [1, 2]\n", []string{`s.yaml:2: axes is a list: each axis begins with "- "`}},
		{"axes: []\n", []string{"s.yaml:1: axes is empty"}},
		{"axes:\n  - alpha\n  - {}\n", []string{
			`s.yaml:2: an axis is a setting with its values, like "alpha: [1e-6, 1e-3]"`,
			`s.yaml:3: an axis is a setting with its values, like "alpha: [1e-6, 1e-3]"`,
		}},
		{"axes:\n  - alhpa: [1]\n  - ? [a]\n    : [1]\n", []string{
			`s.yaml:2: unknown key "alhpa"; did you mean "alpha"?`,
			`s.yaml:3: unknown key ""; did you mean "n"?`,
		}},
		{"axes:\n  - device: [cpu]\n  - matrices: [A.npy]\n", []string{
			"s.yaml:2: device holds for the whole sweep: give it in base, not as an axis",
			"s.yaml:3: matrices holds for the whole sweep: give it in base, not as an axis",
		}},
		{"axes:\n  - alpha: [1]\n  - step: [1]\n  - alpha: [2]\n",
			[]string{"s.yaml:4: alpha is an axis again, after line 2"}},
		{"axes:\n  - {alpha: [1], alpha: [2]}\n", []string{"s.yaml:2: alpha is an axis again, after line 2"}},
		{"axes:\n  - alpha: [1]\nbase:\n  n: 3\n  alpha: 2\n",
			[]string{"s.yaml:2: alpha is an axis, and is in base on line 5"}},

		{"axes:\n  - alpha: []\n", []string{"s.yaml:2: alpha has no values"}},
		{"axes:\n  - alpha: 1\n", []string{spaces}},
		{"axes:\n  - alpha:\n", []string{spaces}},
		{"axes:\n  - alpha: {}\n", []string{spaces}},
		{"axes:\n  - alpha: {geomspace: [1, 2, 3]}\n", []string{spaces}},
		{"axes:\n  - alpha: {logspace: [1, 2, 3], linspace: [1, 2, 3]}\n", []string{spaces}},
		{"axes:\n  - alpha:\n    - 1\n    - x\n    - [2]\n  - rank: [1, 2.5]\n  - seed: [-1]\n", []string{
			`s.yaml:4: alpha takes a number, got "x"`, "s.yaml:5: alpha takes a list of single values",
			`s.yaml:6: rank takes a whole number, got "2.5"`,
			`s.yaml:7: seed takes a whole number from 0 to 2⁶⁴−1, got "-1"`,
		}},
		{"axes:\n  - alpha: [1, 2, 1.0]\n", []string{"s.yaml:2: alpha 1 is on the axis twice"}},
		{"axes:\n  - kappa: [1, 1]\n    step: [2, 2]\n",
			[]string{"s.yaml:2: kappa 1, step 2 is on the axis twice"}},
		{"axes:\n  - kappa: [1, 5, 6]\n    step: [2, 3]\n    alpha: [1, 2, 3]\n", []string{
			"s.yaml:3: step has 2 values and kappa has 3: settings of one axis go together",
		}},

		{"axes:\n  - alpha: {logspace: 3}\n",
			[]string{"s.yaml:2: logspace takes [first, last, count]: two numbers and a whole one"}},
		{"axes:\n  - alpha: {logspace: [1, 2]}\n",
			[]string{"s.yaml:2: logspace takes [first, last, count]: two numbers and a whole one"}},
		{"axes:\n  - alpha: {linspace: [1, inf, 3]}\n",
			[]string{`s.yaml:2: linspace takes [first, last, count]: "inf" is no number`}},
		{"axes:\n  - alpha: {linspace: [1, 2, 3.5]}\n",
			[]string{`s.yaml:2: linspace takes [first, last, count]: "3.5" is no count`}},
		{"axes:\n  - alpha: {logspace: [1, 2, 0]}\n",
			[]string{"s.yaml:2: logspace needs a count of at least 1, got 0"}},
		{"axes:\n  - alpha: {linspace: [1, 2, 1]}\n",
			[]string{"s.yaml:2: linspace has one value, which cannot be both 1 and 2"}},
		{"axes:\n  - alpha: {logspace: [0, 2, 3]}\n",
			[]string{"s.yaml:2: logspace needs positive ends, got 0 and 2"}},
		{"axes:\n  - alpha: {logspace: [1, -2, 3]}\n",
			[]string{"s.yaml:2: logspace needs positive ends, got 1 and -2"}},
		{"axes:\n  - ensemble: {linspace: [1, 2, 3]}\n",
			[]string{"s.yaml:2: ensemble takes words, which have no linspace"}},
		{"axes:\n  - seed: {linspace: [-5, 2, 3]}\n",
			[]string{`s.yaml:2: seed takes a whole number from 0 to 2⁶⁴−1, got "-5"`}},
		{"axes:\n  - alpha: {logspace: [1, 2, 1000000000]}\n",
			[]string{"s.yaml:2: the axes have more than 100000 values"}},
		{"axes:\n  - alpha: {logspace: [1, 2, 60000]}\n  - step: {linspace: [1, 2, 60000]}\n",
			[]string{"s.yaml:3: the axes have more than 100000 values"}},

		{"seeds: 0\nstart-seeds: -1\n", []string{
			`s.yaml:1: seeds takes a whole number from 1, got "0"`,
			`s.yaml:2: start-seeds takes a whole number from 1, got "-1"`,
		}},
		{"seeds: 2.5\nstart-seeds: [1]\n", []string{
			`s.yaml:1: seeds takes a whole number from 1, got "2.5"`,
			`s.yaml:2: start-seeds takes a whole number from 1, got ""`,
		}},
		{"seeds: 2\nstart-seeds: 3\naxes:\n  - seed: [1]\n  - start-seed: [1]\n", []string{
			"s.yaml:1: seeds counts up from seed, which is an axis on line 4",
			"s.yaml:2: start-seeds counts up from start-seed, which is an axis on line 5",
		}},
		{"base: {init: spectral}\nstart-seeds: 2\n",
			[]string{`s.yaml:2: start-seeds repeats a random start, and init is "spectral"`}},
		{"base: {method: rgd}\nstart-seeds: 2\n", []string{
			"s.yaml:2: start-seeds repeats a random start, and method rgd does not have one by default"}},
		{"seeds: 1000000000\nstart-seeds: 1000\n",
			[]string{"s.yaml: the grid has 1000000000000 runs, and a sweep has at most 10000000"}},
		{"seeds: 9223372036854775807\nstart-seeds: 9223372036854775807\n", []string{
			"s.yaml: the grid has more than 9223372036854775807 runs, and a sweep has at most 10000000",
		}},

		{"targets: 1\n", []string{"s.yaml:1: targets is a list of test errors, like [1e-2, 1e-4]"}},
		{"targets:\n - 1\n - 0\n - -1\n - nan\n - inf\n - x\n - [2]\n - 1.0\n", []string{
			`s.yaml:3: a target is a positive number, got "0"`,
			`s.yaml:4: a target is a positive number, got "-1"`,
			`s.yaml:5: a target is a positive number, got "nan"`,
			`s.yaml:6: a target is a positive number, got "inf"`,
			`s.yaml:7: a target is a positive number, got "x"`,
			`s.yaml:8: a target is a positive number, got ""`,
			"s.yaml:9: the target 1 is given again",
		}},

		{"filter: [1]\n", []string{`s.yaml:1: filter takes an expression, like "factor_rank >= rank"`}},
		{"seeds: 2\nfilter: factor_rnk > 2\n",
			[]string{"s.yaml:2: filter: unknown name factor_rnk; did you mean factor_rank?"}},
		{"filter: factor-rank > 2\n",
			[]string{"s.yaml:1: filter: unknown name factor; factor-rank is written factor_rank here"}},
		{"filter: n + 1\n", []string{"s.yaml:1: filter: expected bool, but got int"}},
		{"filter: ensemble < 1\n",
			[]string{"s.yaml:1: filter: invalid operation: < (mismatched types string and int)"}},
		{"filter: n >\n", []string{"s.yaml:1: filter: unexpected token EOF"}},
		{"filter: now() > 1\n", []string{"s.yaml:1: filter: unknown name now; did you mean n?"}},
		{"filter: '" + strings.Repeat("(", 10001) + "'\n",
			[]string{"s.yaml:1: filter: 10001 bytes long, more than 10000"}},
		{"base: {matrices: A.npy, observations: y.npy, rank: 2}\nfilter: factor_rank > rank\n", []string{
			"s.yaml:2: filter: factor-rank comes from a data file, which the filter does not read: give it in base as well",
		}},
		{"base: {matrices: A.npy, observations: y.npy, rank: 2}\nfilter: step < 0.1\n", []string{
			"s.yaml:2: filter: step comes from a data file, which the filter does not read: give it in base as well",
		}},
		{"axes:\n  - init: [random, U.npy]\nfilter: factor_rank > rank\n", []string{
			"s.yaml:3: filter: factor-rank comes from a data file, which the filter does not read: give it in base as well",
		}},

		// all at once
		{"bse: 1\nbase: {n: x}\naxes: [alpha: [], step: [y]]\nseeds: 0\nfilter: m > 1\ntargets: [0]\n",
			[]string{
				`s.yaml:1: unknown key "bse"; did you mean "base"?`,
				`s.yaml:2: n takes a whole number, got "x"`,
				"s.yaml:3: alpha has no values", `s.yaml:3: step takes a number, got "y"`,
				`s.yaml:4: seeds takes a whole number from 1, got "0"`,
				"s.yaml:5: filter: unknown name m; did you mean n?",
				`s.yaml:6: a target is a positive number, got "0"`,
			}},
	} {
		_, err := Parse("s.yaml", []byte(c.text))
		if got := problemsOf(t, err); !slices.Equal(got, c.want) {
			t.Errorf("%.200s\nis refused with\n%s\nwant\n%s", c.text, strings.Join(got, "\n"),
				strings.Join(c.want, "\n"))
		}
	}
}

func TestMistakesOfRuns(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"base:\n  n: 10\naxes:\n  - rank: [2, 20]\n  - alpha: [1, 2, -3]\n", []string{
			"s.yaml:5: alpha must be positive, got -3 (2 of 6 runs, the first with rank 2, alpha -3)",
			"s.yaml:4: rank goes from 1 to n = 10, got 20 (3 of 6 runs, the first with rank 20, alpha 1)",
		}},
		// by default
		{"base: {n: 2}\nseeds: 3\n", []string{"s.yaml: rank goes from 1 to n = 2, got 3"}},
		// taken out before
		{"base: {n: 2}\naxes:\n  - rank: [2, 3]\nfilter: rank <= n\n", nil},
		{"base: {alpha: -1, init: x y}\naxes:\n  - rank: [1]\n",
			[]string{`s.yaml:1: alpha is the size of a random start, and init is "x y"`}},
		{"axes:\n  - rank: [2, 3]\n\nfilter: rank > 3\n",
			[]string{"s.yaml:4: the filter leaves none of 2 runs"}},
		{"axes:\n  - seed: [1, 18446744073709551615]\nfilter: seed > 1\n", []string{
			"s.yaml:3: filter: seed is 18446744073709551615, too large to be compared",
		}},
		{"axes:\n  - n: [3, 4, 5]\nfilter: n % (n - 4) == 0\n", []string{
			"s.yaml:3: filter: runtime error: integer divide by zero (1 of 3 runs, the first with n 4)",
		}},
	} {
		s := mustParse(t, c.text)
		_, err := s.Runs()
		got := problemsOf(t, err)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s\nis refused with\n%s\nwant\n%s", c.text, strings.Join(got, "\n"),
				strings.Join(c.want, "\n"))
		}
	}

	runs := mustParse(t, "axes:\n  - alpha: {linspace: [-30, -1, 30]}\n")
	_, err := runs.Runs()
	if got := problemsOf(t, err); len(got) != 21 || got[20] != "s.yaml: and 10 more mistakes of this kind" {
		t.Errorf("%d problems, the last %q", len(got), got[len(got)-1])
	}
}

func TestRuns(t *testing.T) {
	for _, c := range []struct{ text, keys, want string }{
		{"", "", "|"},
		{"axes:\nseeds:\n", "", "|"},
		{"axes:\n  - rank: [1, 2]\n  - alpha: [0.1, 1E-2]\n", "rank alpha", "1 0.1|1 0.01|2 0.1|2 0.01|"},
		{"axes:\n  - {rank: [2, 3], step: [1, 1]}\n  - n: [4, 5]\n", "rank step n",
			"2 1 4|2 1 5|3 1 4|3 1 5|"},
		{"seeds: 3\n", "seed", "1|2|3|"},
		{"seeds: 2\nbase: {seed: 18446744073709551615}\n", "seed", "18446744073709551615|0|"},
		{"axes: [rank: [2, 3]]\nseeds: 2\nstart-seeds: 2\n", "rank seed start-seed",
			"2 1 1|2 1 1001|2 2 2|2 2 1002|3 1 1|3 1 1001|3 2 2|3 2 1002|"},
		{"base: {start-seed: 7}\nseeds: 2\nstart-seeds: 2\n", "seed start-seed", "1 7|1 1007|2 7|2 1007|"},
		{"axes: [seed: [5, 9]]\nstart-seeds: 2\n", "seed start-seed", "5 5|5 1005|9 9|9 1009|"},
		{"axes: [{init: [random, spectral], alpha: [1, 0]}]\nstart-seeds: 2\n", "init alpha start-seed",
			"random 1 1|random 1 1001|spectral 0 0|"},
		{"axes:\n  - n: [5, 6]\n  - factor-rank: [2, 6]\nfilter: factor_rank <= n and (n != 6 or factor_rank > 2)\n", "n factor-rank", "5 2|6 6|"},
		// by default
		{"axes: [n: [5, 6]]\nfilter: factor_rank == 6 and measurements == 180 and start_seed == 1\n", "n",
			"6|"},
		{"axes: [kappa: [1, 2, 5]]\nfilter: kappa in [1, 5]\n", "kappa", "1|5|"},
		{"axes: [entries: [f32, q8, f64]]\nfilter: entries startsWith \"f\"\n", "entries", "f32|f64|"},
		{"axes: [alpha: {logspace: [1e-10, 1e-2, 9]}]\n", "alpha",
			"1e-10|1e-09|1e-08|1e-07|1e-06|1e-05|0.0001|0.001|0.01|"},
		{"axes: [alpha: {logspace: [1e-2, 1e-4, 3]}]\n", "alpha", "0.01|0.001|0.0001|"},
		{"axes: [alpha: {logspace: [0.1, 0.1, 5]}]\n", "alpha", "0.1|"},
		{"axes: [alpha: {logspace: [0.3333333333333333, 0.6666666666666666, 3]}]\n", "alpha",
			"0.3333333333333333|0.471404520791|0.6666666666666666|"},
		{"axes: [step: {linspace: [0.1, 0.5, 5]}]\n", "step", "0.1|0.2|0.3|0.4|0.5|"},
		{"axes: [rank: {logspace: [1, 100, 7]}]\n", "rank", "1|2|5|10|22|46|100|"},
		{"axes: [rank: {logspace: [1, 4, 7]}]\n", "rank", "1|2|3|4|"},
		{"axes: [rank: {linspace: [4, 1, 3]}]\n", "rank", "4|3|1|"},
	} {
		s := mustParse(t, c.text)
		runs, err := s.Runs()
		if err != nil {
			t.Errorf("%s\n%v", c.text, err)
			continue
		}
		var got strings.Builder
		for i, r := range runs {
			if r.Index != i {
				t.Errorf("%s: the run at %d has the index %d", c.text, i, r.Index)
			}
			got.WriteString(strings.Join(r.Values, " ") + "|")
			for k, key := range s.Keys() {
				if f := field(&r.Config, key); f.String() != r.Values[k] {
					t.Errorf("%s: %s is %s, and %s in the configuration", c.text, key, r.Values[k],
						f.String())
				}
			}
		}
		if keys := strings.Join(s.Keys(), " "); keys != c.keys || got.String() != c.want {
			t.Errorf("%s\nhas %q, %q\nwant %q, %q", c.text, keys, got.String(), c.keys, c.want)
		}
		sameRuns(t, s)
	}
}

// sameRuns checks that a sweep that is written and parsed again has the same runs.
func sameRuns(t *testing.T, s *Spec) {
	t.Helper()
	text := s.YAML()
	again, err := Parse("s.yaml", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if second := again.YAML(); string(second) != string(text) {
		t.Errorf("written again it is another:\n%s\n%s", text, second)
	}
	for i, a := range s.Axes {
		if again.Axes[i].Log != a.Log {
			t.Errorf("axis %d has Log %v, and %v when read again", i, a.Log, again.Axes[i].Log)
		}
	}
	runs, err := s.Runs()
	runsAgain, errAgain := again.Runs()
	if (err == nil) != (errAgain == nil) || len(runs) != len(runsAgain) {
		t.Fatalf("%d runs, %v; and %d runs, %v, when read again from\n%s", len(runs), err, len(runsAgain),
			errAgain, text)
	}
	for i := range runs {
		first, second := runs[i].Config.YAML(), runsAgain[i].Config.YAML()
		if string(first) != string(second) || !slices.Equal(runs[i].Values, runsAgain[i].Values) {
			t.Fatalf("run %d is\n%s\n%q, and\n%s\n%q when read again from\n%s", i, first, runs[i].Values,
				second, runsAgain[i].Values, text)
		}
	}
}

// The examples of docs/sweeps.md and of the package comment are parsed.
func TestExamples(t *testing.T) {
	docs, err := os.ReadFile("../../docs/sweeps.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(docs), "```yaml\n")
	example, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("docs/sweeps.md has no example")
	}
	source, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var own strings.Builder
	for line := range strings.Lines(string(source)) {
		if text, ok := strings.CutPrefix(line, "//\t"); ok {
			own.WriteString(text)
		}
	}
	for _, text := range []string{example, own.String()} {
		s := mustParse(t, text)
		runs, err := s.Runs()
		if err != nil {
			t.Fatal(err)
		}
		if s.Count() != 810 || len(runs) != 7*3*2*5*3 || !slices.Equal(s.Targets, []float64{1e-2, 1e-4}) ||
			!s.Axes[0].Log {
			t.Errorf("a grid of %d, %d runs, targets %v, Log %v", s.Count(), len(runs), s.Targets,
				s.Axes[0].Log)
		}
	}
}

// The resolved specification is compared with a golden text.
func TestYAML(t *testing.T) {
	s := mustParse(t, `
base: {rank: 2, n: 50, init: random}
axes:
  - alpha: {logspace: [1e-6, 1e-2, 3]}
  - {kappa: [1, 5], entries: [f32, q8]}
seeds: 2
start-seeds: 3
filter: >
  kappa > 1
  or seed == 1
targets: [1e-2, 0.5]
`)
	const want = `base:
    n: 50
    rank: 2
    init: random
axes:
    - alpha: [1.0e-06, 0.0001, 0.01]
    - kappa: [1, 5]
      entries: [f32, q8]
seeds: 2
start-seeds: 3
filter: kappa > 1 or seed == 1
targets: [0.01, 0.5]
`
	if got := string(s.YAML()); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	sameRuns(t, s)
	if got, want := string(mustParse(t, "").YAML()), "targets: [0.01, 0.0001, 1.0e-06, 1.0e-08]\n"; got != want {
		t.Errorf("nothing is written as %q, want %q", got, want)
	}
	if got := mustParse(t, "targets: []\n"); len(got.Targets) != 0 || string(got.YAML()) != "targets: []\n" {
		t.Errorf("no targets are %v, written as %q", got.Targets, got.YAML())
	}
}

func TestReadMakesPathsAbsolute(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s.yaml")
	text := "base: {matrices: A.npy, observations: /data/y.npy, factor-rank: 2}\naxes:\n  - {init: [random, spectral, U0.npy], alpha: [1, 0, 0]}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(dir))
	relative, err := filepath.Rel(filepath.Dir(dir), path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Read(relative)
	if err != nil {
		t.Fatal(err)
	}
	if s.Base.Matrices != filepath.Join(dir, "A.npy") || s.Base.Observations != "/data/y.npy" {
		t.Errorf("matrices %q, observations %q", s.Base.Matrices, s.Base.Observations)
	}
	want := []string{"random", "spectral", filepath.Join(dir, "U0.npy")}
	if !slices.Equal(s.Axes[0].Values[0], want) {
		t.Errorf("init is %q, want %q", s.Axes[0].Values[0], want)
	}
	sameRuns(t, s)
	if _, err := Read(filepath.Join(dir, "none.yaml")); err == nil ||
		!strings.HasPrefix(err.Error(), "the sweep cannot be read: ") {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestCount(t *testing.T) {
	for text, want := range map[string]int{
		"": 1, "axes: [rank: [1, 2, 3], {alpha: [1, 2], step: [1, 2]}]\n": 6,
		"axes: [rank: [1, 2]]\nseeds: 3\nstart-seeds: 5\nfilter: rank == 1\n": 30,
		"seeds: 10000000\n": MaxRuns,
	} {
		if got := mustParse(t, text).Count(); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
	big := Spec{Seeds: math.MaxInt, StartSeeds: 2}
	if got := big.Count(); got != math.MaxInt {
		t.Errorf("past the largest: %d", got)
	}
	for _, c := range []struct {
		name string
		s    Spec
		want int
	}{{"exactly the largest", Spec{Seeds: math.MaxInt, StartSeeds: 1}, math.MaxInt}, {"none", Spec{}, 1}} {
		if got := c.s.Count(); got != c.want {
			t.Errorf("%s: %d", c.name, got)
		}
	}
}

func TestLog(t *testing.T) {
	for values, want := range map[string]bool{
		"1 10 100": true, "100 10 1": true, "2 10 50": true, "1 2 4": true, "1 2 5 10 20 50": true,
		"1 2 5 10 22 46 100": true,
		"10 1 100":           true, "1 1 10 100": true, "1e-10 1e-9 1e-8": true,
		"1e-6 1e-2": true, "1e-2 1e-6 1e-2": true, "-1 100": false,
		"1 10": false, "1 2 3": false, "10 20 30 40": false, "0 1 10": false, "-1 10 100": false,
		"f32 q8 f64": false,
		"1 1 1":      false, "nan 1 2": false, "1 10 inf": false, "0.1 0.2 0.3 0.4 0.5": false,
	} {
		if got := isLog(strings.Fields(values)); got != want {
			t.Errorf("%s: %v", values, got)
		}
	}
}

func TestSpacing(t *testing.T) {
	for _, c := range []struct {
		first, last float64
		count       int
	}{{1e-300, 1e300, 100}, {5e-324, math.MaxFloat64, 3}, {1. / 3, 2. / 3, 7}, {7, 7, 1}, {1, 2, 2}} {
		for name, values := range map[string][]float64{"log": logspace(c.first, c.last, c.count),
			"lin": linspace(c.first, c.last, c.count)} {
			if len(values) != c.count || values[0] != c.first || values[c.count-1] != c.last ||
				!slices.IsSorted(values) {
				t.Errorf("%sspace(%v, %v, %d) = %v", name, c.first, c.last, c.count, values)
			}
		}
	}
	for i, x := range logspace(1e-12, 1e12, 25) {
		if want, _ := strconv.ParseFloat(fmt.Sprintf("1e%d", i-12), 64); x != want {
			t.Errorf("a decade is %v, want %v", x, want)
		}
	}
}

// FuzzParse parses arbitrary text. It must not panic. A refusal lists single lines, each with its place. A
// text that is accepted is written by YAML and parsed again as the same runs.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"", "# nothing\n", "~", "- 1\n", "base:\naxes:\nseeds:\nfilter:\ntargets:\n",
		"base: {n: 50, rank: 2}\naxes:\n  - alpha: {logspace: [1e-10, 1e-2, 9]}\n  - {kappa: [1, 5], step: [0.25, 0.05]}\nseeds: 2\nstart-seeds: 2\nfilter: alpha < 1e-3\ntargets: [1e-2]\n",
		"axes: [init: [random, 'a b', !!binary /w==, ~], alpha: [0, 1, nan, -0]]\n",
		"axes: [rank: &a [1, 2], n: *a]\n",
		"filter: 'any([1], true)'\n", "filter: $env.n > 1\n", "filter: 'let x = n; x > 1'\n",
		"filter: true\n", "filter: \"entries matches '['\"\n",
		"filter: len(1..1000000000) > 1\n", "filter: '1 / 0 > n % 0'\n",
		"axes: [ensemble: ['yes', 'null', '1e3', \"a\\nb\"]]\n",
		"<<: {base: {n: 1}}\n", "axes: [{? [a] : [1]}]\n",
		"axes: [rank: {linspace: [1, 9, 3]}]\nfilter: rank != 5\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Parse("s.yaml", text)
		if err != nil {
			problemsOf(t, err)
			return
		}
		if s.Count() > 200 {
			if _, err := Parse("s.yaml", s.YAML()); err != nil {
				t.Errorf("%v\n%s", err, s.YAML())
			}
			return
		}
		if _, err := s.Runs(); err != nil {
			problemsOf(t, err)
		}
		sameRuns(t, s)
	})
}
