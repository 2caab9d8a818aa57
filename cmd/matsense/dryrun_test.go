package main

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// dryRun returns the plan of a run that --dry-run prints.
func dryRun(t *testing.T, args ...string) object {
	t.Helper()
	r := must(t, exitDone, append([]string{"run", "--dry-run", "--json"}, args...)...)
	lines := events(jsonLines(t, r.out), "plan")
	if len(lines) != 1 {
		t.Fatalf("%d plans", len(lines))
	}
	return lines[0]
}

// A dry run says what the run itself says when it begins, adds up its estimates, and writes nothing.
func TestDryRun(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	plan := dryRun(t, append([]string{"--measure-every", "7"}, small...)...)
	number := func(key string) float64 { return plan[key].(float64) }
	making, step, sample := number("seconds_making_estimated"), number("seconds_per_step_estimated"),
		number("seconds_per_sample_estimated")
	all := making + 60*step + (60/7+2)*sample // samples at 0, 7, …, 56 and 60
	if !(step > 0 && sample > 0 && making >= 0) || math.Abs(number("seconds_estimated")-all) > 1e-12 ||
		plan["seconds_counted"] != false {
		t.Errorf("%v s in all: %v", all, plan)
	}
	text := must(t, exitDone, append([]string{"run", "--dry-run"}, small...)...).out
	for _, want := range []string{"n = 10, m = 150", "of memory for data, of 8 GB that are available",
		"60 steps, about ", " for a step, ", "measured on this machine just now"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("the dry run wrote %v", entries)
	}
	out := filepath.Join(dir, "r")
	r := must(t, exitDone,
		slices.Concat([]string{"run", "--json", "--measure-every", "7", "--out", out}, small)...)
	begin := events(jsonLines(t, r.out), "begin")[0]
	for _, key := range []string{"backend", "device", "storage", "precision", "memory_planned_bytes"} {
		if begin[key] != plan[key] {
			t.Errorf("%s is %v, and the dry run says %v", key, begin[key], plan[key])
		}
	}
	if !maps.Equal(begin["settings"].(map[string]any), plan["settings"].(map[string]any)) {
		t.Errorf("settings %v, and the dry run says %v", begin["settings"], plan["settings"])
	}

	// Of a run that is there it says what is left, and refuses what run refuses.
	before := snapshot(t, out)
	rest := dryRun(t, "--resume", "--out", out, "--iterations", "100")
	if rest["from_iteration"] != 60.0 || rest["to_iteration"] != 100.0 {
		t.Errorf("the rest is %v", rest)
	}
	text = must(t, exitDone, "run", "--dry-run", "--resume", "--out", out, "--iterations", "61").out
	if !strings.Contains(text, "1 step from iteration 60") {
		t.Errorf("it says %q", text)
	}
	for want, args := range map[string][]string{
		"holds a run already":              {"--out", out},
		"the checkpoint has 60 iterations": {"--resume", "--out", out, "--iterations", "50"},
		"there is no run":                  {"--resume", "--out", filepath.Join(dir, "else")},
		"this run needs": {"--n", "3000", "--measurements", "100000",
			"--storage", "memory"},
	} {
		r := must(t, exitUsage, append([]string{"run", "--dry-run"}, args...)...)
		if !strings.Contains(r.err, want) {
			t.Errorf("%v: it says %q, not %q", args, r.err, want)
		}
	}
	if !maps.Equal(snapshot(t, out), before) {
		t.Error("the dry run changed the run")
	}
}

// If the device cannot tell, if a step is no pass over the measurements, or if the observations are made of
// samples, the dry run says so; if the time follows from counted work, it says that.
func TestDryRunOfUnknownTime(t *testing.T) {
	for _, c := range []struct {
		want  string
		flags []string
	}{
		{"how long it takes cannot be told", []string{"--device", "emulator"}},
		{"how long it takes cannot be told", []string{"--method", "sgd"}},
		{"how long it takes cannot be told", []string{"--observation", "single-index"}},
		{"from counted work and the device's typical rates", []string{"--ensemble", "completion"}},
	} {
		flags := append([]string{"--n", "10", "--rank", "1", "--iterations", "60"}, c.flags...)
		text := must(t, exitDone, append([]string{"run", "--dry-run"}, flags...)...).out
		if !strings.Contains(text, c.want) {
			t.Errorf("%v: it says %q", flags, text)
		}
		plan := dryRun(t, flags...)
		if counted := strings.Contains(c.want, "counted"); plan["seconds_counted"] != counted ||
			(plan["seconds_estimated"] != nil) != counted {
			t.Errorf("%v: %v", flags, plan)
		}
	}
}

// A dry run of a sweep that is there says how much of it is done, and refuses what the sweep refuses.
func TestSweepDryRunResumed(t *testing.T) {
	file := sweepFile(t, someSweep)
	other := sweepFile(t, strings.Replace(someSweep, "seeds: 3", "seeds: 2", 1))
	dir := filepath.Join(t.TempDir(), "swept")
	must(t, exitDone, "sweep", file, "--out", dir, "--shard", "1/2")
	done := len(recordLines(t, dir))
	before := snapshot(t, dir)
	args := []string{"sweep", "--dry-run", "--out"}
	r := must(t, exitDone, append(args, dir, file, "--resume")...)
	if want := fmt.Sprintf("%d of 12 runs are there already\n", done); !strings.HasSuffix(r.err, want) {
		t.Errorf("it does not say %q:\n%s", want, r.err)
	}
	for _, c := range []struct {
		args []string
		done any
	}{
		{[]string{dir, file, "--resume"}, float64(done)},
		{[]string{dir, file, "--shard", "2/2"}, 0.0},
		{[]string{dir, file, "--force"}, 0.0},
		{[]string{filepath.Join(dir, "none"), file}, 0.0},
	} {
		r := must(t, exitDone, append(append(args, c.args...), "--json")...)
		if plan := events(jsonLines(t, r.out), "plan")[0]; plan["done"] != c.done {
			t.Errorf("%v: %v are done, not %v", c.args, plan["done"], c.done)
		}
	}
	for want, more := range map[string][]string{
		"--resume goes on with it, --force replaces it": {dir, file},
		"holds another sweep":                           {dir, other, "--resume"},
		"is not empty and holds no sweep":               {filepath.Join(dir, "runs"), file},
		"there is no sweep in":                          {filepath.Join(dir, "none"), file, "--resume"},
		"--force would remove":                          {dir, file, "--force", "--shard", "1/2"},
	} {
		if r := must(t, exitUsage, append(args, more...)...); !strings.Contains(r.err, want) {
			t.Errorf("%v: it says %q, not %q", more, r.err, want)
		}
	}
	if !maps.Equal(before, snapshot(t, dir)) {
		t.Error("a dry run wrote something")
	}
}
