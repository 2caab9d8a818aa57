package solver

import "math"

// PrecGD is scaled gradient descent whose damping follows the error,
//
//	U ← U − μ ∇f(U) (UᵀU + λI)⁻¹,   λ = √(1/m Σ_i (⟨A_i, UUᵀ⟩ − y_i)²) = 2·√f(U)
//
// with a constant step size μ. If the measurements are nearly an isometry, λ is close to the distance ‖UUᵀ −
// M*‖_F: large far from the solution, and zero at it. The method is for factors with more columns than the
// truth's rank. (Zhang, Fattahi and Zhang, Preconditioned Gradient Descent for Over-Parameterized Nonconvex
// Matrix Factorization, NeurIPS 2021; their f is the mean square.)
type PrecGD struct {
	// StepSize is μ > 0.
	StepSize float64
}

var (
	_ Method    = PrecGD{}
	_ Selective = PrecGD{}
)

// Name implements [Method].
func (PrecGD) Name() string { return "prec-gd" }

// Needs implements [Method]: a slot for the direction, and a loss whose root is the size of the residuals.
func (PrecGD) Needs() Needs {
	return Needs{Gradient: true, Slots: 1, Inverses: true, SquaredLoss: true}
}

// Suits implements [Selective].
func (PrecGD) Suits(p Parametrization) error { return needsPairs(p) }

// Step implements [Method].
func (d PrecGD) Step(m *Member, _ int) error {
	loss, err := m.Loss()
	if err != nil {
		return err
	}
	return scaledStep(m, d.StepSize, 2*math.Sqrt(loss))
}
