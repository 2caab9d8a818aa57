package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// logsBelow lists the event files below a directory by their folders.
func logsBelow(t *testing.T, dir string) (folders []string) {
	t.Helper()
	for path := range snapshot(t, dir) {
		folder, err := filepath.Rel(dir, filepath.Dir(path))
		if err != nil || !strings.HasPrefix(filepath.Base(path), "events.out.tfevents.") {
			t.Errorf("%s is there (%v)", path, err)
		}
		folders = append(folders, filepath.ToSlash(folder))
	}
	slices.Sort(folders)
	return folders
}

func wantLogs(t *testing.T, dir string, want ...string) {
	t.Helper()
	if got := logsBelow(t, dir); !slices.Equal(got, want) {
		t.Errorf("there are logs in %q, want %q", got, want)
	}
}

// TestTensorBoardOfRun: a run has a folder of its own, a resumed run a second file in it; other runs are
// refused there, and --force begins again.
func TestTensorBoardOfRun(t *testing.T) {
	dir, board := t.TempDir(), filepath.Join(t.TempDir(), "some", "logs")
	run := func(name string, flags ...string) []string {
		return slices.Concat([]string{"run", "--tensorboard", board, "--out", filepath.Join(dir, name)},
			flags)
	}
	refused(t, run("a", "--n", "-1"), "n ")
	must(t, exitDone, run("a", "--dry-run")...)
	if exists(filepath.Dir(board)) {
		t.Error("a run that was not begun has made the directory")
	}
	must(t, exitDone, run("a", small...)...)
	wantLogs(t, board, "a")
	must(t, exitDone, run("a", "--resume", "--iterations", "80")...)
	wantLogs(t, board, "a", "a")
	refused(t, run("elsewhere/a", small...), filepath.Join(board, "a")+" has the log of a run already")
	if exists(filepath.Join(dir, "elsewhere")) {
		t.Error("a refused run has made its directory")
	}
	must(t, exitDone, run("a", append(small, "--force")...)...)
	wantLogs(t, board, "a")
	must(t, exitDiverged, run("b", append(small, "--step", "40")...)...)
	wantLogs(t, board, "a", "b")
	// The log may lie in the run directory.
	must(t, exitDone, slices.Concat([]string{"run", "--tensorboard", dir, "--out", filepath.Join(dir, "c")},
		small)...)
	must(t, exitDone, slices.Concat([]string{"run", "--tensorboard", dir, "--out", filepath.Join(dir, "c"),
		"--resume", "--iterations", "80"})...)
}

// TestTensorBoardOfSweep: each run has a folder whose name has its number and its values; a resumed sweep
// logs what it runs again.
func TestTensorBoardOfSweep(t *testing.T) {
	board := t.TempDir()
	file := sweepFile(t, "base: {n: 10, rank: 2, measurements: 150, iterations: 30}\n"+
		"axes: [{alpha: [1e-3, 1e-2]}, {step: [0.25, 40]}]")
	dir := swept(t, file, "--tensorboard", board)
	names := []string{"swept/0_alpha=0.001_step=0.25", "swept/1_alpha=0.001_step=40",
		"swept/2_alpha=0.01_step=0.25", "swept/3_alpha=0.01_step=40"}
	wantLogs(t, board, names...)
	removeRecords(t, dir, 2)
	must(t, exitDone, "sweep", file, "--out", dir, "--resume", "--tensorboard", board)
	wantLogs(t, board, names[0], names[1], names[2], names[2], names[3])

	elsewhere := filepath.Join(t.TempDir(), "swept")
	refusedPlan(t, elsewhere, names[0]+" has the log of a run already", file, "--out", elsewhere,
		"--tensorboard", board)
	must(t, exitDone, "sweep", sweepFile(t, "base: {n: 10, rank: 2, iterations: 30}\naxes: [{alpha: [0.1]}]"),
		"--out", dir, "--force", "--tensorboard", board)
	wantLogs(t, board, "swept/0_alpha=0.1")
}

// TestTensorBoardCannotBeWritten: such a directory is refused before anything is done.
func TestTensorBoardCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "file"), []byte("x"))
	for _, board := range []string{file, filepath.Join(file, "logs")} {
		out := filepath.Join(dir, "out")
		refused(t, append([]string{"run", "--out", out, "--tensorboard", board}, small...),
			"--tensorboard "+board+" cannot be written to")
		refusedPlan(t, out, "--tensorboard "+board+" cannot be written to", sweepFile(t, someSweep),
			"--out", out, "--tensorboard", board)
		if exists(out) {
			t.Error("a refused run has made its directory")
		}
	}
	locked := filepath.Join(dir, "locked")
	if err := os.Mkdir(locked, 0o555); err != nil {
		t.Fatal(err)
	}
	if os.WriteFile(filepath.Join(locked, "x"), nil, 0o644) == nil {
		t.Skip("permissions do not bind this user")
	}
	refused(t, append([]string{"run", "--tensorboard", filepath.Join(locked, "logs")}, small...),
		"permission denied")
}
