package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// killedSweep has 12 runs in 2 groups, of methods with and without slots, that write checkpoints all the
// time.
const killedSweep = `base: {n: 16, rank: 2, factor-rank: 2, measurements: 200, iterations: 4000, measure-every: 7,
  checkpoint-every: 0.01, device: cpu}
axes:
  - {method: [gd, momentum, rgd], step: [0.2, 0.1, 0.5]}
  - alpha: [0.1, 0.5]
seeds: 2
`

// checkpointsOf reads the numbers of the runs in a sweep's folder of checkpoints, and their iterations.
func checkpointsOf(t *testing.T, dir string) map[int]int {
	t.Helper()
	found := map[int]int{}
	entries, err := os.ReadDir(filepath.Join(dir, "checkpoint"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		var run, iteration int
		if n, _ := fmt.Sscanf(e.Name(), "%d-%d.zip", &run, &iteration); n == 2 {
			found[run] = max(found[run], iteration)
		}
	}
	return found
}

// inMemory returns a temporary folder on a file system in memory, if there is one: killed processes lose
// nothing that they wrote, and waiting for a disk would take most of the test's time.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "matsense-*")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// TestKilledAtRandom: a sweep that is killed or interrupted at random moments, and resumed until it is done,
// gives the bytes of an undisturbed one, and leaves no checkpoint. MATSENSE_KILLS asks for more than a few
// kills.
func TestKilledAtRandom(t *testing.T) {
	kills := 6
	if text := os.Getenv("MATSENSE_KILLS"); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	file := sweepFile(t, killedSweep)
	folder := inMemory(t)
	want := filepath.Join(folder, "want")
	began := time.Now()
	must(t, exitDone, "sweep", file, "--out", want)
	all := time.Since(began)
	random := rand.New(rand.NewPCG(17, 1))
	signals, saved, wentOn, rounds := map[os.Signal]int{}, 0, 0, 0
	for done := 0; done < kills; rounds++ {
		dir := filepath.Join(folder, fmt.Sprint(rounds))
		for begun := false; ; begun = true {
			args := []string{"sweep", file, "--out", dir, "--batch", fmt.Sprint(random.IntN(5))}
			if begun && exists(dir, "sweep.yaml") {
				args = append(args, "--resume")
			}
			before := checkpointsOf(t, dir)
			s := []os.Signal{os.Kill, syscall.SIGTERM}[random.IntN(2)]
			// Some moments are before the first step, and some after the end: a sweep whose runs are done
			// still writes its figures, and would never end if it were always killed before.
			after := time.Duration(random.Float64() * float64(all) * 1.2)
			p := begin(t, args...)
			ended := make(chan struct{})
			timer := time.AfterFunc(after, func() {
				defer close(ended)
				_ = p.Process.Signal(s) // which may have ended
			})
			code, lines := p.end(t)
			if !timer.Stop() {
				<-ended
			}
			if code == exitDone {
				break
			}
			// Before the command has asked for it, SIGTERM ends a process as SIGKILL does.
			if code != -1 && (code != exitInterrupted || s == os.Kill) {
				t.Fatalf("after %v and %v it ended with %d\n%s", after, s, code, p.errs.String())
			}
			done++
			signals[s]++
			now := checkpointsOf(t, dir)
			for run, at := range before {
				if later, there := now[run]; there && later < at {
					t.Errorf("the checkpoint of run %d went back from %d to %d", run, at, later)
				}
			}
			if len(before) > 0 {
				wentOn++
			}
			if told := events(lines, "interrupted"); len(told) == 1 {
				if told[0]["saved"] != float64(len(now)) {
					t.Errorf("it says that %v runs are saved, and %d are", told[0]["saved"], len(now))
				}
				saved += len(now)
			}
		}
		sameTables(t, dir, want)
		if names := listDir(t, dir); slices.Contains(names, "checkpoint") {
			t.Errorf("checkpoints are left: %v", names)
		}
	}
	t.Logf("%v in %d sweeps of %v; %d states saved when interrupted, %d times there were checkpoints to go "+
		"on from", signals, rounds, all.Round(time.Millisecond), saved, wentOn)
	if wentOn == 0 {
		t.Error("no process went on from a checkpoint: this test shows too little")
	}
}
