package solver

import "math"

// AltMin minimizes f over U and over V in turn, with the other one fixed: iterations 0, 2, … do
//
//	V ← argmin_V f(U, V),
//
// and iterations 1, 3, … do U ← argmin_U f(U, V). For fixed U, f is a quadratic in V with the gradient ∂f/∂V
// = ½GᵀU, and an iteration solves the normal equations by conjugate gradients from the V before. With the
// direction P and a number s
//
//	H·P = (∂f/∂V(U, V + sP) − ∂f/∂V(U, V))/s,
//
// exactly, so that each step of the conjugate gradients takes one gradient, with every ensemble. They are
// preconditioned by (UᵀU + λI)⁻¹, as H·P ≈ ½PUᵀU if the measurements are nearly an isometry: their number
// does not depend on the condition number of U. λ = 2⁻⁴²(‖U‖_F² + ‖V‖_F²) is about as small as rounding
// permits, and does not change the minimum. After each iteration U is multiplied by a power of two, and V
// divided by it, which makes their norms about equal and changes no later UVᵀ but by rounding. (Jain,
// Netrapalli and Sanghavi, Low-rank Matrix Completion using Alternating Minimization, arXiv 1212.0467.)
type AltMin struct {
	// Tolerance is τ > 0: the conjugate gradients end when √⟨∂f/∂V, ∂f/∂V(UᵀU + λI)⁻¹⟩ is τ times what it
	// was.
	Tolerance float64
	// Most is the largest number of steps of the conjugate gradients in an iteration.
	Most int
}

var (
	_ Method    = AltMin{}
	_ Selective = AltMin{}
)

// Name implements [Method].
func (AltMin) Name() string { return "altmin" }

// Needs implements [Method]: between iterations it remembers nothing.
func (AltMin) Needs() Needs {
	const slots = 7
	return Needs{Gradient: true, Points: true, Slots: slots, Scratch: slots, Inverses: true, Entrywise: true,
		SquaredLoss: true}
}

// Suits implements [Selective].
func (AltMin) Suits(p Parametrization) error {
	return needsUV(p, "of which one could be fixed")
}

// The slots of AltMin, as they are for a V that moves.
const (
	altFree     = MethodSlot + iota // ones for the matrix that moves, and zeros for the other
	altFirst                        // −∂f at the iterate, of the matrix that moves
	altResidual                     // −∂f at the iterate and the sum of the steps
	altStep                         // the sum of the steps
	altAlong                        // P
	altPoint                        // a point, H·P, and the preconditioned residual, one after another
	altBackup                       // the iterate during a gradient
)

// Step implements [Method].
func (a AltMin) Step(m *Member, iteration int) error {
	moves := 1 - iteration%2
	if err := onesIn(m, moves); err != nil {
		return err
	}
	if err := a.minimize(m); err != nil {
		return err
	}
	if err := m.Combine(Iterate, 1, Iterate, 1, altStep); err != nil {
		return err
	}
	if err := onesIn(m, 0); err != nil {
		return err
	}
	return balance(m, altFree, altBackup)
}

// minimize fills altStep with what takes the matrix that moves to the minimum, by conjugate gradients.
func (a AltMin) minimize(m *Member) error {
	size, err := m.Dot(Iterate, Iterate)
	if err != nil {
		return err
	}
	lambda := apgdDamping * size
	if err := m.Gradient(); err != nil {
		return err
	}
	if err := m.MultiplyEntries(altFirst, -1, altFree, Gradient, 0, Gradient); err != nil {
		return err
	}
	if err := m.Combine(altResidual, 1, altFirst, 0, altFirst); err != nil {
		return err
	}
	if err := m.Combine(altStep, 0, altFirst, 0, altFirst); err != nil {
		return err
	}
	rho, err := a.precondition(m, lambda)
	if err != nil {
		return err
	}
	if err := m.Combine(altAlong, 1, altPoint, 0, altPoint); err != nil {
		return err
	}
	for first, k := rho, 0; rho > a.Tolerance*a.Tolerance*first && k < a.Most; k++ {
		curvature, err := curve(m, size)
		if err != nil {
			return err
		}
		if !(curvature > 0) { // rounding, or P is in the null space of the measurements
			return nil
		}
		length := rho / curvature
		if err := m.Combine(altStep, 1, altStep, length, altAlong); err != nil {
			return err
		}
		if err := m.Combine(altResidual, 1, altResidual, -length, altPoint); err != nil {
			return err
		}
		before := rho
		if rho, err = a.precondition(m, lambda); err != nil {
			return err
		}
		if err := m.Combine(altAlong, 1, altPoint, rho/before, altAlong); err != nil {
			return err
		}
	}
	return nil
}

// precondition fills altPoint with the residual times (UᵀU + λI)⁻¹ and returns the product of both.
func (AltMin) precondition(m *Member, lambda float64) (float64, error) {
	if err := m.Precondition(altPoint, altResidual, lambda); err != nil {
		return 0, err
	}
	return m.Dot(altResidual, altPoint)
}

// curve fills altPoint with H·P and returns ⟨P, H·P⟩. The point is as far from the iterate as the factor is
// large, of the squared norm size, so that the difference of two gradients has few rounding errors.
func curve(m *Member, size float64) (float64, error) {
	square, err := m.Dot(altAlong, altAlong)
	if err != nil {
		return 0, err
	}
	s := math.Sqrt(size / square)
	if err := m.Combine(altPoint, 1, Iterate, s, altAlong); err != nil {
		return 0, err
	}
	if err := m.GradientAt(altPoint, altBackup); err != nil {
		return 0, err
	}
	if err := m.MultiplyEntries(altPoint, 1/s, altFree, Gradient, 1/s, altFirst); err != nil {
		return 0, err
	}
	return m.Dot(altAlong, altPoint)
}
