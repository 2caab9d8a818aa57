package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/experiment/reproduce"
)

func TestReproduce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "phases")
	r := must(t, exitDone, "reproduce", "phases", "--out", dir)
	if !strings.Contains(r.out, "\nphases: agrees\n") ||
		!strings.Contains(r.out, filepath.Join(dir, "trajectory.svg")) {
		t.Errorf("reproduce prints %q", r.out)
	}
	if svg := string(read(t, dir, "trajectory.svg")); !strings.Contains(svg, "saddle avoidance") {
		t.Error("the figure has no phases")
	}
	var verdict struct {
		Name, Claim, Verdict string
		Findings             []string
	}
	if err := json.Unmarshal(read(t, dir, "verdict.json"), &verdict); err != nil ||
		verdict.Verdict != "agrees" || len(verdict.Findings) != 4 {
		t.Errorf("%+v, %v", verdict, err)
	}
	page := string(read(t, dir, "report.html"))
	for _, want := range []string{`class="verdict good"`, "<strong>Agrees.</strong>", "What was found",
		"saddle avoidance", "How it was judged", "It agrees if they end in order"} {
		if !strings.Contains(page, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	// Again: nothing is left to run, and the verdict is the same.
	lines := jsonLines(t, must(t, exitDone, "reproduce", "phases", "--quick", "--out", dir, "--json").out)
	found := false
	for _, line := range lines {
		if line["event"] == "run" {
			t.Errorf("a run is done again: %v", line)
		}
		found = found || line["event"] == "verdict" && line["verdict"] == "agrees"
	}
	if !found {
		t.Errorf("no verdict in %v", lines)
	}
	// Another experiment does not go where this one is.
	r = must(t, exitUsage, "reproduce", "alpha", "--out", dir)
	if !strings.Contains(r.err, "holds another sweep") {
		t.Error(r.err)
	}
}

// TestReproduceChanged: an experiment with other values is judged by the same rule, in a directory of its
// own, and the verdict says what was changed.
func TestReproduceChanged(t *testing.T) {
	t.Chdir(t.TempDir())
	mine := []byte("base: {n: 20, rank: 1, iterations: 20}\n")
	if err := os.WriteFile("mine.yaml", mine, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args          []string
		folder, found string
	}{
		{[]string{"--set", "iterations=20", "--set", "n=20"}, "phases-quick-*",
			"changed: iterations=20, n=20"},
		{[]string{"--sweep", "mine.yaml"}, "phases-mine", "the sweep is mine.yaml"},
		{[]string{"--sweep", "mine.yaml", "--set", "kappa=1"}, "phases-mine-*",
			"the sweep is mine.yaml, and changed: kappa=1"},
	} {
		r := must(t, exitDone, append([]string{"reproduce", "phases"}, c.args...)...)
		if !strings.Contains(r.out, "\nphases: cannot be told\n  "+c.found+"\n") {
			t.Errorf("%v prints %q", c.args, r.out)
		}
		folders, err := filepath.Glob(filepath.Join("reproduce", c.folder))
		if len(folders) != 1 || err != nil {
			t.Errorf("%v: the folders %v, %v", c.args, folders, err)
		}
	}
	// Symptom: a changed sweep without Adam had a verdict, no report, and exit code 2.
	args := []string{"reproduce", "adam", "--sweep", "without.yaml"}
	without := "base: {n: 6, n2: 6, rank: 1, factor-rank: 6, measurements: 30, parametrization: uv, " +
		"iterations: 5}\naxes:\n  - method: [gd, momentum]\n  - alpha: [1e-2, 1e-3, 1e-4]\n"
	if err := os.WriteFile("without.yaml", []byte(without), 0o666); err != nil {
		t.Fatal(err)
	}
	if r := must(t, exitDone, args...); !strings.Contains(r.out, "report.html") ||
		!strings.Contains(r.err, "note: a figure cannot be drawn of the changed sweep: ") {
		t.Errorf("without Adam it prints %q and %q", r.out, r.err)
	}
	if r := must(t, exitDone, "reproduce", "uv", "--set", "kappa=7", "--file"); !strings.Contains(r.out,
		"kappa: 7") {
		t.Errorf("the changed file is %s", r.out)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--set", "kapa=3"}, "--set kapa=3: there is no setting kapa; did you mean kappa?"},
		{[]string{"--set", "n=0"}, "n goes from 1"},
		{[]string{"--sweep", "missing.yaml"}, "the sweep cannot be read"},
		{[]string{"--sweep", "mine.yaml", "--full"}, "--sweep takes the place of --quick and --full"},
	} {
		if r := must(t, exitUsage, append([]string{"reproduce", "phases"}, c.args...)...); !strings.Contains(
			r.err, c.want) {
			t.Errorf("%v: %s", c.args, r.err)
		}
	}
}

func TestReproduceLists(t *testing.T) {
	r := must(t, exitDone, "reproduce")
	// A long name makes the column of texts narrower, and some of them then take two lines.
	var names []string
	for line := range strings.Lines(r.out) {
		if !strings.HasPrefix(line, "   ") {
			names = append(names, strings.Fields(line)[0])
		}
	}
	if len(names) != len(reproduce.All()) || !slices.Contains(names, "iterations") {
		t.Errorf("%v are listed:\n%s", names, r.out)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"reproduce", "aplha"}, `did you mean "alpha"?`},
		{[]string{"reproduce", "alpha", "--quick", "--full"}, "choose one"},
		{[]string{"reproduce", "alpha", "--claim", "--file"}, "goes with --json alone"},
		{[]string{"reproduce", "alpha", "--claim", "--set", "n=3"}, "goes with --json alone"},
		{[]string{"reproduce", "alpha", "phases"}, "one name"},
	} {
		if r := must(t, exitUsage, c.args...); !strings.Contains(r.err, c.want) {
			t.Errorf("%v: %s", c.args, r.err)
		}
	}
	if r := must(t, exitDone, "reproduce", "alpha", "--full", "--file"); !strings.HasPrefix(r.out,
		"# The test error") {
		t.Error(r.out)
	}
}

// TestReproduceClaim: the claim and the rule of its verdict are printed without a run, as text and as JSON,
// and are in a verdict's report.
func TestReproduceClaim(t *testing.T) {
	t.Chdir(t.TempDir())
	text := must(t, exitDone, "reproduce", "phases", "--claim").out
	for _, part := range []string{"One run: alignment", "\n\nCompared: the order",
		"\n\nIt agrees if they end in order", "\n\nIt disagrees if a phase ends",
		"\n\nNot tested: other sizes"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %q", part, text)
		}
	}
	lines := jsonLines(t, must(t, exitDone, "reproduce", "phases", "--claim", "--json").out)
	if len(lines) != 1 || lines[0]["name"] != "phases" ||
		!strings.HasPrefix(lines[0]["agrees_if"].(string), "they end in order") {
		t.Errorf("as JSON: %v", lines)
	}
	if _, err := os.Stat("reproduce"); !os.IsNotExist(err) {
		t.Errorf("something was written: %v", err)
	}
}
