package solver

import "fmt"

// ScaledGradientDescent is the scaled gradient descent of overparameterized and of exactly parameterized factors,
//
//	U ← U − μ ∇f(U) (UᵀU + λI)⁻¹
//
// with a constant step size μ and a constant damping λ. The inverse takes out of the gradient how U stretches it, so that the
// rate near a solution is the same for all of its singular values: about 1 − μ an iteration, whatever the condition number.
//
// Without damping it is ScaledGD (Tong, Ma and Chi, Accelerating Ill-Conditioned Low-Rank Matrix Estimation via Scaled
// Gradient Descent, arXiv 2005.08898), for factors with as many columns as the truth's rank that start near it. With λ > 0, of the
// order of σ_min(X)², it is ScaledGD(λ) (Xu, Shen, Chi and Ma, The Power of Preconditioning in Overparameterized Low-Rank
// Matrix Sensing, arXiv 2302.01186), for factors with more columns and small random starts.
type ScaledGradientDescent struct {
	// StepSize is μ > 0.
	StepSize float64
	// Lambda is λ ≥ 0.
	Lambda float64
}

var _ Selective = ScaledGradientDescent{}

// Name implements [Method]: scaled-gd, or with damping scaled-gd-lambda.
func (d ScaledGradientDescent) Name() string {
	if d.Lambda > 0 {
		return "scaled-gd-lambda"
	}
	return "scaled-gd"
}

// Slots implements [Method]: one for the direction.
func (ScaledGradientDescent) Slots() int { return 1 }

// Suits implements [Selective].
func (ScaledGradientDescent) Suits(p Parametrization) error { return needsPairs(p) }

// Step implements [Method].
func (d ScaledGradientDescent) Step(e Engine, member, _ int) error {
	if err := e.Gradient(member); err != nil {
		return err
	}
	return scaledStep(e, member, d.StepSize, d.Lambda)
}

// scaledStep does U ← U − μ ∇f(U) (UᵀU + λI)⁻¹ with what the Gradient slot holds.
func scaledStep(e Engine, member int, step, lambda float64) error {
	if err := e.Precondition(member, OwnSlot, Gradient, lambda); err != nil {
		return err
	}
	return e.Combine(member, Iterate, 1, Iterate, -step, OwnSlot)
}

// needsPairs refuses a parametrization without products to scale by.
func needsPairs(p Parametrization) error {
	if _, ok := p.(Paired); !ok {
		return fmt.Errorf("solver: %s is no product of two matrices, by one of which the other's gradient could be scaled", p.Name())
	}
	return nil
}
