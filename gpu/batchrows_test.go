package gpu

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestBatchReadsRowsOnce: nine members take two launches, each of which loads every row once, or none if it
// generates them, whatever the device, and they get the bits of the three steps.
func TestBatchReadsRowsOnce(t *testing.T) {
	const n, m, members = 15, 43, 9 // K = 120: one slab
	for name, ensemble := range backendtest.Ensembles(t, n, m) {
		for _, config := range []batchConfig{
			{4, solver.Memory, solver.F64}, {132, solver.Memory, solver.F64},
			{4, solver.Generated, solver.F64}, {132, solver.Generated, solver.F64},
		} {
			e, device := batchEngine(t, ensemble, members, config)
			o := rowsOf(e)
			if o.batchGroups == 0 {
				t.Fatalf("%s, %v: no room for one group", name, config)
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
			rows := 2 * o.rowBytes()
			z := 2 * blocks * 4096 / 4 * 8 * 8 // eight members' quarters of a slab, in each of two launches
			y := int64(members*m) * 32 * 8     // all lanes of a warp ask for the same number
			plan := 2 * planBytes(o, o.onBatch())
			added := members * addedAgain(o)
			var levels int64
			if o.entries == sensing.Q8 {
				levels = 2 * blocks * 256 * 8 // a thread reads one
			}
			if loaded, want := got.GlobalLoaded-got.StrongLoaded, rows+z+y+plan+levels+added; loaded != want {
				t.Errorf("%s, %v: %d bytes were loaded, want %d: rows %d, z %d, y %d, plan %d, sums %d",
					name, config, loaded, want, rows, z, y, plan, added)
			}

			o.batchGroups = 0
			must(t, o.contractAll(e.y, members))
			if !bytes.Equal(read(), together) {
				t.Errorf("%s, %v: three steps give other bits", name, config)
			}
		}
	}
}

// TestBatchTraffic compares one launch of contract_batch for eight members with the counts of
// docs/kernels.md.
func TestBatchTraffic(t *testing.T) {
	for name, ensemble := range backendtest.Ensembles(t, 90, 43) { // K = 4095, one slab
		for _, storage := range []solver.Storage{solver.Memory, solver.Generated} {
			t.Run(name+"/"+string(storage), func(t *testing.T) {
				t.Parallel()
				batchTraffic(t, ensemble, storage)
			})
		}
	}
}

// TestGeneratedBatchOnOldDevices: contract_batch of generated rows needs no asynchronous copies. In f32
// arithmetic its stages fit the V100 and the T4, where it gives the bits of the three steps; in f64
// arithmetic they do not.
func TestGeneratedBatchOnOldDevices(t *testing.T) {
	const n, m, members = 15, 43, 3
	for name, ensemble := range backendtest.Ensembles(t, n, m) {
		for _, capability := range [][2]int{{7, 0}, {7, 5}} {
			config := emulator.Config{Capability: capability}
			of := func(precision solver.Precision) *engine {
				e, _ := batchEngineOn(t, config, ensemble, members, solver.Generated, precision)
				return e
			}
			if o := rowsOf(of(solver.F64)); o.together() {
				t.Errorf("%s, %v: %d bytes of shared memory are too many", name, capability, o.batchShared())
			}
			e := of(solver.F32)
			o := rowsOf(e)
			// The table of q8 leaves no room on 7.5.
			if fits := capability[1] == 0 || o.entries != sensing.Q8; (o.batchGroups > 0) != fits {
				t.Errorf("%s, %v: %d groups of blocks", name, capability, o.batchGroups)
			}
			read := func() []byte {
				sums := make([]byte, members*o.kp*4)
				must(t, o.Download(sums, o.g))
				return sums
			}
			together := read()
			o.batchGroups = 0
			must(t, o.contractAll(e.y, members))
			if !bytes.Equal(read(), together) {
				t.Errorf("%s, %v: three steps give other bits", name, capability)
			}
		}
	}
}

func batchTraffic(t *testing.T, ensemble sensing.Rows, storage solver.Storage) {
	const members = kernels.BatchMembers
	m := ensemble.Measurements()
	e, device := batchEngine(t, ensemble, members, batchConfig{8, storage, solver.F64})
	o := rowsOf(e)
	device.ResetTraffic()
	must(t, o.launchOn(o.onBatch(), e.y, 0, members))
	got := device.Traffic(o.batcher())

	blocks := int64(kernels.BatchBlocks * o.slabs * o.batchGroups)
	rows := o.rowBytes()
	z := blocks * kernels.Slab / kernels.BatchBlocks * members * 8
	y := int64(m) * members * 32 * 8 // all lanes of a warp ask for the same number
	plan, added := planBytes(o, o.onBatch()), members*addedAgain(o)
	var levels int64
	if o.entries == sensing.Q8 {
		levels = blocks * 256 * 8 // a thread reads one
	}
	if loaded, want := got.GlobalLoaded-got.StrongLoaded, rows+z+y+plan+levels+added; loaded != want {
		t.Errorf("%d bytes were loaded, want %d: rows %d, z %d, y %d, plan %d, levels %d, sums %d",
			loaded, want, rows, z, y, plan, levels, added)
	}
	// As in contract: whole sectors of rows, halves of sectors of z and of sums, and else one for each
	// request.
	if sectors, want := got.LoadSectors-got.StrongSectors,
		(rows+2*z+2*added+levels)/32+y/256+plan/128; sectors != want {
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
	if want := sums + residuals + weights + 2*parts + handedOver(o, o.onBatch()); got.GlobalStored != want {
		t.Errorf("%d bytes were stored, want %d", got.GlobalStored, want)
	}
	// Four f64 entries of a thread are two requests of 16 bytes, in which lanes 4 apart share banks:
	// each needs 8 wavefronts, not 4. A warp makes them for 4 quads of a row, in two passes. Generated
	// entries lie in another order.
	var conflicts int64
	if o.entries == sensing.F64 && o.inMemory {
		rows := int64(m+1) / 2 * 2 // whole stages
		conflicts = int64(8*kernels.BatchBlocks*o.slabs) * rows * 4 * 2 * 2 * 4
	}
	if got.BankConflicts != conflicts {
		t.Errorf("%d bank conflicts, want %d", got.BankConflicts, conflicts)
	}
}

// TestCallsOfGeneratedBatches: a step of 8 or 32 members of generated rows makes as many calls as with rows
// in memory, and none for tiles.
func TestCallsOfGeneratedBatches(t *testing.T) {
	for _, members := range []int{8, 32} {
		b := emulated(t, emulator.Config{}, solver.Generated, solver.F64)
		b.noGraphs = true
		made := callsOfAStep(t, b, backendtest.Ensembles(t, 8, 40)["gaussian-f32"], members, 2, constant)[0]
		want := "combine lift_f64" + strings.Repeat(" Fill contract_batch_generated_f32_f64", members/8) +
			" sum_chunks_f64 pullback_f64"
		if got := strings.Join(made, " "); got != want {
			t.Errorf("a step makes the calls\n%s, not\n%s", got, want)
		}
	}
}

// TestBatchOnSmallCards: a card of 100 KB of shared memory for a multiprocessor takes the small form of
// contract_batch, which loads rows once and gives the bits of the three steps. The instructions of an entry
// are those that the choice between the two assumes, with one chunk.
func TestBatchOnSmallCards(t *testing.T) {
	const n, m, members = 90, 43, kernels.BatchMembers
	ensembles := backendtest.Ensembles(t, n, m)
	for _, name := range []string{"gaussian-f64", "gaussian-f32"} {
		for _, precision := range []solver.Precision{solver.F64, solver.F32} {
			t.Run(name+"/"+string(precision), func(t *testing.T) {
				t.Parallel()
				config := emulator.Config{Capability: [2]int{8, 6}, Multiprocessors: 8}
				e, device := batchEngineOn(t, config, ensembles[name], members, solver.Memory, precision)
				o := rowsOf(e)
				if o.batchGroups == 0 || !o.small() {
					t.Fatalf("%d groups of %s", o.batchGroups, o.batcher())
				}
				read := func() []byte {
					sums := make([]byte, members*o.kp*int(numberBytes(precision)))
					must(t, o.Download(sums, o.g))
					return sums
				}
				must(t, o.contractAll(e.y, members))
				together, groups := read(), o.batchGroups
				o.batchGroups = 0
				must(t, o.contractAll(e.y, members))
				if !bytes.Equal(read(), together) {
					t.Error("three steps give other bits")
				}

				o.batchGroups = groups
				o.chunks.starts = []int{0, m}
				must(t, o.shareOn(o.onBatch(), 1))
				device.ResetTraffic()
				must(t, o.launchOn(o.onBatch(), e.y, 0, members))
				got := device.Traffic(o.batcher())
				rows := int64(m) * o.stride
				z := int64(kernels.Slab*members) * numberBytes(precision)
				y := int64(m) * members * 32 * 8
				want := rows + z + y + planBytes(o, o.onBatch())
				if loaded := got.GlobalLoaded - got.StrongLoaded; loaded != want {
					t.Errorf("%d bytes were loaded, want %d", loaded, want)
				}
				cost := batchCosts[o.entries].double
				if precision == solver.F32 {
					cost = batchCosts[o.entries].single
				}
				each := float64(got.Instructions) * 32 / (m * members * float64(o.k))
				if math.Abs(each-cost.small) > 0.1 {
					t.Errorf("%.2f instructions an entry, want %v", each, cost.small)
				}
			})
		}
	}
}

// planBytes is what the threads of a launch load of the groups' chunks: six numbers for each chunk, and one.
func planBytes(o *rowOperator, k batchOn) int64 {
	return int64(k.blocks*o.slabs*(6*o.chunks.count()+*k.groups)) * 256 * 4
}

// addedAgain is what a launch loads of the sums of one member: a sum each time that a chunk is added which is
// not its first.
func addedAgain(o *rowOperator) int64 {
	return int64(o.chunks.count()-o.batchSums().count) * int64(wholeQuads(o.k)) * 8
}

// handedOver is what a launch stores to tell other groups that chunks have been added.
func handedOver(o *rowOperator, k batchOn) int64 {
	words := o.batchPlan(*k.groups).words(o.chunks.starts)[*k.groups+1:]
	stored := 0
	for to := kernels.BatchChunkWords - 1; to < len(words); to += kernels.BatchChunkWords {
		if words[to] != 0 {
			stored += k.blocks * o.slabs * 4
		}
	}
	return int64(stored)
}

// rowBytes is the bytes of the rows in memory.
func (o *rowOperator) rowBytes() int64 {
	if !o.inMemory {
		return 0
	}
	return int64(o.m) * o.stride
}

// batchConfig says on what device, and how, a batch is contracted.
type batchConfig struct {
	multiprocessors int
	storage         solver.Storage
	precision       solver.Precision
}

// batchEngine returns an engine of members of factor rank 2 that have computed a gradient, and its device.
func batchEngine(
	t *testing.T, ensemble sensing.Ensemble, members int, c batchConfig,
) (*engine, *emulator.Device) {
	t.Helper()
	config := emulator.Config{Multiprocessors: c.multiprocessors}
	return batchEngineOn(t, config, ensemble, members, c.storage, c.precision)
}

// batchEngineOn does this on a device of a configuration.
func batchEngineOn(t *testing.T, config emulator.Config, ensemble sensing.Ensemble, members int,
	storage solver.Storage, precision solver.Precision,
) (*engine, *emulator.Device) {
	t.Helper()
	device := emulator.New(config)
	b := emulated(t, config, storage, precision)
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
	rowsOf(e).tensorGroups = [2]int{} // contract_tensor has tests of its own
	must(t, e.Gradient(all...))
	return e, device
}

// TestMostBatchGroups: in f64 arithmetic a multiprocessor has registers for one block of contract_batch, and
// so an H100 has six groups of 20 blocks at n = 200. In f32 arithmetic it has registers for two, if there is
// shared memory for them: 13 groups on an H100, but one block with f32 rows on an A10. The rings have no more
// room than these groups take.
func TestMostBatchGroups(t *testing.T) {
	for _, c := range []struct {
		card      string
		entries   sensing.Entries
		precision solver.Precision
		want      int
	}{
		{"H100", sensing.F32, solver.F64, 6}, {"H100", sensing.Signs, solver.F64, 6},
		{"H100", sensing.F32, solver.F32, 13}, {"H100", sensing.BF16, solver.F32, 13},
		{"A10", sensing.F32, solver.F32, 3}, {"A10", sensing.BF16, solver.F32, 3},
		{"A10", sensing.Signs, solver.F32, 7},
	} {
		card := cards[slices.IndexFunc(cards, func(k card) bool { return k.name == c.card })]
		planned, err := planRows(request{backend: Backend{Info: card.info, Precision: c.precision},
			ensemble: rowsOf200(t, c.entries), shapes: make([][]solver.Shape, kernels.BatchMembers)})
		must(t, err)
		o := planned.(*rowOperator)
		if got := o.mostGroups(o.batchKernel()); got != c.want {
			t.Errorf("%s, %s rows in %s: %d groups, want %d", c.card, c.entries, c.precision, got, c.want)
		}
		most := c.want * kernels.BatchRing(o.batcher()) * kernels.BatchMembers * o.slabs * kernels.BatchParts
		if got, want := o.partBytes(o.batchKernel()), int64(most)*numberBytes(c.precision); got != want {
			t.Errorf("%s, %s rows in %s: rings of %d bytes, want %d", c.card, c.entries, c.precision, got,
				want)
		}
	}
}
