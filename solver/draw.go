package solver

import (
	"fmt"
	"slices"
)

// Draw is an objective over some of the measurements, each with a weight ω and a shift e of its observation,
//
//	f(U) = 1/(4B) Σ_k ω_k·(⟨A_i, Z⟩ − y_i − e_k)²,   i = Rows[k], k = 0 … B−1.
//
// The zero value is the f of the problem.
type Draw struct {
	// Rows lists B measurements in ascending order, each as often as it is drawn; nil means all m, once each.
	Rows []int
	// Weights has ω_k of each row; nil means 1.
	Weights []float64
	// Shift has e_k of each row; nil means 0.
	Shift []float64
}

// Count returns B for a problem with m measurements.
func (d Draw) Count(m int) int {
	if d.Rows == nil {
		return m
	}
	return len(d.Rows)
}

// At returns the measurement, the weight and the shift of term k of the sum.
func (d Draw) At(k int) (i int, weight, shift float64) {
	i, weight = k, 1
	if d.Rows != nil {
		i = d.Rows[k]
	}
	if d.Weights != nil {
		weight = d.Weights[k]
	}
	if d.Shift != nil {
		shift = d.Shift[k]
	}
	return i, weight, shift
}

// Check returns an error if the draw does not fit m measurements.
func (d Draw) Check(m int) error {
	count := d.Count(m)
	switch {
	case count == 0:
		return fmt.Errorf("a gradient over none of %d measurements", m)
	case d.Weights != nil && len(d.Weights) != count, d.Shift != nil && len(d.Shift) != count:
		return fmt.Errorf("a gradient over %d measurements with %d weights and %d shifts",
			count, len(d.Weights), len(d.Shift))
	case len(d.Rows) > 0 && (!slices.IsSorted(d.Rows) || d.Rows[0] < 0 || d.Rows[count-1] >= m):
		return fmt.Errorf("a gradient over measurements that are not ascending from 0 to %d", m-1)
	}
	return nil
}
