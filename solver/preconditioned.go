package solver

import "math"

// PreconditionedGradientDescent is PrecGD: scaled gradient descent whose damping follows the error,
//
//	U ← U − μ ∇f(U) (UᵀU + λI)⁻¹,   λ = √(1/m Σ_i (⟨A_i, UUᵀ⟩ − y_i)²) = 2·√f(U)
//
// with a constant step size μ. λ stands for the distance ‖UUᵀ − M*‖_F, which it is close to where the measurements are nearly
// an isometry: large while little is known, and gone at the solution. For factors with more columns than the truth's rank.
// (Zhang, Fattahi and Zhang, Preconditioned Gradient Descent for Over-Parameterized Nonconvex Matrix Factorization, NeurIPS
// 2021; their f is the mean square.)
type PreconditionedGradientDescent struct {
	// StepSize is μ > 0.
	StepSize float64
}

var _ Selective = PreconditionedGradientDescent{}

// Name implements [Method].
func (PreconditionedGradientDescent) Name() string { return "prec-gd" }

// Slots implements [Method]: one for the direction.
func (PreconditionedGradientDescent) Slots() int { return 1 }

// Suits implements [Selective].
func (PreconditionedGradientDescent) Suits(p Parametrization) error { return needsPairs(p) }

// Step implements [Method].
func (d PreconditionedGradientDescent) Step(e Engine, member, _ int) error {
	var loss [1]float64
	if err := e.Losses(loss[:], member); err != nil {
		return err
	}
	return scaledStep(e, member, d.StepSize, 2*math.Sqrt(loss[0]))
}
