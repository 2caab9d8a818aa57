package gpu

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestTraffic compares contract with the counts of docs/kernels.md: it reads each row from global memory
// once, or never if rows are generated, and little else. Before compute capability 8.0 rows take another way
// to shared memory, with the same counts.
func TestTraffic(t *testing.T) {
	testTraffic(t, 91, 107, 0, 2) // K = 4186
}

// TestTrafficOfShortSlabs: the counts are the same if slabs are shortened, as they are for n from 1040 to
// 1392 on a device of 264 blocks. Here K = 15,576 on a device of six blocks, which makes six slabs of 2688
// coordinates.
func TestTrafficOfShortSlabs(t *testing.T) {
	testTraffic(t, 176, 19, 6, 6)
}

// testTraffic takes rows of slabs slabs, as on a reference device of slots blocks, or of 264 if slots is 0.
func testTraffic(t *testing.T, n, m, slots int, slabs int64) {
	for name, ensemble := range backendtest.Ensembles(t, n, m) {
		for _, way := range []struct {
			storage    solver.Storage
			capability [2]int
		}{
			{solver.Memory, [2]int{9, 0}}, {solver.Generated, [2]int{9, 0}},
			{solver.Memory, [2]int{7, 0}}, {solver.Generated, [2]int{7, 0}},
		} {
			t.Run(fmt.Sprintf("%s/%s/%v", name, way.storage, way.capability), func(t *testing.T) {
				t.Parallel()
				config := emulator.Config{Capability: way.capability}
				device := emulator.New(config)
				b := emulated(t, config, way.storage, solver.F64)
				b.Connect = func() (driver.Device, error) { return device, nil }
				b.slots = slots
				e := gradientEngine(t, b, ensemble)
				o := rowsOf(e)
				if int64(o.slabs) != slabs {
					t.Fatalf("rows have %d slabs, want %d", o.slabs, slabs)
				}
				device.ResetTraffic()
				must(t, o.launchContract(e.y, o.groups))
				got := device.Traffic(o.contractor.Name)

				rows := int64(m) * o.stride
				if !o.inMemory {
					rows = 0
				}
				working := slabs * int64(o.groups) // blocks
				z := int64(o.groups) * int64(wholeQuads(o.k)) * 8
				y := int64(m) * slabs * 32 * 8 // all lanes of a warp ask for the same number
				// All lanes of a group's warps read the first rows of its chunks.
				starts := (3*working + int64(o.chunks.count()-o.groups)*slabs) * 8 * 32 * 4
				var levels int64
				if o.entries == sensing.Q8 {
					levels = working * 256 * 8 // a thread reads one
				}
				if loaded, want := got.GlobalLoaded-got.StrongLoaded, rows+z+y+starts+levels; loaded != want {
					t.Errorf("%d bytes were loaded, want %d: rows %d, z %d, y %d, starts %d, levels %d",
						loaded, want, rows, z, y, starts, levels)
				}
				// The parts of the dot products: each block of a group reads those of the whole group, once
				// if it need not wait.
				if least := int64(m) * slabs * slabs * 8; got.StrongLoaded < least {
					t.Errorf("%d bytes of partials were loaded, fewer than %d", got.StrongLoaded, least)
				}
				// Rows are read in whole sectors, a number of z in two requests for half a sector each, and
				// the rest with one sector for each request. If an odd number of 128 signs is before a slab,
				// two blocks read halves of one sector.
				halves := int64(0)
				if o.entries == sensing.Signs && o.inMemory && o.slab%256 != 0 {
					halves = int64(m) * (slabs / 2)
				}
				if sectors, want := got.LoadSectors-got.StrongSectors,
					(rows+2*z+levels)/32+y/256+starts/128+halves; sectors != want {
					t.Errorf("%d sectors were loaded, want %d", sectors, want)
				}
				sums := int64(o.chunks.count()) * int64(wholeQuads(o.k)) * 8
				if want := sums + int64(m)*(slabs+1)*8; got.GlobalStored != want {
					t.Errorf("%d bytes were stored, want %d", got.GlobalStored, want)
				}
				// A block reads rows twice from shared memory: 128 f64 are 8 wavefronts, and two-way
				// conflicts double each. All other reads have none: each lane has its own copy of q8's
				// levels.
				var conflicts, some int64
				switch {
				case o.entries == sensing.F64:
					conflicts = 2 * int64(m) * 8 * int64(blocks(o.k, 128))
				case o.entries == sensing.Signs && !o.inMemory && o.slab%256 != 0:
					some = got.Instructions / 500 // of stores of generated signs
				}
				if got.BankConflicts < conflicts || got.BankConflicts > conflicts+some {
					t.Errorf("%d bank conflicts, want %d to %d", got.BankConflicts, conflicts, conflicts+some)
				}
			})
		}
	}
}

// TestTrafficOf200: docs/kernels.md says how many bytes contract and sum_chunks move at n = 200, m = 10,000
// on a device with 132 multiprocessors. TestTraffic demands those of contract of the emulator, at sizes for
// which it takes less time; sum_chunks reads each sum that contract has stored.
func TestTrafficOf200(t *testing.T) {
	page, err := os.ReadFile("../docs/kernels.md")
	must(t, err)
	for at, entries := range formats {
		planned, err := newEngine(Backend{Info: h200}, rowsOf200(t, entries), batch(1))
		must(t, err)
		l := rowsOf(planned).rowLayout
		groups := l.resident() / l.groupBlocks()
		if got := [3]int{l.slabs, l.chunks.count(), groups}; got != [3]int{5, 104, 52} {
			t.Errorf("%s rows: %d slabs, chunks and groups", entries, got)
		}
		m, slabs, sums := float64(l.m), float64(l.slabs), 8*float64(l.chunks.count()*wholeQuads(l.k))
		rows := m * float64(l.stride)
		z := 8 * float64(groups*wholeQuads(l.k))
		exchange := 8 * m * (slabs + 1 + slabs*slabs) // parts and residuals written, parts read by each block
		beside := z + 2*sums + exchange + 8*m*slabs
		together := fmt.Sprintf("%.3g", 1+beside/rows)
		if entries == sensing.Signs {
			together = fmt.Sprintf("%.2g", 1+beside/rows)
		}
		if at == 0 {
			together += " of the rows"
		}
		line := fmt.Sprintf("| %s | %.0f MB | %.0f MB | %s |\n", entries, rows/1e6, beside/1e6, together)
		if !strings.Contains(string(page), line) {
			t.Errorf("docs/kernels.md has no line %q", line)
		}
	}
}

// gradientEngine returns an engine of one member of factor rank 2 that has computed a gradient.
func gradientEngine(t *testing.T, b Backend, ensemble sensing.Ensemble) *engine {
	t.Helper()
	return gradientEngineOf(t, b, ensemble, 2)
}

// gradientEngineOf returns an engine of one member that has computed a gradient.
func gradientEngineOf(t *testing.T, b Backend, ensemble sensing.Ensemble, r int) *engine {
	t.Helper()
	n, _ := ensemble.Space().Dims()
	truth, err := sensing.NewTruth(n, 1, 1, 1)
	must(t, err)
	opened, err := b.Open(context.Background(), &sensing.Problem{Ensemble: ensemble, Truth: truth},
		solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{r}})
	must(t, err)
	t.Cleanup(func() { must(t, opened.Close()) })
	u, err := solver.Random{Alpha: 0.1, Seed: 1}.Factor([]solver.Shape{{Rows: n, Cols: r}}, nil)
	must(t, err)
	must(t, opened.Set(0, solver.Iterate, u))
	must(t, opened.Gradient(0))
	return opened.(*engine)
}
