package gpu

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// script is a device that writes down what it does, and the calls that it gets.
type script struct {
	driver.Device
	done     []string // what was done, in order; a replay does its calls
	replays  int
	live     map[*[]driver.Call]bool // graphs
	refuse   error                   // what Record returns
	unplayed error                   // what Replay returns
	fail     func(c driver.Call) error
}

func (s *script) note(c driver.Call) error {
	if s.fail != nil {
		if err := s.fail(c); err != nil {
			return err
		}
	}
	text := fmt.Sprint("fill ", c.Dst, c.Value, c.Size)
	if c.Kernel != nil {
		text = fmt.Sprint(c.Launch, c.Shared, c.Cooperative, c.Args)
	}
	s.done = append(s.done, text)
	return nil
}

func (s *script) Launch(l driver.Launch) error { return s.note(driver.Call{Launch: l}) }

func (s *script) Fill(dst driver.Pointer, value byte, size int64) error {
	return s.note(driver.Call{Dst: dst, Value: value, Size: size})
}

func (s *script) Upload(driver.Pointer, []byte) error {
	s.done = append(s.done, "upload")
	return nil
}

func (s *script) Wait() error {
	s.done = append(s.done, "wait")
	return nil
}

func (s *script) Record(calls []driver.Call) (driver.Graph, error) {
	if s.refuse != nil {
		return nil, s.refuse
	}
	g := slices.Clone(calls)
	if s.live == nil {
		s.live = map[*[]driver.Call]bool{}
	}
	s.live[&g] = true
	return &g, nil
}

func (s *script) Replay(graph driver.Graph) error {
	if s.unplayed != nil {
		return s.unplayed
	}
	g := graph.(*[]driver.Call)
	if !s.live[g] {
		return errors.New("a forgotten graph")
	}
	s.replays++
	for _, c := range *g {
		if err := s.note(c); err != nil {
			return err
		}
	}
	return nil
}

func (s *script) Forget(graph driver.Graph) error {
	delete(s.live, graph.(*[]driver.Call))
	return nil
}

// named is a kernel that only has a name.
type named struct {
	driver.Kernel
	name string
}

func (k *named) Name() string { return k.name }

// launchOf is a launch of a kernel with one argument.
func launchOf(k driver.Kernel, arg int) driver.Launch {
	return driver.Launch{Kernel: k, Grid: driver.Dim{1, 1, 1}, Block: driver.Dim{32, 1, 1},
		Args: []driver.Arg{driver.U32(arg)}}
}

// scripted returns a device that replays graphs on a script.
func scripted() (*device, *script, *[]string) {
	s, notices := &script{}, &[]string{}
	d := &device{Device: s, notice: func(text string) { *notices = append(*notices, text) }}
	d.replay()
	return d, s, notices
}

// TestGraphsChangeNoOrder makes random calls, most of which repeat earlier ones, and compares what the device
// does with the calls, in their order. Some steps differ in one argument, grid, fill or kernel, some end
// early with an error, and some upload or wait between their calls.
func TestGraphsChangeNoOrder(t *testing.T) {
	replays, longest := 0, 0
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 0))
		d, s, _ := scripted()
		want := &script{}
		kernels := []*named{{name: "a"}, {name: "b"}, {name: "c"}}
		args := []driver.Arg{0} // one slice for all calls
		var recipes [3][]int
		for i := range recipes {
			for range 1 + random.IntN(5) {
				recipes[i] = append(recipes[i], random.IntN(9))
			}
		}
		stopped := errors.New("stopped")
		part := func(recipe []int, change int) func() error {
			return func() error {
				for at, kind := range recipe {
					value := kind / 3
					if at == change {
						value += 1 + random.IntN(2)
					}
					switch {
					case change < -1 && random.IntN(4) == 0:
						return stopped
					case change < 0 && random.IntN(30) == 0:
						must(t, errors.Join(d.Upload(0, nil), want.Upload(0, nil)))
					case change < 0 && random.IntN(30) == 0:
						must(t, errors.Join(d.Wait(), want.Wait()))
					}
					if kind%4 == 3 {
						must(t, errors.Join(d.Fill(8, byte(value), 16), want.Fill(8, byte(value), 16)))
						continue
					}
					l := launchOf(kernels[kind%3], 0)
					l.Args, args[0] = args, driver.U32(value)
					if at == change && random.IntN(2) == 0 {
						l.Grid[0]++
					}
					must(t, errors.Join(d.Launch(l), want.Launch(l)))
				}
				return nil
			}
		}
		for range 60 {
			first, second := random.IntN(4), random.IntN(2)
			change, dirty := random.IntN(12)-7, -1
			if random.IntN(20) == 0 {
				dirty = -2
			}
			body := part(recipes[second+1], dirty)
			prelude := part(recipes[0], change)
			if first == 0 {
				prelude = func() error { return nil }
			}
			if err := d.repeated(prelude, body); err != nil && !errors.Is(err, stopped) {
				t.Fatal(err)
			}
			for i := range max(len(s.done), len(want.done)) {
				if i >= min(len(s.done), len(want.done)) || s.done[i] != want.done[i] {
					t.Fatalf("seed %d: after %d calls the device does %q, not %q", seed, i,
						s.done[i:min(i+1, len(s.done))], want.done[i:min(i+1, len(want.done))])
				}
			}
			if random.IntN(5) == 0 { // outside of a step
				l := launchOf(kernels[0], 1)
				must(t, errors.Join(d.Launch(l), want.Launch(l)))
			}
		}
		replays += s.replays
		for _, sequence := range d.graphs.known {
			if sequence.graph != nil {
				longest = max(longest, len(sequence.calls))
			}
		}
		if len(d.graphs.known) > mostSequences || len(s.live) > mostSequences {
			t.Errorf("seed %d: %d sequences, %d graphs", seed, len(d.graphs.known), len(s.live))
		}
	}
	if replays < 3000 || longest < 8 {
		t.Errorf("%d replays of graphs of at most %d calls: the test shows nothing", replays, longest)
	}
}

var firstKernel, secondKernel = &named{name: "first"}, &named{name: "second"}

// stepsOf makes the same step many times: a launch with an argument of its own, and three that never change.
func stepsOf(d *device, count int, arg func(i int) int) error {
	for i := range count {
		err := d.repeated(func() error { return d.Launch(launchOf(firstKernel, arg(i))) }, func() error {
			for j := range 3 {
				if err := d.Launch(launchOf(secondKernel, j)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func same(int) int      { return 7 }
func growing(i int) int { return i }

// TestGraphsLearn: a step that is the same each time is replayed whole from the fourth time on, and a step of
// which the first call differs without this call, from the seventh time on. Nothing is recorded twice, and
// long steps are not recorded.
func TestGraphsLearn(t *testing.T) {
	for _, c := range []struct {
		name            string
		arg             func(i int) int
		replays, graphs int
	}{{"same", same, 20 - recordStep, 1}, {"growing", growing, 20 - recordBody, 1}} {
		d, s, _ := scripted()
		must(t, stepsOf(d, 20, c.arg))
		if s.replays != c.replays || len(s.live) != c.graphs {
			t.Errorf("%s: %d replays of %d graphs, want %d of %d", c.name, s.replays, len(s.live), c.replays,
				c.graphs)
		}
	}
	for calls, want := range map[int]int{
		longestGraph + 1: 10 - recordBody, 3*longestGraph - 1: 3 * (10 - recordBody), longestStretch + 1: 0,
	} {
		d, s, _ := scripted()
		for range 10 {
			must(t, d.repeated(func() error { return nil }, func() error {
				for i := range calls {
					must(t, d.Fill(0, 0, int64(i)))
				}
				return nil
			}))
		}
		if s.replays != want || len(s.done) != 10*calls {
			t.Errorf("steps of %d calls: %d replays, want %d; %d calls are done", calls, s.replays, want,
				len(s.done))
		}
	}
}

// TestGraphsOfStretches: copies cut a step into stretches, each of which has a graph of its own.
func TestGraphsOfStretches(t *testing.T) {
	d, s, _ := scripted()
	for i := range 10 {
		must(t, d.repeated(func() error { return d.Launch(launchOf(firstKernel, i)) }, func() error {
			for j := range 6 {
				if j%2 == 0 {
					must(t, d.Upload(0, nil))
				}
				must(t, d.Launch(launchOf(secondKernel, j)))
			}
			return nil
		}))
	}
	if want := 3 * (10 - recordStep); s.replays != want || len(s.live) != 3 || len(s.done) != 100 {
		t.Errorf("%d replays of %d graphs, want %d of 3; %d calls are done", s.replays, len(s.live), want,
			len(s.done))
	}
}

// TestGraphsForget: of many different steps the device keeps the graphs that were used last.
func TestGraphsForget(t *testing.T) {
	d, s, _ := scripted()
	for i := range 5 * mostSequences {
		for range recordStep + 1 {
			must(t, d.repeated(func() error { return d.Fill(0, 0, int64(i)) },
				func() error { return d.Fill(0, 1, int64(i)) }))
		}
		if s.replays != i+1 || len(s.live) > mostSequences {
			t.Fatalf("after %d different steps: %d replays, %d graphs", i+1, s.replays, len(s.live))
		}
	}
	if len(s.live) != mostSequences {
		t.Errorf("%d graphs are left", len(s.live))
	}
}

// TestGraphsRefused: if a device refuses to record or to replay, all calls are done one by one, each once,
// and the user is told once.
func TestGraphsRefused(t *testing.T) {
	refusal := fmt.Errorf("an old driver: %w", driver.ErrGraph)
	for name, refuse := range map[string]func(s *script){
		"record": func(s *script) { s.refuse = refusal },
		"replay": func(s *script) { s.unplayed = refusal },
	} {
		d, s, notices := scripted()
		refuse(s)
		must(t, stepsOf(d, 20, same))
		if s.replays != 0 || len(s.done) != 80 {
			t.Errorf("%s: %d replays, %d calls", name, s.replays, len(s.done))
		}
		if len(*notices) != 1 || !strings.Contains((*notices)[0], "an old driver") {
			t.Errorf("%s: the notices are %q", name, *notices)
		}
	}
	// Another failure is the step's.
	broken := errors.New("broken")
	for name, fail := range map[string]func(s *script){
		"record": func(s *script) { s.refuse = broken },
		"replay": func(s *script) { s.unplayed = broken },
	} {
		d, s, notices := scripted()
		fail(s)
		if err := stepsOf(d, 20, same); !errors.Is(err, broken) || len(*notices) != 0 {
			t.Errorf("%s: the error is %v, the notices are %q", name, err, *notices)
		}
	}
}

// TestGraphsRefuseLate: a cooperative launch waits for a graph, and the device then has no room for it. The
// calls behind it are done, and then the second part once more: the launch is refused at once, and who makes
// it makes a smaller one. The first part is done once, and later steps are replayed again.
func TestGraphsRefuseLate(t *testing.T) {
	for name, c := range map[string]struct {
		unplayed error // what Replay returns
		last     int   // the last call's argument: the graph has 2
		replays  int   // of four more steps
	}{
		"the device has no room for the graph": {errors.Join(driver.ErrGraph, driver.ErrCooperative), 2, 1},
		"the device refuses all graphs":        {driver.ErrGraph, 2, 0},
		"the last call is another one":         {nil, 3, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d, s, _ := scripted()
			blocks, room := 4, 4
			s.fail = func(c driver.Call) error {
				if c.Grid[0] > room {
					return driver.ErrCooperative
				}
				s.done = append(s.done, fmt.Sprintf("%s %d of %d", c.Kernel.Name(), c.Args[0], c.Grid[0]))
				return nil
			}
			step := func(last int) error {
				return d.repeated(func() error { return d.Launch(launchOf(firstKernel, 0)) }, func() error {
					l := launchOf(secondKernel, 1)
					for l.Grid[0] = blocks; ; l.Grid[0] = blocks {
						if err := d.Launch(l); !errors.Is(err, driver.ErrCooperative) {
							return errors.Join(err, d.Launch(launchOf(firstKernel, last)))
						}
						blocks /= 2
					}
				})
			}
			for range recordStep + 1 {
				must(t, step(2))
			}
			if s.replays != 1 {
				t.Fatalf("%d replays", s.replays)
			}
			s.done, s.unplayed, room = nil, c.unplayed, 2
			must(t, step(c.last))
			last := fmt.Sprintf("first %d of 1", c.last)
			want := []string{"first 0 of 1", last, "second 1 of 2", last}
			got := slices.DeleteFunc(s.done, func(done string) bool {
				return strings.HasPrefix(done, "launch")
			})
			if !slices.Equal(got, want) {
				t.Errorf("the device does %q, not %q", got, want)
			}
			if s.unplayed, s.replays = nil, 0; blocks != 2 {
				t.Errorf("the launch has %d blocks", blocks)
			}
			for range recordStep + 1 {
				must(t, step(2))
			}
			if s.replays != c.replays {
				t.Errorf("%d replays of later steps, want %d", s.replays, c.replays)
			}
		})
	}
	// If the second attempt fails too, its error is the step's. An interrupted step is not done again.
	for _, stopped := range []error{nil, errors.New("stopped")} {
		d, s, _ := scripted()
		must(t, stepsOf(d, 10, same))
		s.fail = func(c driver.Call) error {
			if c.Kernel == secondKernel {
				return driver.ErrCooperative
			}
			return nil
		}
		attempts := 0
		err := d.repeated(func() error { return d.Launch(launchOf(firstKernel, 7)) }, func() error {
			attempts++
			return errors.Join(d.Launch(launchOf(secondKernel, 0)), stopped)
		})
		if stopped == nil && (attempts != 2 || !errors.Is(err, driver.ErrCooperative)) ||
			stopped != nil && (attempts != 1 || !errors.Is(err, stopped)) {
			t.Errorf("%d attempts, the error is %v", attempts, err)
		}
	}
}

// TestGraphsInterrupted: an interruption between two calls leaves none of those before it undone.
func TestGraphsInterrupted(t *testing.T) {
	d, s, _ := scripted()
	must(t, stepsOf(d, 10, same))
	s.done = nil
	stopped := errors.New("stopped")
	err := d.repeated(func() error { return d.Launch(launchOf(firstKernel, 7)) },
		func() error { return stopped })
	if !errors.Is(err, stopped) || len(s.done) != 1 {
		t.Errorf("%v after the calls %q", err, s.done)
	}
}

// TestGraphsChangeNoBit: every method has the same bits with graphs and without, alone and in a batch, with
// constant and with falling step sizes, and with each kind of ensemble.
func TestGraphsChangeNoBit(t *testing.T) {
	space := sensing.Sym{N: 6}
	completion, err := sensing.NewCompletion(space, 18, 3)
	must(t, err)
	rankOne, err := sensing.NewRankOne(space, 40, 3)
	must(t, err)
	rows := backendtest.Ensembles(t, 6, 40)["gaussian-f32"]
	falling := func(m solver.Method, scaled func(f float64) solver.Method) solver.Method {
		return solver.Decaying{Method: m, Decay: solver.PowerDecay{Power: 0.5, Rate: 0.1}, Scaled: scaled}
	}
	draws := solver.MiniBatches{Size: 9, Seed: 1}
	methods := map[string]solver.Method{
		"gd": solver.GD{StepSize: 0.1},
		"gd, falling": falling(solver.GD{StepSize: 0.1},
			func(f float64) solver.Method { return solver.GD{StepSize: 0.1 * f} }),
		"momentum": solver.Momentum{StepSize: 0.1, Momentum: 0.5},
		"momentum, falling": falling(solver.Momentum{StepSize: 0.1, Momentum: 0.5},
			func(f float64) solver.Method { return solver.Momentum{StepSize: 0.1 * f, Momentum: 0.5} }),
		"nesterov":         solver.Nesterov{StepSize: 0.1, Momentum: 0.5},
		"polyak-gd":        solver.PolyakGD{StepSize: 0.5},
		"scaled-gd":        solver.ScaledGD{StepSize: 0.1},
		"scaled-gd-lambda": solver.ScaledGDLambda{StepSize: 0.1, Lambda: 0.1},
		"prec-gd":          solver.PrecGD{StepSize: 0.1},
		"rgd":              solver.RGD{StepSize: 0.2},
		"sgd":              solver.SGD{StepSize: 0.1, Batch: draws},
		"label-noise-gd":   solver.LabelNoiseGD{StepSize: 0.1, Noise: 0.3, Seed: 3},
		"zeroth-order":     solver.ZerothOrder{StepSize: 0.05, Directions: 3, Radius: 0.1, Seed: 4},
		"rgda":             solver.RGDA{StepSize: 0.2, AdversaryStep: 0.2, Weight: 1.5, Radius: 10},
		"gd, after a while": falling(solver.GD{StepSize: 0.1},
			func(f float64) solver.Method { return solver.GD{StepSize: max(0.1*f, 0.08)} }),
	}
	total := 0
	batched := map[string]bool{"gd": true, "momentum, falling": true, "scaled-gd": true}
	for ensembleName, c := range map[string]struct {
		sensing.Ensemble
		solver.Storage
		solver.Precision
	}{
		"rows":            {rows, solver.Memory, solver.F64},
		"rows, generated": {rows, solver.Generated, solver.F32},
		"rows, mixed":     {rows, solver.Memory, solver.Mixed},
		"completion":      {completion, solver.Memory, solver.F64},
		"rank-one":        {rankOne, solver.Memory, solver.F64},
	} {
		truth, err := sensing.NewTruth(6, 2, 2, 1)
		must(t, err)
		p := &sensing.Problem{Ensemble: c.Ensemble, Truth: truth, Noise: 0.1, NoiseSeed: 5}
		for name, method := range methods {
			for _, members := range []int{1, 3} {
				if ensembleName != "rows" && (members > 1 || !strings.HasPrefix(name, "gd")) ||
					members > 1 && !batched[name] {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%d", ensembleName, name, members), func(t *testing.T) {
					end := func(graphs bool) (factors [3]solver.Factor, replays int) {
						b := emulated(t, emulator.Config{}, c.Storage, c.Precision)
						b.noGraphs = !graphs
						counted := countReplays(&b)
						var jobs []solver.Job
						for i := range members {
							jobs = append(jobs, solver.Job{Method: method, Settings: solver.Settings{
								Start:      solver.Random{Alpha: 0.5, Seed: uint64(i)},
								FactorRank: 2 + i, Iterations: 16 - 3*i, MeasureEvery: 4,
							}})
						}
						must(t, solver.SolveAll(context.Background(), p, b, members, jobs,
							func(job int, r *solver.Result, err error) {
								must(t, err)
								factors[job] = r.Factor
							}))
						return factors, counted.replays
					}
					want, without := end(false)
					got, replays := end(true)
					for job := range members {
						if !mat.Equal(got[job][0], want[job][0]) {
							t.Errorf("run %d ends at\n%v\nnot at\n%v", job, mat.Formatted(got[job][0]),
								mat.Formatted(want[job][0]))
						}
					}
					if without != 0 {
						t.Errorf("%d replays without graphs", without)
					}
					total += replays
				})
			}
		}
	}
	// How many there are of each method depends on the time that steps take.
	if total < 20 {
		t.Errorf("%d replays in all: the test shows nothing", total)
	}
}

// replayCounter counts replays.
type replayCounter struct {
	driver.GraphDevice
	replays int
}

func (c *replayCounter) Replay(g driver.Graph) error {
	c.replays++
	return c.GraphDevice.Replay(g)
}

// countReplays counts the replays on a backend's device.
func countReplays(b *Backend) *replayCounter {
	c, connect := &replayCounter{}, b.Connect
	b.Connect = func() (driver.Device, error) {
		d, err := connect()
		if err == nil {
			c.GraphDevice = d.(driver.GraphDevice)
		}
		return c, err
	}
	return c
}

// openFor opens an engine on measurements, with members of rank 2 that have random iterates, and returns it
// and the numbers of the members.
func openFor(t *testing.T, b Backend, e sensing.Ensemble, members int) (_ solver.Engine, all []int) {
	t.Helper()
	n, _ := e.Space().Dims()
	truth, err := sensing.NewTruth(n, 2, 2, 1)
	must(t, err)
	ranks := slices.Repeat([]int{2}, members)
	engine, err := b.Open(context.Background(), &sensing.Problem{Ensemble: e, Truth: truth},
		solver.Batch{Parametrization: parametrizationOf(e.Space()), FactorRanks: ranks})
	must(t, err)
	for i := range members {
		all = append(all, i)
		must(t, engine.Set(i, solver.Iterate, factorOf(t, e.Space(), 2, uint64(i))))
	}
	return engine, all
}

// afterReplays is a context that is done when it was asked so often after so many replays.
type afterReplays struct {
	context.Context
	counted        *replayCounter
	replays, asked int
}

func (c *afterReplays) Err() error {
	if c.counted.replays < c.replays {
		return nil
	}
	if c.asked--; c.asked >= 0 {
		return nil
	}
	return context.Canceled
}

// TestGraphsResume: a run that is interrupted between any two calls of a graph keeps a state that leads to
// the bits of a run without an interruption and without graphs.
func TestGraphsResume(t *testing.T) {
	const never = 1000
	p := problem(t, 5, 40)
	run := func(
		graphs bool, replays, asked int, resume *solver.State,
	) (r *solver.Result, kept *solver.State) {
		b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
		b.noGraphs = !graphs
		ctx := &afterReplays{context.Background(), countReplays(&b), replays, asked}
		r, err := solver.Solve(ctx, p, b, solver.Momentum{StepSize: 0.1, Momentum: 0.5}, solver.Settings{
			Start: solver.Random{Alpha: 0.5, Seed: 1}, FactorRank: 2, Iterations: 14, MeasureEvery: 14,
			Resume: resume, Keep: func(s solver.State) error { kept = &s; return nil },
		})
		must(t, err)
		return r, kept
	}
	want, _ := run(false, never, 0, nil)
	for asked := range 8 { // more often than in a step
		_, kept := run(true, 2, asked, nil)
		if kept == nil || kept.Iteration < 5 || kept.Iteration > 12 {
			t.Fatalf("interrupted after two replays, when asked %d times: the state is %+v", asked, kept)
		}
		if got, _ := run(true, never, 0, kept); !mat.Equal(got.Factor[0], want.Factor[0]) {
			t.Errorf("interrupted when asked %d times, after %d steps: the resumed run has other bits",
				asked, kept.Iteration)
		}
	}
}

// TestRoomTaken: another process takes multiprocessors while steps are replayed, so that a cooperative launch
// that has waited for its graph has no room. The run goes on to the bits of a run without graphs on a device
// that has room for all blocks, the user is told, and later steps are replayed again.
func TestRoomTaken(t *testing.T) {
	rows := backendtest.Ensembles(t, 8, 61)["gaussian-f32"]
	twoSlabs := backendtest.Ensembles(t, 91, 20)["gaussian-f32"]
	draw := func(e solver.Engine) error { // of all measurements, with shifts
		return e.(solver.DrawEngine).DrawGradient(0, solver.Draw{Shift: solver.VectorSlot})
	}
	for _, c := range []struct {
		name      string
		ensemble  sensing.Ensemble
		precision solver.Precision
		members   int
		cards     int
		crowd     int
		gradient  func(e solver.Engine) error
		notice    string
	}{
		{"fewer groups", rows, solver.F64, 1, 1, 5, nil, "has room for 4 of 8 groups"},
		{"three steps", twoSlabs, solver.F64, 1, 1, 1, nil, "contract is done in three steps"},
		{"contract_tensor", rows, solver.F64, 3, 1, 3, nil, "without tensor cores"},
		{"contract_batch", rows, solver.F32, 3, 1, 3, nil, "batch is done in three steps"},
		{"mixed", rows, solver.Mixed, 2, 1, 3, nil, "batch is done in three steps"},
		{"draws", rows, solver.F64, 1, 1, 5, draw, "has room for 4 of 8 groups"},
		{"two devices", rows, solver.F64, 1, 2, 1, nil, "has room for 1 of 4 groups"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const before, after = recordStep + 2, recordStep + 2
			run := func(graphs bool) (factors []solver.Factor, notices []string, replays int) {
				b := emulated(t, emulator.Config{}, solver.Memory, c.precision)
				b.noGraphs = !graphs
				b.Notice = func(text string) { notices = append(notices, text) }
				b = onCards(t, b, c.cards, emulator.Config{})
				var devices []*emulator.Device
				connect := func() (driver.Device, error) {
					d := emulator.New(emulator.Config{})
					devices = append(devices, d)
					return d, nil
				}
				b.Connect = connect
				for i := range b.Others {
					b.Others[i].Connect = connect
				}
				counted := countReplays(&b)
				truth, err := sensing.NewTruth(spaceSide(c.ensemble), 2, 2, 1)
				must(t, err)
				needs := solver.Needs{Gradient: true}
				if c.gradient != nil {
					needs = solver.Needs{Draws: true, Vectors: 1}
				}
				e, err := b.Open(context.Background(), &sensing.Problem{Ensemble: c.ensemble, Truth: truth},
					solver.Batch{
						Parametrization: solver.PSD{}, Needs: needs,
						FactorRanks: slices.Repeat([]int{2}, c.members),
					})
				must(t, err)
				var all []int
				for member := range c.members {
					must(t, e.Set(member, solver.Iterate,
						factorOf(t, c.ensemble.Space(), 2, uint64(member))))
					all = append(all, member)
				}
				for step := range before + after {
					if step == before {
						if replays = counted.replays; graphs && replays == 0 {
							t.Error("no step is replayed before the room is taken")
						}
						if graphs {
							devices[len(devices)-1].Crowd(c.crowd)
						}
					}
					if c.gradient != nil {
						must(t, c.gradient(e))
					} else {
						must(t, e.Gradient(all...))
					}
					for _, member := range all {
						must(t, e.Combine(member, solver.Iterate, 1, solver.Iterate, -1e-3, solver.Gradient))
					}
				}
				for member := range c.members {
					u := factorOf(t, c.ensemble.Space(), 2, 0)
					must(t, e.Get(member, solver.Iterate, u))
					factors = append(factors, u)
				}
				must(t, e.Close())
				return factors, notices, counted.replays - replays
			}
			want, _, _ := run(false)
			got, notices, replays := run(true)
			for member := range want {
				if !mat.Equal(got[member][0], want[member][0]) { // or NaN, which shows nothing
					t.Errorf("member %d has other bits", member)
				}
			}
			if !strings.Contains(strings.Join(notices, "\n"), c.notice) {
				t.Errorf("the notices are %q, want %q", notices, c.notice)
			}
			if replays < 2 {
				t.Errorf("%d calls of Replay after the room was taken", replays)
			}
		})
	}
}

// spaceSide is n of an ensemble of n × n matrices.
func spaceSide(e sensing.Ensemble) int {
	n, _ := e.Space().Dims()
	return n
}
