package solver

// Subgradient is the subgradient method with steps that become shorter geometrically,
//
//	U ← U − μ_t ∂f(U),   μ_t = μ·q^t,
//
// which is [GD] with [GeometricDecay], for losses with a kink, such as [L1]: near the truth a subgradient
// does not become small, so that the distance to the truth is of the order of the last step. For ℓ1 and
// isotropic measurements ∂f is about √(2/π)·(Z − M*)/‖Z − M*‖_F·U, so that a component of a small start with
// the eigenvalue σ of M* grows by 1 + √(2/π)·μ_t·σ/‖M*‖_F in a step, whatever the size of M*. (Goffin, On
// convergence rates of subgradient optimization methods, Mathematical Programming 13 (1977); Ma and Fattahi,
// arXiv 2202.08788, for a small start with more columns than the rank of M*.)
type Subgradient struct {
	// StepSize is μ > 0.
	StepSize float64
	// Ratio is q, above 0 and at most 1.
	Ratio float64
}

var _ Method = Subgradient{}

// Name implements [Method].
func (Subgradient) Name() string { return "subgradient" }

// Needs implements [Method].
func (Subgradient) Needs() Needs { return Needs{Gradient: true} }

// Step implements [Method].
func (d Subgradient) Step(m *Member, iteration int) error {
	return GD{StepSize: d.StepSize * GeometricDecay{d.Ratio}.Factor(iteration)}.Step(m, iteration)
}
