package cpu

import (
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// drawing is an operator that knows a way to contract a [solver.Draw] that takes no longer than the measurements drawn do.
type drawing interface {
	operator
	// contractDrawn fills a part's results, but for its squares, with G = 1/B · Σ_k ω_k·(p_i − y_i − e_k)·A_i, i = Rows[k], in f64.
	contractDrawn(y []float64, d solver.Draw, p *part)
}

// DrawGradient implements solver.DrawEngine, in f64: draws change from step to step, so that an anchor would be of no
// use.
func (e *engine) DrawGradient(member int, d solver.Draw) error {
	m := e.members[member]
	m.l, m.r = e.par.Thin(m.slots[solver.Iterate])
	if o, ok := e.operator.(drawing); ok {
		o.contractDrawn(e.y, d, &m.part)
	} else {
		e.whole.contract(e.operator, e.y, d, &m.part)
	}
	e.par.Pullback(m.slots[solver.Gradient], m.gr, m.gl, m.slots[solver.Iterate])
	m.fresh = false
	return nil
}

// whole contracts a draw by products with all measurements, for any operator: rank-one measurements and Pauli words have nothing better. It
// keeps its memory.
type whole struct{ values, weights []float64 }

func (w *whole) contract(o operator, y []float64, d solver.Draw, p *part) {
	if w.values == nil {
		w.values, w.weights = make([]float64, len(y)), make([]float64, len(y))
	}
	o.apply(w.values, p.l, p.r)
	clear(w.weights)
	for k := range d.Count(len(y)) {
		i, _, _ := d.At(k)
		w.weights[i] += drawnWeight(d, k, w.values[i], y)
	}
	o.adjointMul(p.gr, w.weights, false, p.r)
	if p.gl != p.gr {
		o.adjointMul(p.gl, w.weights, true, p.l)
	}
}

// drawnWeight is what the k-th measurement of a draw is weighed with in G, where its value is p: ω_k·(p − y_i − e_k)/B.
func drawnWeight(d solver.Draw, k int, p float64, y []float64) float64 {
	i, weight, shift := d.At(k)
	return float64(weight*(p-y[i]-shift)) / float64(d.Count(len(y)))
}

// selection is a draw's different rows.
type selection struct {
	distinct []int // ascending
	first    []int // the first k of each row, and then B: a row that is drawn more than once has several in succession
}

// take makes the selection that of a draw.
func (s *selection) take(d solver.Draw) {
	s.distinct, s.first = s.distinct[:0], s.first[:0]
	for k, i := range d.Rows {
		if k == 0 || i != d.Rows[k-1] {
			s.distinct, s.first = append(s.distinct, i), append(s.first, k)
		}
	}
	s.first = append(s.first, len(d.Rows))
}

// drawn is the walk of a [solver.Draw]: that of pass, over the rows that are drawn.
type drawn[E sensing.Entry] struct {
	*contraction[E, float64]
	selection
	draw solver.Draw
	y    []float64
	z, g []float64
	acc  [][]float64 // for each worker
}

// contractDrawn implements drawing. A row is read once, however often it is drawn.
func (o *rowOperator[E, F]) contractDrawn(y []float64, d solver.Draw, p *part) {
	if o.drawn == nil {
		k := o.space.K()
		o.drawn = &drawn[E]{contraction: &o.exact, z: o.wide, g: make([]float64, k), acc: accumulators[float64](k, o.workers)}
	}
	w := o.drawn
	w.draw, w.y = d, y
	o.lift(w.z, p.l, p.r)
	clear(w.g)
	if d.Rows == nil {
		o.walk(w)
	} else {
		w.take(d)
		o.walkOver(w.distinct, len(w.distinct), w)
	}
	o.multiply(p, w.g)
}

func (w *drawn[E]) begin(worker int) { clear(w.acc[worker]) }

func (w *drawn[E]) visit(worker, first, count int) {
	h := w.hold(worker, first, count)
	h.z[0], h.acc[0] = w.z, w.acc[worker]
	w.dot(h, 1)
	c := &h.c[0]
	clear(c[:])
	for j, p := range h.p[0][:count] {
		c[j] = w.weigh(first+j, p)
	}
	w.add(h, 1)
}

// weigh is what the row at a place of the walk is weighed with in G, where its value is p.
func (w *drawn[E]) weigh(place int, p float64) (weight float64) {
	if w.draw.Rows == nil {
		return drawnWeight(w.draw, place, p, w.y)
	}
	for k := w.first[place]; k < w.first[place+1]; k++ {
		weight += drawnWeight(w.draw, k, p, w.y)
	}
	return weight
}

func (w *drawn[E]) done(worker int) { plus(w.g, w.acc[worker]) }

// contractDrawn implements drawing, in O(B·r) beside clearing the results: c·A_k·R is c·Unit·r_j in row i, where A_k is symmetric half of
// it, and then half of c·Unit·r_i in row j. The entries are taken in turn by one worker.
func (s *sampled) contractDrawn(y []float64, d solver.Draw, p *part) {
	if d.Rows == nil { // all workers share products with all entries
		s.whole.contract(s, y, d, p)
		return
	}
	p.gr.Zero()
	p.gl.Zero()
	rows, cols := s.ensemble.Positions()
	for k, at := range d.Rows {
		i, j := int(rows[at]), int(cols[at])
		left, right, unit := p.l.RawRowView(i), p.r.RawRowView(j), s.ensemble.Unit(i, j)
		c := unit * drawnWeight(d, k, unit*chainsDot(left, right), y)
		switch {
		case s.rows != s.columns:
			addScaled(p.gr.RawRowView(i), c, right)
			addScaled(p.gl.RawRowView(j), c, left)
		case i == j:
			addScaled(p.gr.RawRowView(i), c, right)
			if p.gl != p.gr {
				addScaled(p.gl.RawRowView(i), c, left)
			}
		default:
			addScaled(p.gr.RawRowView(i), c/2, right)
			addScaled(p.gr.RawRowView(j), c/2, p.r.RawRowView(i))
			if p.gl != p.gr {
				addScaled(p.gl.RawRowView(i), c/2, p.l.RawRowView(j))
				addScaled(p.gl.RawRowView(j), c/2, left)
			}
		}
	}
}
