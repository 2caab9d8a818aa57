package solver

// Momentum is gradient descent with momentum,
//
//	V ← βV − μ ∇f(U),   U ← U + V
//
// with V = 0 at first, a constant step size μ and a constant momentum β; β = 0 is gradient descent. On a
// quadratic with curvatures from ℓ to L, with μ ≤ 1/L and β ≥ (1 − √(μℓ))², the error falls by a factor of √β
// in each iteration. With the least such β this factor is 1 − √(μℓ); for gradient descent it is 1 − μℓ.
// (Polyak, Some methods of speeding up the convergence of iteration methods, USSR Computational Mathematics
// and Mathematical Physics 4 (1964).) Near a solution f is nearly a quadratic; far from a solution no such
// rate is known.
type Momentum struct {
	// StepSize is μ > 0.
	StepSize float64
	// Momentum is β, at least 0 and less than 1.
	Momentum float64
}

var _ Method = Momentum{}

// Name implements [Method].
func (Momentum) Name() string { return "momentum" }

// Needs implements [Method]: a slot for V.
func (Momentum) Needs() Needs { return Needs{Gradient: true, Slots: 1} }

// Step implements [Method].
func (h Momentum) Step(m *Member, _ int) error {
	const velocity = MethodSlot
	if err := m.Gradient(); err != nil {
		return err
	}
	if err := m.Combine(velocity, h.Momentum, velocity, -h.StepSize, Gradient); err != nil {
		return err
	}
	return m.Combine(Iterate, 1, Iterate, 1, velocity)
}
