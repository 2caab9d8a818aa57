package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var deepFlags = []string{"--parametrization", "deep", "--n", "7", "--n2", "5", "--rank", "1",
	"--measurements", "80", "--step", "0.3", "--iterations", "60", "--workers", "2",
	"--singular-values", "all"}

func runDeep(t *testing.T, flags ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	must(t, exitDone, slices.Concat([]string{"run", "--out", dir}, deepFlags, flags)...)
	return dir
}

// sameLayers compares two runs' trajectories and last matrices.
func sameLayers(t *testing.T, a, b string, depth int) {
	t.Helper()
	if !bytes.Equal(read(t, a, "trajectory.csv"), read(t, b, "trajectory.csv")) {
		t.Errorf("%s and %s: trajectory.csv differs", a, b)
	}
	for j := range depth {
		name := fmt.Sprintf("factor-%d.npy", j+1)
		if string(read(t, a, name)) != string(read(t, b, name)) {
			t.Errorf("%s: %s differs", a, name)
		}
	}
}

// TestDeepRun: the last matrices are there, and the flatness; the run is repeated from its configuration,
// resumed, and is the same in another storage and with other workers. Another run may begin with what it
// ended with.
func TestDeepRun(t *testing.T) {
	dir := runDeep(t)
	head, rows := table(t, dir)
	columns := "iteration,train_loss,test_error,signal,noise,angle,spectral_angle,flatness,nuclear_norm,sigma_1"
	if got := strings.Join(head[:10], ","); got != columns || len(head) != 9+5+1 {
		t.Errorf("the columns are %v", head)
	}
	final := summaryOf(t, dir)["final"].(map[string]any)
	var nuclear float64
	for _, cell := range rows[len(rows)-1][9:14] {
		nuclear += parse(t, cell) * parse(t, cell)
	}
	if final["flatness"] != parse(t, rows[len(rows)-1][7]) || final["nuclear_norm"] != nuclear ||
		parse(t, rows[len(rows)-1][8]) != nuclear {
		t.Errorf("the summary has flatness %v and nuclear norm %v", final["flatness"], final["nuclear_norm"])
	}
	if page := string(read(t, dir, "report.html")); !strings.Contains(page,
		"flatness (trace of the Hessian)") || !strings.Contains(page, "nuclear norm of Z") {
		t.Error("the report does not tell the flatness")
	}
	if exists(dir, "factor.npy") || exists(dir, "factor-4.npy") {
		t.Error("there are factors that the run has not")
	}
	part := runDeep(t, "--iterations", "23")
	must(t, exitDone, "run", "--resume", "--out", part, "--iterations", "60")
	again := filepath.Join(t.TempDir(), "again")
	must(t, exitDone, "run", "--config", filepath.Join(dir, "config.yaml"), "--out", again)
	for _, other := range []string{part, again, runDeep(t, "--storage", "generated", "--workers", "5")} {
		sameLayers(t, other, dir, 3)
	}
	next := runDeep(t, "--init", filepath.Join(dir, "factor-%d.npy"), "--iterations", "0")
	if _, first := table(t, next); first[0][2] != rows[len(rows)-1][2] {
		t.Errorf("a start from the last matrices has the test error %s, and they have %s",
			first[0][2], rows[len(rows)-1][2])
	}
	must(t, exitDone, "run", "--config", filepath.Join(next, "config.yaml"), "--out",
		filepath.Join(t.TempDir(), "repeated"))
	// The matrices of an earlier run go with it.
	must(t, exitDone, slices.Concat([]string{"run", "--out", dir, "--force"}, deepFlags,
		[]string{"--depth", "2", "--iterations", "2"})...)
	if !exists(dir, "factor-2.npy") || exists(dir, "factor-3.npy") {
		t.Error("the run before left its third matrix, or this one has no second")
	}
}

// TestDeepSweep: runs with and without label noise, at several depths, give the same bits alone or in a
// sweep.
func TestDeepSweep(t *testing.T) {
	file := sweepFile(t,
		`base: {parametrization: deep, n: 6, n2: 5, rank: 1, measurements: 60, iterations: 30, step: 0.2}
axes:
  - depth: [2, 3]
  - {method: [gd, label-noise-gd], label-noise: [0, 0.3]}
seeds: 2
`)
	dir := swept(t, file)
	for i, row := range runRows(t, dir) {
		if row["nuclear_norm"] == "" {
			t.Errorf("%v has no nuclear norm", row)
		}
		if i%3 != 0 {
			continue
		}
		flags := []string{"run", "--parametrization", "deep", "--n", "6", "--n2", "5", "--rank", "1",
			"--measurements", "60", "--iterations", "30", "--step", "0.2",
			"--depth", row["depth"], "--method", row["method"], "--seed", row["seed"]}
		if row["method"] == "label-noise-gd" {
			flags = append(flags, "--label-noise", row["label-noise"])
		}
		alone := filepath.Join(t.TempDir(), "alone")
		must(t, exitDone, append(flags, "--out", alone)...)
		head, rows := table(t, alone)
		for _, name := range []string{"train_loss", "test_error", "flatness"} {
			if want := rows[len(rows)-1][slices.Index(head, name)]; row[name] != want || want == "" {
				t.Errorf("%v: %s is %s, alone %s", row, name, row[name], want)
			}
		}
	}
}

func TestDeepMistakes(t *testing.T) {
	d := newData(t)
	save := func(name string, rows, cols int) string {
		return d.save(t, name, "<f8", false, make([]float64, rows*cols), rows, cols)
	}
	pattern := strings.Replace(save("W1.npy", 4, 5), "W1", "W%d", 1)
	save("W2.npy", 4, 4)
	save("W3.npy", 7, 4)
	odd := strings.Replace(save("O1.npy", 4, 5), "O1", "O%d", 1)
	save("O2.npy", 4, 3)
	save("O3.npy", 7, 4)
	one := strings.Replace(save("P1.npy", 4, 5), "P1", "P%d", 1)
	scalar := strings.Replace(d.save(t, "S1.npy", "<f8", false, []float64{1}), "S1", "S%d", 1)
	d.save(t, "S2.npy", "<f8", false, []float64{1, 2}, 1, 2)
	deep := []string{"--parametrization", "deep", "--n", "7", "--n2", "5", "--rank", "1"}
	for _, c := range []struct {
		flags []string
		want  string
	}{
		{[]string{"--depth", "3"}, "--depth is for parametrization deep, and this is psd"},
		{append(deep, "--depth", "1"), "--depth goes from 2 to 16, got 1"},
		{append(deep, "--depth", "0"), "--depth goes from 2 to 16, got 0"},
		{append(deep, "--init", "spectral"),
			"--init: a spectral start is defined for UUᵀ, UVᵀ and UUᵀ − VVᵀ, not for parametrization deep"},
		{append(deep, "--ensemble", "relu-completion", "--init", "relu-spectral"),
			"--init: a spectral start is defined for"},
		{append(deep, "--init", "W.npy"), "as W%d.npy, got \"W.npy\""},
		{append(deep, "--init", "none-%d.npy"), "none-1.npy"},
		{append(deep, "--init", pattern, "--init-right", "V.npy"),
			"--init-right is for parametrization uv"},
		{append(deep, "--init", pattern, "--depth", "4"),
			"--depth is 4, and init " + pattern + " has 3 files in a row from 1 on"},
		{append(deep, "--init", pattern, "--factor-rank", "5"), "--factor-rank is 5, and init"},
		{append(deep, "--init", odd),
			"O2.npy has the shape (4, 3), and with n 7, n2 5, depth 3 and width 4 it must be (4, 4)"},
		{append(deep, "--init", one), "has 1 files in a row from 1 on: a deep product has 2 to 16 matrices"},
		{append(deep, "--init", scalar), "S1.npy has the shape ()"},
		{append(deep, "--method", "scaled-gd"),
			"method scaled-gd goes with parametrization psd, uv or indefinite, not deep"},
		{append(deep, "--method", "label-noise-gd", "--label-noise", "-1"),
			"--label-noise must be positive"},
		{append(deep, "--label-noise", "0.1"),
			"--label-noise is for method label-noise-gd, and this is gd"},
	} {
		r := matsense(t, append([]string{"run", "--out", filepath.Join(t.TempDir(), "none")}, c.flags...)...)
		if r.code != exitUsage || !strings.Contains(r.err, c.want) {
			t.Errorf("%v: exit code %d\n%s", c.flags, r.code, r.err)
		}
	}
	if _, err := os.Stat("none"); err == nil {
		t.Error("a directory was made")
	}
}
