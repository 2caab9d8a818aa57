package solver

import (
	"slices"

	"github.com/matsense/matsense/sensing"
)

// MiniBatches draws the measurements of each step of a run.
type MiniBatches struct {
	// Size is B ≥ 1.
	Size int
	// Seed is the seed of the batch stream.
	Seed uint64
}

// Rows returns the measurements of step t out of m, in ascending order: ⌊w_k·m/2⁶⁴⌋ for the 64-bit words w_0
// … w_{B−1} of row t of the seed's batch stream. Each measurement has its probability up to a relative error
// of m·2⁻⁶⁴.
func (b MiniBatches) Rows(t uint64, m int) []int {
	stream := sensing.NewStream(b.Seed, sensing.BatchStream)
	rows := make([]int, b.Size)
	for k := range rows {
		rows[k] = int(stream.Below(t, uint64(k), uint64(m)))
	}
	slices.Sort(rows)
	return rows
}

// gradient fills the Gradient slot with the gradient of step t's mini-batch.
func (b MiniBatches) gradient(m *Member, t int) error {
	return m.DrawGradient(Draw{Rows: b.Rows(uint64(t), len(m.Observations()))})
}
