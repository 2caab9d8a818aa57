package cpu

import (
	"fmt"

	"github.com/matsense/matsense/solver"
)

// measure returns p_i = ⟨A_i, Z⟩ of a member's slot, in memory that the next call uses again.
func (e *engine) measure(m *member, slot solver.Slot) []float64 {
	if e.values == nil {
		e.values = make([]float64, len(e.y))
	}
	l, r := e.par.Thin(m.slots[slot])
	e.operator.apply(e.values, l, r)
	return e.values
}

// PartialGradient implements solver.Engine, in f64: what is drawn changes from step to step, so that an anchor would be of no use.
func (e *engine) PartialGradient(member int, d solver.Draw) error {
	if err := d.Check(len(e.y)); err != nil {
		return fmt.Errorf("cpu: %w", err)
	}
	m := e.members[member]
	p := e.measure(m, solver.Iterate)
	if e.weights == nil {
		e.weights = make([]float64, len(e.y))
	}
	clear(e.weights)
	count := d.Count(len(e.y))
	for k := range count {
		i, weight, shift := d.At(k)
		e.weights[i] += float64(weight*(p[i]-e.y[i]-shift)) / float64(count)
	}
	m.l, m.r = e.par.Thin(m.slots[solver.Iterate])
	e.operator.adjointMul(m.gr, e.weights, false, m.r)
	if m.gl != m.gr {
		e.operator.adjointMul(m.gl, e.weights, true, m.l)
	}
	e.par.Pullback(m.slots[solver.Gradient], m.gr, m.gl, m.slots[solver.Iterate])
	m.fresh = false
	return nil
}
