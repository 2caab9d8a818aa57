package serve_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/serve"
	"github.com/matsense/matsense/solver"
)

// BenchmarkValueAndGrad compares value_and_grad of a server process, through pipes and with arrays in shared
// memory, with its engine. inside-µs is the time that the server's engine takes for the same gradients:
// over-µs is what served-µs exceeds 1.1 times that by, and 100 is the limit. The engine of this process takes
// turns with the server. It is as fast, unless the machine is busy or the system gives huge pages to the rows
// of one of the two alone. All numbers are medians.
func BenchmarkValueAndGrad(b *testing.B) {
	for _, n := range []int{20, 60, 100, 200} {
		b.Run(fmt.Sprint("n=", n), func(b *testing.B) {
			settings := object{"n": n, "rank": 5, "measurements": 50 * n, "device": "cpu",
				"storage": "memory"}
			inside := timesFile(b)
			c := launch(b, timesIn+"="+inside.path)
			number := c.open(settings)
			memory := c.share(2 * n * n)
			c.ask("start", object{"problem": number, "settings": object{"alpha": 0.1},
				"out": []object{memory.at(0, n, n)}})
			text, err := json.Marshal(object{"id": 1, "call": "value_and_grad", "problem": number,
				"factor": [][]object{{memory.at(0, n, n)}}, "grad": [][]object{{memory.at(n*n, n, n)}}})
			if err != nil {
				b.Fatal(err)
			}
			request := string(text)
			e := engineOf(b, n)
			f, g := solver.NewFactor([]solver.Shape{{Rows: n, Cols: n}}), solver.NewFactor([]solver.Shape{{
				Rows: n, Cols: n}})
			copy(f[0].RawMatrix().Data, memory.data)
			var served, direct, within []float64
			var loss [1]float64
			for b.Loop() {
				began := time.Now()
				c.line(request)
				served = append(served, time.Since(began).Seconds())
				within = append(within, inside.seconds[0])
				began = time.Now()
				for _, err := range []error{e.Set(0, solver.Iterate, f), e.Gradient(0), e.Losses(loss[:], 0),
					e.Get(0, solver.Gradient, g)} {
					if err != nil {
						b.Fatal(err)
					}
				}
				direct = append(direct, time.Since(began).Seconds())
			}
			if !slices.Equal(memory.data[n*n:], g[0].RawMatrix().Data) {
				b.Fatal("the server's gradient is another one")
			}
			median := func(times []float64) float64 {
				slices.Sort(times)
				return 1e6 * times[len(times)/2]
			}
			s, i := median(served), median(within)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(direct), "engine-µs")
			b.ReportMetric(i, "inside-µs")
			b.ReportMetric(s, "served-µs")
			b.ReportMetric(s-1.1*i, "over-µs")
		})
	}
}

// times are the seconds that an engine in another process has spent since its iterate was set.
type times struct {
	path    string
	seconds []float64
}

// timesIn names the variable with the file to which a server of the test binary writes times.
const timesIn = "MATSENSE_TEST_TIMES"

// timesFile makes a file for times and maps it.
func timesFile(t testing.TB) times {
	t.Helper()
	path := filepath.Join(t.TempDir(), "times")
	if err := os.WriteFile(path, make([]byte, 8), 0o644); err != nil {
		t.Fatal(err)
	}
	mapped, err := serve.MapFile(path, 8)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = serve.Unmap(mapped) })
	return times{path, unsafe.Slice((*float64)(unsafe.Pointer(unsafe.SliceData(mapped))), 1)}
}

// timedBackend opens engines that write their times to a mapped file.
type timedBackend struct {
	solver.Backend
	seconds []float64
}

func (b timedBackend) Open(
	ctx context.Context, p *sensing.Problem, batch solver.Batch,
) (solver.Engine, error) {
	e, err := b.Backend.Open(ctx, p, batch)
	return &timedEngine{Engine: e, seconds: b.seconds}, err
}

// timedHost makes backends whose engines write their times to a file.
func timedHost(
	path string, backend func(experiment.Place) (solver.Backend, error),
) func(experiment.Place) (solver.Backend, error) {
	mapped, err := serve.MapFile(path, 8) // until the process ends
	if err != nil {
		panic(err)
	}
	seconds := unsafe.Slice((*float64)(unsafe.Pointer(unsafe.SliceData(mapped))), 1)
	return func(p experiment.Place) (solver.Backend, error) {
		b, err := backend(p)
		return timedBackend{b, seconds}, err
	}
}

// timedEngine adds up the time of the operations that a gradient takes.
type timedEngine struct {
	solver.Engine
	seconds []float64
}

func (e *timedEngine) Set(member int, slot solver.Slot, f solver.Factor) error {
	e.seconds[0] = 0
	return e.timed(func() error { return e.Engine.Set(member, slot, f) })
}

func (e *timedEngine) Gradient(members ...int) error {
	return e.timed(func() error { return e.Engine.Gradient(members...) })
}

func (e *timedEngine) Losses(dst []float64, members ...int) error {
	return e.timed(func() error { return e.Engine.Losses(dst, members...) })
}

func (e *timedEngine) Get(member int, slot solver.Slot, f solver.Factor) error {
	return e.timed(func() error { return e.Engine.Get(member, slot, f) })
}

func (e *timedEngine) timed(work func() error) error {
	began := time.Now()
	err := work()
	e.seconds[0] += time.Since(began).Seconds()
	return err
}

// launch starts a server in a process of its own, with more variables of the environment.
func launch(t testing.TB, variables ...string) *client {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(append(os.Environ(), asServer+"=1"), variables...)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := command.Wait(); err != nil {
			t.Error(err)
		}
	})
	return &client{t, in, bufio.NewReader(out)}
}

// engineOf opens the benchmark's problem in this process.
func engineOf(t testing.TB, n int) solver.Engine {
	t.Helper()
	c := config.Default()
	c.N, c.Rank, c.Measurements, c.Device, c.Storage = n, 5, 50*n, "cpu", "memory"
	plan, err := experiment.PlanProblem(c, 1, server().Host)
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Engine.Close() })
	return p.Engine
}
