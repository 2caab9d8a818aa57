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
	e.solved = nil // the operator writes to the same memory
	l, r := e.thin(member, solver.Iterate)
	return e.residuals(e.slot(member, dst), l, r, e.cols(member))
}

// residuals does res_i = ⟨A_i, L·Rᵀ⟩ − y_i.
func (e *engine) residuals(res, l, r driver.Pointer, cols int) error {
	if err := e.operator.apply(res, l, r, cols); err != nil {
		return err
	}
	return e.device.combine(res, res, e.y, 1, -1, e.m)
}

// thin returns L and R of the factor in a member's slot.
func (e *engine) thin(member int, slot solver.Slot) (l, r driver.Pointer) {
	return e.matrix(member, slot, e.left), e.matrix(member, slot, e.right)
}

// Evaluate implements [solver.ValueEngine], in f64.
func (e *engine) Evaluate(dst []float64, member int, points ...solver.Slot) error {
	e.solved = nil // the operator writes to the same memory
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
	var l, r []driver.Pointer
	for _, point := range points {
		left, right := e.thin(member, point)
		l, r = append(l, left), append(r, right)
	}
	cols := e.cols(member)
	if o, ok := e.operator.(measuring); ok {
		if err := o.residualsOf(e.points, e.y, l, r, cols); err != nil {
			return err
		}
	} else {
		for j := range points {
			res := e.points + driver.Pointer(8*j*e.m)
			if err := e.residuals(res, l[j], r[j], cols); err != nil {
				return err
			}
		}
	}
	if err := e.device.sumSquares(e.sums, e.points, e.m, len(points)); err != nil {
		return err
	}
	if err := e.device.downloadNumbers(dst, e.sums); err != nil {
		return err
	}
	for j := range dst {
		dst[j] /= 4 * float64(e.m)
	}
	return nil
}
