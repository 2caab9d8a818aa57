package cpu

import (
	"math"

	"github.com/matsense/matsense/solver"
)

// MultiplyEntries implements solver.EntrywiseEngine. The conversions round each product before the sum, as in
// [solver.Factor.Combine].
func (e *engine) MultiplyEntries(
	member int, dst solver.Slot, a float64, x, y solver.Slot, b float64, z solver.Slot,
) error {
	e.eachRow(member, dst, x, y, z, func(d, p, q, r []float64) {
		for k := range d {
			d[k] = float64(a*float64(p[k]*q[k])) + float64(b*r[k])
		}
	})
	return nil
}

// DivideEntries implements solver.EntrywiseEngine.
func (e *engine) DivideEntries(
	member int, dst, z solver.Slot, a float64, x, y solver.Slot, epsilon float64,
) error {
	e.eachRow(member, dst, x, y, z, func(d, p, q, r []float64) {
		for k := range d {
			d[k] = r[k] + float64(a*p[k])/(math.Sqrt(q[k])+epsilon)
		}
	})
	return nil
}

// eachRow calls f with the same row of four of a member's slots, for all their rows. dst is written.
func (e *engine) eachRow(member int, dst, x, y, z solver.Slot, f func(d, p, q, r []float64)) {
	m := e.members[member]
	xs, ys, zs := m.slot(x), m.slot(y), m.slot(z)
	for b, matrix := range m.slot(dst) {
		for i := range matrix.RawMatrix().Rows {
			f(matrix.RawRowView(i), xs[b].RawRowView(i), ys[b].RawRowView(i), zs[b].RawRowView(i))
		}
	}
	m.touched(dst)
}
