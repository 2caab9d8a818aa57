package solver

// SGD is gradient descent on mini-batches: step t follows the gradient of
//
//	f_t(U) = 1/(4B) Σ_k (⟨A_i, Z⟩ − y_i)²,   i = i_0 … i_{B−1},
//
// over B measurements. Each step draws them anew, each of the m with the same probability, so that E f_t = f.
// (Robbins and Monro, A Stochastic Approximation Method, Annals of Mathematical Statistics 22 (1951).) If the
// observations are exact, every f_t has its minimum at the truth, and a constant step size converges to the
// truth. The number of steps falls as B grows, but only up to a point. (Ma, Bassily and Belkin, The Power of
// Interpolation, arXiv 1712.06559.)
//
// The draw depends only on the number of the step and the seed, so that a resumed run repeats it.
type SGD struct {
	// StepSize is μ > 0.
	StepSize float64
	// Batch says what is drawn.
	Batch MiniBatches
}

var _ Method = SGD{}

// Name implements [Method].
func (SGD) Name() string { return "sgd" }

// Needs implements [Method].
func (SGD) Needs() Needs { return Needs{Draws: true} }

// Step implements [Method].
func (d SGD) Step(m *Member, iteration int) error {
	if err := d.Batch.gradient(m, iteration); err != nil {
		return err
	}
	return m.Combine(Iterate, 1, Iterate, -d.StepSize, Gradient)
}
