package kerneltest

import (
	"cmp"
	"math"
	"testing"

	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
)

// contraction is a case of contract.
type contraction struct {
	m, k   int
	chunk  int // rows of a chunk, except the last one: a multiple of 8
	groups int // groups that share the chunks; 0 means one for each chunk
	gap    int // unnecessary bytes between rows
	kind   kind
	slab   int // coordinates of a slab; 0 means the longest
}

var contractions = []contraction{
	{1, 1, 8, 0, 0, "", 0},
	{2, 3, 8, 0, 0, "", 0},
	{7, 31, 8, 0, 0, "", 0},
	{8, 32, 8, 0, 32, "", 0},
	{9, 33, 8, 1, 0, "", 0},
	{13, 255, 8, 0, 0, "", 0},
	{16, 256, 8, 1, 0, "", 0}, // rows that end at a sector's end in every format
	{67, 257, 16, 3, 0, "", 0},
	{129, 91, 136, 0, 64, "", 0},
	{129, 91, 8, 5, 0, "", 0},
	{31, 1009, 8, 0, 0, "", 0},
	{25, 4095, 8, 2, 0, "", 0},
	{17, 4096, 24, 0, 0, "", 0},
	{19, 4097, 16, 0, 0, "", 0},
	{33, 4186, 16, 2, 0, "", 0},
	{9, 8209, 8, 1, 32, "", 0},
	{13, 8209, 24, 0, 0, "", 0},
	{3, 32*slab + 1, 8, 0, 0, "", 0},  // more slabs than a warp has lanes
	{1, 256*slab + 1, 8, 0, 0, "", 0}, // a lane has nine parts
	{11, 5003, 8, 1, 0, small, 0},
	{14, 4099, 8, 0, 0, special, 0},
	{5, 4099, 8, 0, 0, allOnes, 0},
	{11, 4099, 8, 1, 0, l1, 0},
	{13, 257, 8, 0, 0, huber, 0},
	{7, 301, 8, 0, 0, otherLevels, 0},
	{9, 300, 8, 0, 32, "", 128},
	{19, 5000, 16, 1, 0, "", 2432}, // a warp has more coordinates than the next
	{10, 7680, 8, 0, 0, "", 3840},  // whole slabs
	{5, 2900, 8, 0, 0, special, 1408},
}

// contractForm is a form of contract.
type contractForm struct {
	early     bool // for compute capabilities before 8.0
	generated bool // the kernel makes the rows
}

var contractForms = map[string]contractForm{
	"contract_":                 {},
	"contract_generated_":       {generated: true},
	"contract_early_":           {early: true},
	"contract_early_generated_": {early: true, generated: true},
}

// ahead returns the numbers of stages on their way with which a case runs: one and two with short slabs, and
// with f32 entries. One is enough for a large case.
func (f contractForm) ahead(c contraction, entries sensing.Entries) []int {
	switch {
	case f.early:
		return []int{0}
	case f.generated || c.k > 8*slab || c.slab == 0 && entries != sensing.F32:
		return []int{1}
	}
	return []int{1, 2}
}

func testContract[T number](form contractForm) func(t *testing.T, b *bench, f sensing.Entries) {
	return func(t *testing.T, b *bench, f sensing.Entries) {
		for _, c := range contractions {
			// All forms exchange parts by the same text, so one form is enough for the largest cases.
			large := c.k > 32*slab && form != (contractForm{})
			if !large && (c.gap == 0 || !form.generated) {
				for _, ahead := range form.ahead(c, f) {
					c.run(t, f, func(t *testing.T) { contract[T](t, b, f, c, form, ahead) })
				}
			}
		}
	}
}

func (c contraction) run(t *testing.T, f sensing.Entries, test func(t *testing.T)) {
	wide := c.k > 64*slab && f != sensing.F32 // one format is enough for such large cases
	if (c.kind != otherLevels || f == sensing.Q8) && !wide {
		sizes := name("m", c.m, "k", c.k, "chunk", c.chunk, "groups", c.groups, "gap", c.gap,
			"slab", c.slab)
		t.Run(sizes+string(c.kind), test)
	}
}

// contract checks that the kernel gives the same bits as the three reference loops.
func contract[T number](t *testing.T, b *bench, f sensing.Entries, c contraction, form contractForm,
	ahead int,
) {
	length := cmp.Or(c.slab, slab)
	parts, chunkCount := over(c.k, length), over(c.m, c.chunk)
	a, z, y := contractionData[T](f, c, form.generated)
	kp := slabs(c.k) * slab
	groups := c.groups
	if groups == 0 {
		groups = chunkCount
	}

	shared := kernels.Stages(f.EntryBits(), form.early, length, ahead)
	resident, err := b.kernel.Resident(256, shared)
	must(t, err)
	if resident < parts*groups {
		t.Skipf("it needs %d blocks on the device at once; the device has room for %d",
			parts*groups, resident)
	}
	partials := absentParts[T](c)
	res, chunks := output(poisoned[float64](c.m)), output(poisoned[T](chunkCount*kp))
	args := []any{input(z), partials, input(y), res, chunks, a.table()}
	args = append(rowArgs(a, args, form.generated), c.k, parts, length)
	if !form.early && !form.generated {
		args = append(args, ahead)
	}
	args = c.kind.loss().with(append(args, words(starts(c.m, c.chunk)), chunkCount, contractionScale)...)
	b.run(t, launch{
		grid: line(parts * groups), block: line(256), shared: shared, cooperative: true, args: args,
	})

	checkContraction(t, c, a, z, y, partials, res, chunks)
}

// contractionScale is the scale of all cases.
const contractionScale = 1.0 / 3

// absentParts makes the parts of a case's dot products as they are before the launch.
func absentParts[T number](c contraction) *buffer {
	partials := output(make([]T, c.m*over(c.k, cmp.Or(c.slab, slab))))
	for i := range partials.data {
		partials.data[i] = 0xFF
	}
	return partials
}

// contractionData makes the rows, z and y of a case.
func contractionData[T number](f sensing.Entries, c contraction, generated bool) (*rows, []T, []float64) {
	a, z, y := newRows(f, entries, 0, c.m, c.k, c.gap), padded[T](1, c.k, 1), random[float64](c.m, 50)
	switch c.kind {
	case small:
		z = padded[T](1, c.k, tiny[T]())
		scaled(y, tiny[T]())
	case l1:
		z = padded[T](1, c.k, tiny[T]())
		scaled(y, tiny[T]())
		length := cmp.Or(c.slab, slab)
		parts := over(c.k, length)
		y[1], _ = residual(allDots(a, z, 1, length)[parts:][:parts], 0, 1, squaredLoss)
	case huber:
		y[c.m-1], y[c.m-3], y[c.m-4] = math.NaN(), math.Inf(1), math.Inf(-1)
	case special:
		if !generated || f.EntryBits() < 16 {
			specials(a, z)
		}
		y[c.m-1], y[c.m-3] = math.NaN(), math.Inf(1)
	case allOnes:
		z[2] = fromBits[T](math.MaxUint64)
	case otherLevels:
		a.otherLevels()
	}
	return a, z, y
}

// checkContraction compares what a kernel computed in a case with the three reference loops.
func checkContraction[T number](t *testing.T, c contraction, a *rows, z []T, y []float64,
	partials, res, chunks *buffer,
) {
	length, kp := cmp.Or(c.slab, slab), slabs(c.k)*slab
	parts := over(c.k, length)
	dots := allDots(a, z, 1, length)
	wantRes, wantChunks := make([]float64, c.m), poisoned[T](over(c.m, c.chunk)*kp)
	for i := range c.m {
		var w T
		wantRes[i], w = residual(dots[i*parts:][:parts], y[i], contractionScale, c.kind.loss())
		sum := wantChunks[i/c.chunk*kp:][:c.k]
		if i%c.chunk == 0 {
			clear(sum)
		}
		accumulate(sum, w, inT[T](a, i))
	}
	leaveOpen(wantChunks, chunks, c.k, kp)
	check(t, "partials", partials, dots)
	check(t, "res", res, wantRes)
	check(t, "chunks", chunks, wantChunks)
}

// rowArgs adds the arguments that say where the rows are, or how they are generated, to those between them.
func rowArgs(a *rows, args []any, generated bool) []any {
	if !generated {
		return append([]any{a.buffer()}, append(args, a.stride)...)
	}
	key, number := entries.Key()
	return append(args, uint64(key[0]), uint64(key[1]), uint64(number))
}

// starts returns the first row of each chunk of chunk rows, and m.
func starts(m, chunk int) []uint32 {
	var rows []uint32
	for row := 0; row < m; row += chunk {
		rows = append(rows, uint32(row))
	}
	return append(rows, uint32(m))
}
