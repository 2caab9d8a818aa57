//go:build cuda

package gpu

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// The benchmarks time the device with its own clock. Beside the achieved rate stands that of a copy from device to
// device, bytes read and written, measured in the same run: the limit of everything that reads rows from memory.

var benchSizes = []struct{ n, m int }{{200, 10_000}, {1000, 10_000}}

// BenchmarkCUDAContract times contract and the sum of its chunks for one member.
func BenchmarkCUDAContract(b *testing.B) {
	eachBenchmark(b, func(b *testing.B, e *engine) {
		rowBytes := float64(e.m) * float64(e.stride)
		copied := copyRate(b, e)
		var total time.Duration
		for range b.N {
			total += timed(b, e, func() error { return e.contractAll(1) })
		}
		seconds := total.Seconds() / float64(b.N)
		b.ReportMetric(seconds*1e9, "ns/op")
		b.ReportMetric(copied/1e9, "copy-GB/s")
		if e.inMemory {
			b.ReportMetric(rowBytes/seconds/1e9, "GB/s")
			b.ReportMetric(rowBytes/copied*1e9, "floor-ns")
		}
	})
}

// BenchmarkCUDAStep times a whole step of gradient descent with an n × n factor.
func BenchmarkCUDAStep(b *testing.B) {
	eachBenchmark(b, func(b *testing.B, e *engine) {
		var total time.Duration
		for i := range b.N {
			total += timed(b, e, func() error { return solver.GradientDescent{StepSize: 0.1}.Step(e, 0, i) })
		}
		b.ReportMetric(float64(total.Nanoseconds())/float64(b.N), "ns/op")
	})
}

// BenchmarkCUDABatch times a step of eight members that share their rows.
func BenchmarkCUDABatch(b *testing.B) {
	const members = 8
	open(b, sensing.F32, F64, Memory, 200, 10_000, members, func(b *testing.B, e *engine) {
		all := []int{0, 1, 2, 3, 4, 5, 6, 7}
		var total time.Duration
		for i := range b.N {
			total += timed(b, e, func() error {
				if err := e.Gradient(all...); err != nil {
					return err
				}
				for _, member := range all {
					if err := (solver.GradientDescent{StepSize: 0.1}).Step(e, member, i); err != nil {
						return err
					}
				}
				return nil
			})
		}
		b.ReportMetric(float64(total.Nanoseconds())/float64(b.N), "ns/op")
		b.ReportMetric(float64(total.Nanoseconds())/float64(b.N)/members, "ns/member")
	})
}

// eachBenchmark runs a benchmark for every entry format, arithmetic, storage and size.
func eachBenchmark(b *testing.B, run func(b *testing.B, e *engine)) {
	for _, size := range benchSizes {
		for _, entries := range []sensing.Entries{sensing.F64, sensing.F32, sensing.BF16, sensing.Q8, sensing.Signs} {
			for _, precision := range []Precision{F64, F32} {
				for _, storage := range []Storage{Memory, Generated} {
					open(b, entries, precision, storage, size.n, size.m, 1, run)
				}
			}
		}
	}
}

// open runs a benchmark on an engine, warmed up.
func open(b *testing.B, entries sensing.Entries, precision Precision, storage Storage, n, m, members int, run func(b *testing.B, e *engine)) {
	name := fmt.Sprintf("%s/%s/%s/n=%d/m=%d", entries, precision, storage, n, m)
	b.Run(name, func(b *testing.B) {
		backend := onGPU(b, storage, precision, unguarded)
		space := sensing.Sym{N: n}
		ensemble, err := sensing.NewGaussian(space, m, entries, 1)
		if entries == sensing.Signs {
			ensemble, err = sensing.NewRademacher(space, m, 1)
		}
		check(b, err)
		truth, err := sensing.NewTruth(n, 5, 1, 1)
		check(b, err)
		batch := solver.Batch{Parametrization: solver.PSD{}}
		for range members {
			batch.Members = append(batch.Members, solver.Member{FactorRank: n})
		}
		problem := &sensing.Problem{Ensemble: ensemble, Truth: truth}
		bytes, err := backend.Memory(problem, batch)
		check(b, err)
		if free := float64(backend.Info.Free); bytes > 0.9*free {
			b.Skipf("%.3g GB are needed, and %.3g GB are free", bytes/1e9, free/1e9)
		}
		opened, err := backend.Open(context.Background(), problem, batch)
		check(b, err)
		defer opened.Close()
		e := opened.(*engine)
		u, err := solver.SmallRandom{Alpha: 1e-3, Seed: 1}.Factor([]solver.Shape{{Rows: n, Cols: n}}, nil)
		check(b, err)
		for i := range members {
			check(b, e.Set(i, solver.Iterate, u))
			check(b, e.Gradient(i))
		}
		for range 3 {
			check(b, e.contractAll(1))
		}
		b.ResetTimer()
		run(b, e)
	})
}

// timed returns the device's time for what do asks of it.
func timed(b *testing.B, e *engine, do func() error) time.Duration {
	from, err := e.device.Mark()
	check(b, err)
	check(b, do())
	to, err := e.device.Mark()
	check(b, err)
	t, err := e.device.Elapsed(from, to)
	check(b, err)
	return t
}

// copyRate returns the bytes a second, read and written together, of a copy between two large buffers, the best of ten.
func copyRate(b *testing.B, e *engine) float64 {
	const size = 1 << 30
	var at [2]driver.Pointer
	for i := range at {
		p, err := e.device.Alloc(size)
		check(b, err)
		check(b, e.device.Fill(p, byte(i+1), size))
		defer e.device.Free(p)
		at[i] = p
	}
	best := time.Duration(1 << 62)
	for range 10 {
		best = min(best, timed(b, e, func() error { return e.device.Copy(at[1], at[0], size) }))
	}
	return 2 * size / best.Seconds()
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkCUDALaunch times a launch that does next to nothing: what the host and the device spend on each.
func BenchmarkCUDALaunch(b *testing.B) {
	backend := onGPU(b, Memory, F64, unguarded)
	d, err := backend.Connect()
	check(b, err)
	defer d.Close()
	k, err := d.Load("combine", kernels.Get("combine").Text)
	check(b, err)
	p, err := d.Alloc(8)
	check(b, err)
	check(b, d.Fill(p, 0, 8))
	for b.Loop() {
		check(b, d.Launch(driver.Launch{Kernel: k, Grid: driver.Dim{1, 1, 1}, Block: driver.Dim{256, 1, 1}, Args: []driver.Arg{
			driver.Ptr(p), driver.Ptr(p), driver.Ptr(p), driver.F64(1), driver.F64(0), driver.U32(1),
		}}))
	}
	check(b, d.Wait())
}
