package solver

import "github.com/matsense/matsense/sensing"

// LabelNoiseGD is gradient descent that draws new noise on the observations in every step,
//
//	U ← U − μ ∇f_t(U),   f_t(U) = 1/(4m) Σ_i (⟨A_i, Z⟩ − y_i − σ·s_i)²,   s_i = ±1 with equal probability,
//
// with a constant step size μ. Among the points that fit y, the noise drives U slowly to flat ones: to a
// small trace of the Hessian of f. (Blanc, Gupta, Valiant and Valiant, arXiv 1904.09080; Damian, Ma and Lee,
// Label Noise SGD Provably Prefers Flat Global Minimizers, arXiv 2106.06530.) For deep products the trace
// measures the nuclear norm of Z (Gatmiry et al., arXiv 2306.13239).
//
// s_i of step t = 0, 1, … is bit i of the words of row t of the seed's label stream, the least significant
// bit of the first word first: 0 is +1, 1 is −1.
type LabelNoiseGD struct {
	// StepSize is μ > 0.
	StepSize float64
	// Noise is σ ≥ 0, in units of the observations.
	Noise float64
	// Seed is the seed of the signs.
	Seed uint64
}

var _ Method = LabelNoiseGD{}

// Name implements [Method].
func (LabelNoiseGD) Name() string { return "label-noise-gd" }

// Needs implements [Method]: a vector for the noise.
func (LabelNoiseGD) Needs() Needs {
	return Needs{Vectors: 1, ScratchVectors: 1, Draws: true, Random: true}
}

// Step implements [Method].
func (d LabelNoiseGD) Step(m *Member, iteration int) error {
	const shift = VectorSlot
	stream := sensing.NewStream(d.Seed, sensing.LabelStream)
	if err := m.Signs(shift, stream, uint64(iteration)); err != nil {
		return err
	}
	if err := m.Combine(shift, d.Noise, shift, 0, shift); err != nil {
		return err
	}
	if err := m.DrawGradient(Draw{Shift: shift}); err != nil {
		return err
	}
	return m.Combine(Iterate, 1, Iterate, -d.StepSize, Gradient)
}
