package solver

// ExponentialRetraction is the exponential map: it goes from Z along the geodesic with the velocity −μξ for
// the time 1. A geodesic Z(t) of the manifold, in the Frobenius metric of the matrices around it, has no
// acceleration within the tangent spaces that it goes through. In factors,
//
//	Ẅ = −2·(Ẇ − ½·WW†Ẇ)·(W'†Ẇ')ᵀ,   W(0) = W,   Ẇ(0) = −μB.
//
// There is no closed form, unless r = 1 or Z has full rank. [geodesicSteps] steps of the Runge–Kutta method
// of order four integrate the equation. Their error falls as the fifth power of μ‖B W†‖: docs/methods.md says
// how large it is. (Absil, Mahony and Sepulchre, Optimization Algorithms on Matrix Manifolds, 2008, section
// 5.4.)
type ExponentialRetraction struct{}

var _ Retraction = ExponentialRetraction{}

// Name implements [Retraction].
func (ExponentialRetraction) Name() string { return "exponential" }

// Slots implements [Retraction].
func (ExponentialRetraction) Slots() int { return 6 }

// geodesicSteps is the number of steps along a geodesic.
const geodesicSteps = 32

// The slots of a step along a geodesic, which begins with W in startSlot and Ẇ in directionSlot.
const (
	startSlot    = retractionSlot + iota
	velocitySlot // Ẇ of a stage
	bendSlot     // −½·Ẅ of a stage
	spareSlot    // what the bend is made of
	placeSlot    // the sum of the bends that moves W
	turnSlot     // the sum of the bends that changes Ẇ
)

// Retract implements [Retraction].
func (ExponentialRetraction) Retract(m *Member, step float64) error {
	if err := m.Combine(directionSlot, -step, directionSlot, 0, directionSlot); err != nil { // Ẇ
		return err
	}
	for range geodesicSteps {
		if err := geodesicStep(m, 1.0/geodesicSteps); err != nil {
			return err
		}
	}
	return nil
}

// geodesicStep moves W and Ẇ by the time h.
func geodesicStep(m *Member, h float64) error {
	if err := m.Combine(startSlot, 1, Iterate, 0, Iterate); err != nil {
		return err
	}
	if err := m.Combine(velocitySlot, 1, directionSlot, 0, directionSlot); err != nil {
		return err
	}
	// Of each of the four stages: the weights of its bend in the two sums, and the time from the step's
	// beginning to the next stage.
	for i, stage := range []struct{ place, turn, next float64 }{
		{1, 1, h / 2}, {1, 2, h / 2}, {1, 2, h}, {0, 1, 0},
	} {
		if err := bend(m, bendSlot, velocitySlot, spareSlot); err != nil {
			return err
		}
		kept := 1.0
		if i == 0 {
			kept = 0 // of the sums of the step before
		}
		if err := m.Combine(placeSlot, kept, placeSlot, stage.place, bendSlot); err != nil {
			return err
		}
		if err := m.Combine(turnSlot, kept, turnSlot, stage.turn, bendSlot); err != nil {
			return err
		}
		if stage.next == 0 {
			break
		}
		if err := m.Combine(Iterate, 1, startSlot, stage.next, velocitySlot); err != nil {
			return err
		}
		if err := m.Combine(velocitySlot, 1, directionSlot, -2*stage.next, bendSlot); err != nil {
			return err
		}
	}
	if err := m.Combine(Iterate, 1, startSlot, h, directionSlot); err != nil {
		return err
	}
	if err := m.Combine(Iterate, 1, Iterate, -h*h/3, placeSlot); err != nil {
		return err
	}
	return m.Combine(directionSlot, 1, directionSlot, -h/3, turnSlot)
}
