package solver

// PolyakGD is gradient descent with Polyak's step, bounded by the step size μ,
//
//	U ← U − μ_t ∇f(U),   μ_t = min(μ, (f(U) − f*)/‖∇f(U)‖²),
//
// with the value f* of f at the goal: 0 if the observations are exact and the factor has enough columns. On a
// quadratic with curvatures from ℓ to L, μ_t lies between 1/(2L) and 1/(2ℓ), so that no curvature need be
// known. A small start needs the bound: near U = 0 the gradient vanishes and f − f* does not. Once f ≤ f*, U
// stays. (Polyak, Introduction to Optimization, 1987, section 5.3; Hazan and Kakade, Revisiting the Polyak
// Step Size, arXiv 1905.00313; the bound as in Loizou, Vaswani, Laradji and Lacoste-Julien, Stochastic Polyak
// Step-size for SGD, arXiv 2002.10542.)
type PolyakGD struct {
	// StepSize is μ > 0, the largest step.
	StepSize float64
	// OptimalValue is f* ≥ 0.
	OptimalValue float64
	// AtTruth: f* is f at the truth, [Member.LossOfTruth], and not OptimalValue.
	AtTruth bool
}

var (
	_ Method = PolyakGD{}
	_ aiming = PolyakGD{}
)

// aiming is a method with Polyak's step.
type aiming interface {
	// aimsAtTruth says whether f* is f at the truth.
	aimsAtTruth() bool
}

// aimingOf returns a method as one with Polyak's step, if it is one.
func aimingOf(m Method) (a aiming, ok bool) {
	if d, decaying := m.(Decaying); decaying {
		m = d.Method
	}
	a, ok = m.(aiming)
	return a, ok
}

// aimsAtTruth implements aiming.
func (d PolyakGD) aimsAtTruth() bool { return d.AtTruth }

// Name implements [Method].
func (PolyakGD) Name() string { return "polyak-gd" }

// Needs implements [Method].
func (PolyakGD) Needs() Needs { return Needs{Gradient: true} }

// Step implements [Method].
func (d PolyakGD) Step(m *Member, _ int) error {
	loss, err := m.Loss()
	if err != nil {
		return err
	}
	square, err := m.Dot(Gradient, Gradient)
	if err != nil {
		return err
	}
	step, err := d.step(m, loss, square)
	if err != nil {
		return err
	}
	return m.Combine(Iterate, 1, Iterate, -step, Gradient)
}

// step returns μ_t for f(U) = loss and ‖∇f(U)‖² = square.
func (d PolyakGD) step(m *Member, loss, square float64) (float64, error) {
	least := d.OptimalValue
	if d.AtTruth {
		var err error
		if least, err = m.LossOfTruth(); err != nil {
			return 0, err
		}
	}
	above := max(loss-least, 0)
	if square*d.StepSize <= above { // avoids a division by zero too
		return d.StepSize, nil
	}
	return above / square, nil
}
