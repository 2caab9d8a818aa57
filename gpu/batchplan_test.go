package gpu

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/solver"
)

// TestBatchPlan: each chunk is taken once, the plan ends however its groups wait for each other, and up to
// eight groups wait no longer than one chunk takes.
func TestBatchPlan(t *testing.T) {
	for _, slabs := range []int{1, 2, 3, 5, 8, 13, 33} {
		for _, m := range []int{57, 1001, 10_000, 123_457} {
			for _, cards := range []int{1, 2, 8} {
				for _, longest := range []int{0, mixedRows} {
					l := rowLayout{all: m, slabs: slabs, cards: cards, card: cards - 1, longest: longest}
					l.chunks = chunkTable{starts: chunkStarts(m, slabs)}.onCard(l.card, cards)
					for groups := 1; groups <= min(33, l.chunks.count()); groups++ {
						name := fmt.Sprintf("%d slabs, m = %d, card %d, %d groups", slabs, m, l.card, groups)
						checkPlan(t, name, &l, groups)
					}
				}
			}
		}
	}
}

func checkPlan(t *testing.T, name string, l *rowLayout, groups int) {
	t.Helper()
	plan := l.batchPlan(groups)
	taken := slices.Sorted(slices.Values(slices.Concat(plan.groups...)))
	if len(taken) != l.chunks.count() || len(slices.Compact(taken)) != len(taken) {
		t.Fatalf("%s: %v are taken, not each of %d chunks once", name, taken, l.chunks.count())
	}
	fewest, most := len(taken), 0
	for _, chunks := range plan.groups {
		fewest, most = min(fewest, len(chunks)), max(most, len(chunks))
	}
	if most > fewest+1 {
		t.Errorf("%s: a group has %d chunks, another one %d", name, fewest, most)
	}
	// A clock that ticks once for each chunk: a chunk can be added in a tick if those before it in its sum
	// have been added by the end of it.
	added := make([]bool, len(taken))
	done := make([]int, groups)
	ticks := 0
	for remaining := len(taken); remaining > 0; ticks++ {
		if ticks > 2*len(taken) {
			t.Fatalf("%s: groups wait for ever: %v", name, plan.groups)
		}
		moved := make([]bool, groups)
		for again := true; again; {
			again = false
			for g, chunks := range plan.groups {
				if moved[g] || done[g] == len(chunks) {
					continue
				}
				if c := chunks[done[g]]; c == 0 || plan.sums[c-1] != plan.sums[c] || added[c-1] {
					added[c], moved[g], again = true, true, true
					done[g]++
					remaining--
				}
			}
		}
	}
	if ticks > most {
		t.Errorf("%s: %d ticks for at most %d chunks of a group", name, ticks, most)
	}
	// The words give the same: what a chunk waits for is what the chunk before it tells.
	words := plan.words(l.chunks.starts)
	told := map[int]int{}
	for g, chunks := range plan.groups {
		for i, c := range chunks {
			at := words[words[g]+i*kernels.BatchChunkWords:]
			want := []int{l.chunks.starts[c], l.chunks.starts[c+1], plan.sums[c]}
			if !slices.Equal(at[:3], want) {
				t.Fatalf("%s: chunk %d is described by %v, want %v", name, c, at[:3], want)
			}
			told[c] = at[4]
		}
		if words[g+1] != words[g]+len(chunks)*kernels.BatchChunkWords {
			t.Fatalf("%s: group %d ends at %d", name, g, words[g+1])
		}
	}
	for g, chunks := range plan.groups {
		for i, c := range chunks {
			from := words[words[g]+i*kernels.BatchChunkWords+3]
			first := c == 0 || plan.sums[c-1] != plan.sums[c]
			own := !first && slices.Contains(chunks[:i], c-1)
			switch {
			case first && from != 0, own && from != 1, !first && !own && (from < 2 || from != told[c-1]):
				t.Errorf("%s: chunk %d of group %d waits for %d", name, c, g, from)
			}
			// The next launch finds the word of a sum as this one found it.
			if last := c+1 == len(plan.sums) || plan.sums[c+1] != plan.sums[c]; last {
				begin := slices.Index(plan.sums, plan.sums[c])
				written := false
				for before := begin; before < c; before++ {
					written = written || told[before] != 0
				}
				if cleared := told[c] == math.MaxUint32; cleared != written {
					t.Errorf("%s: the last chunk of sum %d leaves %d, after others wrote: %v", name,
						plan.sums[c], told[c], written)
				}
			}
		}
	}
}

// batchBytes is what a step of a batch moves of each kind, computed from the layout.
type batchBytes struct{ rows, sums, z, products, ring, weights int64 }

// movedBy returns the bytes of one launch of a kernel for batches with sum_chunks, lift and pullback: those
// of different sectors, each as often as a launch reads it from memory or writes it.
func movedBy(l *rowLayout, k batchKernel, groups, members int) batchBytes {
	number := numberBytes(l.precision)
	all := int64(members)
	ring := int64(groups*kernels.BatchRing(k.name)*kernels.BatchParts*l.slabs) * all * number
	coordinates := all * int64(wholeQuads(l.k)) * number
	return batchBytes{
		rows: int64(l.m) * l.stride,
		// What one kernel writes, another reads.
		sums:     2 * int64(l.batchSums().count) * coordinates,
		z:        2 * all * int64(l.kp) * number,
		products: 2*coordinates + 3*all*all*int64(l.n1+l.n2)*8, // g, and factors of a few columns
		ring:     2 * ring,                                     // read before something is there, and written
		// The weights are filled, read and written; then res, y, and what is small.
		weights: 3*all*int64(l.m)*number + (all+1)*int64(l.m)*8 + 64<<10,
	}
}

func (b batchBytes) sum() int64 { return b.rows + b.sums + b.z + b.products + b.ring + b.weights }

// TestBatchMovesItsRows: a step of 8 members, or of 16 with the wide form of contract_tensor, moves at most
// 1.1 times the f32 rows between memory and the L2 cache, with everything, at n = 200 and m = 10,000 on an
// H100. The emulator holds the computed bytes to counted ones on smaller problems, with few groups and with
// more than parts of chunks.
func TestBatchMovesItsRows(t *testing.T) {
	t.Parallel()
	const contractBatch, narrowForm = -1, 0
	for _, c := range []struct{ n, m, multiprocessors, form int }{
		{91, 259, 24, contractBatch}, {15, 203, 44, contractBatch}, {15, 203, 44, narrowForm},
		{91, 131, 48, wideForm}, {15, 203, 88, wideForm},
	} {
		members := kernels.BatchMembers
		if c.form == wideForm {
			members = kernels.WideMembers
		}
		ensemble := backendtest.Ensembles(t, c.n, c.m)["gaussian-f32"]
		e, device := batchEngineOn(t, emulator.Config{Multiprocessors: c.multiprocessors, Distinct: true},
			ensemble, members, solver.Memory, solver.F64)
		o := rowsOf(e)
		k := o.onBatch()
		if c.form != contractBatch {
			must(t, o.countTensorGroups())
			k = o.onTensor(c.form)
		}
		if *k.groups < 3 {
			t.Fatalf("%d groups hand no sums over", *k.groups)
		}
		all := make([]int, members)
		for i := range all {
			all[i] = i
		}
		device.ResetTraffic()
		must(t, e.gradient(all))
		if device.Traffic(k.name).Launches != 1 {
			t.Fatalf("%s was not launched once", k.name)
		}
		moved := int64(members*c.m) * 8 // the fill of the weights
		for _, kernel := range slices.Compact(slices.Sorted(slices.Values(o.kernels()))) {
			got := device.Traffic(kernel)
			moved += got.DistinctLoaded + got.DistinctStored
		}
		want := movedBy(&o.rowLayout, k.batchKernel, *k.groups, members)
		if least := want.rows + want.sums; moved < least || moved > want.sum() {
			t.Errorf("%s, n = %d, m = %d, %d groups: %d bytes, want at least %d of rows and sums and at "+
				"most %d", k.name, c.n, c.m, *k.groups, moved, least, want.sum())
		}
	}

	const n, m, k = 200, 10_000, 200 * 201 / 2
	l := rowLayout{rowStore: rowStore{m: m, inMemory: true}, members: kernels.WideMembers, n1: n, n2: n,
		info: driver.Info{Capability: [2]int{9, 0}, Multiprocessors: 132, BlockShared: 227 << 10},
		k:    k, precision: solver.F64, cards: 1, all: m, slabs: blocks(k, kernels.Slab)}
	l.kp = l.slabs * kernels.Slab
	l.setEntries("f32")
	l.shareRows(0)
	for _, of := range []batchKernel{l.batchKernel(), l.tensorKernel(0), l.tensorKernel(wideForm)} {
		groups := l.info.Multiprocessors / (of.blocks * l.slabs)
		moved := movedBy(&l, of, groups, of.members)
		ratio := float64(moved.sum()) / float64(moved.rows)
		t.Logf("%s in %d groups moves %+v, %.3f times its rows", of.name, groups, moved, ratio)
		if ratio > 1.1 {
			t.Errorf("a step of %s moves %.3f times its rows: %+v", of.name, ratio, moved)
		}
	}
}
