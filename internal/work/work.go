// Package work counts the least that a step of gradient descent takes of a device. The limits in
// internal/roofline and the estimates in internal/estimate come from the same count.
package work

import (
	"math"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Work is the least that a step takes of a device.
type Work struct {
	// Bytes are the measurements that are read from memory, once for all runs; 0 if they are generated.
	Bytes float64
	// Doubles and Singles are the multiply-adds in f64 and in f32. An addition counts as one, because it
	// takes the same unit.
	Doubles, Singles float64
	// Gathers is how many rows are read in no order that memory could follow, from a table of Rows × Columns
	// numbers in f64.
	Gathers       float64
	Rows, Columns int
}

// Of returns the work of a step of so many runs of Z = UUᵀ with r columns, or Z = LRᵀ if the space is not
// symmetric. known is false if the ensemble is of a kind that it does not know.
//
// Every run multiplies each number of a dense row twice, once for the residual and once for the gradient. The
// lift takes n1·n2·r multiply-adds and each of two pullbacks as many; in a symmetric space the lift takes
// n(n+1)/2·r, and there is one pullback. Each number of a rank-one measurement's vectors takes part in 2·r.
// An observed entry takes 2·r in each row of the matrix, and of its transpose, that has it, and gathers a row
// of a factor there. A symmetric matrix is its own transpose, and an entry of its diagonal is in one row, as
// 2 of n + 1 entries are. Pauli words that flip the same bits share 2·n·r, and two Walsh–Hadamard transforms
// of n·log₂n additions.
func Of(e sensing.Ensemble, r, runs int, p solver.Precision, inMemory bool) (w Work, known bool) {
	n1, n2 := e.Space().Dims()
	m, rows, columns, members := float64(e.Measurements()), float64(n1), float64(r), float64(runs)
	_, symmetric := e.Space().(sensing.Sym)
	switch e := e.(type) {
	case sensing.Rows:
		entries := m * float64(e.Space().K())
		if inMemory {
			w.Bytes = entries * float64(e.Entries().EntryBits()) / 8
		}
		products := 3 * rows * float64(n2)
		if symmetric {
			products = rows*(rows+1)/2 + rows*rows
		}
		w.Doubles = members * products * columns
		if p == solver.F64 {
			w.Doubles += 2 * entries * members
		} else {
			w.Singles = 2 * entries * members
		}
	case *sensing.RankOne:
		numbers := m * float64(e.VectorLen())
		if inMemory {
			w.Bytes = 8 * numbers
		}
		w.Doubles = 2 * numbers * columns * members
	case *sensing.Completion:
		places := 2 * m
		if symmetric {
			places *= rows / (rows + 1)
		}
		const position, number = 4, 8 // bytes of a column, and of the value
		w.Bytes = (position + number) * places
		w.Doubles = 2 * places * columns * members
		w.Gathers, w.Rows, w.Columns = places*members, max(n1, n2), r
	case *sensing.Pauli:
		flips, _ := e.Masks()
		different := map[uint32]bool{}
		for _, x := range flips {
			different[x] = true
		}
		w.Doubles = 2 * float64(len(different)) * rows * (columns + math.Log2(rows)) * members
	default:
		return w, false
	}
	return w, true
}
