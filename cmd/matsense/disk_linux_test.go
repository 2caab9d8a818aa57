package main

import (
	"bytes"
	"errors"
	"fmt"
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
	told := false
	for _, line := range strings.Split(r.err, "\n") {
		told = told || strings.HasPrefix(line, "matsense: ") &&
			strings.Contains(line, "no space left on device")
	}
	if !told {
		t.Errorf("the reason is not given:\n%s", r.err)
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
