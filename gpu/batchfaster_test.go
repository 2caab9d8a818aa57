package gpu

import (
	"math"
	"slices"
	"testing"

	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestTogetherIsFaster: by the rates of their data sheets, cards take contract_batch if reading the rows
// twice for every four members takes longer than contract_batch.
func TestTogetherIsFaster(t *testing.T) {
	const n, m = 200, 10_000
	for _, c := range []struct {
		card      string
		precision solver.Precision
		members   int
		faster    []sensing.Entries
	}{
		// Four readings of f64, f32 and bf16 rows, and the sums, take 2.0, 1.04 and 0.56 ms. The instructions
		// of contract_batch take 0.39 to 0.47 ms on 120 multiprocessors, and the conversions of f32 and bf16
		// entries 0.42. With q8 rows the instructions of the three steps take 0.38 ms and those of
		// contract_batch 0.57.
		{"H100", solver.F64, 8, []sensing.Entries{sensing.F64, sensing.F32, sensing.BF16}},
		// Two readings take 0.98, 0.50 and 0.26 ms, the same instructions as long as for eight.
		{"H100", solver.F64, 2, []sensing.Entries{sensing.F64, sensing.F32}},
		// Six readings, and two launches.
		{"H100", solver.F64, 9, []sensing.Entries{sensing.F64, sensing.F32}},
		// Four readings of f64, f32, bf16 and q8 rows take 10.9, 5.6, 2.9 and 1.6 ms, with the sums. One
		// reading of f32 rows takes 1.34 ms, the conversions of f64 entries 7.9, and the instructions with
		// bf16 and q8 entries 0.94 and 1.19. With signs the three steps take 0.74 ms and contract_batch 1.2.
		{"A10", solver.F32, 8, []sensing.Entries{sensing.F64, sensing.F32, sensing.BF16, sensing.Q8}},
		// The multiply-adds in f64 take 13.2 ms on all multiprocessors and 15.8 on those of three groups.
		{"A10", solver.F64, 8, nil},
		// Four readings of f32 rows take 10.7 ms, and one takes 2.7.
		{"L4", solver.F32, 8, []sensing.Entries{sensing.F64, sensing.F32, sensing.BF16, sensing.Q8}},
	} {
		for entries := range batchCosts {
			for _, card := range cards {
				if card.name != c.card {
					continue
				}
				card.info.BlockShared = 227 << 10
				if card.info.Capability[0] == 8 {
					card.info.BlockShared = 99 << 10 // of an A10 or L4
				}
				const k = n * (n + 1) / 2
				l := rowLayout{rowStore: rowStore{m: m, inMemory: true}, info: card.info, members: c.members,
					k: k, precision: c.precision, cards: 1, all: m, slabs: blocks(k, kernels.Slab)}
				l.kp = l.slabs * kernels.Slab
				l.setEntries(entries)
				l.shareRows(0)
				if got, want := l.togetherIsFaster(), slices.Contains(c.faster, entries); got != want {
					t.Errorf("%s, %s, %d members, %s rows: %v, want %v",
						c.card, c.precision, c.members, entries, got, want)
				}
			}
		}
	}
}

// TestBatchCosts: the emulator counts the instructions of both ways for eight members, on rows of one full
// slab but for one coordinate and one chunk, within a tenth of those that the choice between them assumes.
func TestBatchCosts(t *testing.T) {
	const n, m, members = 90, 43, kernels.BatchMembers
	for name, ensemble := range backendtest.Ensembles(t, n, m) {
		for _, precision := range []solver.Precision{solver.F64, solver.F32} {
			t.Run(name+"/"+string(precision), func(t *testing.T) {
				t.Parallel()
				e, device := batchEngine(t, 8, ensemble, members, precision)
				o := rowsOf(e)
				o.chunks.starts = []int{0, m}
				must(t, o.chunks.upload(o.device))
				must(t, o.shareChunks(1))
				device.ResetTraffic()
				must(t, o.launchBatch(e.y, 0, members))
				each := func(kernel string) float64 {
					return float64(device.Traffic(kernel).Instructions) * 32 / (m * members * float64(o.k))
				}
				suffix := string(o.entries) + "_" + string(precision)
				want := batchCosts[o.entries].double
				if precision == solver.F32 {
					want = batchCosts[o.entries].single
				}
				if got := each(o.batcher()); math.Abs(got-want.together) > 0.1 {
					t.Errorf("contract_batch: %.2f instructions, want %v", got, want.together)
				}
				device.ResetTraffic()
				must(t, o.contractInTiles(e.y, members))
				if got := each("dots_"+suffix) + each("accumulate_"+suffix); math.Abs(got-want.steps) > 0.1 {
					t.Errorf("dots and accumulate: %.2f instructions, want %v", got, want.steps)
				}
			})
		}
	}
}
