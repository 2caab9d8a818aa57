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
// products and once for the accumulation. It decodes the rows' entries in a strip to numbers, which all members
// read. Per strip the numbers, and z or acc of a group of members, stay in the second cache; what one tile needs
// of them stays in the first. So memory delivers the rows of a visit twice, and z and acc once for all of them.

const (
	tallRows      = 48 // rows of a visit; a multiple of blockRows
	tallGenerated = 24 // the same if rows are generated: a worker keeps them in a buffer
	batchStrip    = 256
	addTiles      = 8
	dotRows       = 8
	// panelPad keeps the numbers of consecutive rows off the same cache set, in bytes.
	panelPad = 64
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
	tiles  []batchTile[F] // the widest first
	decode blockDecoder[F]
}

// blockDecoder does numbers[stride·j + k − from] = rows[j][k] for from ≤ k < to; to − from is a multiple of
// stride of the kernel.
type blockDecoder[F number] func(numbers *F, stride int, rows *[blockRows][]byte, from, to int)

// batchTile is the loop for so many members.
type batchTile[F number] struct {
	width int // members
	rows  int // of c that loop computes
	loop  batchLoop[F]
	four  batchLoop[F] // for four rows; nil if rows divides 8
}

// batchLoop does c[i][v] ← fma(a[i][q], b[q][v], c[i][v]) for q < count in turn and all i and v of a tile. It
// repeats this for so many tiles.
type batchLoop[F number] func(c, a, b *F, count, times int, by *[7]int)

// group is members of a batch whose numbers are interleaved: member i's number at coordinate k is at
// k·width + i. Numbers past the last member, and past the last coordinate, are zeros of z.
type group[F number] struct {
	batchTile[F]
	members []*memberPass[F]
	z       []F
	acc     [][]F // for each worker, the chunk's sum of g
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

// arrange prepares passes for the members: it decides which of them are grouped, and gives each its z and acc.
// z must be written afterwards.
func (c *contraction[E, F]) arrange(members []*memberPass[F]) {
	if slices.Equal(members, c.arranged) {
		return
	}
	c.arranged = slices.Clone(members)
	c.groups, c.onePass.passes = nil, nil
	k := c.source.Space().K()
	for rest := members; len(rest) > 0; {
		t, count := c.batch.tileFor(len(rest))
		if count == 0 {
			c.onePass.passes = rest
			break
		}
		c.groups = append(c.groups, newGroup(t, rest[:count], k, c.workers))
		rest = rest[count:]
	}
	for _, p := range c.onePass.passes {
		if p.step != 1 {
			p.z, p.step, p.acc = make([]F, k), 1, accumulators[F](k, c.workers)
		}
	}
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

// tileFor returns the tile for the next of so many members, and how many it takes; 0 if they go alone.
func (k batchKernel[F]) tileFor(members int) (batchTile[F], int) {
	if members < batchLeast {
		return batchTile[F]{}, 0
	}
	for _, t := range k.tiles {
		if t.width <= members {
			return t, t.width
		}
	}
	if len(k.tiles) == 0 {
		return batchTile[F]{}, 0
	}
	return k.tiles[len(k.tiles)-1], members
}

const batchLeast = 3

func newGroup[F number](t batchTile[F], members []*memberPass[F], k, workers int) *group[F] {
	g := &group[F]{batchTile: t, members: members}
	size := (k + stride - 1) / stride * stride * t.width
	g.z, g.acc = make([]F, size), accumulators[F](size, workers)
	for i, p := range members {
		p.z, p.step, p.acc = g.z[i:], t.width, nil
	}
	return g
}

// addTo adds a worker's sums to g of the members, a few coordinates at a time, so that a cache line that has
// numbers of several members is read once.
func (g *group[F]) addTo(worker int) {
	acc := g.acc[worker]
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
func (w *passing[E, F]) visitGroups(worker, first, count int) {
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
				p.sums[worker] += p.weigh(&h.eight, dots, w.y, first+from)
				for j, weight := range h.eight {
					h.c[i][(from+j)*g.width+v] = weight
				}
			}
		}
	}
	w.groupAdds(h, worker)
}

// groupDots computes the dot products of all rows with z of all members.
func (c *contraction[E, F]) groupDots(h *batchWorkspace[E, F]) {
	n, lanes, size := c.source.Space().K(), laneCount[F](), numberSize[F]()
	rows := len(h.blocks) * blockRows
	for i := range h.p {
		clear(h.p[i])
	}
	for start, step := 0, stretch[F](n); start < n; start += step {
		end := min(start+step, n)
		for i := range h.lanes {
			clear(h.lanes[i])
		}
		for from := start; from < end; from += batchStrip {
			to := min(from+batchStrip, end)
			for first := 0; first < rows; first += dotRows {
				last := min(first+dotRows, rows)
				width := c.decodeStrip(h, first, last, from, to)
				for i, g := range c.groups {
					row := lanes * g.width
					h.by = [7]int{
						cDown: row * size, cNext: g.width * size,
						aDown: panelStride[F]() * size, aAlong: lanes * size, aNext: size,
						bAlong: row * size, bNext: g.width * size,
					}
					z := &g.z[from*g.width]
					ahead := g.z[min(to*g.width, len(g.z)):]
					ahead = ahead[:min(batchStrip*g.width, len(ahead))]
					for j := first; j < last; {
						loop, tall := g.rowsAt(last - j)
						fetchNumbers(ahead[len(ahead)*j/rows : len(ahead)*(j+tall)/rows])
						if i == 0 {
							h.fetchRows(j, j+tall, to, end)
						}
						loop(&h.lanes[i][j*row], &h.panel[(j-first)*panelStride[F]()], z, width/lanes, lanes, &h.by)
						j += tall
					}
				}
			}
		}
		for i, g := range c.groups {
			g.fold(h.p[i], h.lanes[i], rows)
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
func (c *contraction[E, F]) groupAdds(h *batchWorkspace[E, F], worker int) {
	n, size := c.source.Space().K(), numberSize[F]()
	rows := len(h.blocks) * blockRows
	for from := 0; from < n; from += batchStrip {
		width := c.decodeStrip(h, 0, rows, from, min(from+batchStrip, n))
		for i, g := range c.groups {
			h.by = [7]int{
				cDown: g.width * size, cNext: g.width * g.rows * size,
				aDown: size, aAlong: panelStride[F]() * size, aNext: g.rows * size,
				bAlong: g.width * size,
			}
			acc := g.acc[worker][from*g.width:]
			tall := width
			for g.four != nil && tall%g.rows > 0 {
				tall -= 4
			}
			for at := 0; at < tall; {
				times := min(addTiles, (tall-at)/g.rows)
				if i == 0 {
					h.fetchRows(rows*at/tall, rows*(at+times*g.rows)/tall, from+batchStrip, n)
				}
				g.loop(&acc[at*g.width], &h.panel[at], &h.c[i][0], rows, times, &h.by)
				at += times * g.rows
			}
			if fours := (width - tall) / 4; fours > 0 {
				h.by[cNext], h.by[aNext] = 4*g.width*size, 4*size
				g.four(&acc[tall*g.width], &h.panel[tall], &h.c[i][0], rows, fours, &h.by)
			}
		}
	}
}

// fetchRows asks for the entries of rows i to j in the strip that starts with coordinate from, and ends with to
// or before.
func (h *batchWorkspace[E, F]) fetchRows(i, j, from, to int) {
	if from >= to {
		return
	}
	to = min(from+batchStrip, to)
	for ; i < j; i++ {
		fetchNumbers(h.blocks[i/blockRows][i%blockRows][sensing.RowLen[E](from):sensing.RowLen[E](to)])
	}
}

// fetchNumbers asks for the cache lines of a slice.
func fetchNumbers[T any](s []T) {
	if lines := len(s) * int(unsafe.Sizeof(*new(T))) / 64; lines > 0 {
		fetch((*byte)(unsafe.Pointer(&s[0])), lines)
	}
}

// rowsAt returns the loop for the next rows of c, and how many it computes, if so many are left: a multiple
// of four.
func (t batchTile[F]) rowsAt(left int) (batchLoop[F], int) {
	if t.four != nil && left%t.rows > 0 {
		return t.four, 4
	}
	return t.loop, t.rows
}

// decodeStrip writes the numbers of the entries from ≤ k < to of all rows to the panel, and zeros up to a
// multiple of stride. It returns how many numbers a row has then.
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
