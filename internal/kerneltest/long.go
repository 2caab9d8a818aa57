package kerneltest

import (
	"cmp"
	"testing"

	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
)

// longContraction is a case of contract_long: one of contract, and how many slabs a block has.
type longContraction struct {
	contraction
	own, ahead int
}

var longContractions = []longContraction{
	{contraction{1, 1, 8, 0, 0, "", 0}, 1, 1},
	{contraction{2, 3, 8, 0, 0, "", 0}, 4, 2},
	{contraction{9, 33, 8, 1, 32, "", 0}, 2, 2},
	{contraction{13, 255, 8, 0, 0, huber, 0}, 1, 2},
	{contraction{67, 257, 16, 3, 64, "", 128}, 2, 1},
	{contraction{25, 4095, 8, 2, 0, "", 0}, 1, 2},
	{contraction{17, 4097, 24, 0, 0, "", 0}, 2, 1},
	{contraction{11, 5003, 8, 1, 0, small, 0}, 1, 1},
	{contraction{14, 9099, 8, 0, 0, special, 0}, 3, 1},
	{contraction{11, 4099, 8, 1, 0, l1, 0}, 2, 2},
	{contraction{7, 301, 8, 0, 0, otherLevels, 128}, 3, 2},
	{contraction{33, 2900, 16, 2, 0, "", 640}, 3, 2}, // the last block has two slabs
	{contraction{18, 8209, 8, 1, 32, "", 1408}, 4, 1},
	{contraction{21, 12_288, 8, 2, 0, "", 3072}, 4, 1}, // whole slabs
	{contraction{10, 16_400, 8, 1, 0, allOnes, 0}, 3, 1},
	{contraction{3, 33*slab + 1, 8, 0, 0, "", 0}, 3, 1},   // more slabs than a warp has lanes
	{contraction{2, 300*128 + 1, 8, 0, 0, "", 128}, 4, 2}, // a lane waits twice for parts
}

// testContractLong checks that contract_long gives the same bits as the three reference loops.
func testContractLong[T number](generated bool) func(t *testing.T, b *bench, f sensing.Entries) {
	return func(t *testing.T, b *bench, f sensing.Entries) {
		for _, c := range longContractions {
			if c.gap == 0 || !generated {
				c.run(t, f, func(t *testing.T) { contractLong[T](t, b, f, c, generated) })
			}
		}
	}
}

func contractLong[T number](t *testing.T, b *bench, f sensing.Entries, c longContraction, generated bool) {
	length := cmp.Or(c.slab, slab)
	parts, chunkCount := over(c.k, length), over(c.m, c.chunk)
	a, z, y := contractionData[T](f, c.contraction, generated)
	if generated {
		c.ahead = 1
	}
	const room = 194 << 10 // beside the table of q8, and enough for two pairs and one slab of every format
	for kernels.LongMemory(f.EntryBits(), sizeOf[T](), length, c.own, c.ahead) > room {
		if c.ahead--; c.ahead == 0 {
			c.own, c.ahead = c.own-1, 1
		}
	}
	groups := cmp.Or(c.groups, chunkCount)
	grid := over(parts, c.own) * groups
	shared := kernels.LongMemory(f.EntryBits(), sizeOf[T](), length, c.own, c.ahead)
	resident, err := b.kernel.Resident(256, shared)
	must(t, err)
	if resident < grid {
		t.Skipf("it needs %d blocks on the device at once; the device has room for %d", grid, resident)
	}
	partials := absentParts[T](c.contraction)
	res, chunks := output(poisoned[float64](c.m)), output(poisoned[T](chunkCount*slabs(c.k)*slab))
	args := rowArgs(a, []any{input(z), partials, input(y), res, chunks, a.table()}, generated)
	args = append(args, c.k, parts, length, c.own)
	if generated {
		rows := 3 * groups * kernels.LongRows(f.EntryBits())
		args = append(args, output(poisoned[float64](rows*a.stride/8)), a.stride)
	} else {
		args = append(args, c.ahead)
	}
	args = append(args, words(starts(c.m, c.chunk)), chunkCount, contractionScale)
	b.run(t, launch{grid: line(grid), block: line(256), shared: shared, cooperative: true,
		args: c.kind.loss().with(args...)})
	checkContraction(t, c.contraction, a, z, y, partials, res, chunks)
}
