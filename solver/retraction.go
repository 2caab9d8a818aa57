package solver

import "fmt"

// Retraction says how a Riemannian step ends on the manifold of the matrices of rank r, Z = UUᵀ or UVᵀ. The
// step goes from Z in the direction −ξ of the tangent space
//
//	T_Z = {U Cᵀ + D Vᵀ},   for UUᵀ with V = U and D = C,
//
// and Z − μξ has up to twice the rank. A retraction is a map R_Z from T_Z to the manifold with R_Z(0) = Z,
// whose derivative at 0 is the identity. If R_Z(tξ) also has no acceleration within the tangent space at t =
// 0, the retraction is of second order: it differs from the exponential map by O(t³), and from it by O(t²)
// otherwise. (Absil, Mahony and Sepulchre, Optimization Algorithms on Matrix Manifolds, 2008, chapters 4 and
// 5; Absil and Malick, Projection-like Retractions on Matrix Manifolds, SIAM Journal on Optimization 22,
// 2012.)
//
// The direction is given as a factor B, with ξ = U B_Vᵀ + B_U Vᵀ and U†B_U = (V†B_V)ᵀ; for UUᵀ, ξ = UBᵀ +
// BUᵀ. W† is the pseudoinverse (WᵀW)⁻¹Wᵀ. Below, W stands for each of the factor's matrices, and W' for its
// partner. The next Z depends on Z and ξ alone, not on the choice of the factor.
type Retraction interface {
	// Name is the retraction's name in flags and files.
	Name() string
	// Slots is the number of slots that it needs, from MethodSlot + 1 on. They hold nothing from one step to
	// the next.
	Slots() int
	// Retract moves the iterate from Z to R_Z(−μξ). B is in MethodSlot, and is overwritten.
	Retract(m *Member, step float64) error
}

// directionSlot has B, and retractionSlot is the first slot of the retraction.
const (
	directionSlot  = MethodSlot
	retractionSlot = MethodSlot + 1
)

// FactorRetraction moves the factor along a straight line,
//
//	W ← W − μB,
//
// so that R_Z(−μξ) = Z − μξ + μ²·B_U B_Vᵀ. It is the shortest computation, and not of second order.
type FactorRetraction struct{}

var _ Retraction = FactorRetraction{}

// Name implements [Retraction].
func (FactorRetraction) Name() string { return "factor" }

// Slots implements [Retraction].
func (FactorRetraction) Slots() int { return 0 }

// Retract implements [Retraction].
func (FactorRetraction) Retract(m *Member, step float64) error {
	return m.Combine(Iterate, 1, Iterate, -step, directionSlot)
}

// retraction returns r, or [FactorRetraction] for nil.
func retraction(r Retraction) Retraction {
	if r == nil {
		return FactorRetraction{}
	}
	return r
}

// riemannianNeeds is what a Riemannian step needs of an engine beside its gradient. The first two slots are
// part of the state, as they were before there were retractions.
func riemannianNeeds(r Retraction) Needs {
	own := max(1, retraction(r).Slots())
	return Needs{Slots: 1 + own, Scratch: own - 1, Inverses: true}
}

// riemannianStep steps along the manifold's steepest descent from the gradient in the Gradient slot. With
// H = W·∂f/∂Z of the partner, divided by the partner's Gram matrix, B = H − ½·WW†H. For UUᵀ, whose ∇f has the
// derivatives with respect to both U of UUᵀ, the quotient is 2H.
func riemannianStep(m *Member, step float64, r Retraction) error {
	const within = retractionSlot
	if err := m.Precondition(directionSlot, Gradient, 0); err != nil { // H or 2H
		return err
	}
	if err := m.Project(within, directionSlot); err != nil {
		return err
	}
	share := 1.0
	if len(m.Shapes()) == 1 {
		share = 0.5
	}
	if err := m.Combine(directionSlot, share, directionSlot, -share/2, within); err != nil { // B
		return err
	}
	return retraction(r).Retract(m, step)
}

// bend does dst ← (V − ½·WW†V)·(W'†V')ᵀ for a velocity V of the factor in slot v. A factor with the
// acceleration −2 times this moves along a geodesic: the part within the tangent space of Z's acceleration,
// Ü Vᵀ + 2 U̇ V̇ᵀ + U V̈ᵀ, vanishes. spare is overwritten.
func bend(m *Member, dst, v, spare Slot) error {
	if err := m.Project(spare, v); err != nil {
		return err
	}
	if err := m.Combine(spare, 1, v, -0.5, spare); err != nil {
		return err
	}
	return m.Fit(dst, spare, v)
}

// needsFixedRank refuses every parametrization but UUᵀ and UVᵀ.
func needsFixedRank(p Parametrization) error {
	switch p.(type) {
	case PSD, UV:
		return nil
	}
	return fmt.Errorf("solver: the manifold is that of the matrices UUᵀ or UVᵀ of one rank, and %s makes"+
		" others", p.Name())
}
