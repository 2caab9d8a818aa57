package gpu

import (
	"bytes"
	"context"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestBatchReadsRowsOnce: nine members take two launches, each of which loads every row once, whatever the
// device, and they get the bits of the three steps.
func TestBatchReadsRowsOnce(t *testing.T) {
	const n, m, members = 15, 43, 9 // K = 120: one slab
	for name, ensemble := range backendtest.Ensembles(t, n, m) {
		for _, multiprocessors := range []int{4, 132} {
			e, device := batchEngine(t, multiprocessors, ensemble, members, solver.F64)
			o := rowsOf(e)
			if o.batchGroups == 0 {
				t.Fatalf("%s: %d multiprocessors have no room for one group", name, multiprocessors)
			}
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

			o.batchGroups = 0
			must(t, o.contractAll(e.y, members))
			if !bytes.Equal(read(), together) {
				t.Errorf("%s, %d multiprocessors: three steps give other bits", name, multiprocessors)
			}
		}
	}
}

// TestBatchTraffic compares one launch of contract_batch for eight members with the counts of
// docs/kernels.md.
func TestBatchTraffic(t *testing.T) {
	const n, m, members, multiprocessors = 90, 43, kernels.BatchMembers, 8 // K = 4095, one slab
	for name, ensemble := range backendtest.Ensembles(t, n, m) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, device := batchEngine(t, multiprocessors, ensemble, members, solver.F64)
			o := rowsOf(e)
			device.ResetTraffic()
			must(t, o.launchBatch(e.y, 0, members))
			got := device.Traffic(o.batcher())

			blocks := int64(kernels.BatchBlocks * o.slabs * o.batchGroups)
			rows := int64(m) * o.stride
			z := blocks * kernels.Slab / kernels.BatchBlocks * members * 8
			y := int64(m) * members * 32 * 8 // all lanes of a warp ask for the same number
			starts := (3*blocks + kernels.BatchBlocks*int64(o.chunks.count()-o.batchGroups)) * 8 * 32 * 4
			var levels int64
			if o.entries == sensing.Q8 {
				levels = blocks * 256 * 32 * 8 // the same for a level
			}
			if loaded, want := got.GlobalLoaded-got.StrongLoaded, rows+z+y+starts+levels; loaded != want {
				t.Errorf("%d bytes were loaded, want %d: rows %d, z %d, y %d, starts %d, levels %d",
					loaded, want, rows, z, y, starts, levels)
			}
			// As in contract: whole sectors of rows, halves of sectors of z, and else one for each request.
			if sectors, want := got.LoadSectors-got.StrongSectors,
				(rows+2*z)/32+(y+levels)/256+starts/128; sectors != want {
				t.Errorf("%d sectors were loaded, want %d", sectors, want)
			}
			// One block adds the parts of a row, and all blocks of its group read the weights.
			parts := int64(m) * members * int64(o.slabs) * kernels.BatchParts * 8
			weights := int64(m) * members * 8
			if least := parts + weights*kernels.BatchBlocks*int64(o.slabs); got.StrongLoaded < least {
				t.Errorf("%d bytes of parts and weights were loaded, fewer than %d", got.StrongLoaded, least)
			}
			// Parts are stored twice: published, and set to ones again.
			sums := members * int64(o.chunks.count()) * int64(wholeQuads(o.k)) * 8
			residuals := int64(m) * members * 8
			if want := sums + residuals + weights + 2*parts; got.GlobalStored != want {
				t.Errorf("%d bytes were stored, want %d", got.GlobalStored, want)
			}
			// Four f64 entries of a thread are two requests of 16 bytes, in which lanes 4 apart share banks:
			// each needs 8 wavefronts, not 4. A warp makes them for 4 quads of a row, in two passes.
			var conflicts int64
			if o.entries == sensing.F64 {
				const rows = (m + 1) / 2 * 2 // whole stages
				conflicts = int64(8*kernels.BatchBlocks*o.slabs) * rows * 4 * 2 * 2 * 4
			}
			if got.BankConflicts != conflicts {
				t.Errorf("%d bank conflicts, want %d", got.BankConflicts, conflicts)
			}
		})
	}
}

// batchEngine returns an engine of members of factor rank 2 that have computed a gradient, and its device.
func batchEngine(
	t *testing.T, multiprocessors int, ensemble sensing.Ensemble, members int, precision solver.Precision,
) (*engine, *emulator.Device) {
	t.Helper()
	config := emulator.Config{Multiprocessors: multiprocessors}
	device := emulator.New(config)
	b := emulated(t, config, solver.Memory, precision)
	b.Connect = func() (driver.Device, error) { return device, nil }
	n, _ := ensemble.Space().Dims()
	truth, err := sensing.NewTruth(n, 1, 1, 1)
	must(t, err)
	ranks, all := make([]int, members), make([]int, members)
	for i := range all {
		ranks[i], all[i] = 2, i
	}
	opened, err := b.Open(context.Background(), &sensing.Problem{Ensemble: ensemble, Truth: truth},
		solver.Batch{Parametrization: solver.PSD{}, FactorRanks: ranks})
	must(t, err)
	t.Cleanup(func() { must(t, opened.Close()) })
	for i := range members {
		u, err := solver.Random{Alpha: 0.1, Seed: uint64(i)}.Factor([]solver.Shape{{Rows: n, Cols: 2}}, nil)
		must(t, err)
		must(t, opened.Set(i, solver.Iterate, u))
	}
	e := opened.(*engine)
	rowsOf(e).tensorGroups = 0 // contract_tensor has tests of its own
	must(t, e.Gradient(all...))
	return e, device
}
