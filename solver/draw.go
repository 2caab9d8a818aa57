package solver

import (
	"fmt"
	"slices"
)

// Draw is an objective over some of the measurements, with shifted observations,
//
//	f(U) = 1/(2B) Σ_k ρ(⟨A_i, Z⟩ − y_i − e_i),   i = Rows[k], k = 0 … B−1,
//
// with the member's [Loss]. The zero value is the f of the problem.
type Draw struct {
	// Rows lists B measurements in ascending order, each as often as it is drawn; nil means all m, once each.
	Rows []int
	// Shift is the vector slot that holds e, one number for each of the m measurements. 0, which is not a
	// vector slot, means e = 0.
	Shift Slot
}

// Count returns B for a problem with m measurements.
func (d Draw) Count(m int) int {
	if d.Rows == nil {
		return m
	}
	return len(d.Rows)
}

// Check returns an error if the draw does not fit m measurements.
func (d Draw) Check(m int) error {
	count := d.Count(m)
	switch {
	case count == 0:
		return fmt.Errorf("a gradient over none of %d measurements", m)
	case len(d.Rows) > 0 && (!slices.IsSorted(d.Rows) || d.Rows[0] < 0 || d.Rows[count-1] >= m):
		return fmt.Errorf("a gradient over measurements that are not ascending from 0 to %d", m-1)
	case d.Shift != 0 && d.Shift < VectorSlot:
		return fmt.Errorf("a gradient with shifts in slot %d, which is not a vector", d.Shift)
	}
	return nil
}
