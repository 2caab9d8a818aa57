package cpu

import (
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Normals implements solver.RandomEngine.
func (e *engine) Normals(member int, dst solver.Slot, stream sensing.Stream, row uint64) error {
	e.fill(member, dst, func(numbers []float64) { stream.Normals(row, numbers) })
	return nil
}

// Signs implements solver.RandomEngine.
func (e *engine) Signs(member int, dst solver.Slot, stream sensing.Stream, row uint64) error {
	e.fill(member, dst, func(numbers []float64) {
		const wordBits = 64
		var word uint64
		for i := range numbers {
			if i%wordBits == 0 {
				word = stream.Word(row, uint64(i/wordBits))
			}
			numbers[i] = 1 - 2*float64(word>>(i%wordBits)&1)
		}
	})
	return nil
}

// fill fills a member's slot with numbers that lie one after another, matrix by matrix and row by row.
func (e *engine) fill(member int, dst solver.Slot, numbers func(flat []float64)) {
	m := e.members[member]
	to := m.slot(dst)
	flat := make([]float64, solver.Numbers(to.Shapes()))
	numbers(flat)
	for _, matrix := range to {
		for i := range matrix.RawMatrix().Rows {
			flat = flat[copy(matrix.RawRowView(i), flat):]
		}
	}
	m.touched(dst)
}
