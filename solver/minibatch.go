package solver

import (
	"slices"

	"github.com/matsense/matsense/sensing"
)

// StochasticGradientDescent is gradient descent on mini-batches: step t goes along the gradient of
//
//	f_t(U) = 1/(4B) Σ_k (⟨A_i, Z⟩ − y_i)²,   i = i_0 … i_{B−1},
//
// over B measurements that are drawn anew for each step, each time any of the m with the same probability, so that E f_t = f. (Robbins
// and Monro, A Stochastic Approximation Method, Annals of Mathematical Statistics 22 (1951).) Where the observations are exact, all
// f_t have their minimum at the truth, and a constant step size converges to it, in a number of steps that falls with B only up
// to a point. (Ma, Bassily and Belkin, The Power of Interpolation, arXiv 1712.06559.)
//
// A step's draw depends on its number and the seed alone, so that a resumed run repeats it.
type StochasticGradientDescent struct {
	// StepSize is μ > 0.
	StepSize float64
	// Batch says what is drawn.
	Batch Batches
}

var _ Partial = StochasticGradientDescent{}

// Name implements [Method].
func (StochasticGradientDescent) Name() string { return "sgd" }

// Slots implements [Method].
func (StochasticGradientDescent) Slots() int { return 0 }

// Partial implements [Partial].
func (StochasticGradientDescent) Partial() {}

// Step implements [Method].
func (d StochasticGradientDescent) Step(e Engine, member, iteration int) error {
	if err := d.Batch.gradient(e, member, iteration); err != nil {
		return err
	}
	return e.Combine(member, Iterate, 1, Iterate, -d.StepSize, Gradient)
}

// Batches are the mini-batches of a run.
type Batches struct {
	// Size is B ≥ 1.
	Size int
	// Seed is that of the stream they are drawn from.
	Seed uint64
}

// Rows returns the measurements of step t, of m, in ascending order: ⌊w_k·m/2⁶⁴⌋ for the 64-bit words w_0 … w_{B−1} of row t of the
// seed's batch stream. Each has its probability up to a relative error of m·2⁻⁶⁴.
func (b Batches) Rows(t uint64, m int) []int {
	stream := sensing.NewStream(b.Seed, sensing.BatchStream)
	rows := make([]int, b.Size)
	for k := range rows {
		rows[k] = int(stream.Below(t, uint64(k), uint64(m)))
	}
	slices.Sort(rows)
	return rows
}

// gradient fills a member's Gradient slot with that of the mini-batch of step t.
func (b Batches) gradient(e Engine, member, t int) error {
	return e.PartialGradient(member, Draw{Rows: b.Rows(uint64(t), len(e.Observations(member)))})
}
