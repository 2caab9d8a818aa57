package serve_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// BenchmarkValueAndGrad compares value_and_grad of a server process, through pipes and with arrays in shared
// memory, with its engine. inside-µs is the time that the server's engine takes for the same gradients, as
// the answer tells it: over-µs is what served-µs exceeds 1.1 times that by, and 100 is the limit. The engine
// of this process takes turns with the server. It is as fast, unless the machine is busy or the system gives
// huge pages to the rows of one of the two alone. All numbers are medians.
func BenchmarkValueAndGrad(b *testing.B) {
	for _, n := range []int{20, 60, 100, 200} {
		b.Run(fmt.Sprint("n=", n), func(b *testing.B) {
			settings := object{"n": n, "rank": 5, "measurements": 50 * n, "device": "cpu",
				"storage": "memory"}
			c := launch(b)
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
				text := c.line(request)
				served = append(served, time.Since(began).Seconds())
				var answer struct{ Seconds float64 }
				if err := json.Unmarshal([]byte(text), &answer); err != nil {
					b.Fatal(err)
				}
				within = append(within, answer.Seconds)
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

// launch starts a server in a process of its own.
func launch(t testing.TB) *client {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), asServer+"=1")
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
