package gpu

import (
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/solver"
)

// This file contracts draws of rows. A list of rows becomes a tile: copies of rows in memory, or rows made
// anew. The tile then goes through the three steps of contract. A row that is drawn several times is in the
// tile as often. Long lists are cut into tiles, which change no bit.

// listedBytes is the most memory that a tile of copied rows takes.
const listedBytes = 64 << 20

// shareLists sets the rows of a tile of listed rows: those that fit in some memory, or tileRows if it is not
// 0. Generated rows take the memory of a tile of successive rows.
func (l *rowLayout) shareLists(tileRows int) {
	l.listRows = min(l.tileRows, mostBlocks)
	if l.inMemory && tileRows == 0 {
		room := min(listedBytes, l.info.Memory/memoryShare)
		l.listRows = min(max(int(room/l.stride), 1), l.m, mostBlocks)
	}
}

// listedChunk returns how many rows of a list of count rows share a sum. A group of blocks on the reference
// device has at most one sum, and all sums together fit in the memory for the sums of all rows' chunks.
func (l *rowLayout) listedChunk(count int) int {
	return stageRows * blocks(blocks(count, stageRows), l.listedChunks())
}

// listedChunks returns the most sums of a list.
func (l *rowLayout) listedChunks() int { return min(max(referenceBlocks/l.slabs, 1), l.chunks.all()) }

// drawBuffers lists the memory that draws take.
func (o *rowOperator) drawBuffers() []buffer {
	if !o.draws {
		return nil
	}
	list := []buffer{
		{"shifted observations", int64(o.all) * 8, &o.targets},
	}
	if o.inMemory {
		list = append(list, buffer{"listed rows", int64(o.listRows) * o.stride, &o.listed})
	}
	return list
}

// drawKernels names the kernels that draws launch.
func (o *rowOperator) drawKernels() []string {
	switch {
	case !o.draws:
		return nil
	case o.copiesListed():
		return []string{"gather", "gather_rows"}
	}
	return []string{"gather", "generate_listed_" + string(o.entries)}
}

// copiesListed says whether listed rows are copied. Otherwise the device makes them: if rows are not in
// memory, or if other cards have some of them.
func (l *rowLayout) copiesListed() bool { return l.inMemory && (l.cards == 1 || l.stream == nil) }

// takes implements drawing. A list of more than half the rows takes longer than apply and adjointMul, which
// read each row twice: a listed row is read and written once to make the tile, and read twice. All rows go
// through contract, whose arithmetic must be f64.
func (o *rowOperator) takes(count int) bool {
	if count == 0 {
		return o.precision == solver.F64
	}
	return count <= o.all/2
}

// contractDrawn implements drawing.
func (o *rowOperator) contractDrawn(y driver.Pointer, d draw, p part) error {
	if d.list != 0 {
		return o.contractListed(y, d, p, func(t *tile) error { return o.bringListed(t, d.list) })
	}
	if d.shift != 0 {
		if err := o.combine(o.targets, y, d.shift, 1, 1, o.m); err != nil {
			return err
		}
		y = o.targets
	}
	return o.contract(y, []part{p})
}

// contractListed contracts the rows in a list, tile by tile. bring makes a tile's rows.
func (o *rowOperator) contractListed(y driver.Pointer, d draw, p part, bring func(t *tile) error) error {
	parts := []part{p}
	if err := o.liftAll(solver.F64, parts); err != nil {
		return err
	}
	if err := o.gather(o.targets, y, d.shift, d.list, d.count); err != nil {
		return err
	}
	chunks, err := o.listedTable(d.count)
	if err != nil {
		return err
	}
	for first := 0; first < d.count; first += o.listRows {
		t := tile{first, min(o.listRows, d.count-first), o.listed}
		if err := bring(&t); err != nil {
			return err
		}
		if err := o.dots(solver.F64, t, 1); err != nil {
			return err
		}
		err := o.residuals(solver.F64, t, 1, o.targets, o.res, 1/float64(d.count), losses{p.loss})
		if err != nil {
			return err
		}
		if err := o.accumulate(solver.F64, t, 1, o.weights, chunks); err != nil {
			return err
		}
	}
	if err := o.sumChunks(solver.F64, 1, chunks, chunks.each()); err != nil {
		return err
	}
	return o.pullAll(solver.F64, parts)
}

// listedTable puts the chunks of a list of count rows on the device. Lists whose chunks have one length share
// a table.
func (o *rowOperator) listedTable(count int) (chunks chunkTable, err error) {
	chunk := o.listedChunk(count)
	chunks.starts = make([]int, o.listedChunks()+1)
	for i := range chunks.starts {
		chunks.starts[i] = i * chunk
	}
	chunks.at, err = o.list(bytesOfWords(chunks.starts))
	chunks.starts = chunks.starts[:blocks(count, chunk)+1]
	return chunks, err
}

// bringListed makes a tile of a list's rows.
func (o *rowOperator) bringListed(t *tile, list driver.Pointer) error {
	list += driver.Pointer(4 * t.first)
	if o.copiesListed() {
		return o.gatherRows(t.rows, list, t.count)
	}
	return o.generateListed(t, list)
}

// gatherRows copies count rows of this device, whose numbers are in a list.
func (o *rowOperator) gatherRows(dst, list driver.Pointer, count int) error {
	grid := driver.Dim{blocks(int(o.stride), 4096), count, 1}
	return o.launch("gather_rows", grid, driver.Dim{256, 1, 1}, driver.Ptr(dst),
		driver.Ptr(o.from(o.rows, o.stride)), driver.Ptr(list), driver.U64(uint64(o.stride)))
}

// generateListed makes the rows of a tile, whose numbers are in a list. If rows are not in memory, they take
// the place of the tile of successive rows.
func (o *rowOperator) generateListed(t *tile, list driver.Pointer) error {
	if !o.inMemory {
		t.rows, o.made = o.rows, tile{}
	}
	grid := driver.Dim{blocks(int(o.stride/o.unit()), 256), t.count, 1}
	args := []driver.Arg{
		driver.Ptr(t.rows), driver.Ptr(list), driver.U32(o.k), driver.U64(uint64(o.stride)),
	}
	return o.launch("generate_listed_"+string(o.entries), grid, driver.Dim{256, 1, 1},
		append(args, keyOf(*o.stream)...)...)
}

// gather does dst_k = x_i + shift_i, i = list[k]; or dst_k = x_i if shift is 0.
func (o *rowOperator) gather(dst, x, shift, list driver.Pointer, count int) error {
	return o.launch("gather", driver.Dim{blocks(count, 256), 1, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(dst), driver.Ptr(x), driver.Ptr(shift), driver.Ptr(list), driver.U32(count))
}
