package solver

// SecondOrderRetraction moves the factor along a parabola, that of the geodesic's start:
//
//	W ← W − μB − μ²·(B − ½·WW†B)·(W'†B')ᵀ.
//
// With −μξ = U M Vᵀ + U_p Vᵀ + U V_pᵀ, UᵀU_p = 0 and VᵀV_p = 0, these are factors of
//
//	R_Z(−μξ) = Y Z† Y,   Y = Z + ½·U M Vᵀ + U_p Vᵀ + U V_pᵀ − ⅛·U M² Vᵀ − ½·U_p M Vᵀ − ½·U M V_pᵀ.
//
// (After Shalit, Weinshall and Chechik, Online Learning in the Embedded
// Manifold of Low-rank Matrices, Journal of Machine Learning Research 13, 2012.)
type SecondOrderRetraction struct{}

var _ Retraction = SecondOrderRetraction{}

// Name implements [Retraction].
func (SecondOrderRetraction) Name() string { return "second-order" }

// Slots implements [Retraction]: the bend, and what it is made of.
func (SecondOrderRetraction) Slots() int { return 2 }

// Retract implements [Retraction].
func (SecondOrderRetraction) Retract(m *Member, step float64) error {
	const spare, curve = retractionSlot, retractionSlot + 1
	if err := bend(m, curve, directionSlot, spare); err != nil {
		return err
	}
	if err := m.Combine(directionSlot, 1, directionSlot, step, curve); err != nil {
		return err
	}
	return m.Combine(Iterate, 1, Iterate, -step, directionSlot)
}
