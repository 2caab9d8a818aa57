package cpu

import (
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// draw is a [solver.Draw] with the numbers of its shift.
type draw struct {
	rows  []int     // nil for all, once each
	shift []float64 // of each of all measurements; nil for none
	count int       // B
	loss  loss
}

// DrawGradient implements solver.DrawEngine, in f64. Draws change from step to step, so an anchor would not
// help.
func (e *engine) DrawGradient(member int, d solver.Draw) (err error) {
	m := e.members[member]
	m.fresh = false
	drawn := draw{rows: d.Rows, count: d.Count(len(e.y)), loss: m.loss}
	if d.Shift != 0 {
		drawn.shift = m.vector(d.Shift)
	}
	m.l, m.r = e.par.Thin(m.slots[solver.Iterate])
	if o, ok := e.operator.(drawing); ok {
		err = o.contractDrawn(e.y, drawn, &m.part)
	} else {
		err = e.whole.contract(e.operator, e.y, drawn, &m.part)
	}
	if err != nil {
		return err
	}
	e.par.Pullback(m.slots[solver.Gradient], m.gr, m.gl, m.slots[solver.Iterate])
	return nil
}

// whole contracts a draw with any operator, by apply and adjointMul over all measurements. Rank-one
// measurements and Pauli words have no faster way. It keeps its memory for the next draw.
type whole struct{ values, weights []float64 }

func (w *whole) contract(o operator, y []float64, d draw, p *part) error {
	if w.values == nil {
		w.values, w.weights = make([]float64, len(y)), make([]float64, len(y))
	}
	if err := o.apply(w.values, p.l, p.r); err != nil {
		return err
	}
	clear(w.weights)
	for k := range d.count {
		i := k
		if d.rows != nil {
			i = d.rows[k]
		}
		w.weights[i] += d.weight(i, w.values[i], y)
	}
	return adjoint(o, p, w.weights)
}

// adjoint does G·R and Gᵀ·L of a part with G = Σ_i w_i A_i.
func adjoint(o operator, p *part, w []float64) error {
	if err := o.adjointMul(p.gr, w, false, p.r); err != nil || p.gl == p.gr {
		return err
	}
	return o.adjointMul(p.gl, w, true, p.l)
}

// weight returns the weight in G of one term with measurement i, whose value is p: ψ(p − y_i − e_i)/B.
func (d draw) weight(i int, p float64, y []float64) float64 {
	res := p - y[i]
	if d.shift != nil {
		res -= d.shift[i]
	}
	return d.loss.psi(res) / float64(d.count)
}

// selection lists the distinct rows of a draw.
type selection struct {
	distinct []int // ascending
	first    []int // the first k of each row, then B; a row drawn more than once has several k in succession
}

// take fills the selection from the rows of a draw.
func (s *selection) take(rows []int) {
	s.distinct, s.first = s.distinct[:0], s.first[:0]
	for k, i := range rows {
		if k == 0 || i != rows[k-1] {
			s.distinct, s.first = append(s.distinct, i), append(s.first, k)
		}
	}
	s.first = append(s.first, len(rows))
}

// drawn is the walk of contractDrawn over rows: a pass over the rows drawn.
type drawn[E sensing.Entry] struct {
	*contraction[E, float64]
	selection
	draw draw
	y    []float64
	z, g []float64
	acc  [][]float64 // partial sums
}

func (w *drawn[E]) begin(partial int) { clear(w.acc[partial]) }

func (w *drawn[E]) visit(worker, partial, first, count int) {
	h := w.loaded(worker, first, count)
	h.z[0], h.acc[0] = w.z, w.acc[partial]
	w.dot(h, 1)
	c := &h.c[0]
	clear(c[:])
	for j, p := range h.p[0][:count] {
		c[j] = w.weigh(first+j, p)
	}
	w.add(h, 1)
}

// weigh returns the weight in G of the row at a place of the walk, whose value is p.
func (w *drawn[E]) weigh(place int, p float64) (weight float64) {
	if w.draw.rows == nil {
		return w.draw.weight(place, p, w.y)
	}
	for range w.first[place+1] - w.first[place] {
		weight += w.draw.weight(w.distinct[place], p, w.y)
	}
	return weight
}

func (w *drawn[E]) done(partial int) { w.ending.addTo(w.g, w.acc[partial]) }
