package cpu

import "math"

// thin adds products with few rows to matrices, C ← C + A·B, for operators that have a B of their own in
// every product and use it once: B is read where it is, and A is not copied either. Every element of a
// product is one chain of fused multiply-adds, as in [gemm], and is then added to C:
//
//	s ← fma(a_ik, b_kj, s)   over k = 0, 1, 2, … from 0,   c_ij ← c_ij + s.
//
// Neighbouring columns are the lanes of a register, so no lane is idle for lack of rows. The columns are cut
// into strips of one width, and the rows into groups; a loop does a group of rows in many strips.
type thin struct {
	tiles []thinTile // the widest first
	pack  packLoop
	edge  []float64 // the last columns of B, fewer than the narrowest strip, with zeros behind them
	panel []float64 // a transposed panel
}

// thinTile is the loops for strips of one width. loops[h−1] has h rows.
type thinTile struct {
	width int
	loops []thinLoop
}

// thinLoop does c[i·stride + j] += Σ_k a[i·down + k·along]·b[k·apart + j] for k < depth and j < strips·width.
type thinLoop func(
	c []float64, stride int, a []float64, down, along int, b []float64, apart, depth, strips int,
)

// packLoop does dst[j·apart + i] = src[i·down + j] for i < packRows and j < columns, a positive multiple of
// packColumns.
type packLoop func(dst []float64, apart int, src []float64, down, columns int)

const (
	packRows    = 8
	packColumns = 4
	thinPadding = 16 // columns of the widest strip: each row of C has room for a multiple of it
)

func newThin(simd SIMD) *thin {
	tiles, pack := thinOf(simd)
	return &thin{tiles: tiles, pack: pack}
}

// padded returns the columns that a matrix of this many columns has room for.
func padded(columns int) int { return (columns + thinPadding - 1) / thinPadding * thinPadding }

// add does c ← c + a·b. Each row of c begins stride numbers after the row before it, and has room for
// padded(b.cols) columns, the last of which get undefined numbers. b.along is 1.
func (t *thin) add(c []float64, stride int, a, b operand) {
	at := 0
	for _, tile := range t.tiles {
		if strips := (b.cols - at) / tile.width; strips > 0 {
			tile.add(c[at:], stride, a, b.data[at:], b.down, strips)
			at += strips * tile.width
		}
	}
	if at == b.cols {
		return
	}
	last := t.tiles[len(t.tiles)-1]
	t.edge = grown(t.edge, b.rows*last.width)
	clear(t.edge)
	for k := range b.rows {
		copy(t.edge[k*last.width:], b.data[k*b.down:][at:b.cols])
	}
	last.add(c[at:], stride, a, t.edge, last.width, 1)
}

// add does all rows of some strips. The groups of rows differ by at most one row.
func (t thinTile) add(c []float64, stride int, a operand, b []float64, apart, strips int) {
	groups := (a.rows + len(t.loops) - 1) / len(t.loops)
	for i, g := 0, 0; g < groups; g++ {
		rows := (a.rows - i + groups - g - 1) / (groups - g)
		t.loops[rows-1](c[i*stride:], stride, a.data[i*a.down:], a.down, a.along, b, apart, a.cols, strips)
		i += rows
	}
}

// panelRows returns the number of rows of a that fill the widest strip once transposed.
func (t *thin) panelRows() int { return max(packRows, t.tiles[0].width) }

// transpose returns the transpose of a, with columns of zeros up to a multiple
// of packRows. It is in memory that the next call uses again.
func (t *thin) transpose(a operand) operand {
	cols := (a.rows + packRows - 1) / packRows * packRows
	t.panel = grown(t.panel, a.cols*cols)
	b := operand{t.panel, a.cols, cols, cols, 1}
	if a.rows < cols {
		clear(b.data)
	}
	whole, fast := a.rows/packRows*packRows, a.cols/packColumns*packColumns
	if fast > 0 {
		for i := 0; i < whole; i += packRows {
			t.pack(b.data[i:], cols, a.data[i*a.down:], a.down, fast)
		}
	}
	for i := range a.rows {
		from := fast
		if i >= whole {
			from = 0
		}
		for j, v := range a.data[i*a.down:][from:a.cols] {
			b.data[(from+j)*cols+i] = v
		}
	}
	return b
}

// plainThin are the loops in plain Go.
var plainThin = []thinTile{{4, []thinLoop{thin1x4, thin2x4}}}

// thin1x4 is the thinLoop for one row and strips of four columns.
func thin1x4(c []float64, _ int, a []float64, _, along int, b []float64, apart, depth, strips int) {
	for s := range strips {
		var c0, c1, c2, c3 float64
		for k := range depth {
			x, y := a[k*along], b[k*apart+4*s:][:4]
			c0 = math.FMA(x, y[0], c0)
			c1 = math.FMA(x, y[1], c1)
			c2 = math.FMA(x, y[2], c2)
			c3 = math.FMA(x, y[3], c3)
		}
		addFour(c[4*s:], c0, c1, c2, c3)
	}
}

// thin2x4 is the thinLoop for two rows and strips of four columns.
func thin2x4(c []float64, stride int, a []float64, down, along int, b []float64, apart, depth, strips int) {
	for s := range strips {
		var c00, c01, c02, c03, c10, c11, c12, c13 float64
		for k := range depth {
			v, w, y := a[k*along], a[down+k*along], b[k*apart+4*s:][:4]
			c00 = math.FMA(v, y[0], c00)
			c01 = math.FMA(v, y[1], c01)
			c02 = math.FMA(v, y[2], c02)
			c03 = math.FMA(v, y[3], c03)
			c10 = math.FMA(w, y[0], c10)
			c11 = math.FMA(w, y[1], c11)
			c12 = math.FMA(w, y[2], c12)
			c13 = math.FMA(w, y[3], c13)
		}
		addFour(c[4*s:], c00, c01, c02, c03)
		addFour(c[stride+4*s:], c10, c11, c12, c13)
	}
}

// addFour adds four numbers to the first four of c.
func addFour(c []float64, c0, c1, c2, c3 float64) {
	c = c[:4]
	c[0] += c0
	c[1] += c1
	c[2] += c2
	c[3] += c3
}

// packPlain is the packLoop in plain Go.
func packPlain(dst []float64, apart int, src []float64, down, columns int) {
	for i := range packRows {
		for j, v := range src[i*down:][:columns] {
			dst[j*apart+i] = v
		}
	}
}
