package solver

import "fmt"

// ScaledGD is scaled gradient descent,
//
//	U ← U − μ ∇f(U) (UᵀU)⁻¹
//
// with a constant step size μ. The inverse removes from the gradient the factor UᵀU, so that near a solution
// all singular values converge at the same rate: each iteration multiplies the error by about 1 − μ, and for
// UVᵀ by 1 − μ/2, whatever the condition number. The method is for factors with as many columns as the
// truth's rank that start near the truth. (Tong, Ma and Chi, Accelerating Ill-Conditioned Low-Rank Matrix
// Estimation via Scaled Gradient Descent, arXiv 2005.08898.)
type ScaledGD struct {
	// StepSize is μ > 0.
	StepSize float64
}

// ScaledGDLambda is scaled gradient descent with a constant damping λ,
//
//	U ← U − μ ∇f(U) (UᵀU + λI)⁻¹,
//
// for factors with more columns than the truth's rank and small random starts. λ is of the order of
// σ_min(X)². (Xu, Shen, Chi and Ma, The Power of Preconditioning in Overparameterized Low-Rank Matrix
// Sensing, arXiv 2302.01186.)
type ScaledGDLambda struct {
	// StepSize is μ > 0.
	StepSize float64
	// Lambda is λ > 0.
	Lambda float64
}

var (
	_ Method    = ScaledGD{}
	_ Selective = ScaledGD{}
	_ Method    = ScaledGDLambda{}
	_ Selective = ScaledGDLambda{}
)

// Name implements [Method].
func (ScaledGD) Name() string { return "scaled-gd" }

// Needs implements [Method]: a slot for the direction.
func (ScaledGD) Needs() Needs { return Needs{Gradient: true, Slots: 1, Inverses: true} }

// Suits implements [Selective].
func (ScaledGD) Suits(p Parametrization) error { return needsPairs(p) }

// Step implements [Method].
func (d ScaledGD) Step(m *Member, _ int) error {
	if err := m.Gradient(); err != nil {
		return err
	}
	return scaledStep(m, d.StepSize, 0)
}

// Name implements [Method].
func (ScaledGDLambda) Name() string { return "scaled-gd-lambda" }

// Needs implements [Method]: a slot for the direction.
func (ScaledGDLambda) Needs() Needs { return Needs{Gradient: true, Slots: 1, Inverses: true} }

// Suits implements [Selective].
func (ScaledGDLambda) Suits(p Parametrization) error { return needsPairs(p) }

// Step implements [Method].
func (d ScaledGDLambda) Step(m *Member, _ int) error {
	if err := m.Gradient(); err != nil {
		return err
	}
	return scaledStep(m, d.StepSize, d.Lambda)
}

// scaledStep does U ← U − μ ∇f(U) (UᵀU + λI)⁻¹ with the gradient in the Gradient slot.
func scaledStep(m *Member, step, lambda float64) error {
	const direction = MethodSlot
	if err := m.Precondition(direction, Gradient, lambda); err != nil {
		return err
	}
	return m.Combine(Iterate, 1, Iterate, -step, direction)
}

// needsPairs refuses a parametrization that is not [Paired], and [Polar], in which no matrix of the factor is
// what multiplies X.
func needsPairs(p Parametrization) error {
	_, paired := p.(Paired)
	if _, polar := p.(Polar); !paired || polar {
		return fmt.Errorf("solver: %s is no product of two matrices, by one of which the other's gradient"+
			" could be scaled", p.Name())
	}
	return nil
}
