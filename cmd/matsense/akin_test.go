package main

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// TestAkinToTheSpectralMethod: the summary says so if a row of trajectory.csv shows it, and only then.
// Symptom: with --measure-every 100, which sees nothing of the first iterations, it said so all the same.
func TestAkinToTheSpectralMethod(t *testing.T) {
	flags := []string{"--n", "30", "--rank", "2", "--measurements", "600", "--iterations", "300"}
	seen := map[bool]int{}
	for _, every := range []string{"1", "5", "30", "100", "300"} {
		dir := t.TempDir()
		r := must(t, exitDone,
			slices.Concat([]string{"run", "--out", dir, "--force", "--measure-every", every}, flags)...)
		head, rows := table(t, dir)
		at, closest := slices.Index(head, "spectral_angle"), math.Inf(1)
		for _, row := range rows {
			closest = min(closest, parse(t, row[at]))
		}
		estimate := summaryOf(t, dir)["spectral"].(map[string]any)["estimate_to_truth"].(float64)
		want := closest <= estimate/10
		if got := strings.Contains(r.out, "akin to the spectral method"); got != want {
			t.Errorf("--measure-every %s: the closest angle is %.2g, the estimate's %.2g, and akin is %v:\n"+
				"%s", every, closest, estimate, got, r.out)
		}
		seen[want]++
	}
	if len(seen) < 2 {
		t.Errorf("all runs are alike: %v", seen)
	}
}

// TestExactEstimate: from all entries the spectral estimate is the truth itself, and coming close to the one
// is coming close to the other.
func TestExactEstimate(t *testing.T) {
	dir := t.TempDir()
	r := must(t, exitDone, "run", "--out", dir, "--force", "--n", "8", "--rank", "2", "--ensemble",
		"completion", "--measurements", "36", "--iterations", "300")
	if strings.Contains(r.out, "akin") {
		t.Errorf("nothing tells the estimate from the truth:\n%s", r.out)
	}
}
