//go:build cuda

package gpu

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// The benchmarks time the device with its own clock. Each measures once, whatever -test.benchtime says, and
// repeats its operation itself, so that a problem's data are made once:
//
//	gpu.test -test.run '^$' -test.bench '^BenchmarkCUDA$' -test.benchtime 1x -cuda.n 200
//
// A process should have large problems of one size only, because all of its memory is free only when it ends.
// The flags:
var (
	benchN        = flag.String("cuda.n", "200,1000", "benchmark matrices of these sides n")
	benchM        = flag.Int("cuda.m", 10_000, "benchmark with so many measurements")
	benchEnsemble = flag.String("cuda.ensemble", "rows", "benchmark rows, completion, rank-one or pauli")
	benchSizes    = flag.String("cuda.sizes", "20000:1000000:10",
		"benchmark completion, rank-one or pauli at these sizes n:m:r, instead of cuda.n and cuda.m")
	benchTiny     = flag.Bool("cuda.tiny", false, "benchmark parts at tiny sizes")
	benchBatches  = flag.String("cuda.batches", "1,8,32", "benchmark batches of so many members")
	benchStorages = flag.String("cuda.storages", "memory,generated",
		"benchmark rows that are stored like this")
	benchRepetitions = flag.Int("cuda.repetitions", 20, "repeat an operation so often, at least three times")
	benchSeconds     = flag.Float64("cuda.seconds", 0.25, "but begin no repetition after so many seconds")
	benchUntil       = flag.Duration("cuda.until", time.Hour,
		"begin no benchmark when so much time has passed")
	benchCopy = flag.Int64("cuda.copy", 1<<30, "bytes of the copy from device to device")
)

// BenchmarkCUDA times, for every batch, arithmetic, storage and entry format, one call of contract with the
// sum of its chunks, and one whole step of gradient descent with n × n factors. Of rows in memory, and of
// batches, it times contract in its three steps too, and without tensor cores if it takes them, and of
// batches of up to 8 members the small form of contract_batch. In mixed precision contract is that of a
// difference from an anchor. Times are medians, with the least and the greatest. The floors of
// docs/kernels.md stand beside them, of memory with the measured rate of a copy.
//
// The rate of a copy from device to device, in bytes read and written, is measured just before: whatever
// reads rows from memory cannot be faster. GB/s are the bytes of all rows, counted once for the whole batch,
// divided by the time.
//
// The most telling benchmarks come first, because the time may not suffice for all.
func BenchmarkCUDA(b *testing.B) {
	began := time.Now()
	if *benchEnsemble != "rows" {
		benchmarkEnsemble(b, began)
		return
	}
	for _, n := range numbers(b, *benchN) {
		for _, members := range numbers(b, *benchBatches) {
			for _, storage := range strings.Split(*benchStorages, ",") {
				for _, precision := range []solver.Precision{solver.F64, solver.Mixed, solver.F32} {
					for _, entries := range []sensing.Entries{sensing.F64, sensing.F32, sensing.BF16,
						sensing.Q8, sensing.Signs} {
						c := benchCase{n, *benchM, members, entries, precision, solver.Storage(storage)}
						if c.worthwhile() {
							b.Run(c.String(), func(b *testing.B) { c.run(b, began) })
						}
					}
				}
			}
		}
	}
}

// numbers reads a list of positive whole numbers.
func numbers(b *testing.B, list string) []int {
	var all []int
	for _, text := range strings.Split(list, ",") {
		v, err := strconv.Atoi(text)
		if err != nil || v < 1 {
			b.Fatalf("%q is not a list of positive whole numbers", list)
		}
		all = append(all, v)
	}
	return all
}

// benchCase says what one engine is opened for.
type benchCase struct {
	n, m, members int
	entries       sensing.Entries
	precision     solver.Precision
	storage       solver.Storage
}

// String returns the benchmark's name.
func (c benchCase) String() string {
	return fmt.Sprintf("n=%d/m=%d/%s/%s/%s/batch=%d", c.n, c.m, c.entries, c.precision, c.storage, c.members)
}

// worthwhile says whether anybody would generate the rows: of q8 and signs, or in f64 for lack of memory, and
// there f32 rows alone for a batch. Of
// batches in f32 arithmetic mixed precision has the same contractions.
func (c benchCase) worthwhile() bool {
	if c.precision == solver.F32 && c.members > 1 {
		return false
	}
	return c.storage != solver.Generated || c.entries == sensing.Q8 || c.entries == sensing.Signs ||
		c.precision == solver.F64 && (c.members == 1 || c.entries == sensing.F32)
}

func (c benchCase) run(b *testing.B, began time.Time) {
	if time.Since(began) > *benchUntil {
		b.Skip("out of time")
	}
	backend := onGPU(b, c.storage, c.precision, unguarded)
	problem, batch := c.problem(b)
	e, all := openBench(b, backend, problem, batch)
	defer e.Close()
	r := rates{info: backend.Info, copied: copyRate(b, e.device)}
	var o *rowOperator
	var contract func(int) error
	switch mixed := e.operator.(type) {
	case *mixedOperator:
		o = mixed.turn(mixed.single)
		contract = func(int) error {
			_, err := o.contractChunks(o.zeros, c.members)
			return err
		}
	default:
		o = rowsOf(e)
		contract = func(int) error { return o.contractAll(e.y, c.members) }
	}

	b.Run("contract", func(b *testing.B) {
		seconds := repeat(b, e.device, contract)
		b.ReportMetric(r.copied/1e9, "copy-GB/s")
		if o.inMemory {
			bytes := float64(o.m) * float64(o.stride)
			b.ReportMetric(bytes/seconds/1e9, "GB/s")
		}
		reportFloors(b, c.floors(o, r))
	})
	if groups := o.tensorGroups; groups[0] > 0 {
		if groups[wideForm] > 0 {
			o.tensorGroups[wideForm] = 0
			b.Run("eight-members-a-launch", func(b *testing.B) {
				repeat(b, e.device, contract)
				reportFloors(b, c.floors(o, r))
			})
		}
		o.tensorGroups = [2]int{}
		b.Run("without-tensor-cores", func(b *testing.B) {
			repeat(b, e.device, contract)
			reportFloors(b, c.floors(o, r))
		})
		o.tensorGroups = groups
	}
	if o.batchGroups > 0 && c.members <= kernels.BatchMembers && o.hasSmall() && !o.small() {
		b.Run("small-form", func(b *testing.B) { c.runSmall(b, o, r, contract) })
	}
	if o.inMemory && c.members == 1 && o.groups > 0 || c.members > 1 && o.batchGroups > 0 {
		groups, batchGroups, tensorGroups := o.groups, o.batchGroups, o.tensorGroups
		o.groups, o.batchGroups, o.tensorGroups = 0, 0, [2]int{}
		b.Run("three-steps", func(b *testing.B) {
			repeat(b, e.device, contract)
			reportFloors(b, c.floors(o, r))
		})
		o.groups, o.batchGroups, o.tensorGroups = groups, batchGroups, tensorGroups
	}
	b.Run("step", func(b *testing.B) {
		timeSteps(b, e, all)
		if mixed, is := e.operator.(*mixedOperator); is {
			renewals := 0
			for _, i := range all {
				renewals += map[bool]int{true: 1}[mixed.renewed(i)]
			}
			b.ReportMetric(float64(renewals), "renewals")
		}
		reportFloors(b, c.floors(o, r))
	})
}

// runSmall times a contraction with the small form of contract_batch, that of cards of 100 KB of shared
// memory, on a device that takes the other form. It needs less memory.
func (c benchCase) runSmall(b *testing.B, o *rowOperator, r rates, contract func(int) error) {
	tensorGroups := o.tensorGroups
	o.asSmall, o.tensorGroups = true, [2]int{}
	name := o.batcher()
	k, err := o.Load(name, kernels.Get(name).Text)
	check(b, err)
	o.device.kernels[name] = k
	check(b, o.countGroupsOf(o.onBatch()))
	repeat(b, o.device, contract)
	reportFloors(b, c.floors(o, r))
	o.asSmall, o.tensorGroups = false, tensorGroups
	check(b, o.countGroupsOf(o.onBatch()))
}

// floors returns the floors of a contraction by the kernel that the operator takes now: in one launch for all
// members, or for each eight or sixteen of them, or in three steps.
func (c benchCase) floors(o *rowOperator, r rates) map[string]float64 {
	if c.members == 1 {
		if o.groups == 0 {
			return r.floors(stepAmounts(&o.rowLayout))
		}
		return r.floors(contractAmounts(&o.rowLayout))
	}
	if r.info.Clock <= 0 {
		return nil
	}
	l := o.rowLayout
	l.info.Bandwidth = r.copied
	f, steps := l.batchFloors()
	switch {
	case o.tensorGroups[0] > 0:
		f = l.tensorFloorOf(o.tensorGroups[wideForm] > 0)
	case o.batchGroups == 0:
		f = steps
	}
	return map[string]float64{"memory": f.memory, "computing": f.computing}
}

// reportFloors reports floors in nanoseconds.
func reportFloors(b *testing.B, floors map[string]float64) {
	for name, seconds := range floors {
		b.ReportMetric(1e9*seconds, name+"-floor-ns")
	}
}

// openBench opens an engine, or skips the benchmark if the device has too little memory. All members have
// a random iterate, and took one gradient. It returns the engine and the numbers of the members.
func openBench(
	b *testing.B, backend Backend, problem *sensing.Problem, batch solver.Batch,
) (e *engine, all []int) {
	need, err := backend.Memory(problem, batch)
	check(b, err)
	if free := float64(backend.Info.Free - 2*(*benchCopy)); need > 0.95*free {
		b.Skipf("%.3g GB are needed, and %.3g GB are free", need/1e9, free/1e9)
	}
	opened, err := backend.Open(context.Background(), problem, batch)
	check(b, err)
	e = opened.(*engine)
	for i, r := range batch.FactorRanks {
		shapes, err := e.par.Shapes(e.ensemble.Space(), r)
		check(b, err)
		start, err := solver.Random{Alpha: 1e-3, Seed: 1}.Factor(shapes, nil)
		check(b, err)
		check(b, e.Set(i, solver.Iterate, start))
		all = append(all, i)
	}
	check(b, e.Gradient(all...))
	return e, all
}

// timeSteps times steps of gradient descent of all members.
func timeSteps(b *testing.B, e *engine, all []int) {
	seconds := repeat(b, e.device, func(int) error {
		if err := e.Gradient(all...); err != nil {
			return err
		}
		for _, member := range all {
			if err := descend(e, member, 1e-9); err != nil { // so near that mixed precision keeps its anchors
				return err
			}
		}
		return nil
	})
	b.ReportMetric(seconds*1e9/float64(len(all)), "ns/member")
}

// problem makes a problem with a truth of rank 5, and a batch of n × n factors.
func (c benchCase) problem(b *testing.B) (*sensing.Problem, solver.Batch) {
	space := sensing.Sym{N: c.n}
	ensemble, err := sensing.NewGaussian(space, c.m, c.entries, 1)
	if c.entries == sensing.Signs {
		ensemble, err = sensing.NewRademacher(space, c.m, 1)
	}
	check(b, err)
	truth, err := sensing.NewTruth(c.n, min(5, c.n), 1, 1)
	check(b, err)
	batch := solver.Batch{Parametrization: solver.PSD{}}
	for range c.members {
		batch.FactorRanks = append(batch.FactorRanks, c.n)
	}
	return &sensing.Problem{Ensemble: ensemble, Truth: truth}, batch
}

// repeat does an operation many times, reports the median of its times as ns/op, and returns the median in
// seconds.
func repeat(b *testing.B, d driver.Device, do func(i int) error) float64 {
	const warmUp, least = 3, 3
	for i := range warmUp {
		check(b, do(i))
	}
	check(b, d.Wait())
	var times []time.Duration
	for began := time.Now(); len(times) < *benchRepetitions; {
		if len(times) >= least && time.Since(began).Seconds() > *benchSeconds {
			break
		}
		times = append(times, timed(b, d, func() error { return do(warmUp + len(times)) }))
	}
	slices.Sort(times)
	median := (times[(len(times)-1)/2] + times[len(times)/2]) / 2
	b.ReportMetric(float64(median), "ns/op")
	b.ReportMetric(float64(times[0]), "min-ns")
	b.ReportMetric(float64(times[len(times)-1]), "max-ns")
	b.ReportMetric(float64(len(times)), "repetitions")
	return median.Seconds()
}

// timed returns the device's time for the operations of do.
func timed(b *testing.B, d driver.Device, do func() error) time.Duration {
	from, err := d.Mark()
	check(b, err)
	check(b, do())
	to, err := d.Mark()
	check(b, err)
	t, err := d.Elapsed(from, to)
	check(b, err)
	return t
}

// launchTimeOf returns the seconds of a launch that does almost nothing, after others.
func launchTimeOf(b *testing.B, e *engine) float64 {
	const launches = 200
	var took time.Duration
	for range 2 { // the first time warms up
		took = timed(b, e.device, func() error {
			for range launches {
				if err := e.device.combine(e.y, e.y, e.y, 1, 0, 1); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return took.Seconds() / launches
}

// copyRate returns the rate of a copy between two large buffers, in bytes read and written per second: the
// best of ten.
func copyRate(b *testing.B, d driver.Device) float64 {
	size := *benchCopy
	var at [2]driver.Pointer
	for i := range at {
		p, err := d.Alloc(size)
		check(b, err)
		defer d.Free(p)
		check(b, d.Fill(p, byte(i+1), size))
		at[i] = p
	}
	best := time.Duration(1 << 62)
	for range 10 {
		best = min(best, timed(b, d, func() error { return d.Copy(at[1], at[0], size) }))
	}
	return 2 * float64(size) / best.Seconds()
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkCUDALaunch times a launch that does almost nothing: the cost of a launch to host and device.
func BenchmarkCUDALaunch(b *testing.B) {
	backend := onGPU(b, solver.Memory, solver.F64, unguarded)
	d, err := backend.Connect()
	check(b, err)
	defer d.Close()
	k, err := d.Load("combine", kernels.Get("combine").Text)
	check(b, err)
	p, err := d.Alloc(8)
	check(b, err)
	check(b, d.Fill(p, 0, 8))
	for b.Loop() {
		check(b, d.Launch(driver.Launch{Kernel: k, Grid: driver.Dim{1, 1, 1}, Block: driver.Dim{256, 1, 1},
			Args: []driver.Arg{
				driver.Ptr(p), driver.Ptr(p), driver.Ptr(p), driver.F64(1), driver.F64(0), driver.U32(1),
			}}))
	}
	check(b, d.Wait())
}
