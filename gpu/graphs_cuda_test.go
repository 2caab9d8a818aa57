//go:build cuda

package gpu

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/gpu/cuda"
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/internal/drivertest"
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

// TestCUDAGraphsWithCopies: steps that copy between host and device have the same bits with graphs and
// without, and the launches between two copies are replayed. Under the driver for the CPU, cooperative
// launches are then refused, also those of graphs: the next steps have the same bits, too.
func TestCUDAGraphsWithCopies(t *testing.T) {
	const steps = recordStep + 4
	ensemble := backendtest.Ensembles(t, 13, 151)["gaussian-f32"]
	for _, c := range []struct {
		name      string
		precision solver.Precision
		draw      *solver.Draw
	}{
		{"mixed", solver.Mixed, nil},
		{"mini-batches", solver.F64, &solver.Draw{Rows: []int{0, 7, 7, 30, 31, 149}}},
		{"shifts", solver.F64, &solver.Draw{Shift: solver.VectorSlot}},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := func(graphs, refuse bool) (factor solver.Factor, replays int, notices []string) {
				b := onGPU(t, solver.Memory, c.precision, guarded)
				b.noGraphs = !graphs
				b.Notice = func(text string) { notices = append(notices, text) }
				counted := countReplays(&b)
				truth, err := sensing.NewTruth(13, 2, 2, 1)
				must(t, err)
				batch := solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{2}}
				if batch.Needs.Gradient = true; c.draw != nil {
					batch.Needs = solver.Needs{Draws: true, Vectors: 1}
				}
				e, err := b.Open(context.Background(), &sensing.Problem{Ensemble: ensemble, Truth: truth},
					batch)
				must(t, err)
				must(t, e.Set(0, solver.Iterate, factorOf(t, ensemble.Space(), 2, 0)))
				for i := range steps {
					if refuse && i == steps-2 {
						t.Setenv("CPUDRIVER_COOPERATIVE", "720")
						defer t.Setenv("CPUDRIVER_COOPERATIVE", "0")
					}
					if c.draw != nil {
						must(t, e.(solver.DrawEngine).DrawGradient(0, *c.draw))
					} else {
						must(t, e.Gradient(0))
					}
					must(t, e.Combine(0, solver.Iterate, 1, solver.Iterate, -0.01, solver.Gradient))
				}
				factor = factorOf(t, ensemble.Space(), 2, 0)
				must(t, e.Get(0, solver.Iterate, factor))
				must(t, e.Close())
				return factor, counted.replays, notices
			}
			want, _, _ := run(false, false)
			got, replays, notices := run(true, false)
			if !mat.Equal(got[0], want[0]) {
				t.Error("other bits with graphs")
			}
			if least := steps - 1 - recordStep; replays < least || len(notices) > 0 {
				t.Errorf("%d replays, want at least %d; the notices are %q", replays, least, notices)
			}
			if !interpreted(onGPU(t, solver.Memory, c.precision, guarded)) {
				return
			}
			got, _, notices = run(true, true)
			if !mat.Equal(got[0], want[0]) {
				t.Error("other bits after cooperative launches were refused")
			}
			cooperative := c.draw == nil || c.draw.Rows == nil
			if told := strings.Contains(strings.Join(notices, ""), "in three steps"); told != cooperative {
				t.Errorf("the notices are %q", notices)
			}
		})
	}
}

// TestCUDASeveralDevices: steps on one, two and three devices have the same bits, in f64 and in mixed
// arithmetic, with the graphs of each device, with copies from device to device and without. The driver for
// the CPU has as many devices; a machine with fewer GPUs skips.
func TestCUDASeveralDevices(t *testing.T) {
	t.Setenv("CPUDRIVER_DEVICES", "3")
	gpus, err := cuda.Devices()
	if err != nil || len(gpus) < 3 {
		t.Skipf("needs three GPUs: %v", err)
	}
	ensemble := backendtest.Ensembles(t, 13, 61)["gaussian-f32"]
	for _, precision := range []solver.Precision{solver.F64, solver.Mixed} {
		t.Run(string(precision), func(t *testing.T) {
			run := func(count int) (_ solver.Factor, notices []string) {
				b := onGPU(t, solver.Memory, precision, guarded)
				b.Notice = func(text string) { notices = append(notices, text) }
				for _, g := range gpus[1:count] {
					b.Others = append(b.Others, Card{g, func() (driver.Device, error) {
						d, err := cuda.Open(g.Index)
						return drivertest.Guard(t, d), err
					}})
				}
				e, _ := openFor(t, b, ensemble, 1)
				for range recordStep + 3 {
					must(t, e.Gradient(0))
					must(t, e.Combine(0, solver.Iterate, 1, solver.Iterate, -0.01, solver.Gradient))
				}
				factor := factorOf(t, ensemble.Space(), 2, 0)
				must(t, e.Get(0, solver.Iterate, factor))
				must(t, e.Close())
				return factor, notices
			}
			want, _ := run(1)
			for _, count := range []int{2, 3} {
				got, notices := run(count)
				if !mat.Equal(got[0], want[0]) || len(notices) > 0 {
					t.Errorf("%d devices: other bits, or the notices %q", count, notices)
				}
			}
			if !interpreted(onGPU(t, solver.Memory, precision, guarded)) {
				return
			}
			t.Setenv("CPUDRIVER_PEER", "217")
			got, notices := run(2)
			if told := strings.Join(notices, ""); !strings.Contains(told, "through the host") {
				t.Errorf("without copies between devices the notices are %q", notices)
			}
			if t.Setenv("CPUDRIVER_PEER", "0"); !mat.Equal(got[0], want[0]) {
				t.Error("copies through the host give other bits")
			}
		})
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
