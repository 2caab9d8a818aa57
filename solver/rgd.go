package solver

import "fmt"

// RGD is gradient descent on the manifold of positive semidefinite matrices Z = UUᵀ of rank r, with the
// Frobenius metric of the matrix space,
//
//	U ← U − μB,   B = H − ½·U(UᵀU)⁻¹(UᵀH),   H = ½·∇f(U)(UᵀU)⁻¹
//
// with a constant step size μ. UBᵀ + BUᵀ is the projection of ∂f/∂Z = ½G to the tangent space at Z,
//
//	½·(PG + GP − PGP),   P = U(UᵀU)⁻¹Uᵀ.
//
// The step thus goes from Z along the manifold's steepest descent, and returns to the manifold by (U − μB)(U
// − μB)ᵀ, which differs from Z − μ(UBᵀ + BUᵀ) by μ²BBᵀ. The next Z depends on UUᵀ alone, not on the choice of
// U. r is the rank of the manifold; if it is the truth's rank, a step of 1 about halves a small error,
// whatever the condition number. A U that has lost rank is not a point of the manifold: there is no inverse,
// and the run diverges. (Vandereycken, Low-rank matrix completion by Riemannian optimization, SIAM Journal on
// Optimization 23 (2013). Hsieh, Karimi, Krause and Mertikopoulos, Riemannian stochastic optimization methods
// avoid strict saddle points, arXiv 2311.02374: with probability 1 neither RGD nor [RSGD] ends at a strict
// saddle point.)
type RGD struct {
	// StepSize is μ > 0.
	StepSize float64
}

var (
	_ Method    = RGD{}
	_ Selective = RGD{}
)

// Name implements [Method].
func (RGD) Name() string { return "rgd" }

// Needs implements [Method]: one slot for H, then B, and one for the part of H within the columns of U.
func (RGD) Needs() Needs { return Needs{Gradient: true, Slots: 2, Inverses: true} }

// Suits implements [Selective].
func (RGD) Suits(p Parametrization) error { return needsPSD(p) }

// Step implements [Method].
func (d RGD) Step(m *Member, _ int) error {
	if err := m.Gradient(); err != nil {
		return err
	}
	return riemannianStep(m, d.StepSize)
}

// riemannianStep does U ← U − μB with the gradient in the Gradient slot.
func riemannianStep(m *Member, step float64) error {
	const direction, within = MethodSlot, MethodSlot + 1
	if err := m.Precondition(direction, Gradient, 0); err != nil { // 2H
		return err
	}
	if err := m.Project(within, direction); err != nil { // 2·U(UᵀU)⁻¹(UᵀH)
		return err
	}
	if err := m.Combine(direction, 0.5, direction, -0.25, within); err != nil { // B
		return err
	}
	return m.Combine(Iterate, 1, Iterate, -step, direction)
}

// needsPSD refuses every parametrization but UUᵀ.
func needsPSD(p Parametrization) error {
	if _, ok := p.(PSD); !ok {
		return fmt.Errorf("solver: the manifold is that of positive semidefinite matrices UUᵀ of one rank,"+
			" and %s makes others", p.Name())
	}
	return nil
}
