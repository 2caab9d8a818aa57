package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFilesWithoutEnd: a file that has no end, or that nobody writes to, is refused in a sentence that names
// it. A run directory with such a file is refused as well.
func TestFilesWithoutEnd(t *testing.T) {
	dir := t.TempDir()
	endless := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.Symlink("/dev/zero", path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pipe := filepath.Join(dir, "pipe.npy")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	y := write(t, filepath.Join(dir, "y.npy"), npyFile("<f8", false, []float64{1, 2, 3}, 3))
	for _, c := range []struct{ file, command string }{
		{endless("run.yaml"), "run --config FILE"},
		{endless("sweep.yaml"), "sweep FILE"},
		{endless("u.npy"), "run --init FILE"},
		{pipe, "run --init FILE"},
		{pipe, "run --measurements FILE --observations " + y},
		{endless("a.csv"), "run --triplets FILE"},
		{endless("a.mtx"), "run --triplets FILE"},
		{endless("words.txt"), "run --paulis FILE --observations " + y},
	} {
		args := strings.Fields(strings.ReplaceAll(c.command, "FILE", c.file))
		if r := must(t, exitUsage, args...); !strings.Contains(r.err, c.file) {
			t.Errorf("%v: the file is not named:\n%s", args, r.err)
		}
	}
	for _, name := range []string{"summary.json", "trajectory.csv", "config.yaml"} {
		run := runSmall(t)
		if err := os.Remove(filepath.Join(run, name)); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/dev/zero", filepath.Join(run, name)); err != nil {
			t.Fatal(err)
		}
		if r := matsense(t, "plot", run); r.code == exitDone || !strings.Contains(r.err, name) {
			t.Errorf("plot with an endless %s: exit code %d\n%s", name, r.code, r.err)
		}
	}
}

// TestPipesInASweep: a pipe in place of a file of a sweep's directory is not waited for.
func TestPipesInASweep(t *testing.T) {
	file := sweepFile(t, someSweep)
	for name, verbs := range map[string][][]string{
		"sweep.yaml": {{"sweep", file, "--resume", "--out"}, {"sweep", "merge"}, {"plot"}},
		"parts.json": {{"sweep", file, "--resume", "--out"}},
	} {
		dir := t.TempDir()
		if name != "sweep.yaml" {
			write(t, filepath.Join(dir, "sweep.yaml"), []byte(someSweep))
		}
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, verb := range verbs {
			r := matsense(t, append(verb, dir)...)
			if r.code == exitDone || !strings.Contains(r.err, name+" is no regular file") {
				t.Errorf("%s: %v: exit code %d\n%s", name, verb, r.code, r.err)
			}
		}
	}
	// What cannot be read of a run under way is told, and the run begins anew.
	dir := t.TempDir()
	write(t, filepath.Join(dir, "sweep.yaml"), []byte(someSweep))
	if err := os.Mkdir(filepath.Join(dir, "checkpoint"), 0o755); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(dir, "checkpoint", "000003-000000007.zip")
	if err := syscall.Mkfifo(state, 0o644); err != nil {
		t.Fatal(err)
	}
	r := must(t, exitDone, "sweep", file, "--resume", "--out", dir)
	if !strings.Contains(r.err, state+" is not used: ") {
		t.Errorf("it does not say which checkpoint is not used:\n%s", r.err)
	}
	sameTables(t, dir, swept(t, file))
}

// TestConfigFromPipe: a configuration may come from a pipe, as in --config <(command).
func TestConfigFromPipe(t *testing.T) {
	r := shell(t, `printf 'n: 8\nrank: 1\niterations: 5\n' | "$0" run --config /dev/stdin --out "$1"`,
		filepath.Join(t.TempDir(), "run"))
	if r.code != exitDone {
		t.Errorf("exit code %d\n%s", r.code, r.err)
	}
}

// Symptom: a run waited without end for whoever would write to a pipe in place of its lock file, and removed
// a folder there.
func TestNoLockFile(t *testing.T) {
	file := sweepFile(t, "base: {n: 8, rank: 1, measurements: 80, iterations: 3}\naxes: [alpha: [1e-3]]\n")
	for what, mk := range map[string]func(path string) error{
		"a directory":        func(path string) error { return os.Mkdir(path, 0o755) },
		"a pipe or a device": func(path string) error { return syscall.Mkfifo(path, 0o644) },
	} {
		dir := t.TempDir()
		lock := filepath.Join(dir, ".lock")
		if err := mk(lock); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{append([]string{"run"}, small...), {"sweep", file}} {
			r := must(t, exitUsage, append(args, "--out", dir)...)
			want := "matsense: --out " + dir + " cannot be used: " + lock + " is " + what +
				", and is to be a file that locks its folder: remove it\n"
			if !strings.HasSuffix(r.err, want) {
				t.Errorf("%v says %s", args[:1], r.err)
			}
		}
		if _, err := os.Stat(lock); err != nil {
			t.Error(err)
		}
	}
}
