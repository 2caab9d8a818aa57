package solver

// RGD is gradient descent on the manifold of the matrices Z = UUᵀ or UVᵀ of rank r, with the Frobenius metric
// of the matrices around it. With G = 2 ∂f/∂Z, and the projectors P and Q to the columns of U and of V, the
// projection of ∂f/∂Z to the tangent space at Z is
//
//	ξ = ½·(PG + GQ − PGQ) = U B_Vᵀ + B_U Vᵀ.
//
// A step goes from Z along −ξ, the manifold's steepest descent, with a constant step size μ:
//
//	Z ← R_Z(−μξ),   B_U = H − ½·UU†H,   H = ∂f/∂U·(VᵀV)⁻¹   (for UUᵀ: H = ½·∇f(U)(UᵀU)⁻¹),
//
// and likewise B_V. The [Retraction] R returns to the manifold; by default U ← U − μB_U and V ← V − μB_V. The
// next Z depends on Z alone, not on the choice of the factor. r is the rank of the manifold; if it is the
// truth's rank, a step of 1 about halves a small error, whatever the condition number. A factor that has lost
// rank is not a point of the manifold: there is no inverse, and the run diverges. (Vandereycken, Low-rank
// matrix completion by Riemannian optimization, SIAM Journal on Optimization 23 (2013). Hsieh, Karimi, Krause
// and Mertikopoulos, Riemannian stochastic optimization methods avoid strict saddle points, arXiv 2311.02374:
// with probability 1 methods such as [RSGD] do not end at a strict saddle point.)
type RGD struct {
	// StepSize is μ > 0.
	StepSize float64
	// Retraction is R; nil is [FactorRetraction].
	Retraction Retraction
}

var (
	_ Method    = RGD{}
	_ Selective = RGD{}
)

// Name implements [Method].
func (RGD) Name() string { return "rgd" }

// Needs implements [Method]: a slot for B, and those of the retraction.
func (d RGD) Needs() Needs {
	needs := riemannianNeeds(d.Retraction)
	needs.Gradient = true
	return needs
}

// Suits implements [Selective].
func (RGD) Suits(p Parametrization) error { return needsFixedRank(p) }

// Step implements [Method].
func (d RGD) Step(m *Member, _ int) error {
	if err := m.Gradient(); err != nil {
		return err
	}
	return riemannianStep(m, d.StepSize, d.Retraction)
}
