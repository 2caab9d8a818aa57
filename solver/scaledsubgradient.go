package solver

// ScaledSubgradient is the scaled subgradient method with Polyak's step, bounded by the step size μ,
//
//	U ← U − μ_t P,   P = ∂f(U) (UᵀU)⁻¹,   μ_t = min(μ, (f(U) − f*)/⟨∂f(U), P⟩),
//
// with the value f* of f at the truth. ⟨∂f(U), P⟩ is the square of the subgradient's norm in the metric that
// UᵀU scales. Near the truth the error falls at a rate that does not depend on the condition number, with
// losses with a kink, such as [L1], too. The method is for factors with as many columns as the truth's rank
// that start near the truth. (Tong, Ma and Chi, Low-Rank Matrix Recovery with Scaled Subgradient Methods:
// Fast and Robust Convergence Without the Condition Number, arXiv 2010.13364.)
type ScaledSubgradient struct {
	// StepSize is μ > 0, the largest step.
	StepSize float64
	// OptimalValue and AtTruth say what f* is, as in [PolyakGD].
	OptimalValue float64
	AtTruth      bool
}

var (
	_ Method    = ScaledSubgradient{}
	_ Selective = ScaledSubgradient{}
	_ aiming    = ScaledSubgradient{}
)

// Name implements [Method].
func (ScaledSubgradient) Name() string { return "scaled-subgradient" }

// Needs implements [Method]: a slot for P.
func (ScaledSubgradient) Needs() Needs {
	return Needs{Gradient: true, Slots: 1, Scratch: 1, Inverses: true}
}

// aimsAtTruth implements aiming.
func (d ScaledSubgradient) aimsAtTruth() bool { return d.AtTruth }

// Suits implements [Selective].
func (ScaledSubgradient) Suits(p Parametrization) error { return needsPairs(p) }

// Step implements [Method].
func (d ScaledSubgradient) Step(m *Member, _ int) error { return scaledPolyakStep(m, PolyakGD(d), 0) }

// scaledPolyakStep does U ← U − μ_t P with P = ∂f(U) (UᵀU + λI)⁻¹ and Polyak's step for ⟨∂f(U), P⟩ in the
// place of the squared norm.
func scaledPolyakStep(m *Member, polyak PolyakGD, lambda float64) error {
	const direction = MethodSlot
	loss, err := m.Loss()
	if err != nil {
		return err
	}
	if err := m.Precondition(direction, Gradient, lambda); err != nil {
		return err
	}
	square, err := m.Dot(Gradient, direction)
	if err != nil {
		return err
	}
	step, err := polyak.step(m, loss, square)
	if err != nil {
		return err
	}
	return m.Combine(Iterate, 1, Iterate, -step, direction)
}
