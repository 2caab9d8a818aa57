package main

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const tooShort = "is too short: nothing was added to what was saved before"

// TestRunStopsAfter: a run whose time is up saves, and goes on to the same bits. If the time was too short
// for a step, the run fails, and what was saved before is kept.
func TestRunStopsAfter(t *testing.T) {
	settings := []string{"run", "--n", "12", "--rank", "1", "--iterations", "250000", "--measure-every",
		"10000"}
	want := filepath.Join(t.TempDir(), "whole")
	must(t, exitDone, append(settings, "--out", want)...)
	dir := filepath.Join(t.TempDir(), "run")
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{append(settings, "--stop-after", "-1s"), exitUsage, "--stop-after takes a time from now, like 3h45m"},
		{append(settings, "--stop-after", "1ns"), exitFailed, "--stop-after 1ns " + tooShort},
		{append(settings, "--force", "--stop-after", "300ms"), exitInterrupted,
			"the time of --stop-after is up: saving"},
		{[]string{"run", "--resume", "--stop-after", "1ns"}, exitFailed, "--stop-after 1ns " + tooShort},
		{[]string{"run", "--resume", "--stop-after", "1h"}, exitDone, "going on from iteration "},
	} {
		r := alone(t, append(c.args, "--out", dir)...)
		if r.code != c.code || !strings.Contains(r.err, c.says) {
			t.Errorf("%v: exit code %d, want %d and %q:\n%s", c.args, r.code, c.code, c.says, r.err)
		}
	}
	if !bytes.Equal(read(t, dir, "factor.npy"), read(t, want, "factor.npy")) {
		t.Error("the run came to another factor")
	}
}

// TestSweepStopsAfter: a sweep that is begun again and again with too little time for all of it arrives.
func TestSweepStopsAfter(t *testing.T) {
	file := sweepFile(t, strings.Replace(longSweep, "iterations: 60", "iterations: 3000", 1))
	want := swept(t, file)
	dir := filepath.Join(t.TempDir(), "swept")
	args := []string{"sweep", file, "--out", dir, "--batch", "2", "--shard", "1/1", "--resume",
		"--stop-after"}
	if r := alone(t, append(args, "1ns")...); r.code != exitFailed || !strings.Contains(r.err, tooShort) {
		t.Errorf("too little time for anything: exit code %d\n%s", r.code, r.err)
	}
	saved := func() string { // the records, and the checkpoints with their iterations
		checkpoints, _ := filepath.Glob(filepath.Join(dir, "checkpoint", "*"))
		return fmt.Sprint(len(recordLines(t, dir)), checkpoints)
	}
	interrupted := 0
	for after := 200 * time.Millisecond; ; {
		before := saved()
		r := alone(t, append(args, after.String())...)
		if r.code == exitDone {
			break
		}
		if progress := saved() != before; r.code == exitInterrupted && progress {
			interrupted++
		} else if r.code != exitFailed || progress || !strings.Contains(r.err, tooShort) {
			t.Fatalf("after %s: exit code %d, saved is %s and was %s\n%s", after, r.code, saved(), before, r.err)
		} else {
			after *= 2 // a machine with much else to do
		}
	}
	if interrupted == 0 {
		t.Error("the sweep was not interrupted")
	}
	sameTables(t, dir, want)

	// Symptom: a sweep of which nothing was left to do failed if its time was up before it was planned.
	if r := alone(t, append(args, "1ns")...); r.code != exitDone {
		t.Errorf("nothing is left to do: exit code %d\n%s", r.code, r.err)
	}
}

// TestFailureIsNoProgress: a sweep that in its time can only fail once more, before its measurements are
// made, fails. A job that is queued again after each interruption would never end.
func TestFailureIsNoProgress(t *testing.T) {
	folder := t.TempDir()
	numbers := make([]float64, 100)
	numbers[3] = math.NaN()
	write(t, filepath.Join(folder, "U.npy"), npyFile("<f8", false, numbers, 100, 1))
	file := write(t, filepath.Join(folder, "s.yaml"), []byte( // some seconds of measurements
		"base: {n: 100, rank: 1, measurements: 40000, entries: bf16, storage: memory, iterations: 10}\n"+
			"axes: [init: [U.npy, random]]\n"))
	r := alone(t, "sweep", file, "--out", filepath.Join(folder, "swept"), "--stop-after", "300ms")
	if r.code != exitFailed || !strings.Contains(r.err, tooShort) {
		t.Errorf("exit code %d\n%s", r.code, r.err)
	}
}
