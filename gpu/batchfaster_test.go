package gpu

import (
	"fmt"
	"os"
	"strings"

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
		// contract_batch 0.56.
		{"H100", solver.F64, 8, []sensing.Entries{sensing.F64, sensing.F32, sensing.BF16}},
		// Two readings take 0.98, 0.50 and 0.26 ms, the same instructions as long as for eight.
		{"H100", solver.F64, 2, []sensing.Entries{sensing.F64, sensing.F32}},
		// Six readings, and two launches.
		{"H100", solver.F64, 9, []sensing.Entries{sensing.F64, sensing.F32}},
		// Four readings of f64, f32, bf16 and q8 rows take 10.9, 5.6, 2.9 and 1.6 ms, with the sums. One
		// reading of f32 rows takes 1.34 ms, the conversions of f64 entries 7.9, and the instructions with
		// bf16 and q8 entries 0.94 and 1.17. With signs a
		// multiprocessor has two blocks, so seven groups do the work of 70 multiprocessors: contract_batch
		// takes 1.03 ms, and the three steps 0.74.
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
					k: k, precision: c.precision, cards: 1, all: m}
				l.setSlabs(referenceBlocks)
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

// TestTwoBlocksOfABatch: in f32 arithmetic an H100 has two blocks of contract_batch with bf16 rows to a
// multiprocessor. At n = 400 a group has 80 blocks, so three groups do the work of 120 multiprocessors, and
// with one block to each a single group would do that of 80. 8·7.6/128 cycles of 10,000·80,200 entries take
// 1.60 ms, and would take 2.4. The three steps read the rows four times: 6.42 GB, and 0.27 GB of the
// sums of 52 chunks, 2.00 ms.
func TestTwoBlocksOfABatch(t *testing.T) {
	const n, m = 400, 10_000
	h100 := cards[slices.IndexFunc(cards, func(c card) bool { return c.name == "H100" })].info
	h100.BlockShared = 227 << 10
	l := rowLayout{rowStore: rowStore{m: m, inMemory: true}, info: h100, members: 8, k: n * (n + 1) / 2,
		precision: solver.F32, cards: 1, all: m}
	l.setSlabs(referenceBlocks)
	l.setEntries(sensing.BF16)
	l.shareRows(0)
	together, steps := l.batchFloors()
	for what, times := range map[string][2]float64{
		"contract_batch":  {together.seconds() * 1e3, 1.60},
		"the three steps": {steps.seconds() * 1e3, 2.00},
	} {
		if math.Abs(times[0]-times[1]) > 0.01 {
			t.Errorf("%s: %.3f ms, want %v", what, times[0], times[1])
		}
	}
	if !l.togetherIsFaster() {
		t.Error("the three steps are taken")
	}
}

// TestGeneratedTogetherIsFaster: an H100 takes contract_batch of generated rows where its instructions take
// less time than those of the three steps, or than their tiles take in memory. Per entry contract_batch
// issues 146 to 154 for normal deviates and 55 for q8 and signs, in each launch and whatever the number of
// members. On 120 of 132 multiprocessors that is 0.96 to 1.02 ms and 0.36 ms for n = 200, m = 10,000.
func TestGeneratedTogetherIsFaster(t *testing.T) {
	const n, m = 200, 10_000
	const k = n * (n + 1) / 2
	h100 := cards[slices.IndexFunc(cards, func(c card) bool { return c.name == "H100" })].info
	h100.Memory, h100.L2 = 80e9, 50<<20
	for _, c := range []struct {
		members int
		faster  []sensing.Entries
	}{
		// The tiles of f64 rows are written once and read twice: 4.8 GB, 1.4 ms, if no cache holds them. The
		// instructions of the three steps take 0.8 ms with f32 and bf16 rows, 0.16 with q8, 0.10 with signs.
		{2, []sensing.Entries{sensing.F64}},
		// The tiles are read four times. (114 + 8·5.4)/128 cycles take 0.94 ms on all multiprocessors with
		// f64 rows, (11 + 8·7.3)/128 cycles 0.42 ms with q8.
		{8, []sensing.Entries{sensing.F64, sensing.F32, sensing.BF16, sensing.Q8, sensing.Signs}},
		// Two launches for nine members: 1.92 to 2.04 ms, and 0.72. The tiles of f32 rows take 1.6 ms.
		{9, []sensing.Entries{sensing.F64}},
	} {
		for entries := range generatedBatchCosts {
			l := rowLayout{rowStore: rowStore{m: m}, members: c.members, lifted: c.members,
				k: k, precision: solver.F64, cards: 1, all: m, slabs: blocks(k, kernels.Slab)}
			l.kp = l.slabs * kernels.Slab
			l.setDevice(h100)
			l.setEntries(entries)
			l.shareRows(0)
			if got, want := l.togetherIsFaster(), slices.Contains(c.faster, entries); got != want {
				together, steps := l.batchFloors()
				t.Errorf("%d members, %s rows: %v, want %v: %.2f and %.2f ms", c.members, entries, got, want,
					together.seconds()*1e3, steps.seconds()*1e3)
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
				e, device := batchEngine(t, ensemble, members, batchConfig{8, solver.Memory, precision})
				o := rowsOf(e)
				o.chunks.starts = []int{0, m}
				must(t, o.chunks.upload(o.device))
				must(t, o.shareOn(o.onBatch(), 1))
				device.ResetTraffic()
				must(t, o.launchOn(o.onBatch(), e.y, 0, members))
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

// TestGeneratedCosts: the emulator counts the instructions of generated entries for eight members, on rows of
// one full slab but for one coordinate, within half of one of those that the choice assumes. One group of
// blocks has 172 rows, in one chunk.
func TestGeneratedCosts(t *testing.T) {
	const n, m, members = 90, 172, kernels.BatchMembers
	for name, ensemble := range backendtest.Ensembles(t, n, m) {
		for _, precision := range []solver.Precision{solver.F64, solver.F32} {
			t.Run(name+"/"+string(precision), func(t *testing.T) {
				t.Parallel()
				e, device := batchEngine(t, ensemble, members, batchConfig{4, solver.Generated, precision})
				o := rowsOf(e)
				compare := func(kernel string, want float64) {
					got := float64(device.Traffic(kernel).Instructions) * 32 / (m * float64(o.k))
					if math.Abs(got-want) > 0.5 {
						t.Errorf("%s: %.1f instructions, want %v", kernel, got, want)
					}
				}
				want := generatedBatchCosts[o.entries]
				launch := want.double
				if precision == solver.F32 {
					launch = want.single
				}
				o.chunks.starts = []int{0, m}
				must(t, o.chunks.upload(o.device))
				must(t, o.shareOn(o.onBatch(), 1))
				device.ResetTraffic()
				must(t, o.launchOn(o.onBatch(), e.y, 0, members))
				compare(o.batcher(), launch)
				device.ResetTraffic()
				o.made = tile{}
				must(t, o.eachTile(func(tile) error { return nil }))
				compare("generate_"+string(o.entries), want.generate)
			})
		}
	}
}

// TestBatchesInSteps: docs/kernels.md has the batches of stored rows that take the three steps, and so read
// a row twice for every four members, by the rates that drivers report; and the n beyond which all batches
// do. A launch for a batch needs capability 8.0 and four blocks for each slab, one to a multiprocessor: on an
// H100 132/4 = 33 slabs hold K = 135,168 coordinates, and n = 519 has 134,940.
func TestBatchesInSteps(t *testing.T) {
	text, err := os.ReadFile("../docs/kernels.md")
	must(t, err)
	planned := func(c card, n, members int, entries sensing.Entries, p solver.Precision) *rowLayout {
		l := &rowLayout{rowStore: rowStore{m: 10_000, inMemory: true}, members: members, lifted: members,
			k: n * (n + 1) / 2, precision: p, cards: 1, all: 10_000}
		l.setDevice(c.info)
		l.setSlabs(referenceBlocks)
		l.setEntries(entries)
		l.shareRows(0)
		return l
	}
	inSteps := func(l *rowLayout) bool { return !l.tensor() && !l.together() }
	for _, c := range cards {
		line := "| " + c.name + " |"
		for _, p := range []solver.Precision{solver.F64, solver.F32} {
			var all []string
			for _, entries := range formats {
				var members []string
				for first := 2; first <= 32; first++ {
					last := first
					for ; last <= 32 && inSteps(planned(c, 200, last, entries, p)); last++ {
					}
					switch last -= 1; {
					case last > first:
						members = append(members, fmt.Sprintf("%d–%d", first, last))
					case last == first:
						members = append(members, fmt.Sprint(first))
					}
					first = max(first, last)
				}
				if members != nil {
					all = append(all, string(entries)+" "+strings.Join(members, ", "))
				}
			}
			list := strings.Join(all, "; ")
			if list == "f64 2–32; f32 2–32; bf16 2–32; q8 2–32; sign 2–32" {
				list = "all 2–32"
			}
			line += " " + list + " |"
		}
		most := 0
		for n := 2; n <= 600; n++ {
			for _, entries := range formats {
				l := planned(c, n, 8, entries, solver.F64)
				needs := kernels.Get(l.batcher()).Capability
				if needs[0] <= c.info.Capability[0] && l.batchFits(l.batchKernel()) {
					most = n
				}
			}
		}
		line += fmt.Sprintf(" %d |", most)
		if !strings.Contains(string(text), strings.ReplaceAll(line, " 0 |", " – |")+"\n") {
			t.Errorf("docs/kernels.md has no line %q", line)
		}
	}
}
