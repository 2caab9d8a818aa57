//go:build cuda

package gpu

import (
	"fmt"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestCUDAGraphs: on the device, steps have the same bits with graphs and without, with one step size and
// with falling ones, and the driver refuses nothing.
func TestCUDAGraphs(t *testing.T) {
	const steps = 12
	for name, e := range backendtest.Ensembles(t, 13, 151) {
		if name != "gaussian-f32" && name != "rademacher" {
			continue
		}
		for _, falling := range []bool{false, true} {
			for _, members := range []int{1, 3} {
				t.Run(fmt.Sprintf("%s/falling=%v/batch=%d", name, falling, members), func(t *testing.T) {
					run := func(graphs bool) (factors []solver.Factor, replays int) {
						b := onGPU(t, solver.Memory, solver.F64, guarded)
						b.noGraphs = !graphs
						b.Notice = func(text string) { t.Error(text) }
						counted := countReplays(&b)
						engine, all := openFor(t, b, e, members)
						for i := range steps {
							must(t, engine.Gradient(all...))
							step := 0.1
							if falling {
								step /= float64(1 + i)
							}
							for _, member := range all {
								must(t, engine.Combine(member, solver.Iterate, 1, solver.Iterate, -step,
									solver.Gradient))
							}
						}
						for _, member := range all {
							u := factorOf(t, e.Space(), 2, 0)
							must(t, engine.Get(member, solver.Iterate, u))
							factors = append(factors, u)
						}
						must(t, engine.Close())
						return factors, counted.replays
					}
					want, _ := run(false)
					got, replays := run(true)
					for member := range want {
						if !mat.Equal(got[member][0], want[member][0]) {
							t.Errorf("member %d has other bits with graphs", member)
						}
					}
					least := steps - 1 - recordStep // the first step uploads lists
					if falling {
						least = steps - 1 - recordBody
					}
					if replays < least {
						t.Errorf("%d replays, want at least %d", replays, least)
					}
				})
			}
		}
	}
}

// BenchmarkCUDAGraphs times steps of one member on a problem so small that launches bound them, without and
// with graphs. A repetition has many steps, so that the host's time counts and not the wait at its end.
func BenchmarkCUDAGraphs(b *testing.B) {
	backend := onGPU(b, solver.Memory, solver.F64, unguarded)
	c, steps := benchCase{50, 2500, 1, sensing.F32, solver.F64, solver.Memory}, 200
	if interpreted(backend) {
		c.n, c.m, steps = 8, 60, 2
	}
	problem, batch := c.problem(b)
	e, all := openBench(b, backend, problem, batch)
	defer e.Close()
	for _, graphs := range []bool{false, true} {
		name := map[bool]string{false: "step-launched", true: "step-replayed"}[graphs]
		b.Run(fmt.Sprintf("%s-n%d-m%d", name, c.n, c.m), func(b *testing.B) {
			e.device.graphs.refused = !graphs
			seconds := repeat(b, e.device, func(int) error {
				for range steps {
					if err := e.Gradient(all...); err != nil {
						return err
					}
					err := e.Combine(0, solver.Iterate, 1, solver.Iterate, -0.1, solver.Gradient)
					if err != nil {
						return err
					}
				}
				return nil
			})
			b.ReportMetric(seconds*1e9/float64(steps), "ns/step")
		})
	}
}
