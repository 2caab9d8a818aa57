package solver

// HeavyBall is gradient descent with momentum,
//
//	V ← βV − μ ∇f(U),   U ← U + V
//
// with V = 0 at first, a constant step size μ and a constant momentum β; β = 0 is gradient descent. On a quadratic whose curvatures
// go from ℓ to L, and with μ ≤ 1/L, its error falls by √β an iteration where β ≥ (1 − √(μℓ))²: with the least such β by
// 1 − √(μℓ), where gradient descent's falls by 1 − μℓ. (Polyak, Some methods of speeding up the convergence of iteration methods, USSR
// Computational Mathematics and Mathematical Physics 4 (1964).) Near a solution f is nearly a quadratic; far from one nothing of
// the kind is known.
type HeavyBall struct {
	// StepSize is μ > 0.
	StepSize float64
	// Momentum is β, at least 0 and less than 1.
	Momentum float64
}

var _ Method = HeavyBall{}

// Name implements [Method].
func (HeavyBall) Name() string { return "momentum" }

// Slots implements [Method]: one for V.
func (HeavyBall) Slots() int { return 1 }

// Step implements [Method].
func (h HeavyBall) Step(e Engine, member, _ int) error {
	const velocity = OwnSlot
	if err := e.Gradient(member); err != nil {
		return err
	}
	if err := e.Combine(member, velocity, h.Momentum, velocity, -h.StepSize, Gradient); err != nil {
		return err
	}
	return e.Combine(member, Iterate, 1, Iterate, 1, velocity)
}
