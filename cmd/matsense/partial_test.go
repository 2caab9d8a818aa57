package main

import (
	"strings"
	"testing"
)

// TestPartialMethods: the files have what a method draws, counts or keeps beside its factor, a resumed run
// has the same bits, and the report has the method's counts.
func TestPartialMethods(t *testing.T) {
	for _, c := range []struct {
		flags             []string
		column, on, about string
	}{
		{[]string{"--method", "zeroth-order", "--directions", "5", "--evaluation-noise", "1e-9",
			"--method-seed", "9"}, "evaluations", "600", "evaluations of f"},
		{[]string{"--method", "rgda", "--init", "spectral", "--alpha", "0", "--adversary-radius", "0.1"},
			"shift", "", "shift of the observations"},
	} {
		flags := append([]string{"--n", "8", "--rank", "1", "--factor-rank", "1", "--measurements", "160"},
			c.flags...)
		want := runSmall(t, flags...)
		dir := runSmall(t, append(flags, "--iterations", "23")...)
		must(t, exitDone, append(resume, "--out", dir)...)
		sameBits(t, dir, want)
		text := string(read(t, dir, "trajectory.csv"))
		lines := strings.Split(strings.TrimSpace(text), "\n")
		at := -1
		for i, name := range strings.Split(lines[0], ",") {
			if name == c.column {
				at = i
			}
		}
		if at < 0 {
			t.Fatalf("there is no column %s: %s", c.column, lines[0])
		}
		if last := strings.Split(lines[len(lines)-1], ",")[at]; last == "" || c.on != "" && last != c.on {
			t.Errorf("%s ends at %q", c.column, last)
		}
		if !strings.Contains(string(read(t, dir, "report.html")), c.about) {
			t.Errorf("the report has no %s", c.about)
		}
	}
	r := must(t, exitUsage, "run", "--method", "rgda", "--parametrization", "uv", "--adversary-weight", "1",
		"--radius", "2", "--out", t.TempDir())
	for _, want := range []string{"method rgda goes with parametrization psd, not uv",
		"adversary-weight must be more than 1", "radius is for method zeroth-order"} {
		if !strings.Contains(r.err, want) {
			t.Errorf("it does not say %q:\n%s", want, r.err)
		}
	}
}
