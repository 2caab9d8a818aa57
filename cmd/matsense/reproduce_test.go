package main

import (
	"encoding/json"
	"path/filepath"
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
		"saddle avoidance"} {
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

func TestReproduceLists(t *testing.T) {
	r := must(t, exitDone, "reproduce")
	if n := strings.Count(r.out, "\n"); n != len(reproduce.All()) ||
		!strings.Contains(r.out, "\n  iterations  ") {
		t.Errorf("%d lines: %s", n, r.out)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"reproduce", "aplha"}, `did you mean "alpha"?`},
		{[]string{"reproduce", "alpha", "--quick", "--full"}, "choose one"},
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
