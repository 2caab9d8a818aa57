package cpu

import (
	"slices"
	"unsafe"

	"github.com/matsense/matsense/sensing"
)

// A batch of many members is computed with the members in the lanes of the vector registers. z and g are kept
// interleaved, z[k][member], and both halves of the pass become products of small matrices:
//
//	lane[j][l][member] ← fma(a_jk, z[k][member], lane[j][l][member])   over k = l, l + L, l + 2L, …
//	acc[k][member]     ← fma(a_jk, c[j][member], acc[k][member])       over the rows j
//
// These are the chains of [kernel] in the same order, so a member has the bits that it has alone.
//
// A worker takes up to tallRows rows at a time, and walks over their coordinates in strips, once for the dot
// products and once for the accumulation. It decodes the entries in a strip to numbers, which all members
// read: for the dot products eight rows at a time, so that the numbers stay in the first cache, for the
// accumulation all rows, so that acc is read and written once a visit. While it computes it asks for the next
// strip of rows and z. A visit reads each row twice, the second time from a cache if that holds the rows, and
// z and acc once.

const (
	tallRows      = 48  // rows of a visit; a multiple of blockRows
	tallGenerated = 24  // the same if rows are generated: a worker keeps them in a buffer
	batchStrip    = 256 // coordinates; divides singleStretch
	addTiles      = 8   // tiles of an accumulation between requests for the next strip
	panelPad      = 64  // bytes that keep the numbers of consecutive rows off the same cache set
)

// The places of distances in the argument of a tile's loop. They are in bytes.
const (
	cDown  = iota // from a row of c to the next
	cNext         // from c to the next repetition's
	aDown         // from a row of a to the next
	aAlong        // from an element of a to the next in its chain
	aNext
	bAlong // from a row of b to the next
	bNext
)

// batchKernel is the assembly for members in lanes. The zero value is none.
type batchKernel[F number] struct {
	width  int          // members of a group
	six    batchLoop[F] // for six rows of c
	four   batchLoop[F] // for four
	decode blockDecoder[F]
	fetch  func(from *byte, lines int) // has so many cache lines brought near before their use
}

// blockDecoder does numbers[stride·j + k − from] = rows[j][k] for from ≤ k < to; to − from is a multiple of
// stride of the kernel.
type blockDecoder[F number] func(numbers *F, stride int, rows *[blockRows][]byte, from, to int)

// batchLoop does c[i][v] ← fma(a[i][q], b[q][v], c[i][v]) for q < count in turn and all i and v of a tile. It
// repeats this for so many tiles.
type batchLoop[F number] func(c, a, b *F, count, times int, by *[7]int)

// group is members of a batch whose numbers are interleaved: member i's number at coordinate k is at
// k·width + i. Numbers past the last member, and past the last coordinate, are zeros of z.
type group[F number] struct {
	width   int
	members []*memberPass[F]
	z       []F
	acc     [][]F // the partial sums of g, over a chunk each
}

// batchWorkspace is the memory of one worker for groups.
type batchWorkspace[E sensing.Entry, F number] struct {
	blocks []block[E] // the rows of the visit
	rest   block[E]   // the last coordinates of a block, fewer than stride, with padding
	panel  []F        // the numbers of the rows in a strip
	lanes  [][]F      // for each group: [row][lane][member]
	p      [][]float64
	c      [][]F // for each group: [row][member]
	eight  [blockRows]F
	by     [7]int
}

// arrange prepares passes for the members: it decides which of them are grouped, and gives each its z and
// acc. z must be written afterwards.
func (c *contraction[E, F]) arrange(members []*memberPass[F]) {
	if slices.Equal(members, c.arranged) {
		return
	}
	c.arranged = slices.Clone(members)
	c.groups, c.onePass.passes = nil, nil
	k := c.source.Space().K()
	for rest := members; len(rest) > 0; {
		count := c.batch.grouped(len(rest))
		if count == 0 {
			c.onePass.passes = rest
			break
		}
		c.groups = append(c.groups, newGroup(c.batch.width, rest[:count], k, c.workers))
		rest = rest[count:]
	}
	for _, p := range c.onePass.passes {
		if p.step != 1 {
			p.z, p.step, p.acc = make([]F, k), 1, accumulators[F](k, c.workers)
		}
	}
	c.tall = blockRows
	if len(c.groups) > 0 {
		c.tall = tallRows
		if c.memory == nil {
			c.tall = tallGenerated
			c.reserve(tallGenerated)
		}
		for len(c.batchWorkspaces) < c.workers {
			c.batchWorkspaces = append(c.batchWorkspaces, newBatchWorkspace[E, F](c.tall))
		}
		for _, h := range c.batchWorkspaces {
			h.fit(c.tall, c.groups)
		}
	}
}

// grouped returns how many of the next members form a group; 0 if they go alone. A group may lack a few
// members: it still takes less time than four members together and the others one by one.
func (k batchKernel[F]) grouped(members int) int {
	if 4*members <= 3*k.width {
		return 0
	}
	return min(members, k.width)
}

func newGroup[F number](width int, members []*memberPass[F], k, workers int) *group[F] {
	g := &group[F]{width: width, members: members}
	size := (k + stride - 1) / stride * stride * width
	g.z, g.acc = make([]F, size), accumulators[F](size, workers)
	for i, p := range members {
		p.z, p.step, p.acc = g.z[i:], width, nil
	}
	return g
}

// addTo adds a partial sum to g of the members, a few coordinates at a time, so that a cache line that has
// numbers of several members is read once.
func (g *group[F]) addTo(partial int) {
	acc := g.acc[partial]
	k := len(g.members[0].g)
	for from := 0; from < k; from += stride {
		for v, p := range g.members {
			at := from*g.width + v
			sums := p.g[from:min(from+stride, k)]
			for i := range sums {
				sums[i] += float64(acc[at])
				at += g.width
			}
		}
	}
}

func newBatchWorkspace[E sensing.Entry, F number](tall int) *batchWorkspace[E, F] {
	h := &batchWorkspace[E, F]{
		blocks: make([]block[E], tall/blockRows),
		panel:  make([]F, tall*panelStride[F]()),
	}
	for j := range h.rest {
		h.rest[j] = make([]E, sensing.RowLen[E](stride))
	}
	return h
}

// fit allocates what the groups need.
func (h *batchWorkspace[E, F]) fit(tall int, groups []*group[F]) {
	h.lanes, h.p, h.c = nil, nil, nil
	for _, g := range groups {
		h.lanes = append(h.lanes, make([]F, tall*laneCount[F]()*g.width))
		h.p = append(h.p, make([]float64, tall*len(g.members)))
		h.c = append(h.c, make([]F, tall*g.width))
	}
}

// panelStride is the distance from the numbers of a row to those of the next.
func panelStride[F number]() int { return batchStrip + panelPad/numberSize[F]() }

// numberSize is the size of a number in bytes.
func numberSize[F number]() int { return 64 / laneCount[F]() }

// visitGroups does the pass for the groups, on count rows that start with row first.
func (w *passing[E, F]) visitGroups(worker, partial, first, count int) {
	h := w.batchWorkspaces[worker]
	blocks := (count + blockRows - 1) / blockRows
	h.blocks = h.blocks[:blocks]
	for b := range h.blocks {
		at := first + b*blockRows
		w.loadInto(b, worker, at, min(blockRows, first+count-at), &h.blocks[b])
	}
	w.groupDots(h)
	for i, g := range w.groups {
		for b := range h.blocks {
			from := b * blockRows
			rows := min(blockRows, count-from)
			for v, p := range g.members {
				dots := h.p[i][v*blocks*blockRows+from:][:rows]
				p.sums[partial] += p.weigh(0, &h.eight, dots, w.y, first+from)
				for j, weight := range h.eight {
					h.c[i][(from+j)*g.width+v] = weight
				}
			}
		}
	}
	w.groupAdds(h, partial)
}

// groupDots computes the dot products of all rows with z of all members.
func (c *contraction[E, F]) groupDots(h *batchWorkspace[E, F]) {
	n, rows := c.source.Space().K(), len(h.blocks)*blockRows
	for i := range h.p {
		clear(h.p[i])
	}
	for start, step := 0, stretch[F](n); start < n; start += step {
		end := min(start+step, n)
		for i := range h.lanes {
			clear(h.lanes[i])
		}
		for from := start; from < end; from += batchStrip {
			for j := 0; j < rows; j += blockRows {
				c.dotBlock(h, j, from, min(from+batchStrip, end), end)
			}
		}
		for i, g := range c.groups {
			g.fold(h.p[i], h.lanes[i], rows)
		}
	}
}

// dotBlock adds the coordinates from ≤ k < to of a block of rows, the first of them row j, to the lanes.
// Before each tile it asks for the part of the next strip, up to end, that a later call reads.
func (c *contraction[E, F]) dotBlock(h *batchWorkspace[E, F], j, from, to, end int) {
	lanes, size, rows := laneCount[F](), numberSize[F](), len(h.blocks)*blockRows
	width := c.decodeStrip(h, j, j+blockRows, from, to)
	for i, g := range c.groups {
		row := lanes * g.width
		h.by = [7]int{
			cDown: row * size, cNext: g.width * size,
			aDown: panelStride[F]() * size, aAlong: lanes * size, aNext: size,
			bAlong: row * size, bNext: g.width * size,
		}
		ahead := g.z[to*g.width : min((to+batchStrip)*g.width, len(g.z))]
		if to == end {
			ahead = nil
		}
		for tile := 0; tile < blockRows; tile += 4 {
			at := j + tile
			fetchNumbers(c.batch, ahead[len(ahead)*at/rows:len(ahead)*(at+4)/rows])
			if i == 0 {
				c.fetchRows(h, at, at+4, to, end)
			}
			c.batch.four(&h.lanes[i][at*row], &h.panel[tile*panelStride[F]()], &g.z[from*g.width],
				width/lanes, lanes, &h.by)
		}
	}
}

// fold adds the sums of the lanes to the dot products.
func (g *group[F]) fold(p []float64, lanes []F, rows int) {
	var lane [maxLanes]F
	count := laneCount[F]()
	for j := range rows {
		row := lanes[j*count*g.width:][:count*g.width]
		for v := range g.members {
			for l := range count {
				lane[l] = row[l*g.width+v]
			}
			p[v*rows+j] += fold(lane[:count])
		}
	}
}

// groupAdds adds the weighted rows to acc of all members.
func (c *contraction[E, F]) groupAdds(h *batchWorkspace[E, F], partial int) {
	n, size := c.source.Space().K(), numberSize[F]()
	rows := len(h.blocks) * blockRows
	for from := 0; from < n; from += batchStrip {
		width := c.decodeStrip(h, 0, rows, from, min(from+batchStrip, n))
		sixes := width / 6
		for (width-6*sixes)%4 > 0 {
			sixes--
		}
		for i, g := range c.groups {
			h.by = [7]int{
				cDown: g.width * size, cNext: 6 * g.width * size,
				aDown: size, aAlong: panelStride[F]() * size, aNext: 6 * size,
				bAlong: g.width * size,
			}
			acc, weights := g.acc[partial][from*g.width:], &h.c[i][0]
			for at := 0; at < sixes; at += addTiles {
				next := min(at+addTiles, sixes)
				if i == 0 {
					c.fetchRows(h, rows*at/sixes, rows*next/sixes, from+batchStrip, n)
				}
				c.batch.six(&acc[6*at*g.width], &h.panel[6*at], weights, rows, next-at, &h.by)
			}
			if rest := 6 * sixes; rest < width {
				h.by[cNext], h.by[aNext] = 4*g.width*size, 4*size
				c.batch.four(&acc[rest*g.width], &h.panel[rest], weights, rows, (width-rest)/4, &h.by)
			}
		}
	}
}

// fetchRows asks for the entries of rows i to j in the strip that starts with coordinate from, and ends with
// to or before.
func (c *contraction[E, F]) fetchRows(h *batchWorkspace[E, F], i, j, from, to int) {
	if from >= to {
		return
	}
	to = min(from+batchStrip, to)
	for ; i < j; i++ {
		row := h.blocks[i/blockRows][i%blockRows]
		fetchNumbers(c.batch, row[sensing.RowLen[E](from):sensing.RowLen[E](to)])
	}
}

// fetchNumbers asks for the cache lines of a slice.
func fetchNumbers[F number, T any](k batchKernel[F], s []T) {
	if lines := len(s) * int(unsafe.Sizeof(*new(T))) / 64; lines > 0 {
		k.fetch((*byte)(unsafe.Pointer(&s[0])), lines)
	}
}

// decodeStrip writes the numbers of the entries from ≤ k < to of rows first to last to the panel. Up to a
// multiple of stride it writes what the padding of rest has. It returns how many numbers a row has then.
func (c *contraction[E, F]) decodeStrip(h *batchWorkspace[E, F], first, last, from, to int) int {
	whole := to / stride * stride
	size := panelStride[F]()
	for j := first; j < last; j += blockRows {
		b := &h.blocks[j/blockRows]
		panel := h.panel[(j-first)*size:]
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
	return (to - from + stride - 1) / stride * stride
}
