package solver

// OPSA is the overparameterized preconditioned subgradient algorithm, the scaled subgradient method with a
// constant damping λ and Polyak's step, bounded by the step size μ,
//
//	U ← U − μ_t P,   P = ∂f/∂U (VᵀV + λI)⁻¹,   V ← V − μ_t Q,   Q = ∂f/∂V (UᵀU + λI)⁻¹,
//	μ_t = min(μ, (f − f*)/(⟨∂f/∂U, P⟩ + ⟨∂f/∂V, Q⟩)),
//
// with the value f* of f at the truth. The method is for losses with a kink, such as [L1], and for factors
// with more columns than the truth's rank that start near the truth. λ is of the order of σ_min(X)².
// λ = 0 is [ScaledSubgradient]. (Giampouras, Cai and Vidal, Guarantees of a Preconditioned Subgradient
// Algorithm for Overparameterized Asymmetric Low-rank Matrix Recovery, arXiv 2410.16826.)
type OPSA struct {
	// StepSize is μ > 0, the largest step.
	StepSize float64
	// Lambda is λ > 0.
	Lambda float64
	// OptimalValue and AtTruth say what f* is, as in [PolyakGD].
	OptimalValue float64
	AtTruth      bool
}

var (
	_ Method    = OPSA{}
	_ Selective = OPSA{}
	_ aiming    = OPSA{}
)

// Name implements [Method].
func (OPSA) Name() string { return "opsa" }

// Needs implements [Method].
func (OPSA) Needs() Needs { return ScaledSubgradient{}.Needs() }

// aimsAtTruth implements aiming.
func (d OPSA) aimsAtTruth() bool { return d.AtTruth }

// Suits implements [Selective].
func (OPSA) Suits(p Parametrization) error { return needsPairs(p) }

// Step implements [Method].
func (d OPSA) Step(m *Member, _ int) error {
	return scaledPolyakStep(m, PolyakGD{d.StepSize, d.OptimalValue, d.AtTruth}, d.Lambda)
}
