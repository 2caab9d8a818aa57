package cpu

import (
	"math"
	"sync"
	"sync/atomic"

	"gonum.org/v1/gonum/mat"
)

// gemm multiplies matrices, C = A·B, that are small beside the measurements: factors, and matrices of the
// space. Every element of C is one chain of fused multiply-adds,
//
//	c_ij ← fma(a_ik, b_kj, c_ij)   over k = 0, 1, 2, … from 0,
//
// so that neither the instructions nor the workers nor the shape of the tiles change a bit.
//
// B is copied into panels. A panel has as many columns as a tile is wide, the last ones zero if B has fewer,
// so that tiles read memory in order. A task is the part of C that belongs to one panel and one strip of
// rows; one worker does it. The caller is a worker too. It waits for tasks that other workers have begun, but
// never for a worker to start: on a busy machine that takes longer than the whole multiplication.
type gemm struct {
	tiles   []tile // the narrowest first
	columns columnTiles
	workers []*gemmWorker

	// The multiplication under way.
	c      *mat.Dense
	a      operand
	panels []float64    // B
	inner  int          // length of the chains, the columns of A
	cols   int          // of C and B
	upper  bool         // only C's upper triangle is needed
	left   atomic.Int64 // tasks not begun yet, if positive; workers read the fields above only inside a task
	wait   sync.WaitGroup
}

// gemmWorker is the state of one worker.
type gemmWorker struct {
	run     func() // created once, because creating it allocates
	running atomic.Bool
	edge    []float64 // a tile's results, if C has fewer columns than the tile
}

const (
	gemmStrip = 48      // rows of a task, which share one read of a panel; a multiple of every tile's rows
	gemmAlone = 1 << 20 // fewer multiply-adds take less time than waking another worker
)

// tile is the two loops of one width: block computes several rows of C, row a single one.
type tile struct {
	rows, width int
	block, row  tileLoop
}

// columnTile is the loop for several rows of a C of one column. The zero value is without.
type columnTile struct {
	rows int
	// loop does c[i] = Σ_k a_ik·b[k·width] for i < rows, where width is that of the narrowest tile.
	loop func(c []float64, a []float64, step int, b []float64)
}

// columnTiles are those for an A whose columns lie together (a_ik = a[i + k·step]), and for one whose rows do
// (a_ik = a[i·step + k]).
type columnTiles struct{ across, along columnTile }

// of returns the tile for A, with its step.
func (t columnTiles) of(a operand) (columnTile, int) {
	switch {
	case a.down == 1:
		return t.across, a.along
	case a.along == 1:
		return t.along, a.down
	}
	return columnTile{}, 0
}

// tileLoop does c[i·stride + j] = Σ_k a[i·down + k·along]·b[k·width + j], for as many k as b has.
type tileLoop func(c []float64, stride int, a []float64, down, along int, b []float64)

// operand is a matrix or its transpose: element (i, j) is data[i·down + j·along].
type operand struct {
	data        []float64
	rows, cols  int
	down, along int
}

func plain(a *mat.Dense) operand {
	raw := a.RawMatrix()
	return operand{raw.Data, raw.Rows, raw.Cols, raw.Stride, 1}
}

func transposed(a *mat.Dense) operand {
	raw := a.RawMatrix()
	return operand{raw.Data, raw.Cols, raw.Rows, 1, raw.Stride}
}

func newGEMM(o options) *gemm {
	g := &gemm{tiles: tilesOf(o.simd), columns: columnTilesOf(o.simd)}
	for range o.workers {
		w := &gemmWorker{edge: make([]float64, g.tiles[0].rows*g.widest())}
		w.run = func() {
			g.work(w)
			w.running.Store(false)
		}
		g.workers = append(g.workers, w)
	}
	return g
}

// alone returns a gemm with a single worker, for use inside a worker's task. It gives the same bits.
func (g *gemm) alone() *gemm {
	return &gemm{
		tiles: g.tiles, columns: g.columns,
		workers: []*gemmWorker{{edge: make([]float64, len(g.workers[0].edge))}},
	}
}

// multiply does c = a·b. With upper, c is square and only its upper triangle is computed; the elements below
// are undefined. c must overlap neither a nor b.
func (g *gemm) multiply(c *mat.Dense, a, b operand, upper bool) {
	g.c, g.a, g.inner, g.cols, g.upper = c, a, b.rows, b.cols, upper
	g.pack(b)
	tasks := (a.rows + gemmStrip - 1) / gemmStrip * g.panelCount()
	g.wait.Add(tasks)
	g.left.Store(int64(tasks))
	if a.rows*b.rows*b.cols >= gemmAlone {
		for _, w := range g.workers[1:min(len(g.workers), tasks)] {
			if w.running.CompareAndSwap(false, true) { // else it still runs from the previous multiplication
				go w.run()
			}
		}
	}
	g.work(g.workers[0])
	g.wait.Wait()
}

// tileFor returns the narrowest tile that takes this many columns, or the widest tile if none does.
func (g *gemm) tileFor(cols int) tile {
	for _, t := range g.tiles {
		if t.width >= cols {
			return t
		}
	}
	return g.tiles[len(g.tiles)-1]
}

func (g *gemm) widest() int { return g.tiles[len(g.tiles)-1].width }

// panelCount returns the number of panels of B.
func (g *gemm) panelCount() int { return (g.cols + g.widest() - 1) / g.widest() }

// pack copies b into panels.
func (g *gemm) pack(b operand) {
	size := b.rows * g.panelCount() * g.widest()
	if cap(g.panels) < size {
		g.panels = make([]float64, size)
	}
	g.panels = g.panels[:size]
	for from := 0; from < b.cols; {
		t := g.tileFor(b.cols - from)
		panel := g.panels[from*b.rows:][:b.rows*t.width]
		cols := min(t.width, b.cols-from)
		if cols < t.width {
			clear(panel)
		}
		if b.along == 1 {
			for k := range b.rows {
				copy(panel[k*t.width:][:cols], b.data[k*b.down+from:])
			}
		} else {
			packTransposed(panel, t.width, b.data[from*b.along:], b.along, b.rows, cols)
		}
		from += t.width
	}
}

// packTransposed does panel[k·width + j] = data[j·stride + k], eight j at a time, so that it writes eight
// neighbours at once.
func packTransposed(panel []float64, width int, data []float64, stride, rows, cols int) {
	j := 0
	for ; j+8 <= cols; j += 8 {
		column := func(i int) []float64 { return data[(j+i)*stride:][:rows] }
		c0, c1, c2, c3 := column(0), column(1), column(2), column(3)
		c4, c5, c6, c7 := column(4), column(5), column(6), column(7)
		for k := range rows {
			p := panel[k*width+j:][:8]
			p[0], p[1], p[2], p[3] = c0[k], c1[k], c2[k], c3[k]
			p[4], p[5], p[6], p[7] = c4[k], c5[k], c6[k], c7[k]
		}
	}
	for ; j < cols; j++ {
		for k, v := range data[j*stride:][:rows] {
			panel[k*width+j] = v
		}
	}
}

// work runs tasks until none is left.
func (g *gemm) work(w *gemmWorker) {
	for {
		task := int(g.left.Add(-1))
		if task < 0 {
			return
		}
		panels := g.panelCount()
		row, col := task/panels*gemmStrip, task%panels*g.widest()
		g.strip(w, row, min(row+gemmStrip, g.a.rows), col)
		g.wait.Done()
	}
}

// strip computes the rows from ≤ i < to of C in the columns of the panel that starts at column col.
func (g *gemm) strip(w *gemmWorker, from, to, col int) {
	t := g.tileFor(g.cols - col)
	b := g.panels[col*g.inner:][:g.inner*t.width]
	cols := min(t.width, g.cols-col)
	if g.upper {
		to = min(to, col+cols)
	}
	raw := g.c.RawMatrix()
	if g.cols == 1 {
		column, step := g.columns.of(g.a)
		for ; column.rows > 0 && to-from >= column.rows; from += column.rows {
			column.loop(w.edge, g.a.data[from*g.a.down:], step, b)
			for i, v := range w.edge[:column.rows] {
				raw.Data[(from+i)*raw.Stride] = v
			}
		}
	}
	for i := from; i < to; {
		rows, loop := 1, t.row
		if to-i >= t.rows {
			rows, loop = t.rows, t.block
		}
		a := g.a.data[i*g.a.down:]
		if cols == t.width {
			loop(raw.Data[i*raw.Stride+col:], raw.Stride, a, g.a.down, g.a.along, b)
		} else {
			loop(w.edge, t.width, a, g.a.down, g.a.along, b)
			for j := range rows {
				copy(raw.Data[(i+j)*raw.Stride+col:][:cols], w.edge[j*t.width:])
			}
		}
		i += rows
	}
}

// plainTiles are the tiles in plain Go.
var plainTiles = []tile{{2, 4, gemm2x4, gemm1x4}}

// gemm2x4 is the tileLoop for two rows and four columns.
func gemm2x4(c []float64, stride int, a []float64, down, along int, b []float64) {
	var c00, c01, c02, c03, c10, c11, c12, c13 float64
	for k := 0; len(b) >= 4; k += along {
		x, y := a[k], a[down+k]
		c00 = math.FMA(x, b[0], c00)
		c01 = math.FMA(x, b[1], c01)
		c02 = math.FMA(x, b[2], c02)
		c03 = math.FMA(x, b[3], c03)
		c10 = math.FMA(y, b[0], c10)
		c11 = math.FMA(y, b[1], c11)
		c12 = math.FMA(y, b[2], c12)
		c13 = math.FMA(y, b[3], c13)
		b = b[4:]
	}
	c[0], c[1], c[2], c[3] = c00, c01, c02, c03
	c = c[stride:]
	c[0], c[1], c[2], c[3] = c10, c11, c12, c13
}

// gemm1x4 is the tileLoop for one row and four columns.
func gemm1x4(c []float64, _ int, a []float64, _, along int, b []float64) {
	var c0, c1, c2, c3 float64
	for k := 0; len(b) >= 4; k += along {
		x := a[k]
		c0 = math.FMA(x, b[0], c0)
		c1 = math.FMA(x, b[1], c1)
		c2 = math.FMA(x, b[2], c2)
		c3 = math.FMA(x, b[3], c3)
		b = b[4:]
	}
	c[0], c[1], c[2], c[3] = c0, c1, c2, c3
}
