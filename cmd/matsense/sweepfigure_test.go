package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const smallSweep = `
base: {n: 8, rank: 1, measurements: 80, iterations: 60}
axes:
  - alpha: [1e-6, 1e-4, 1e-2]
  - factor-rank: [1, 8]
seeds: 2
`

// TestSweepDrawsAndPlotDrawsAgain: a complete sweep has its default figure, which plot draws again, to the
// byte.
func TestSweepDrawsAndPlotDrawsAgain(t *testing.T) {
	file := write(t, filepath.Join(t.TempDir(), "s.yaml"), []byte(smallSweep))
	dir := filepath.Join(t.TempDir(), "out")
	r := must(t, exitDone, "sweep", file, "--out", dir)
	name := filepath.Join(dir, "sweep-test_error-vs-alpha.svg")
	if !strings.Contains(r.out, name+"\n") {
		t.Errorf("sweep prints %q", r.out)
	}
	before := string(read(t, dir, filepath.Base(name)))
	if !strings.Contains(before, "factor rank r") || !strings.Contains(before, "95 % interval") {
		t.Error("the figure lacks its legend")
	}
	must(t, exitDone, "plot", dir)
	if string(read(t, dir, filepath.Base(name))) != before {
		t.Error("plot draws another figure")
	}
	out := filepath.Join(t.TempDir(), "f.svg")
	if r := must(t, exitDone, "plot", dir, "--x", "iteration", "--where", "factor-rank=8", "--out",
		out); r.out != out+"\n" {
		t.Errorf("plot prints %q", r.out)
	}
	if text, err := os.ReadFile(out); err != nil || !strings.Contains(string(text), "r = 8") {
		t.Errorf("%v, or no title", err)
	}
	r = must(t, exitUsage, "plot", dir, "--y", "tset_error")
	if !strings.Contains(r.err, `did you mean "test_error"?`) {
		t.Error(r.err)
	}
	// Another run with the same directory replaces the figure with the results.
	must(t, exitDone, "sweep", file, "--out", dir, "--force")
}

// TestSweepWithoutDefaultFigure: with three axes there is no figure that shows all runs, which is no failure.
func TestSweepWithoutDefaultFigure(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.yaml")
	text := strings.Replace(smallSweep, "axes:\n", "axes:\n  - step: [0.1, 0.2]\n", 1)
	write(t, file, []byte(text))
	dir := filepath.Join(t.TempDir(), "out")
	r := must(t, exitDone, "sweep", file, "--out", dir)
	if !strings.Contains(r.err, "note: no figure: factor-rank differs") {
		t.Error(r.err)
	}
	must(t, exitDone, "plot", dir, "--where", "step=0.1")
}

func TestPlotFlagsOfSweeps(t *testing.T) {
	dir := runSmall(t)
	r := must(t, exitUsage, "plot", dir, "--x", "alpha", "--by", "step")
	if lines := mistakes(t, r); len(lines) != 2 || !strings.Contains(lines[0], "--x is for a sweep") {
		t.Errorf("%q", lines)
	}
}
