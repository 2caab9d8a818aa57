package cpu

import (
	"math"
	"sync"
	"sync/atomic"

	"gonum.org/v1/gonum/mat"
)

// product multiplies matrices that are small beside the measurements: factors, and matrices of the space. Every element
// of a product is one chain of fused multiply-adds,
//
//	c_ij ← fma(a_ik, b_kj, c_ij)   over k = 0, 1, 2, … from 0,
//
// so that neither instructions nor workers nor the shape of the tiles change a bit.
//
// B is copied into panels, columns as many as a tile is wide and zeros where there are fewer, so that tiles read it from
// one end to the other. What a panel and a strip of rows make of C is one worker's task. The caller is a worker too, and
// waits for tasks that another has begun, never for another to begin: on a busy machine that takes longer than a product.
type gemm struct {
	tiles   []tile // the narrowest first
	workers []*gemmWorker

	// The product under way.
	c      *mat.Dense
	a      operand
	panels []float64    // B
	inner  int          // k's
	cols   int          // of C
	upper  bool         // only C's upper triangle is asked for
	left   atomic.Int64 // tasks that nobody has begun, if positive; what is above is read by who has taken one
	wait   sync.WaitGroup
}

// gemmWorker is what one worker keeps.
type gemmWorker struct {
	run     func() // made once, because making it takes memory
	running atomic.Bool
	edge    []float64
}

const (
	gemmStrip = 48      // rows of a task, a multiple of every tile's: a panel is read from memory once for all of them
	gemmAlone = 1 << 20 // multiply-adds that take less time than waking another worker
)

// tile is the two loops of one width: for rows of the product at a time, and for one.
type tile struct {
	rows, width int
	block, row  tileLoop
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
	p := &gemm{tiles: tilesOf(o.simd)}
	for range o.workers {
		w := &gemmWorker{edge: make([]float64, p.tiles[0].rows*p.widest())}
		w.run = func() {
			p.work(w)
			w.running.Store(false)
		}
		p.workers = append(p.workers, w)
	}
	return p
}

// alone returns a product that one worker computes, with the same bits, where the work is shared out already.
func (p *gemm) alone() *gemm {
	return &gemm{tiles: p.tiles, workers: []*gemmWorker{{edge: make([]float64, len(p.workers[0].edge))}}}
}

// multiply does c = a·b; of a square c only the upper triangle where that is all that is asked for, and then what is below
// is anything. c must overlap neither.
func (p *gemm) multiply(c *mat.Dense, a, b operand, upper bool) {
	p.c, p.a, p.inner, p.cols, p.upper = c, a, b.rows, b.cols, upper
	p.pack(b)
	tasks := (a.rows + gemmStrip - 1) / gemmStrip * p.panelCount()
	p.wait.Add(tasks)
	p.left.Store(int64(tasks))
	if a.rows*b.rows*b.cols >= gemmAlone {
		for _, w := range p.workers[1:min(len(p.workers), tasks)] {
			if w.running.CompareAndSwap(false, true) { // else it has not noticed yet that an earlier product is done
				go w.run()
			}
		}
	}
	p.work(p.workers[0])
	p.wait.Wait()
}

// tileFor returns the narrowest tile for a number of columns; the widest for more than it takes.
func (p *gemm) tileFor(cols int) tile {
	for _, t := range p.tiles {
		if t.width >= cols {
			return t
		}
	}
	return p.tiles[len(p.tiles)-1]
}

func (p *gemm) widest() int { return p.tiles[len(p.tiles)-1].width }

// panelCount returns how many panels B's columns make.
func (p *gemm) panelCount() int { return (p.cols + p.widest() - 1) / p.widest() }

// pack copies b into panels.
func (p *gemm) pack(b operand) {
	size := b.rows * p.panelCount() * p.widest()
	if cap(p.panels) < size {
		p.panels = make([]float64, size)
	}
	p.panels = p.panels[:size]
	for from := 0; from < b.cols; {
		t := p.tileFor(b.cols - from)
		panel := p.panels[from*b.rows:][:b.rows*t.width]
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

// packTransposed does panel[k·width + j] = data[j·stride + k], eight j at a time so that what is written lies together.
func packTransposed(panel []float64, width int, data []float64, stride, rows, cols int) {
	j := 0
	for ; j+8 <= cols; j += 8 {
		column := func(i int) []float64 { return data[(j+i)*stride:][:rows] }
		c0, c1, c2, c3, c4, c5, c6, c7 := column(0), column(1), column(2), column(3), column(4), column(5), column(6), column(7)
		for k := range rows {
			p := panel[k*width+j:][:8]
			p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7] = c0[k], c1[k], c2[k], c3[k], c4[k], c5[k], c6[k], c7[k]
		}
	}
	for ; j < cols; j++ {
		for k, v := range data[j*stride:][:rows] {
			panel[k*width+j] = v
		}
	}
}

// work does tasks until none is left.
func (p *gemm) work(w *gemmWorker) {
	for {
		task := int(p.left.Add(-1))
		if task < 0 {
			return
		}
		panels := p.panelCount()
		row, col := task/panels*gemmStrip, task%panels*p.widest()
		p.strip(w, row, min(row+gemmStrip, p.a.rows), col)
		p.wait.Done()
	}
}

// strip computes rows from ≤ i < to of the columns of the panel that begins at col.
func (p *gemm) strip(w *gemmWorker, from, to, col int) {
	t := p.tileFor(p.cols - col)
	b := p.panels[col*p.inner:][:p.inner*t.width]
	cols := min(t.width, p.cols-col)
	if p.upper {
		to = min(to, col+cols)
	}
	raw := p.c.RawMatrix()
	for i := from; i < to; {
		rows, loop := 1, t.row
		if to-i >= t.rows {
			rows, loop = t.rows, t.block
		}
		a := p.a.data[i*p.a.down:]
		if cols == t.width {
			loop(raw.Data[i*raw.Stride+col:], raw.Stride, a, p.a.down, p.a.along, b)
		} else {
			loop(w.edge, t.width, a, p.a.down, p.a.along, b)
			for j := range rows {
				copy(raw.Data[(i+j)*raw.Stride+col:][:cols], w.edge[j*t.width:])
			}
		}
		i += rows
	}
}

// plainTiles are in plain Go.
var plainTiles = []tile{{2, 4, gemm2x4, gemm1x4}}

// gemm2x4 is the loop of two rows of four columns.
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

// gemm1x4 is the loop of one row of four columns.
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
