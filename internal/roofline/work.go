package roofline

import (
	"math"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Work is the least that a step takes of a device.
type Work struct {
	// Bytes are the measurements that are read from memory; 0 if they are generated.
	Bytes float64
	// Doubles and Singles are the multiply-adds in f64 and in f32. An addition counts as one, because it
	// takes the same unit.
	Doubles, Singles float64
	// Gathers is how many rows are read in no order that memory could follow, from a table of Rows × Columns
	// numbers in f64.
	Gathers       float64
	Rows, Columns int
}

// WorkOf returns the work of a step of so many runs with an n × r factor each.
//
// Every run multiplies each number of a dense row twice, once for the residual and once for the gradient. The
// lift takes n(n+1)/2·r multiply-adds and the pullback n²·r. A rank-one measurement takes 2·n·r. An observed
// entry takes 2·r in each of the two rows of a symmetric matrix that have it, and gathers a row of the factor
// there. Pauli words that flip the same bits share 2·n·r, and two Walsh–Hadamard transforms of n·log₂n
// additions.
func WorkOf(e sensing.Ensemble, r, runs int, p solver.Precision, inMemory bool) (w Work) {
	n, _ := e.Space().Dims()
	m, side, columns, members := float64(e.Measurements()), float64(n), float64(r), float64(runs)
	switch e := e.(type) {
	case sensing.Rows:
		entries := m * float64(e.Space().K())
		if inMemory {
			w.Bytes = entries * float64(e.Entries().EntryBits()) / 8
		}
		w.Doubles = members * (side*(side+1)/2 + side*side) * columns
		if p == solver.F64 {
			w.Doubles += 2 * entries * members
		} else {
			w.Singles = 2 * entries * members
		}
	case *sensing.RankOne:
		if inMemory {
			w.Bytes = 8 * m * side
		}
		w.Doubles = 2 * m * side * columns * members
	case *sensing.Completion:
		both := 2 * m
		rows, cols := e.Positions()
		for i, row := range rows {
			if row == cols[i] {
				both-- // an entry of the diagonal is in one row
			}
		}
		const position, number = 4, 8 // bytes of a column, and of the value
		w.Bytes = (position + number) * both
		w.Doubles = 2 * both * columns * members
		w.Gathers, w.Rows, w.Columns = both*members, n, r
	case *sensing.Pauli:
		flips, _ := e.Masks()
		different := map[uint32]bool{}
		for _, x := range flips {
			different[x] = true
		}
		w.Doubles = 2 * float64(len(different)) * side * (columns + math.Log2(side)) * members
	}
	return w
}

// rates are what a device does in a second. A rate that is not known is 0.
type rates struct{ bytes, doubles, gathers float64 }

// Limit is the least time of a step.
type Limit struct {
	// Seconds is 0 if no limit is known.
	Seconds float64
	// Bound says what takes it: reading, multiply-adds or gathers; empty if no limit is known.
	Bound string
}

// limit returns the largest of the times that the parts of the work take: they can overlap.
func (w Work) limit(r rates) (l Limit) {
	const singles = 2 // a register has room for twice as many singles as doubles
	for _, part := range []struct {
		amount, rate float64
		bound        string
	}{
		{w.Bytes, r.bytes, "reading"},
		{w.Doubles + w.Singles/singles, r.doubles, "multiply-adds"},
		{w.Gathers, r.gathers, "gathers"},
	} {
		if part.rate > 0 && part.amount/part.rate > l.Seconds {
			l = Limit{part.amount / part.rate, part.bound}
		}
	}
	return l
}
