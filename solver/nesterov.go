package solver

// Nesterov is Nesterov's accelerated gradient with a constant momentum β,
//
//	V ← βV − μ ∇f(Y),   Y ← Y + βV − μ ∇f(Y)
//
// with V = 0 at first and a constant step size μ. The second assignment uses the new V and the same ∇f(Y) as
// the first. The iterate is Y, the point at which gradients are taken. With X = Y − βV the method is
//
//	X_{t+1} = Y_t − μ ∇f(Y_t),   Y_{t+1} = X_{t+1} + β(X_{t+1} − X_t).
//
// β = 0 is gradient descent. On a quadratic with curvatures from ℓ to L, with μ = 1/L and β = (1 − √(ℓ/L))/(1
// + √(ℓ/L)), the error falls by a factor of 1 − √(ℓ/L) in each iteration; for gradient descent the factor is
// 1 − ℓ/L. (Nesterov, Introductory Lectures on Convex Optimization, 2004, section 2.2.)
type Nesterov struct {
	// StepSize is μ > 0.
	StepSize float64
	// Momentum is β, at least 0 and less than 1.
	Momentum float64
}

var _ Method = Nesterov{}

// Name implements [Method].
func (Nesterov) Name() string { return "nesterov" }

// Needs implements [Method]: a slot for V.
func (Nesterov) Needs() Needs { return Needs{Gradient: true, Slots: 1} }

// Step implements [Method].
func (n Nesterov) Step(m *Member, _ int) error {
	const velocity = MethodSlot
	if err := m.Gradient(); err != nil {
		return err
	}
	if err := m.Combine(velocity, n.Momentum, velocity, -n.StepSize, Gradient); err != nil {
		return err
	}
	// The iterate moves in two steps; the Gradient slot keeps ∇f of the iterate before them.
	if err := m.Combine(Iterate, 1, Iterate, n.Momentum, velocity); err != nil {
		return err
	}
	return m.Combine(Iterate, 1, Iterate, -n.StepSize, Gradient)
}
