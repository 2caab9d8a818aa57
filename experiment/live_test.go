package experiment

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/matsense/matsense/solver"
)

// TestThinned: of a long trajectory those who watch get at most LiveSamples samples, from the first to the
// last, with all of the first ones, where a logarithmic axis has most room.
func TestThinned(t *testing.T) {
	for _, n := range []int{0, 1, LiveSamples, LiveSamples + 1, 100_000} {
		var all solver.Trajectory
		for i := range n {
			all = append(all, solver.NewSample(i))
		}
		kept := thinned(all)
		if len(kept) > LiveSamples || n <= LiveSamples && len(kept) != n {
			t.Errorf("%d of %d samples are kept", len(kept), n)
		}
		for i := range kept {
			if i < 10 && kept[i].Iteration != i || i > 0 && kept[i].Iteration <= kept[i-1].Iteration {
				t.Errorf("of %d samples, number %d is that of iteration %d", n, i, kept[i].Iteration)
			}
		}
		if n > 0 && kept[len(kept)-1].Iteration != n-1 {
			t.Errorf("the last of %d samples is not kept", n)
		}
	}
}

// TestLiveFiles: while a run goes on its files tell where it is; a run that has taken its place in the
// directory keeps its own.
func TestLiveFiles(t *testing.T) {
	c := configOf(t, "n=8", "rank=1", "measurements=60", "iterations=40")
	for _, replaced := range []bool{false, true} {
		p, err := NewPlan(c, cpuHost(1e9))
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "run")
		theirs := []byte("theirs")
		m := &meddler{do: func() error {
			for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
				l, err := ReadLive(dir)
				if err == nil && l.Last != nil && l.Last.Iteration >= 15 {
					watched, err := Watch(dir)
					if err != nil || len(watched.Trajectory) != l.Samples || watched.Summary != nil ||
						watched.Trajectory[l.Samples-1].TestError != l.Last.TestError {
						t.Errorf("%d samples are there, and the run tells of %d: %v", len(watched.Trajectory),
							l.Samples, err)
					}
					if l.To != 40 || l.From != 0 || l.Activity != solver.Stepping || l.PID != os.Getpid() ||
						l.Gone() || !(l.Rate > 0) || !(l.Left > 0) {
						t.Errorf("the run tells %+v", l)
					}
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("the run tells nothing: %v", err)
				}
			}
			if !replaced {
				return nil
			}
			for _, name := range []string{configFile, LiveFile} {
				if err := os.WriteFile(filepath.Join(dir, name), theirs, 0o644); err != nil {
					return err
				}
			}
			time.Sleep(1500 * time.Millisecond) // the next beat
			return nil
		}}
		_, err = p.Run(t.Context(), Options{Dir: dir}, m)
		if (err != nil) != replaced || m.failed != nil {
			t.Fatal(err, m.failed)
		}
		left, err := os.ReadFile(filepath.Join(dir, LiveFile))
		if replaced && string(left) != string(theirs) {
			t.Errorf("another run's file is now %q: %v", left, err)
		}
		_, gone := os.Stat(filepath.Join(dir, liveTrajectoryFile))
		if !replaced && (err == nil || gone == nil) {
			t.Error("a run that has ended leaves its files for those who watch")
		}
	}
}

// TestLiveMakesRoom. Symptom: on a disk that filled up, trajectory.csv could not be written while the copy
// for those who watch took its room.
func TestLiveMakesRoom(t *testing.T) {
	w := &liveWriter{dir: t.TempDir(), began: time.Now(), config: []byte("mine")}
	config, copied := filepath.Join(w.dir, configFile), filepath.Join(w.dir, liveTrajectoryFile)
	there := func() bool {
		_, err := os.Stat(copied)
		return err == nil
	}
	if err := os.WriteFile(config, w.config, 0o644); err != nil {
		t.Fatal(err)
	}
	w.sampled(solver.Trajectory{solver.NewSample(0)})
	if w.beat(1); !there() {
		t.Fatal("there is no copy of the trajectory")
	}
	if !w.makeRoom() || there() || w.makeRoom() {
		t.Error("no room is made, or it is said that room is made twice")
	}
	if w.beat(2); there() {
		t.Error("the copy takes the room again")
	}
	w.again()
	if w.beat(3); !there() {
		t.Error("when there is room again, there is no copy")
	}
	if err := os.WriteFile(config, []byte("another run's"), 0o644); err != nil {
		t.Fatal(err)
	}
	if w.makeRoom() || !there() {
		t.Error("another run's file is removed")
	}
}

// BenchmarkLive measures what watching costs a step, which tells where it is, and a beat, which writes the
// files.
func BenchmarkLive(b *testing.B) {
	w := &liveWriter{dir: b.TempDir(), began: time.Now(), state: Live{To: 1000}, config: []byte("mine")}
	if err := os.WriteFile(filepath.Join(w.dir, configFile), w.config, 0o644); err != nil {
		b.Fatal(err)
	}
	b.Run("step", func(b *testing.B) {
		for i := range b.N {
			w.watch(solver.Stepping, i)
		}
	})
	b.Run("beat", func(b *testing.B) {
		var t solver.Trajectory
		for i := range 100_000 {
			s := solver.NewSample(i)
			s.TrainLoss, s.TestError, s.Sigma = 1/float64(i+3), 1/float64(i+7), []float64{0.1, 0.2, 0.3}
			t = append(t, s)
		}
		for i := range b.N {
			w.sampled(t[:len(t)-1-i%2])
			w.beat(i)
		}
	})
}
