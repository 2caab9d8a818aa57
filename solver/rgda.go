package solver

import (
	"fmt"
	"math"
)

// RGDA is Riemannian gradient descent-ascent on a game of robust sensing. One player chooses the matrix Z =
// UUᵀ. The other shifts the observations by e in a ball, at a cost:
//
//	min over Z, max over ‖e‖ ≤ ρ√m of  φ(Z, e) = 1/(4m) Σ_i (⟨A_i, Z⟩ − y_i − e_i)² − λ/(4m)·‖e‖²,   λ > 1.
//
// Both move at once, with constant step sizes μ and η, from e = 0:
//
//	U ← U − μ ∇_Uφ (UᵀU)⁻¹,   e ← the point of the ball nearest to e − η(res + (λ − 1)e),
//	res_i = ⟨A_i, Z⟩ − y_i.
//
// The first is a step down the Riemannian gradient on the matrices of U's rank, as factors up to rotation, in
// the metric ⟨B, C⟩_U = tr(UᵀU·BᵀC) (Mishra, Meyer, Bonnabel and Sepulchre, Computational Statistics 29,
// 2014). The second is a step up the gradient in the inner product 1/(2m)·⟨d, e⟩. docs/rgda.md has the
// equilibrium and rates. (Cai, Jordan, Lin, Oikonomou and Vlatakis-Gkaragkounis, Curvature-Independent
// Last-Iterate Convergence for Games on Riemannian Manifolds, arXiv 2306.16617.)
type RGDA struct {
	// StepSize is μ > 0, and AdversaryStep η > 0.
	StepSize, AdversaryStep float64
	// Weight is λ > 1: the cost of shifts.
	Weight float64
	// Radius is ρ > 0: the largest root mean square of the shifts.
	Radius float64
}

var (
	_ Method    = RGDA{}
	_ Selective = RGDA{}
	_ Measuring = RGDA{}
)

// Name implements [Method].
func (RGDA) Name() string { return "rgda" }

// The vectors of RGDA: e, and the direction of e's step.
const (
	shiftSlot  = VectorSlot
	ascentSlot = VectorSlot + 1
)

// Needs implements [Method]: a slot for the direction of U's step, and the two vectors.
func (RGDA) Needs() Needs {
	return Needs{
		Slots: 1, Vectors: 2, ScratchVectors: 1, Draws: true, Values: true, Inverses: true, SquaredLoss: true,
	}
}

// Suits implements [Selective].
func (RGDA) Suits(p Parametrization) error {
	if _, ok := p.(PSD); !ok {
		return fmt.Errorf("solver: the game is played with positive semidefinite matrices UUᵀ of one rank,"+
			" and %s makes others", p.Name())
	}
	return nil
}

// Step implements [Method].
func (g RGDA) Step(m *Member, _ int) error {
	if err := m.Residuals(ascentSlot); err != nil {
		return err
	}
	if err := m.DrawGradient(Draw{Shift: shiftSlot}); err != nil {
		return err
	}
	if err := scaledStep(m, g.StepSize, 0); err != nil {
		return err
	}
	return g.ascend(m)
}

// ascend takes the second step, from the residuals in ascentSlot.
func (g RGDA) ascend(m *Member) error {
	if err := m.Combine(ascentSlot, 1, ascentSlot, g.Weight-1, shiftSlot); err != nil {
		return err
	}
	if err := m.Combine(shiftSlot, 1, shiftSlot, -g.AdversaryStep, ascentSlot); err != nil {
		return err
	}
	size, err := shiftSize(m)
	if err != nil || size <= g.Radius {
		return err
	}
	return m.Combine(shiftSlot, g.Radius/size, shiftSlot, 0, shiftSlot)
}

// Measure implements [Measuring]: the root mean square of e.
func (RGDA) Measure(s *Sample, m *Member) (err error) {
	s.Shift, err = shiftSize(m)
	return err
}

// shiftSize returns the root mean square of e, ‖e‖/√m.
func shiftSize(m *Member) (float64, error) {
	square, err := m.Dot(shiftSlot, shiftSlot)
	return math.Sqrt(square / float64(len(m.Observations()))), err
}
