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

// TestConfigFromPipe: a configuration may come from a pipe, as in --config <(command).
func TestConfigFromPipe(t *testing.T) {
	r := shell(t, `printf 'n: 8\nrank: 1\niterations: 5\n' | "$0" run --config /dev/stdin --out "$1"`,
		filepath.Join(t.TempDir(), "run"))
	if r.code != exitDone {
		t.Errorf("exit code %d\n%s", r.code, r.err)
	}
}
