package solver

// ProjectionRetraction ends at the point of the manifold that is nearest to Z − μξ in the Frobenius norm:
//
//	R_Z(−μξ) = argmin over Y of rank r of ‖Y − S‖_F,   S = Z − μξ,
//
// which has the r largest singular values of S, or eigenvalues for UUᵀ. It is of second order. (Absil and
// Malick, Projection-like Retractions on Matrix Manifolds, SIAM Journal on Optimization 22, 2012.)
//
// S has thin factors, and nothing of the size of Z is made. From W − μB on, steps of Gauss and Newton's
// method for ‖WW'ᵀ − S‖²,
//
//	W ← ½W + H − ½·WW†H,   H = S·W'·(W'ᵀW')⁻¹  (for V: Sᵀ·U·(UᵀU)⁻¹),
//
// converge to the nearest matrix. Each divides the distance by at least σ_r(S)/σ_{r+1}(S), where σ_{r+1}(S)
// is of the order of μ². The steps end when W changes by less than 10⁻¹⁵ of its norm, when rounding lets it
// change no less, or after [projectionSteps]. If S has no r positive eigenvalues, UUᵀ has no nearest point,
// and the run diverges or stays at a point of the manifold that is not the nearest one.
type ProjectionRetraction struct{}

var _ Retraction = ProjectionRetraction{}

// Name implements [Retraction].
func (ProjectionRetraction) Name() string { return "projection" }

// Slots implements [Retraction]: W, W − μB, H, and what H is made of.
func (ProjectionRetraction) Slots() int { return 4 }

// projectionSteps is the largest number of steps to the nearest matrix.
const projectionSteps = 100

// Retract implements [Retraction].
func (ProjectionRetraction) Retract(m *Member, step float64) error {
	const from, moved = retractionSlot, retractionSlot + 1
	if err := m.Combine(from, 1, Iterate, 0, Iterate); err != nil {
		return err
	}
	if err := m.Combine(moved, 1, from, -step, directionSlot); err != nil {
		return err
	}
	if err := m.Combine(Iterate, 1, moved, 0, moved); err != nil {
		return err
	}
	last := 1.0
	for range projectionSteps {
		change, err := approachNearest(m, step)
		if err != nil {
			return err
		}
		if !(change > 1e-30) || change < 1e-20 && change >= last { // NaN ends it too
			return nil
		}
		last = change
	}
	return nil
}

// approachNearest takes one step to the nearest matrix, and returns the square of the change of the factor,
// divided by the square of its norm. S = (W − μB)W'ᵀ − μ·WB'ᵀ, with the W from which the retraction starts.
func approachNearest(m *Member, step float64) (float64, error) {
	const from, moved, h, spare = retractionSlot, retractionSlot + 1, retractionSlot + 2, retractionSlot + 3
	if err := m.Fit(h, moved, from); err != nil {
		return 0, err
	}
	if err := m.Fit(spare, from, directionSlot); err != nil {
		return 0, err
	}
	if err := m.Combine(h, 1, h, -step, spare); err != nil { // H
		return 0, err
	}
	if err := m.Project(spare, h); err != nil {
		return 0, err
	}
	if err := m.Combine(h, 1, h, -0.5, spare); err != nil {
		return 0, err
	}
	if err := m.Combine(h, 1, h, -0.5, Iterate); err != nil { // the change
		return 0, err
	}
	if err := m.Combine(Iterate, 1, Iterate, 1, h); err != nil {
		return 0, err
	}
	change, err := m.Dot(h, h)
	if err != nil {
		return 0, err
	}
	size, err := m.Dot(Iterate, Iterate)
	return change / size, err
}
