package solver

import "fmt"

// RiemannianGradientDescent is gradient descent on the manifold of positive semidefinite matrices Z = UUᵀ of rank r, with the metric
// of the matrices around it,
//
//	U ← U − μB,   B = H − ½·U(UᵀU)⁻¹(UᵀH),   H = ½·∇f(U)(UᵀU)⁻¹
//
// with a constant step size μ. UBᵀ + BUᵀ is the projection of ∂f/∂Z = ½G to the tangent space at Z,
//
//	½·(PG + GP − PGP),   P = U(UᵀU)⁻¹Uᵀ,
//
// so that the step goes from Z along the manifold's steepest descent and comes back to it by (U − μB)(U − μB)ᵀ, which differs from
// Z − μ(UBᵀ + BUᵀ) by μ²BBᵀ. Z depends on UUᵀ alone, not on which of its factors U is. r is that of the manifold: where it is the
// truth's, a step of 1 about halves a small error, whatever the condition number. A U that has lost rank is no point of the
// manifold: there is no inverse, and the run diverges. (Vandereycken, Low-rank matrix completion by Riemannian optimization, SIAM
// Journal on Optimization 23 (2013). Hsieh, Karimi, Krause and Mertikopoulos, Riemannian stochastic optimization methods avoid strict
// saddle points, arXiv 2311.02374: with probability 1 neither this nor [RiemannianSGD] ends at a strict saddle point.)
type RiemannianGradientDescent struct {
	// StepSize is μ > 0.
	StepSize float64
}

var _ Selective = RiemannianGradientDescent{}

// Name implements [Method].
func (RiemannianGradientDescent) Name() string { return "rgd" }

// Slots implements [Method]: for H, then B, and for the part of H within the columns of U.
func (RiemannianGradientDescent) Slots() int { return 2 }

// Suits implements [Selective].
func (RiemannianGradientDescent) Suits(p Parametrization) error { return needsPSD(p) }

// Step implements [Method].
func (d RiemannianGradientDescent) Step(e Engine, member, _ int) error {
	if err := e.Gradient(member); err != nil {
		return err
	}
	return riemannianStep(e, member, d.StepSize)
}

// RiemannianSGD is [RiemannianGradientDescent] with the gradient of a mini-batch, as in [StochasticGradientDescent].
type RiemannianSGD struct {
	// StepSize is μ > 0.
	StepSize float64
	// Batch says what is drawn.
	Batch Batches
}

var (
	_ Selective = RiemannianSGD{}
	_ Partial   = RiemannianSGD{}
)

// Name implements [Method].
func (RiemannianSGD) Name() string { return "rsgd" }

// Slots implements [Method]: as for [RiemannianGradientDescent].
func (RiemannianSGD) Slots() int { return 2 }

// Partial implements [Partial].
func (RiemannianSGD) Partial() {}

// Suits implements [Selective].
func (RiemannianSGD) Suits(p Parametrization) error { return needsPSD(p) }

// Step implements [Method].
func (d RiemannianSGD) Step(e Engine, member, iteration int) error {
	if err := d.Batch.gradient(e, member, iteration); err != nil {
		return err
	}
	return riemannianStep(e, member, d.StepSize)
}

// riemannianStep does U ← U − μB from what the Gradient slot holds.
func riemannianStep(e Engine, member int, step float64) error {
	const direction, within = OwnSlot, OwnSlot + 1
	if err := e.Precondition(member, direction, Gradient, 0); err != nil { // 2H
		return err
	}
	if err := e.Project(member, within, direction); err != nil { // 2·U(UᵀU)⁻¹(UᵀH)
		return err
	}
	if err := e.Combine(member, direction, 0.5, direction, -0.25, within); err != nil { // B
		return err
	}
	return e.Combine(member, Iterate, 1, Iterate, -step, direction)
}

// needsPSD refuses every parametrization but UUᵀ.
func needsPSD(p Parametrization) error {
	if _, ok := p.(PSD); !ok {
		return fmt.Errorf("solver: the manifold is that of positive semidefinite matrices UUᵀ of one rank, and %s makes others", p.Name())
	}
	return nil
}
