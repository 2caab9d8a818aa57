package cpu

import (
	"slices"
	"unsafe"

	"github.com/matsense/matsense/sensing"
)

// A group is the members of a batch that go through the rows together. Both halves of its pass are products
// of small matrices, computed in tiles of tileMembers members:
//
//	lanes[i][v] ← fma(a_ik, z_vk, lanes[i][v])   over the coordinates k, lane k mod L of row i and member v
//	acc_vk      ← fma(c_vj, a_jk, acc_vk)        over the rows j, for member v
//
// These are the chains of [kernel] in the same order, so a member has the bits that it has alone.
//
// A worker takes many rows at a time, and walks over their coordinates in strips, once for the dot products
// and once for the accumulation. It decodes the entries of a few rows in a strip to a panel of numbers, which
// stays in the first cache while all members read it. z and acc are kept strip by strip, all members of a
// strip side by side, so that memory is read in order. While the worker computes, it asks for the next strip.
// A visit reads each row twice, the second time from a cache if that holds the rows, and z and acc once. The
// more rows a visit has, the less often are z and acc read. A chunk of up to tallRows rows is one visit,
// which writes acc without reading it.

// The first three constants are also in internal/asm/batch.
const (
	tileMembers = 4               // members of a tile
	stripBytes  = 24 * 64         // of a member's numbers in a strip
	panelBytes  = stripBytes + 64 // from the numbers of a row to those of the next, off the same cache sets

	tallRows      = 96 // rows of a visit, at most; a multiple of blockRows
	tallGenerated = 24 // the same if rows are generated: a worker keeps them in a buffer
)

// batchKernel is the assembly for groups. The zero value is none.
type batchKernel[F number] struct {
	least         int // members of a group: fewer take less time with the loops of kernel
	registerBytes int
	panelRows     int // rows decoded at a time
	tileRows      int // rows of a tile of dot products
	tileRegisters int // registers of coordinates in a tile of the accumulation
	dots          func(lanes, rows, z *F, bytes, tiles int)
	adds          func(acc, rows, weights *F, count, tiles int, fresh bool)
	decode        decoder[F]
	fetch         func(from *byte, lines int)
}

// group is the data of the members of a group. The number of member v at coordinate k of strip s is at
// (s·width + v)·strip + k. Numbers past the last member, and past the last coordinate, are zeros of z.
type group[F number] struct {
	members []*memberPass[F]
	width   int // how many members there is space for, a multiple of tileMembers
	k       int // K
	z       []F
	acc     [][]F     // the partial sums of g, over a chunk each
	fresh   []bool    // for each of them: nothing has been added yet
	sums    []float64 // the sum of all chunks, which becomes g of the members at the end
}

// batchWorkspace is the memory of one worker for a group.
type batchWorkspace[E sensing.Entry, F number] struct {
	blocks  []block[E] // the rows of the visit
	rest    block[E]   // the last coordinates of a block, fewer than stride, with padding
	panel   []F        // the numbers of the rows in a strip
	lanes   []F        // of each dot product, in the same order
	p       []float64  // the dot products, in the order of dotPlace
	weights []F        // c: [tile of members][row][member of the tile]
}

// stripLength is how many coordinates a strip has.
func stripLength[F number]() int { return stripBytes / numberSize[F]() }

// numberSize is the size of a number in bytes.
func numberSize[F number]() int { return 64 / laneCount[F]() }

// roundUp returns the least multiple of step that is not less than n.
func roundUp(n, step int) int { return (n + step - 1) / step * step }

// arrange prepares passes for the members: it decides which of them are grouped, and gives each its z and
// acc. z must be written afterwards.
func (c *contraction[E, F]) arrange(members []*memberPass[F]) {
	if slices.Equal(members, c.arranged) {
		return
	}
	c.arranged = slices.Clone(members)
	k := c.source.Space().K()
	grouped := c.batch.grouped(len(members))
	c.group, c.tall = nil, blockRows
	if grouped > 0 {
		c.group = newGroup(members[:grouped], k, c.workers)
		c.tall = evenVisits(chunkRows(c.m), tallRows)
		if c.memory == nil {
			c.tall = evenVisits(chunkRows(c.m), tallGenerated)
			c.reserve(c.tall)
		}
		c.batchWorkspaces = nil
		for range c.workers {
			c.batchWorkspaces = append(c.batchWorkspaces,
				newBatchWorkspace[E, F](c.tall, c.group.width, c.batch.tileRows))
		}
	}
	c.onePass.passes = members[grouped:]
	for _, p := range c.onePass.passes {
		if p.acc == nil {
			p.z, p.strip, p.apart = make([]F, k), k, 0
			p.acc = partialSums[F](k, c.workers)
		}
	}
}

// evenVisits returns how many rows a visit takes, at most so many, to divide a chunk into equal parts.
func evenVisits(chunk, most int) int {
	visits := (chunk + most - 1) / most
	return roundUp((chunk+visits-1)/visits, blockRows)
}

// grouped returns how many of so many members form a group; the others go alone. A tile that lacks one member
// takes less time than three members alone.
func (k batchKernel[F]) grouped(members int) int {
	if k.dots == nil || members < k.least {
		return 0
	}
	if whole := members / tileMembers * tileMembers; members-whole < tileMembers-1 {
		return whole
	}
	return members
}

func newGroup[F number](members []*memberPass[F], k, workers int) *group[F] {
	strip := stripLength[F]()
	g := &group[F]{members: members, width: roundUp(len(members), tileMembers), k: k}
	size := roundUp(k, strip) * g.width
	g.z, g.acc = make([]F, size), partialSums[F](size, workers)
	g.sums, g.fresh = make([]float64, size), make([]bool, len(g.acc))
	adviseHugePages(g.z)
	adviseHugePages(g.sums)
	for _, acc := range g.acc {
		adviseHugePages(acc)
	}
	for v, p := range members {
		p.z, p.strip, p.apart, p.acc = g.z[v*strip:], strip, g.width*strip, nil
	}
	return g
}

// addTo adds a partial sum to those of all chunks.
func (g *group[F]) addTo(partial int, e ending[F]) { e.addTo(g.sums, g.acc[partial]) }

// deliver copies the sums of all chunks to g of the members.
func (g *group[F]) deliver() {
	strip := stripLength[F]()
	for from := 0; from < g.k; from += strip {
		for v, p := range g.members {
			copy(p.g[from:min(from+strip, g.k)], g.sums[from*g.width+v*strip:])
		}
	}
}

func newBatchWorkspace[E sensing.Entry, F number](tall, width, tileRows int) *batchWorkspace[E, F] {
	rows := roundUp(tall, tileRows)
	dots := roundUp(rows*width, blockRows)
	h := &batchWorkspace[E, F]{
		blocks:  make([]block[E], tall/blockRows),
		panel:   make([]F, rows*panelBytes/numberSize[F]()),
		lanes:   make([]F, dots*laneCount[F]()),
		p:       make([]float64, dots),
		weights: make([]F, tall*width),
	}
	for j := range h.rest {
		h.rest[j] = make([]E, sensing.RowLen[E](stride))
	}
	return h
}

// visitGroup does the pass for the group, on count rows that start with row first.
func (w *passing[E, F]) visitGroup(worker, partial, first, count int) {
	h, g := w.batchWorkspaces[worker], w.group
	h.blocks = h.blocks[:(count+blockRows-1)/blockRows]
	rows := len(h.blocks) * blockRows
	for b := range h.blocks {
		at := first + b*blockRows
		w.loadInto(b, worker, at, min(blockRows, first+count-at), &h.blocks[b])
	}
	w.groupDots(h)
	var dots [blockRows]float64
	var eight [blockRows]F
	for v, p := range g.members {
		weights := h.weights[v/tileMembers*rows*tileMembers+v%tileMembers:]
		for from := 0; from < count; from += blockRows {
			for j := range dots {
				dots[j] = h.p[w.dotPlace(v, from+j, rows)]
			}
			n := min(blockRows, count-from)
			p.partialSquares[partial] += p.weigh(0, &eight, dots[:n], w.y, first+from)
			for j, weight := range eight {
				weights[(from+j)*tileMembers] = weight
			}
		}
	}
	w.groupAdds(h, g.acc[partial], g.fresh[partial])
	g.fresh[partial] = false
}

// dotPlace returns where the dot product of a member and one of so many rows is: the order is that of panels,
// tiles of members, tiles of rows, members and rows.
func (c *contraction[E, F]) dotPlace(v, row, rows int) int {
	first, tile := row/c.batch.panelRows*c.batch.panelRows, c.batch.tileRows
	inPanel := roundUp(min(c.batch.panelRows, rows-first), tile)
	row -= first
	return first*c.group.width + v/tileMembers*tileMembers*inPanel +
		row/tile*tile*tileMembers + v%tileMembers*tile + row%tile
}

// groupDots computes the dot products of all rows with z of all members.
func (c *contraction[E, F]) groupDots(h *batchWorkspace[E, F]) {
	n, strip := c.group.k, stripLength[F]()
	step := stretch[F](n)
	clear(h.p)
	clear(h.lanes)
	for from, to := 0, 0; from < n; from = to {
		to = min((from/strip+1)*strip, (from/step+1)*step, n)
		c.eachPanel(h, from, to, func(row, rows int) { c.dotTiles(h, row, rows, from, to) })
		if to%step == 0 || to == n {
			for i := 0; i < len(h.p); i += blockRows {
				c.ending.fold((*[blockRows]float64)(h.p[i:]), &h.lanes[i*laneCount[F]()])
			}
			clear(h.lanes)
		}
	}
}

// dotTiles adds the coordinates from ≤ k < to of the rows in the panel to the lanes. The first is row row.
func (c *contraction[E, F]) dotTiles(h *batchWorkspace[E, F], row, rows, from, to int) {
	g, lanes, size, strip := c.group, laneCount[F](), numberSize[F](), stripLength[F]()
	bytes := roundUp(to-from, lanes) * size
	tiles := (rows + c.batch.tileRows - 1) / c.batch.tileRows
	for v := 0; v < g.width; v += tileMembers {
		c.fetchShare(h, g.z, row, rows, from, v)
		sums := h.lanes[(row*g.width+v*tiles*c.batch.tileRows)*lanes:]
		z := g.z[from/strip*strip*g.width+v*strip+from%strip:]
		for half := 0; half < lanes; half += c.batch.registerBytes / size {
			c.batch.dots(&sums[half], &h.panel[half], &z[half], bytes, tiles)
		}
	}
}

// groupAdds adds the weighted rows to acc of all members. If acc is fresh, its content does not count.
func (c *contraction[E, F]) groupAdds(h *batchWorkspace[E, F], acc []F, fresh bool) {
	n, strip, g := c.group.k, stripLength[F](), c.group
	all := len(h.blocks) * blockRows
	step := c.batch.tileRegisters * c.batch.registerBytes / numberSize[F]()
	for from := 0; from < n; from += strip {
		to := min(from+strip, n)
		tiles := (to - from + step - 1) / step
		c.eachPanel(h, from, to, func(row, rows int) {
			for v := 0; v < g.width; v += tileMembers {
				c.fetchShare(h, acc, row, rows, from, v)
				c.batch.adds(&acc[from*g.width+v*strip], &h.panel[0], &h.weights[v*all+row*tileMembers],
					rows, tiles, fresh && row == 0)
			}
		})
	}
}

// eachPanel calls do for the rows of one panel after the other, whose numbers in a strip it writes.
func (c *contraction[E, F]) eachPanel(h *batchWorkspace[E, F], from, to int, do func(row, rows int)) {
	all := len(h.blocks) * blockRows
	for row := 0; row < all; row += c.batch.panelRows {
		rows := min(c.batch.panelRows, all-row)
		c.decodePanel(h, row, rows, from, to)
		do(row, rows)
	}
}

// fetchShare asks for a share of what the next strip needs: entries of the rows, and numbers of the members,
// z or acc. The share is that of the tile of members that starts with v, among the tiles of a panel.
func (c *contraction[E, F]) fetchShare(h *batchWorkspace[E, F], numbers []F, row, rows, from, v int) {
	width, strip := c.group.width, stripLength[F]()
	next := (from/strip + 1) * strip
	if next >= c.group.k {
		return
	}
	first, last := sensing.RowLen[E](next), sensing.RowLen[E](min(next+strip, c.group.k))
	for i := row + rows*v/width; i < row+rows*(v+tileMembers)/width; i++ {
		fetchNumbers(c.batch, h.blocks[i/blockRows][i%blockRows][first:last])
	}
	ahead := numbers[next*width : (next+strip)*width]
	done, all := row*width+rows*v, len(h.blocks)*blockRows*width
	fetchNumbers(c.batch, ahead[len(ahead)*done/all:len(ahead)*(done+rows*tileMembers)/all])
}

// fetchNumbers asks for the cache lines of a slice.
func fetchNumbers[F number, T any](k batchKernel[F], s []T) {
	if lines := len(s) * int(unsafe.Sizeof(*new(T))) / 64; lines > 0 {
		k.fetch((*byte)(unsafe.Pointer(&s[0])), lines)
	}
}

// decodePanel writes the numbers of the entries from ≤ k < to of some rows, the first of them row row. Up to
// a multiple of stride it writes what the padding of rest has.
func (c *contraction[E, F]) decodePanel(h *batchWorkspace[E, F], row, rows, from, to int) {
	whole := to / stride * stride
	size := panelBytes / numberSize[F]()
	for j := 0; j < rows; j += blockRows {
		b := &h.blocks[(row+j)/blockRows]
		panel := h.panel[j*size:]
		if from < whole {
			c.batch.decode(&panel[0], size, rawRows(b), from, whole)
		}
		if whole < to {
			for j, row := range b {
				copy(h.rest[j], row[sensing.RowLen[E](whole):])
			}
			c.batch.decode(&panel[whole-from], size, rawRows(&h.rest), 0, stride)
		}
	}
}
