package solver

import (
	"slices"

	"github.com/matsense/matsense/sensing"
)

// MiniBatches are the draws of measurements of a run, one for each step.
type MiniBatches struct {
	// Size is B ≥ 1.
	Size int
	// Seed is that of the stream they are drawn from.
	Seed uint64
}

// Rows returns the measurements of step t, of m, in ascending order: ⌊w_k·m/2⁶⁴⌋ for the 64-bit words w_0 … w_{B−1} of row t of the
// seed's batch stream. Each has its probability up to a relative error of m·2⁻⁶⁴.
func (b MiniBatches) Rows(t uint64, m int) []int {
	stream := sensing.NewStream(b.Seed, sensing.BatchStream)
	rows := make([]int, b.Size)
	for k := range rows {
		rows[k] = int(stream.Below(t, uint64(k), uint64(m)))
	}
	slices.Sort(rows)
	return rows
}

// gradient fills the Gradient slot with that of the mini-batch of step t.
func (b MiniBatches) gradient(m *Member, t int) error {
	return m.DrawGradient(Draw{Rows: b.Rows(uint64(t), len(m.Observations()))})
}
