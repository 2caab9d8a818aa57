package config

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/matsense/matsense/sensing"
)

// problemOf checks and loads a configuration, and returns what is wrong with it; "" if nothing is.
func problemOf(t *testing.T, settings ...string) string {
	t.Helper()
	c := configOf(t, settings...)
	err := c.Check()
	if err == nil {
		_, err = c.Load()
	}
	if err != nil && !errors.As(err, new(*UsageError)) {
		t.Errorf("not a usage error: %v", err)
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestHeldOutMistakes: each mistake in what is held out has one sentence, which names the setting.
func TestHeldOutMistakes(t *testing.T) {
	const fitted = "row,col,value\n0,1,1\n2,0,3\n1,1,2\n3,2,1\n0,2,3\n" // (2, 0) on both sides
	list := "triplets=" + fileOf(t, "t.csv", fitted)
	test := func(name, text string) string { return "test-triplets=" + fileOf(t, name, text) }
	for _, x := range []struct {
		settings []string
		say      string // "": it is right
	}{
		{[]string{list, test("h.csv", "1,2,1\n"), "parametrization=uv"}, ""},
		{[]string{list, test("h.csv", "1,2,1\n2,2,1\n"), "parametrization=uv", "keep=best", "patience=5"},
			""},
		{[]string{list, test("h.csv", "0,2,1\n1,1,2\n"), "parametrization=uv"},
			"h.csv: line 2: the entry (1, 1) is on line 4 of "},
		{[]string{list, test("h.csv", "1,0,1\n"), "parametrization=uv"}, ""},
		{[]string{list, test("h.csv", "1,0,1\n")}, "h.csv: line 1: the entry (1, 0) is on line 2 of "},
		{[]string{list, test("h.csv", "3,3,1\n")}, ""},
		{[]string{list, test("h.csv", "3,3,1\n"), "parametrization=uv"},
			"rows up to 3 and columns up to 3, counted from 0, and the matrix is 4 × 3: give n and n2"},
		{[]string{list, test("h.csv", "3,3,1\n"), "parametrization=uv", "n2=4"}, ""},
		{[]string{list, test("h.csv", "4,0,1\n")}, "the matrix is 4 × 4: give n if it is larger"},
		{[]string{list, test("h.mtx", "%%MatrixMarket matrix coordinate real general\n4 4 1\n4 4 1\n")}, ""},
		{[]string{list, test("h.mtx", "%%MatrixMarket matrix coordinate real general\n5 4 1\n4 4 1\n")},
			"is of a 5 × 4 matrix, and the matrix is 4 × 4"},
		{[]string{list, test("h.csv", "")}, "there are no triplets"},
		{[]string{list, test("h.csv", "3,3,1\n3,3,1\n")}, "line 2: the entry (3, 3) is given again, after line 1"},
		{[]string{list, test("h.csv", "3,1,1\n1,3,2\n")},
			"line 2: the entry (1, 3) is 2, and on line 1 its mirror image (3, 1) is 1"},
		{[]string{list, test("h.csv", "3,1,1\n1,3,1\n")}, ""},
		{[]string{list, "test-triplets=none.csv"}, "none.csv"},
		{[]string{list, test("h.csv", "3,3,1\n"), "hold-out=0.5"}, "two ways to hold entries out"},
		{[]string{test("h.csv", "3,3,1\n")}, "test-triplets belongs to user data, which needs triplets as well"},
		{[]string{"paulis=" + fileOf(t, "p.txt", "XX\n"), "observations=" + fileOf(t, "y.npy", ""),
			test("h.csv", "3,3,1\n")}, "test-triplets belongs to triplets, and the measurements come from paulis"},
		{[]string{list, "hold-out=0.25"}, ""},
		{[]string{list, "hold-out=1"}, "at least 0 and below 1, got 1"},
		{[]string{list, "hold-out=-0.1"}, "got -0.1"},
		{[]string{list, "hold-out=NaN"}, "got NaN"},
		{[]string{list, "hold-out=0.1"}, "hold-out 0.1 of 4 measurements is less than one: give at least 0.25"},
		{[]string{list, "hold-out=0.9"}, "hold-out 0.9 of 5 measurements leaves none to fit"},
		{[]string{"hold-out=0.1", "n=9"}, ""},
		{[]string{"hold-out=0.1", "n=9", "ensemble=rademacher"}, ""},
		{[]string{"hold-out=0.1", "n=9", "ensemble=rank-one"}, ""},
		{[]string{"hold-out=0.1", "observation=single-index", "n=5"},
			"for linear observations with ensembles gaussian"},
		{[]string{"hold-out=0.1", "observation=multi-index", "n=9"},
			"for linear observations with ensembles gaussian"},
		{[]string{"hold-out=0.1", "ensemble=completion", "n=9"}, ""},
		{[]string{list, "keep=best"}, "hold measurements out with hold-out or test-triplets, or give the truth"},
		{[]string{list, "patience=5"}, "hold measurements out with hold-out or test-triplets, or give the truth"},
		{[]string{"keep=best", "patience=5", "n=9"}, ""},
		{[]string{"keep=first", "n=9"}, "must be last or best"},
		{[]string{"patience=-1", "n=9"}, "patience must not be negative, got -1"},
		{[]string{"keep=best", "method=none", "n=9"}, "method none takes no steps"},
	} {
		got := problemOf(t, x.settings...)
		if x.say == "" && got != "" || !strings.Contains(got, x.say) || strings.Contains(got, "\n") &&
			!strings.Contains(x.say, "paulis") { // its observations are no array either
			t.Errorf("%v: %q, not %q", x.settings, got, x.say)
		}
	}
}

// TestHeldOutProblem: the entries of test-triplets are those of the problem that are held out, and a mirrored
// line adds no entry.
func TestHeldOutProblem(t *testing.T) {
	c := configOf(t, "triplets="+fileOf(t, "t.csv", "0,0,1\n3,3,4\n"),
		"test-triplets="+fileOf(t, "h.csv", "2,1,5\n0,3,7\n1,2,5\n2,2,3\n"))
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	d, err := c.Load()
	if err != nil {
		t.Fatal(err)
	}
	h := d.Problem.HeldOut
	rows, cols := h.Ensemble.(*sensing.Completion).Positions()
	// √K = √10 on the diagonal, √(2K) off it.
	want := []float64{7 * math.Sqrt(20), 5 * math.Sqrt(20), 3 * math.Sqrt(10)}
	if fmt.Sprint(rows, cols) != "[0 1 2] [3 2 2]" || fmt.Sprint(h.Observations) != fmt.Sprint(want) {
		t.Errorf("rows %v, columns %v, observations %v", rows, cols, h.Observations)
	}
	if d.Hashes["test-triplets"] == "" {
		t.Error("the file has no fingerprint")
	}
}

// TestHoldOutSeedIsProblem: configurations with user data share their problem whatever the seed, unless the
// seed chooses what is held out.
func TestHoldOutSeedIsProblem(t *testing.T) {
	list := "triplets=" + fileOf(t, "t.csv", "0,1,1\n2,0,3\n1,1,2\n3,2,1\n")
	key := func(settings ...string) string {
		c := configOf(t, append(settings, list)...)
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		return c.ProblemKey()
	}
	if key("seed=1") != key("seed=2") || key("hold-out=0.25", "seed=1") == key("hold-out=0.25", "seed=2") ||
		key("hold-out=0.25") == key("hold-out=0.5") || key() == key("hold-out=0.25") {
		t.Error("problems are shared that differ, or the other way round")
	}
}

// TestDivisible: the ensembles that say so are drawn as measurements that can be divided.
func TestDivisible(t *testing.T) {
	for _, e := range ensembles {
		if e.Make == nil {
			continue
		}
		c := configOf(t, "ensemble="+e.Name, "n=8", "rank=2", "factor-rank=2")
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		made, err := c.NewEnsemble()
		if err != nil {
			t.Fatal(err)
		}
		if _, divisible := made.(sensing.Divisible); e.Divisible && !divisible {
			t.Errorf("%s cannot be divided", e.Name)
		}
	}
}

// TestHoldOutIsWritten: a run without held-out Gaussian measurements has no hold-out in its config.yaml, and
// so the fingerprint that it had before these could be held out.
func TestHoldOutIsWritten(t *testing.T) {
	for _, x := range []struct {
		settings []string
		line     string
	}{
		{[]string{"n=9"}, ""},
		{[]string{"n=9", "hold-out=0"}, ""},
		{[]string{"n=9", "hold-out=0.25"}, "hold-out: 0.25\n"},
		{[]string{"n=9", "ensemble=completion"}, "hold-out: 0\n"},
	} {
		c := configOf(t, x.settings...)
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		if text := string(c.YAML()); strings.Contains(text, "hold-out") != (x.line != "") ||
			!strings.Contains(text, x.line) {
			t.Errorf("%v: %s", x.settings, text)
		}
	}
}
