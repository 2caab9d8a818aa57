package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/matsense/matsense/experiment"
)

// dataIn writes a user's problem into the data folder of a directory, with names that end in suffix.
func dataIn(t *testing.T, d *data, dir, suffix string) (matrices, observations string) {
	t.Helper()
	folder := filepath.Join(dir, experiment.DataDir)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	d.dir = folder
	return d.save(t, "matrices-"+suffix, "<f8", false, d.a, d.m, d.n, d.n),
		d.save(t, "observations-"+suffix, "<f8", false, d.y, d.m)
}

// TestRunWithItsData: data files may lie in the run directory before the run begins. A refused run leaves
// them alone, and a run that replaces another one removes the other's.
func TestRunWithItsData(t *testing.T) {
	d := newData(t)
	want, _ := d.run(t)
	dir := filepath.Join(t.TempDir(), "run")
	matrices, observations := dataIn(t, d, dir, "1.npy")
	args := func(flags ...string) []string { return append([]string{"run", "--out", dir}, flags...) }
	begin := args("--iterations", "40", "--matrices", matrices, "--observations", observations)

	refused(t, args("--iterations", "5"), "is not empty and holds no run")
	refused(t, append(begin, "--alpha", "-1"), "alpha must be positive")
	if files := snapshot(t, dir); len(files) != 2 {
		t.Fatalf("a refused run leaves %v", listDir(t, dir))
	}
	must(t, exitDone, begin...)
	sameBits(t, dir, want)

	elsewhere := moved(t, dir)
	must(t, exitDone, "run", "--resume", "--out", elsewhere, "--iterations", "50")
	if err := os.CopyFS(dir, os.DirFS(elsewhere)); err != nil {
		t.Fatal(err)
	}

	d.a[0] += 1
	d.y = d.measure(d.x, 2)
	want, _ = (&data{matrices: d.save(t, "../../A.npy", "<f8", false, d.a, d.m, d.n, d.n),
		observations: d.save(t, "../../y.npy", "<f8", false, d.y, d.m)}).run(t)
	matrices, observations = dataIn(t, d, dir, "2.npy")
	write(t, filepath.Join(dir, experiment.DataDir, "notes.txt"), []byte("by hand"))
	replace := args("--force", "--iterations", "40", "--matrices", matrices, "--observations", observations)
	before := snapshot(t, dir)
	refused(t, append(replace, "--alpha", "-1"), "alpha must be positive")
	factor := filepath.Join(dir, "factor.npy")
	refused(t, append(replace, "--init", factor), "which --force would replace")
	if after := snapshot(t, dir); len(after) != len(before) {
		t.Errorf("a refused run leaves %v", listDir(t, dir))
	}
	must(t, exitDone, replace...)
	sameBits(t, dir, want)
	names := "matrices-2.npy notes.txt observations-2.npy"
	if got := strings.Join(listDir(t, filepath.Join(dir, experiment.DataDir)), " "); got != names {
		t.Errorf("the data folder has %s, want %s", got, names)
	}
	must(t, exitDone, args("--force", "--n", "5", "--rank", "1", "--iterations", "2")...)
	if got := listDir(t, filepath.Join(dir, experiment.DataDir)); len(got) != 1 {
		t.Errorf("the data folder has %v, want the file that was made by hand", got)
	}
}

// TestSweepWithItsData: as with a run; and a sweep with its data goes on where it was moved.
func TestSweepWithItsData(t *testing.T) {
	d := newData(t)
	dir := filepath.Join(t.TempDir(), "sweep")
	sweepOf := func(suffix string) string {
		matrices, observations := dataIn(t, d, dir, suffix)
		start := d.save(t, "init-"+suffix, "<f8", false, d.u, d.n, 3)
		return sweepFile(t, "base: {matrices: "+matrices+", observations: "+observations+
			", rank: 2, iterations: 20}\naxes: [{init: ["+start+
			", random], factor-rank: [3, 3], alpha: [0, 1e-3]}]")
	}
	first := sweepOf("1.npy")
	refusedPlan(t, dir, "is not empty and holds no sweep", sweepFile(t, someSweep), "--out", dir)
	must(t, exitDone, "sweep", first, "--out", dir)
	want := read(t, dir, "trajectories.parquet")
	text := string(read(t, dir, "sweep.yaml"))
	if !strings.Contains(text, "matrices: data/matrices-1.npy\n") ||
		!strings.Contains(text, "init: [data/init-1.npy, random]") {
		t.Errorf("sweep.yaml does not name the data in its own directory:\n%s", text)
	}
	must(t, exitDone, "sweep", filepath.Join(dir, "sweep.yaml"), "--out", dir, "--force")

	elsewhere := moved(t, dir)
	removeRecords(t, elsewhere, 1)
	must(t, exitDone, "sweep", filepath.Join(elsewhere, "sweep.yaml"), "--out", elsewhere, "--resume")
	if string(read(t, elsewhere, "trajectories.parquet")) != string(want) {
		t.Error("the results are others where the sweep was moved")
	}

	dir = elsewhere
	d.u[0] += 1
	must(t, exitDone, "sweep", sweepOf("2.npy"), "--out", dir, "--force")
	names := "init-2.npy matrices-2.npy observations-2.npy"
	if got := strings.Join(listDir(t, filepath.Join(dir, experiment.DataDir)), " "); got != names {
		t.Errorf("the data folder has %s, want %s", got, names)
	}
}
