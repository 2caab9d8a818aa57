package kerneltest

import (
	"bytes"
	"math"
	"testing"

	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
)

// batches are the cases of contract_batch, each with a number of members.
var batches = []struct {
	members int
	contraction
}{
	{1, contraction{1, 1, 8, 0, 0, ""}},
	{2, contraction{9, 33, 8, 1, 0, ""}},
	{3, contraction{35, 257, 16, 3, 0, ""}},
	{8, contraction{49, 91, 8, 2, 64, ""}},
	{3, contraction{83, 129, 16, 1, 0, ""}}, // twice around the ring of parts
	{5, contraction{9, 1009, 8, 0, 0, ""}},

	{8, contraction{19, 4097, 16, 0, 0, ""}},
	{4, contraction{5, 8209, 8, 1, 32, ""}},
	{2, contraction{3, 32*slab + 1, 8, 0, 0, ""}}, // more slabs than a warp has lanes
	{3, contraction{14, 4099, 8, 0, 0, special}},
	{3, contraction{5, 4099, 8, 0, 0, allOnes}},
	{8, contraction{7, 301, 8, 0, 0, otherLevels}},
}

func testContractBatch[T number](t *testing.T, b *bench, f sensing.Entries) {
	stages, ring := kernels.BatchStages(f.EntryBits()), kernels.BatchRing(f.EntryBits())
	contractBatches[T](t, b, f, stages, ring)
}

// testContractTensor asks the same of contract_tensor as of contract_batch: the bits of the reference loops.
func testContractTensor(t *testing.T, b *bench, f sensing.Entries) {
	contractBatches[float64](t, b, f, kernels.TensorStages(f.EntryBits()), kernels.TensorRing(f.EntryBits()))
}

// contractBatches runs all cases on a kernel with so many bytes of dynamic shared memory, and so many rows in
// a ring of parts.
func contractBatches[T number](t *testing.T, b *bench, f sensing.Entries, shared, ring int) {
	for _, c := range batches {
		wide := c.k > 16*slab && f != sensing.F32 // one format is enough for such large cases
		if (c.kind != otherLevels || f == sensing.Q8) && !wide {
			sizes := name("members", c.members, "m", c.m, "k", c.k, "chunk", c.chunk, "groups", c.groups,
				"gap", c.gap)
			t.Run(sizes+string(c.kind), func(t *testing.T) {
				contractBatch[T](t, b, f, c.contraction, c.members, shared, ring)
			})
		}
	}
}

// contractBatch checks that each member has the bits of the three reference loops.
func contractBatch[T number](
	t *testing.T, b *bench, f sensing.Entries, c contraction, members, shared, ring int,
) {
	const scale = 1.0 / 3
	a, z, y := newRows(f, entries, 0, c.m, c.k, c.gap), padded[T](members, c.k, 1), random[float64](c.m, 50)
	switch c.kind {
	case special:
		specials(a, z)
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
	resident, err := b.kernel.Resident(256, shared)
	must(t, err)
	grid := kernels.BatchBlocks * parts * groups
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
	res, chunks := output(poisoned[float64](members*c.m)), output(poisoned[T](members*chunkCount*kp))
	b.run(t, launch{grid: line(grid), block: line(256), shared: shared, cooperative: true, args: []any{
		a.buffer(), input(z), partials, input(y), res, weights, chunks, a.table(), a.stride, c.k, parts, c.m,
		members, words(starts(c.m, c.chunk)), chunkCount, scale,
	}})

	dots := allDots(a, z, members)
	wantRes, wantChunks := make([]float64, members*c.m), poisoned[T](members*chunkCount*kp)
	wantWeights := make([]T, members*c.m)
	for member := range members {
		for i := range c.m {
			at := member*c.m + i
			wantRes[at], wantWeights[at] = residual(dots[at*parts:][:parts], y[i], scale)
			sum := wantChunks[(member*chunkCount+i/c.chunk)*kp:][:c.k]
			if i%c.chunk == 0 {
				clear(sum)
			}
			accumulate(sum, wantWeights[at], inT[T](a, i))
		}
	}
	leaveOpen(wantChunks, chunks, c.k, kp)
	check(t, "res", res, wantRes)
	if len(bytes.Trim(partials.data, "\xff")) != 0 {
		t.Error("the kernel leaves parts in the ring that the next launch would take for its own")
	}
	check(t, "weights", weights, wantWeights)
	check(t, "chunks", chunks, wantChunks)
}
