package solver

import "math"

// StepDecay is a law by which the step sizes of a run become smaller. It depends on the number of the step
// alone, so that a resumed run takes the same steps as an uninterrupted one.
type StepDecay interface {
	// Factor returns what multiplies the step sizes of step t = 0, 1, …: a number from 0 to 1.
	Factor(t int) float64
}

// PowerDecay is the law (1 + c·t)^(−p). With 1/2 < p ≤ 1 the step sizes μ_t = μ·(1 + c·t)^(−p) satisfy
//
//	Σ μ_t = ∞,   Σ μ_t² < ∞,
//
// under which stochastic approximation converges. (Robbins and Monro, A Stochastic Approximation Method,
// Annals of Mathematical Statistics 22 (1951).)
type PowerDecay struct {
	// Power is p: an eighth, or a multiple of it. It is rounded down to one. Square roots and products have
	// the same bits on every machine, and other powers do not.
	Power float64
	// Rate is c > 0.
	Rate float64
}

var _ StepDecay = PowerDecay{}

// Factor implements [StepDecay].
func (d PowerDecay) Factor(t int) float64 {
	base := 1 + float64(d.Rate*float64(t))
	power := math.Pow(base, math.Floor(d.Power))
	root := base
	for _, share := range []float64{0.5, 0.25, 0.125} {
		root = math.Sqrt(root)
		if math.Mod(d.Power, 2*share) >= share {
			power = float64(power * root)
		}
	}
	return 1 / power
}

// GeometricDecay is the law q^t. All steps together are no longer than μ/(1 − q), so that q must not be
// smaller than the factor by which the error can fall. With it, gradient descent on [L1] is the subgradient
// method after Goffin (Mathematical Programming 13, 1977) and after Ma and Fattahi (arXiv 2202.08788): near
// the truth a subgradient does not become small, so that the distance to the truth follows the last step.
type GeometricDecay struct {
	// Ratio is q, more than 0 and at most 1.
	Ratio float64
}

var _ StepDecay = GeometricDecay{}

// Factor implements [StepDecay]. [math.Pow] of a whole power has the same bits on every machine.
func (d GeometricDecay) Factor(t int) float64 { return math.Pow(d.Ratio, float64(t)) }

// Decaying is a method whose step sizes become smaller. The method itself knows nothing of the law: Decaying
// makes it anew for each step, with the step sizes of that step.
type Decaying struct {
	// Method is the method with the step sizes of step 0.
	Method
	// Decay is the law.
	Decay StepDecay
	// Scaled returns the method with all its step sizes multiplied by a factor.
	Scaled func(factor float64) Method
}

var (
	_ Selective = Decaying{}
	_ Measuring = Decaying{}
)

// Step implements [Method].
func (d Decaying) Step(m *Member, iteration int) error {
	return d.Scaled(d.Decay.Factor(iteration)).Step(m, iteration)
}

// Suits implements [Selective].
func (d Decaying) Suits(p Parametrization) error { return Suits(d.Method, p) }

// Measure implements [Measuring].
func (d Decaying) Measure(s *Sample, m *Member) error {
	if measuring, ok := d.Method.(Measuring); ok {
		return measuring.Measure(s, m)
	}
	return nil
}
