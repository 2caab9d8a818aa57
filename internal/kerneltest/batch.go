package kerneltest

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
)

// batches are the cases of contract_batch and contract_tensor, each with a number of members and a number of
// sums. 0 sums stand for one for each chunk. The wide form of contract_tensor has about twice the members.
var batches = []struct {
	members, sums int
	contraction
}{
	{1, 0, contraction{1, 1, 8, 0, 0, "", 0}},
	{2, 2, contraction{9, 33, 8, 1, 0, "", 0}},
	{3, 2, contraction{35, 257, 16, 3, 0, "", 0}},
	{8, 2, contraction{49, 91, 8, 2, 64, "", 0}},
	{3, 3, contraction{83, 129, 16, 1, 0, "", 0}}, // twice around the ring of parts
	{2, 1, contraction{131, 33, 8, 3, 0, "", 0}},  // a chain of 17 chunks
	{1, 3, contraction{83, 65, 8, 4, 0, "", 0}},
	{5, 0, contraction{9, 1009, 8, 0, 0, "", 0}},
	{6, 1, contraction{13, 3001, 8, 1, 0, "", 0}}, // ends in the middle of a quarter of a slab

	{8, 1, contraction{19, 4097, 16, 0, 0, "", 0}},
	{4, 1, contraction{5, 8209, 8, 1, 32, "", 0}},
	{2, 0, contraction{3, 32*slab + 1, 8, 0, 0, "", 0}}, // more slabs than a warp has lanes
	{3, 1, contraction{14, 4099, 8, 0, 0, special, 0}},
	{3, 0, contraction{5, 4099, 8, 0, 0, allOnes, 0}},
	{8, 0, contraction{7, 301, 8, 0, 0, otherLevels, 0}},
	{3, 1, contraction{11, 4099, 8, 1, 0, l1, 0}},
	{8, 0, contraction{13, 257, 8, 0, 0, huber, 0}},
}

// batchForm is a kernel that contracts a batch.
type batchForm struct {
	generated bool // the kernel makes the rows
	tensor    bool // contract_tensor
	wide      bool // its form for more members
}

func testContractBatch[T number](form batchForm) func(t *testing.T, b *bench, f sensing.Entries) {
	return func(t *testing.T, b *bench, f sensing.Entries) {
		other := form.tensor || strings.Contains(b.kernel.Name(), "_small_")
		for _, c := range batches {
			wide := c.k > 16*slab && (f != sensing.F32 || other) // one kernel is enough for such large cases
			if (c.kind != otherLevels || f == sensing.Q8) && !wide && (c.gap == 0 || !form.generated) {
				if form.wide {
					c.members = 2*c.members - c.members%2
				}
				sizes := name("members", c.members, "sums", c.sums, "m", c.m, "k", c.k, "chunk", c.chunk,
					"groups", c.groups, "gap", c.gap)
				t.Run(sizes+string(c.kind), func(t *testing.T) {
					contractBatch[T](t, b, f, c.contraction, c.members, c.sums, form)
				})
			}
		}
	}
}

// contractBatch checks that each member has the bits of the three reference loops, and each sum those of
// a chain of its chunks.
func contractBatch[T number](
	t *testing.T, b *bench, f sensing.Entries, c contraction, members, sumCount int, form batchForm,
) {
	const scale = 1.0 / 3
	a, z, y := newRows(f, entries, 0, c.m, c.k, c.gap), padded[T](members, c.k, 1), random[float64](c.m, 50)
	switch c.kind {
	case l1:
		z = padded[T](members, c.k, tiny[T]())
		scaled(y, tiny[T]())
		y[1], _ = residual(allDots(a, z, members, slab)[slabs(c.k):][:slabs(c.k)], 0, 1, squaredLoss)
	case huber:
		y[c.m-1], y[c.m-3], y[c.m-4] = math.NaN(), math.Inf(1), math.Inf(-1)
	case special:
		if !form.generated || f.EntryBits() < 16 {
			specials(a, z)
		}
		y[c.m-1], y[c.m-3] = math.NaN(), math.Inf(1)
	case allOnes:
		z[2] = fromBits[T](math.MaxUint64)
	case otherLevels:
		a.otherLevels()
	}
	parts, chunkCount := slabs(c.k), over(c.m, c.chunk)
	kp := parts * slab
	groups := c.groups
	if groups == 0 {
		groups = chunkCount
	}
	shared, ring := kernels.BatchStages(b.kernel.Name()), kernels.BatchRing(b.kernel.Name())
	blocks := kernels.BatchBlocks // of a group, for each slab
	if form.wide {
		blocks = kernels.WideBlocks
	}
	resident, err := b.kernel.Resident(256, shared)
	must(t, err)
	grid := blocks * parts * groups
	if resident < grid {
		t.Skipf("it needs %d blocks on the device at once; the device has room for %d", grid, resident)
	}
	absent := func(count int) *buffer {
		all := output(make([]T, count))
		for i := range all.data {
			all.data[i] = 0xFF
		}
		return all
	}
	partials := absent(groups * ring * members * parts * kernels.BatchParts)
	weights := absent(members * c.m)
	if sumCount == 0 {
		sumCount = chunkCount
	}
	ready := output(make([]float32, sumCount*blocks*parts)) // u32, of which nothing stays
	for i := range ready.data {
		ready.data[i] = 0xFF
	}
	res, sums := output(poisoned[float64](members*c.m)), output(poisoned[T](members*sumCount*kp))
	args := []any{input(z), partials, input(y), res, weights, sums, a.table(), ready}
	args = append(rowArgs(a, args, form.generated), c.k, parts, c.m, members,
		words(dealtChunks(c.m, c.chunk, groups, sumCount)), sumCount, c.m, scale)
	l := c.kind.loss()
	b.run(t, launch{
		grid: line(grid), block: line(256), shared: shared, cooperative: true, args: l.with(args...),
	})

	dots := allDots(a, z, members, slab)
	wantRes, wantSums := make([]float64, members*c.m), poisoned[T](members*sumCount*kp)
	wantWeights := make([]T, members*c.m)
	for member := range members {
		chunk := make([]T, c.k)
		for i := range c.m {
			at := member*c.m + i
			wantRes[at], wantWeights[at] = residual(dots[at*parts:][:parts], y[i], scale, l)
			accumulate(chunk, wantWeights[at], inT[T](a, i))
			if number := i / c.chunk; (i+1)%c.chunk == 0 || i+1 == c.m {
				sum := wantSums[(member*sumCount+number*sumCount/chunkCount)*kp:][:c.k]
				if number == 0 || (number-1)*sumCount/chunkCount != number*sumCount/chunkCount {
					clear(sum)
				}
				for k, v := range chunk {
					sum[k] += v
				}
				clear(chunk)
			}
		}
	}
	leaveOpen(wantSums, sums, c.k, kp)
	check(t, "res", res, wantRes)
	if len(bytes.Trim(partials.data, "\xff")) != 0 {
		t.Error("the kernel leaves parts in the ring that the next launch would take for its own")
	}
	if len(bytes.Trim(ready.data, "\xff")) != 0 {
		t.Error("the kernel leaves words that the next launch would take for those of its own chunks")
	}
	check(t, "weights", weights, wantWeights)
	check(t, "sums", sums, wantSums)
}

// dealtChunks describes the chunks of chunk rows: one after another is dealt to the
// groups, and chunk c is added to sum ⌊c·sums/chunks⌋. So a group waits for another one for each chunk but
// the first of a sum, unless there is one group.
func dealtChunks(m, chunk, groups, sums int) []uint32 {
	rows := starts(m, chunk)
	count := len(rows) - 1
	sum := func(c int) int { return c * sums / count }
	lists := make([][]uint32, groups)
	added := 0 // chunks of the sum before this one
	for c := range count {
		if c > 0 && sum(c-1) != sum(c) {
			added = 0
		}
		last := c+1 == count || sum(c+1) != sum(c)
		from, to := min(added, 1), 0
		if groups > 1 {
			switch {
			case !last:
				to = added + 2
			case added > 0:
				to = math.MaxUint32
			}
			if added > 0 {
				from = added + 1
			}
		}
		lists[c%groups] = append(lists[c%groups], rows[c], rows[c+1],
			uint32(sum(c)), uint32(from), uint32(to))
		added++
	}
	at := groups + 1
	var offsets, all []uint32
	for _, list := range lists {
		offsets, all = append(offsets, uint32(at)), append(all, list...)
		at += len(list)
	}
	return append(append(offsets, uint32(at)), all...)
}
