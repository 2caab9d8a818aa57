package main

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/matsense/matsense/experiment"
)

// smallDisk mounts a file system of a few kilobytes, and returns its folder and a function that makes it
// large.
func smallDisk(t *testing.T, kilobytes int) (string, func()) {
	t.Helper()
	dir := t.TempDir()
	size := func(kb int) string { return fmt.Sprintf("size=%dk", kb) }
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, size(kilobytes))
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.ENODEV) {
		t.Skipf("a disk that fills up needs the right to mount a tmpfs: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir, func() {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, size(1<<16)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDiskFillsUp(t *testing.T) {
	disk, enlarge := smallDisk(t, 256)
	dir := filepath.Join(disk, "run")
	// Some 150 kB of trajectory.csv in the end.
	flags := []string{"--measure-every", "1", "--iterations", "600"}
	r := must(t, exitFailed, slices.Concat([]string{"run", "--out", dir}, small, flags, always)...)
	if !strings.Contains(r.err, "note: the checkpoint at iteration") {
		t.Errorf("no notice of a checkpoint that was not written:\n%s", r.err)
	}
	// Several files could not be written, and the reason is given once.
	if lines := mistakesAfterNotes(r); len(lines) != 1 ||
		!strings.HasSuffix(lines[0], "could not be written: no space left on device") ||
		!strings.Contains(lines[0], "the last checkpoint, ") ||
		!strings.Contains(lines[0], "trajectory.svg and ") {
		t.Errorf("the reason is given as\n%s", strings.Join(lines, "\n"))
	}

	got, err := experiment.ReadTrajectory(bytes.NewReader(read(t, dir, "trajectory.csv")))
	if err != nil || len(got) < 10 {
		t.Fatalf("trajectory.csv has %d samples: %v", len(got), err)
	}
	for _, name := range append(listDir(t, dir), listDir(t, filepath.Join(dir, "checkpoint"))...) {
		if strings.HasPrefix(name, ".tmp") {
			t.Errorf("%s was left behind on the full disk", name)
		}
	}

	enlarge()
	r = must(t, exitDone, "run", "--resume", "--out", dir)
	if strings.Contains(r.err, "is not used") || !strings.Contains(r.err, "going on from iteration") {
		t.Errorf("the last good checkpoint was not used:\n%s", r.err)
	}
	sameBits(t, dir, runSmall(t, flags...))
}

// mistakesAfterNotes returns the lines that say why a command failed.
func mistakesAfterNotes(r result) []string {
	return slices.DeleteFunc(strings.Split(r.err, "\n"),
		func(line string) bool { return !strings.HasPrefix(line, "matsense: ") })
}

// The JSON lines of a run on a full disk are JSON, the error too.
func TestDiskFillsUpJSON(t *testing.T) {
	disk, _ := smallDisk(t, 128)
	r := must(t, exitFailed, slices.Concat([]string{"run", "--json", "--measure-every", "1", "--iterations",
		"300", "--out", filepath.Join(disk, "run")}, small[:6], always)...)
	lines := jsonLines(t, r.out)
	if last := lines[len(lines)-1]; last["event"] != "error" || last["exit_code"] != 1.0 ||
		!strings.Contains(last["message"].(string), "no space left") {
		t.Errorf("the last line is %v", last)
	}
	if len(events(lines, "notice")) == 0 || r.err != "" {
		t.Errorf("no notice, or lines beside the JSON: %q", r.err)
	}
}

// Symptom: where not even the first checkpoint could be written, the notice says that the one before it is
// still good.
func TestDiskTooSmallForACheckpoint(t *testing.T) {
	disk, enlarge := smallDisk(t, 12)
	dir := filepath.Join(disk, "run")
	r := must(t, exitFailed, slices.Concat([]string{"run", "--out", dir}, small, always)...)
	if !strings.Contains(r.err, "no space left on device") {
		t.Errorf("the reason is not given:\n%s", r.err)
	}
	if len(listDir(t, filepath.Join(dir, "checkpoint"))) == 0 && strings.Contains(r.err, "still good") {
		note, _, _ := strings.Cut(r.err[strings.Index(r.err, "note:"):], "\n")
		t.Errorf("there is no checkpoint, and it says: %s", note)
	}
	enlarge()
	must(t, exitDone, "run", "--resume", "--out", dir)
	sameBits(t, dir, runSmall(t))
}

// TestNewFoldersAreSynchronized: each folder that gets a new folder is synchronized after it, so that a power
// failure does not lose the new one with all that is in it. The system's calls tell.
func TestNewFoldersAreSynchronized(t *testing.T) {
	tracer, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("needs strace")
	}
	dir := t.TempDir()
	log := filepath.Join(dir, "calls")
	file := write(t, filepath.Join(dir, "s.yaml"), []byte("base: {n: 6, rank: 1, iterations: 2}\n"))
	for _, c := range []struct {
		args []string
		made []string
	}{
		{slices.Concat([]string{"run", "--out", dir + "/a/b/run"}, small),
			[]string{dir + "/a", dir + "/a/b", dir + "/a/b/run", dir + "/a/b/run/checkpoint"}},
		{[]string{"sweep", file, "--out", dir + "/c/d/sweep"},
			[]string{dir + "/c", dir + "/c/d", dir + "/c/d/sweep"}},
	} {
		// -y writes the path of each descriptor.
		trace := []string{"-f", "-y", "-e", "trace=mkdirat,fsync", "-o", log, program}
		if text, err := exec.Command(tracer, append(trace, c.args...)...).CombinedOutput(); err != nil {
			if strings.Contains(string(text), "ptrace") {
				t.Skipf("strace may not trace here: %s", text)
			}
			t.Fatalf("%v\n%s", err, text)
		}
		calls := string(read(t, log))
		for _, folder := range c.made {
			_, after, made := strings.Cut(calls, fmt.Sprintf("%q, 0755) = 0", folder))
			if !made || !strings.Contains(after, "<"+filepath.Dir(folder)+">)") {
				t.Errorf("%s: made %v, and then its parent is not synchronized:\n%s", folder, made, calls)
			}
		}
	}
}

// TestSweepReadOnly: a sweep whose results cannot be kept is refused before any work. Only the folder of
// records may be another user's.
func TestSweepReadOnly(t *testing.T) {
	file := sweepFile(t, someSweep)
	for _, folder := range []string{"", "runs"} {
		dir := filepath.Join(t.TempDir(), "swept")
		must(t, exitDone, "sweep", file, "--out", dir, "--shard", "1/2")
		locked := filepath.Join(dir, folder)
		if err := syscall.Mount(locked, locked, "", syscall.MS_BIND, ""); err != nil {
			t.Skipf("a folder that cannot be written to needs the right to mount: %v", err)
		}
		defer func() {
			if err := syscall.Unmount(locked, syscall.MNT_DETACH); err != nil {
				t.Error(err)
			}
		}()
		flags := uintptr(syscall.MS_BIND | syscall.MS_REMOUNT | syscall.MS_RDONLY)
		if err := syscall.Mount("", locked, "", flags, ""); err != nil {
			t.Fatal(err)
		}
		refusedPlan(t, dir, "cannot be written to", file, "--out", dir, "--resume")
	}
}

// TestDiskOfTensorBoardFillsUp: the run goes on as if there were no logs, and tells once that they are not
// whole.
func TestDiskOfTensorBoardFillsUp(t *testing.T) {
	disk, _ := smallDisk(t, 16)
	flags := []string{"--measure-every", "1", "--iterations", "200"}
	dir, want := filepath.Join(t.TempDir(), "run"), runSmall(t, flags...)
	r := must(t, exitFailed, slices.Concat([]string{"run", "--out", dir, "--tensorboard",
		filepath.Join(disk, "logs")}, small, flags)...)
	if lines := mistakesAfterNotes(r); len(lines) != 1 ||
		!strings.HasSuffix(lines[0], "could not be written: no space left on device") {
		t.Errorf("the reason is given as\n%s", strings.Join(lines, "\n"))
	}
	if n := strings.Count(r.err, "the run goes on, and writing is tried again"); n != 1 {
		t.Errorf("it is told %d times:\n%s", n, r.err)
	}
	if !bytes.Equal(read(t, dir, "factor.npy"), read(t, want, "factor.npy")) {
		t.Error("the factor is another one")
	}
	if !strings.Contains(r.out, "results  "+dir) {
		t.Errorf("the results are not told:\n%s", r.out)
	}
}
