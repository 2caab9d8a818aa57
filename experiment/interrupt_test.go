package experiment

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// stopwatch counts how often an engine asks whether it is to go on, and cancels a context at one of these
// times.
type stopwatch struct {
	asked  atomic.Int64
	at     int64 // 0 for never
	cancel func()
}

// asking is a backend whose engines are watched.
type asking struct {
	solver.Backend
	watch *stopwatch
}

func (b asking) Open(ctx context.Context, p *sensing.Problem, batch solver.Batch) (solver.Engine, error) {
	interrupted := batch.Interrupted
	batch.Interrupted = func() error {
		if b.watch.asked.Add(1) == b.watch.at {
			b.watch.cancel()
		}
		return interrupted()
	}
	return b.Backend.Open(ctx, p, batch)
}

// MixedIsFaster is the backend's, so that both choose the same precision.
func (b asking) MixedIsFaster(e sensing.Ensemble) bool {
	return b.Backend.(mixing).MixedIsFaster(e)
}

// watched is a host whose engines are watched.
func watched(h Host, w *stopwatch) Host {
	open := h.Backend
	h.Backend = func(p Place) (solver.Backend, error) {
		b, err := open(p)
		return asking{b, w}, err
	}
	return h
}

// tried is a group that is carried out in parts.
type tried struct {
	host    Host
	configs []config.Config
	kept    *Checkpoints
	ended   map[int]*Run // the runs that have ended, by their place in configs
}

// newCheckpoints returns the checkpoints of a folder that does not exist yet.
func newCheckpoints(t *testing.T) *Checkpoints {
	t.Helper()
	c := NewCheckpoints(filepath.Join(t.TempDir(), "checkpoint"))
	return &c
}

// goOn carries out the runs that have not ended, until the at-th time that the engine asks; 0 means to the
// end. It returns how often the engine asked.
func (r *tried) goOn(at int64) (asked int64, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	watch := &stopwatch{at: at, cancel: cancel}
	var open []config.Config
	var numbers []int
	for i, c := range r.configs {
		if r.ended[i] == nil {
			open, numbers = append(open, c), append(numbers, i)
		}
	}
	g, err := PlanGroup(open, len(open), watched(r.host, watch))
	if err != nil {
		return 0, err
	}
	var failed error
	err = g.Run(ctx, r.kept, numbers, func(i int, got *Run, err error) {
		failed = errors.Join(failed, err)
		if err == nil {
			r.ended[numbers[i]] = got
			failed = errors.Join(failed, r.kept.Remove(numbers[i]))
		}
	})
	return watch.asked.Load(), errors.Join(err, failed)
}

// whole carries out configurations without an interruption.
func whole(t *testing.T, h Host, configs []config.Config) (map[int]*Run, int64, error) {
	r := &tried{h, configs, newCheckpoints(t), map[int]*Run{}}
	asked, err := r.goOn(0)
	return r.ended, asked, err
}

// interruptedAnywhere interrupts configurations at some of the times that the engine asks, goes on, and says
// whether anything differs from what an uninterrupted group gives.
func interruptedAnywhere(t *testing.T, h Host, configs []config.Config, times int64) error {
	want, all, err := whole(t, h, configs)
	if err != nil {
		return err
	}
	for k := range min(times, all) {
		at := 1 + k*(all-1)/max(min(times, all)-1, 1)
		r := &tried{h, configs, newCheckpoints(t), map[int]*Run{}}
		if _, err := r.goOn(at); !errors.Is(err, context.Canceled) && len(r.ended) < len(configs) {
			return fmt.Errorf("interrupted at %d of %d, it ended with %w", at, all, err)
		}
		if len(r.ended) < len(configs) {
			if _, err := r.goOn(0); err != nil {
				return fmt.Errorf("resumed after %d of %d: %w", at, all, err)
			}
		}
		for i := range configs {
			if err := sameRun(r.ended[i], want[i]); err != nil {
				return fmt.Errorf("interrupted at %d of %d, run %d: %w", at, all, i, err)
			}
		}
		if _, err := os.Stat(r.kept.Dir); err == nil {
			return fmt.Errorf("interrupted at %d of %d, checkpoints are left", at, all)
		}
	}
	return nil
}

// checkInterrupted checks that two runs of a group that are interrupted in the middle of any operation, and
// resumed, give the bits that they give without.
func checkInterrupted(t *testing.T, e config.Entry) error {
	long, err := smallest(t, e)
	if err != nil {
		return err
	}
	short := long
	if f, _ := short.Field("measure-every"); f.Set("2", "") != nil {
		return errors.New("measure-every cannot be set")
	}
	times := int64(4)
	if e.Kind == "method" {
		times = 40 // a method must not be cut in two between any of its operations
	}
	return interruptedAnywhere(t, cpuHost(1e9), []config.Config{long, short}, times)
}

// twoPasses is a method that writes what it keeps, the iterate, between two passes over the measurements.
type twoPasses struct{ solver.GD }

func (twoPasses) Name() string { return "two-passes" }

func (d twoPasses) Step(m *solver.Member, iteration int) error {
	if err := d.GD.Step(m, iteration); err != nil {
		return err
	}
	return d.GD.Step(m, iteration)
}

var registerTwoPasses = sync.OnceFunc(func() {
	err := config.RegisterMethod(config.Method{
		Entry: config.Entry{Name: "two-passes", About: "two steps in one"},
		Make:  func(c *config.Config) solver.Method { return twoPasses{solver.GD{StepSize: c.Step}} },
	})
	if err != nil {
		panic(err)
	}
})

// TestStepThatWritesEarly: a step that has written a part of the state before it goes over the measurements
// again is not cut in two. (With the solver's hold taken away, the bits differ.)
func TestStepThatWritesEarly(t *testing.T) {
	registerTwoPasses()
	c := configOf(t, strings.Fields("method=two-passes n=8 rank=2 measurements=60 iterations=5 "+
		"measure-every=2 device=cpu")...)
	if err := interruptedAnywhere(t, cpuHost(1e9), []config.Config{c}, 200); err != nil {
		t.Error(err)
	}
}

// TestInterruptedOnTheEmulator: the same on a device, where an interruption ends even a single launch.
func TestInterruptedOnTheEmulator(t *testing.T) {
	var configs []config.Config
	for _, own := range []string{"method=momentum", "method=rgd factor-rank=2 init=spectral"} {
		configs = append(configs, configOf(t, append(strings.Fields("n=8 rank=2 measurements=30 "+
			"iterations=3 measure-every=2 device=emulator"), strings.Fields(own)...)...))
	}
	if err := interruptedAnywhere(t, emulatorHost(), configs, 6); err != nil {
		t.Error(err)
	}
}

// TestEveryInvocationAdvances: a group that is interrupted again and again, each time after as much work as
// it takes to begin and to take some steps, ends with the same bits after a bounded number of invocations.
func TestEveryInvocationAdvances(t *testing.T) {
	configs := members(t)
	configs = slices.DeleteFunc(configs, func(c config.Config) bool { return c.Iterations > 60 })
	want, all, err := whole(t, cpuHost(1e9), configs)
	if err != nil {
		t.Fatal(err)
	}
	r := &tried{cpuHost(1e9), configs, newCheckpoints(t), map[int]*Run{}}
	rounds := 0
	for ; len(r.ended) < len(configs); rounds++ {
		if rounds > 40 {
			t.Fatalf("%d of %d runs have ended after %d rounds", len(r.ended), len(configs), rounds)
		}
		if _, err := r.goOn(all / 10); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if rounds < 8 {
		t.Errorf("%d rounds: this test shows too little", rounds)
	}
	for i := range configs {
		if err := sameRun(r.ended[i], want[i]); err != nil {
			t.Errorf("run %d: %v", i, err)
		}
	}
}

// TestBegunRunsGoOnFirst: in a batch of one, the run that has a checkpoint comes first, and goes on from it.
func TestBegunRunsGoOnFirst(t *testing.T) {
	h := cpuHost(1e9)
	configs := members(t)[:3]
	want, _, err := whole(t, h, configs)
	if err != nil {
		t.Fatal(err)
	}
	kept := newCheckpoints(t)
	again := NewCheckpoints(kept.Dir)
	alone := &tried{h, configs[1:2], &again, map[int]*Run{}}
	_, all, err := whole(t, h, configs[1:2])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := alone.goOn(all * 3 / 4); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	names, err := os.ReadDir(kept.Dir)
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	f, _, _ := parseArchiveName(names[0].Name())
	if f.iteration < 20 {
		t.Fatalf("interrupted at iteration %d: this test shows too little", f.iteration)
	}
	if err := os.Rename(filepath.Join(kept.Dir, names[0].Name()),
		filepath.Join(kept.Dir, archiveName(12, f.iteration))); err != nil {
		t.Fatal(err)
	}
	g, err := PlanGroup(configs, 1, h)
	if err != nil {
		t.Fatal(err)
	}
	var order []int
	err = g.Run(context.Background(), kept, []int{11, 12, 13}, func(i int, got *Run, err error) {
		if err != nil {
			t.Fatal(err)
		}
		order = append(order, i)
		if err := sameRun(got, want[i]); err != nil {
			t.Errorf("run %d: %v", i, err)
		}
	})
	if err != nil || !slices.Equal(order, []int{1, 0, 2}) {
		t.Errorf("they end in the order %v: %v", order, err)
	}
}

// TestInterruptedAtTheEnd: a run that fails makes the spectral estimate, for its advice, when it ends. An
// interruption there takes no advice away: the run ends when it is resumed.
func TestInterruptedAtTheEnd(t *testing.T) {
	u := newUserProblem(t, 40, 5, 5)
	z, _ := symmetricOf(t, 5, 2, 1)
	c := configOf(t, "matrices="+filepath.Join(u.dir, "A.npy"),
		"observations="+u.save("y", u.observe(1, z), 40), "rank=0", "step=30", "iterations=20",
		"measure-every=1")
	configs := []config.Config{c}
	want, all, err := whole(t, cpuHost(1e9), configs)
	if err != nil || want[0].Summary.Advice == nil {
		t.Fatal("no advice", err)
	}
	for at := int64(1); at <= all; at++ {
		r := &tried{cpuHost(1e9), configs, newCheckpoints(t), map[int]*Run{}}
		for i := int64(0); len(r.ended) == 0; i++ {
			if _, err := r.goOn(at * (1 - min(i, 1))); err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		if got := r.ended[0].Summary.Advice; !reflect.DeepEqual(got, want[0].Summary.Advice) {
			t.Errorf("interrupted at %d of %d: advice %v", at, all, got)
		}
	}
}

// TestCheckpoints: a folder returns the checkpoint that is furthest on, whole, and this run's.
func TestCheckpoints(t *testing.T) {
	k := *newCheckpoints(t)
	id := identity{"mine", "this", nil}
	read := func(run int) (int, []string) {
		t.Helper()
		state, _, notices := k.read(run, id)
		if state == nil {
			return -1, notices
		}
		return state.Iteration, notices
	}
	write := func(run, iteration int, id identity) {
		t.Helper()
		if err := k.write(run, id, stateAt(iteration, 1, 2), nil); err != nil {
			t.Fatal(err)
		}
	}
	list := func() (names []string) {
		entries, err := os.ReadDir(k.Dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	if at, notices := read(3); at != -1 || notices != nil {
		t.Error(at, notices)
	}
	write(3, 10, id)
	write(3, 20, id)
	write(4, 7, id)
	if names := list(); !slices.Equal(names, []string{"000003-000000020.zip", "000004-000000007.zip"}) {
		t.Errorf("there are %v", names)
	}
	// Another process does the same run and is not so far: it neither replaces nor removes what is there.
	write(3, 5, id)
	if at, notices := read(3); at != 20 || notices != nil {
		t.Error(at, notices)
	}
	// A later one of other data, and one that was cut short, are passed over and told of.
	write(3, 30, identity{"other", "this", nil})
	path := filepath.Join(k.Dir, archiveName(3, 40))
	whole := readFile(t, filepath.Join(k.Dir, archiveName(3, 30)))
	if err := os.WriteFile(path, whole[:len(whole)-30], 0o644); err != nil {
		t.Fatal(err)
	}
	write(3, 20, id) // the one before 30 was removed
	at, notices := read(3)
	if at != 20 || len(notices) != 2 || !strings.Contains(notices[0], archiveName(3, 40)) ||
		!strings.Contains(notices[1], "other data") {
		t.Error(at, notices)
	}
	if at, notices := read(4); at != 7 || notices != nil {
		t.Error(at, notices)
	}
	if state, _, notices := k.read(4, identity{"mine", "that", nil}); state == nil || len(notices) != 1 ||
		!strings.Contains(notices[0], "another build") {
		t.Error(state, notices)
	}
	// What a killed process was writing goes with the run; files of others stay.
	for _, name := range []string{
		atomicfile.Leftover + archiveName(3, 50) + "-123", "notes.txt", "000003.zip",
	} {
		if err := os.WriteFile(filepath.Join(k.Dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if runs, err := k.Runs(); err != nil || !slices.Equal(runs, []int{3, 4}) {
		t.Error(runs, err)
	}
	if err := k.Remove(3); err != nil {
		t.Fatal(err)
	}
	if names := list(); !slices.Equal(names, []string{"000003.zip", "000004-000000007.zip", "notes.txt"}) {
		t.Errorf("there are %v", names)
	}
}

// TestCheckpointsAreDamaged: no damaged checkpoint of a member is taken for a whole one with other contents.
func TestCheckpointsAreDamaged(t *testing.T) {
	k := NewCheckpoints(t.TempDir())
	id := identity{"mine", "this", nil}
	if err := k.write(1, id, stateAt(9, 0.5, -3), nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(k.Dir, archiveName(1, 9))
	whole := readFile(t, path)
	for at := 0; at < len(whole); at += 3 {
		damaged := slices.Clone(whole)
		damaged[at] ^= 0x10
		if err := os.WriteFile(path, damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		state, _, notices := k.read(1, id)
		if state == nil && len(notices) != 1 {
			t.Errorf("byte %d: refused with %q", at, notices)
		}
		// Times of files and the like are not covered by checksums, and do not matter.
		if state != nil && (state.Iteration != 9 || state.Slots[0][0].At(0, 1) != -3 ||
			state.Slots[1][0].At(0, 0) != 0.5) {
			t.Errorf("byte %d: taken for %+v", at, state)
		}
		if at%15 == 0 {
			if err := os.WriteFile(path, whole[:at], 0o644); err != nil {
				t.Fatal(err)
			}
			if state, _, _ := k.read(1, id); state != nil {
				t.Errorf("%d of %d bytes are taken for all", at, len(whole))
			}
		}
	}
}

// TestKeptOfAlteredSize: a damaged size of a file in the archive is refused before so much memory is taken.
func TestKeptOfAlteredSize(t *testing.T) {
	k := NewCheckpoints(t.TempDir())
	id := identity{"mine", "this", nil}
	if err := k.write(1, id, stateAt(9, 0.5, -3), nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(k.Dir, archiveName(1, 9))
	damaged := readFile(t, path)
	entry := bytes.LastIndex(damaged, []byte("PK\x01\x02")) // of DONE, in the archive's directory
	binary.LittleEndian.PutUint32(damaged[entry+24:], 1<<30)
	if err := os.WriteFile(path, damaged, 0o644); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	state, _, notices := k.read(1, id)
	runtime.ReadMemStats(&after)
	if state != nil || len(notices) != 1 ||
		!strings.Contains(notices[0], "the size of its DONE was altered") {
		t.Errorf("%v, %q", state, notices)
	}
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 1<<20 {
		t.Errorf("it took %d bytes to read %d", taken, len(damaged))
	}
}

// TestKeptCannotBeWritten: the run goes on, and one notice says why.
func TestKeptCannotBeWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "checkpoint") // a folder of this name can neither be read nor made
	if err := os.Symlink("nowhere", dir); err != nil {
		t.Fatal(err)
	}
	c := configOf(t, strings.Fields("n=8 rank=2 measurements=60 iterations=30 checkpoint-every=1e-9")...)
	g, err := PlanGroup([]config.Config{c}, 1, cpuHost(1e9))
	if err != nil {
		t.Fatal(err)
	}
	told, ended := map[string]int{}, 0
	g.Plan.Notice = func(text string) { told[text]++ }
	there := NewCheckpoints(dir)
	err = g.Run(context.Background(), &there, []int{4}, func(_ int, r *Run, err error) {
		if ended++; err != nil || r.Summary.Status != solver.BudgetSpent {
			t.Error(r, err)
		}
	})
	texts := slices.Collect(maps.Keys(told))
	if ended != 1 || len(texts) != 1 || told[texts[0]] != 1 ||
		!strings.HasPrefix(texts[0], "the checkpoint of run 4 at iteration ") {
		t.Errorf("%d runs ended, told of %v: %v", ended, told, err)
	}
}

// TestKeptWhereNothingIs: a directory that was moved away is not made again for a checkpoint.
func TestKeptWhereNothingIs(t *testing.T) {
	sweep := filepath.Join(t.TempDir(), "moved")
	k := NewCheckpoints(filepath.Join(sweep, "checkpoint"))
	err := k.write(1, identity{"mine", "this", nil}, stateAt(9, 0.5, -3), nil)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it ends with %v", err)
	}
	if _, err := os.Stat(sweep); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory is there again: %v", err)
	}
}
