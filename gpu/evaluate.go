package gpu

import (
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/solver"
)

// pointsAtOnce is how many points Evaluate measures before it waits for the device.
const pointsAtOnce = 8

// measuring is an operator that measures several matrices in fewer passes over the measurements.
type measuring interface {
	// residualsOf does res_ji = ⟨A_i, L_j·R_jᵀ⟩ − y_i, in f64, for at most pointsAtOnce matrices whose L and
	// R have cols columns. res has m numbers for each matrix, one after another. The bits do not depend on
	// the other matrices.
	residualsOf(res, y driver.Pointer, l, r []driver.Pointer, cols int) error
}

// Residuals implements [solver.ValueEngine], in f64.
func (e *engine) Residuals(member int, dst solver.Slot) error {
	return e.device.repeated(func() error { return e.settle(member) }, func() error {
		e.solved = nil // the operator writes to the same memory
		p, err := e.part(member)
		if err != nil {
			return err
		}
		return e.device.pass(func() error { return e.residuals(e.slot(member, dst), p.l, p.r, p.cols) })
	})
}

// residuals does res_i = ⟨A_i, L·Rᵀ⟩ − y_i.
func (e *engine) residuals(res, l, r driver.Pointer, cols int) error {
	if err := e.operator.apply(res, l, r, cols); err != nil {
		return err
	}
	return e.device.combine(res, res, e.y, 1, -1, e.m)
}

// thinAt makes L and R of the factor in a member's slot. If they take room, they replace those of any other
// slot.
func (e *engine) thinAt(member int, slot solver.Slot) (place, error) {
	m := e.memory(member)
	m.factor = e.slot(member, slot)
	e.members[member].thin = false
	return e.ends.place(m), e.ends.thin(e, m)
}

// Evaluate implements [solver.ValueEngine], in f64.
func (e *engine) Evaluate(dst []float64, member int, points ...solver.Slot) error {
	for len(points) > 0 {
		count := min(len(points), pointsAtOnce)
		if err := e.evaluate(dst[:count], member, points[:count]); err != nil {
			return err
		}
		dst, points = dst[count:], points[count:]
	}
	return nil
}

// evaluate does Evaluate for at most pointsAtOnce points.
func (e *engine) evaluate(dst []float64, member int, points []solver.Slot) error {
	err := e.device.repeated(func() error { return e.settle(member) }, func() error {
		e.solved = nil // the operator writes to the same memory
		if err := e.device.pass(func() error { return e.residualsAt(member, points) }); err != nil {
			return err
		}
		return e.device.readSquares(dst, e.sums, e.points, e.m, e.loss)
	})
	if err != nil {
		return err
	}
	for j := range dst {
		dst[j] /= 4 * float64(e.m)
	}
	return nil
}

// residualsAt does res_ji = ⟨A_i, Z_j⟩ − y_i for the factors in a member's slots: together, if the operator
// can and if L and R of all of them are there at one time.
func (e *engine) residualsAt(member int, points []solver.Slot) error {
	var l, r []driver.Pointer
	o, together := e.operator.(measuring)
	together = together && e.ends.room(e.members[member].shapes) == 0
	cols := 0
	for j, point := range points {
		at, err := e.thinAt(member, point)
		if err != nil {
			return err
		}
		l, r, cols = append(l, at.l), append(r, at.r), at.cols
		if together {
			continue
		}
		res := e.points + driver.Pointer(8*j*e.m)
		if err := e.residuals(res, at.l, at.r, at.cols); err != nil {
			return err
		}
	}
	if !together {
		return nil
	}
	return o.residualsOf(e.points, e.y, l, r, cols)
}
