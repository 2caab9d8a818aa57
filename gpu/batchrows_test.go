package gpu

import (
	"bytes"
	"context"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestBatchReadsRowsOnce: nine members take two launches, each of which loads every row once, whatever the
// device, and they get the bits of the three steps.
func TestBatchReadsRowsOnce(t *testing.T) {
	const n, m, members = 15, 43, 9 // K = 120: one slab
	for name, ensemble := range backendtest.Ensembles(t, n, m) {
		for _, multiprocessors := range []int{4, 132} {
			device := emulator.New(emulator.Config{Multiprocessors: multiprocessors})
			b := emulated(t, emulator.Config{Multiprocessors: multiprocessors}, solver.Memory, solver.F64)
			b.Connect = func() (driver.Device, error) { return device, nil }
			truth, err := sensing.NewTruth(n, 1, 1, 1)
			must(t, err)
			ranks := make([]int, members)
			for i := range ranks {
				ranks[i] = 2
			}
			opened, err := b.Open(context.Background(), &sensing.Problem{Ensemble: ensemble, Truth: truth},
				solver.Batch{Parametrization: solver.PSD{}, FactorRanks: ranks})
			must(t, err)
			e := opened.(*engine)
			o := rowsOf(e)
			if o.batchGroups == 0 {
				t.Fatalf("%s: %d multiprocessors have no room for one group", name, multiprocessors)
			}
			shape := []solver.Shape{{Rows: n, Cols: 2}}
			for i := range members {
				u, err := solver.Random{Alpha: 0.1, Seed: uint64(i)}.Factor(shape, nil)
				must(t, err)
				must(t, e.Set(i, solver.Iterate, u))
			}
			all := []int{0, 1, 2, 3, 4, 5, 6, 7, 8}
			must(t, e.Gradient(all...))
			read := func() []byte {
				sums := make([]byte, members*o.kp*8)
				must(t, o.Download(sums, o.g))
				res := make([]byte, members*m*8)
				must(t, o.Download(res, o.res))
				return append(sums, res...)
			}
			device.ResetTraffic()
			must(t, o.contractAll(e.y, members))
			together := read()

			got := device.Traffic(o.batcher())
			blocks := int64(4 * o.batchGroups)
			rows := 2 * int64(m) * o.stride
			z := 2 * blocks * 4096 / 4 * 8 * 8 // eight members' quarters of a slab, in each of two launches
			y := int64(members*m) * 32 * 8     // all lanes of a warp ask for the same number
			starts := 2 * (3*blocks + 4*int64(o.chunks.count()-o.batchGroups)) * 8 * 32 * 4
			var levels int64
			if o.entries == sensing.Q8 {
				levels = 2 * blocks * 256 * 32 * 8 // the same for a level
			}
			if loaded, want := got.GlobalLoaded-got.StrongLoaded, rows+z+y+starts+levels; loaded != want {
				t.Errorf("%s, %d multiprocessors: %d bytes were loaded, want %d: rows %d, z %d, y %d, starts %d",
					name, multiprocessors, loaded, want, rows, z, y, starts)
			}
			if got.BankConflicts > got.Instructions/10 {
				t.Errorf("%s: %d bank conflicts in %d instructions", name, got.BankConflicts, got.Instructions)
			}

			o.batchGroups = 0
			must(t, o.contractAll(e.y, members))
			if !bytes.Equal(read(), together) {
				t.Errorf("%s, %d multiprocessors: three steps give other bits", name, multiprocessors)
			}
			must(t, opened.Close())
		}
	}
}
