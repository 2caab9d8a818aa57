package solver

import "math"

// APGD is alternating preconditioned gradient descent on UVᵀ. Each step moves U, and then V with the gradient
// at the new U:
//
//	U ← U − μ ∂f/∂U (VᵀV + λI)⁻¹,   V ← V − μ ∂f/∂V (UᵀU + λI)⁻¹,   λ = 2⁻⁴² (‖U‖_F² + ‖V‖_F²).
//
// The method has no λ. Here it is about as small as rounding permits: with r > r* the columns of U that the
// truth does not need vanish, and without λ UᵀU soon has no inverse. After the first step U is multiplied by
// a power of two, and V divided by it, which makes ‖U‖_F and ‖V‖_F about equal. But for λ, no later UVᵀ
// depends on this. From a start of size α the first step gives U the size 1/α.
//
// If the measurements are an isometry, and without λ, a step turns the error E = UVᵀ − M* into
//
//	(I − μ/2 Q_U) E (I − μ/2 Q_V),
//
// with the orthogonal projectors Q_V on the columns of V and Q_U on those of the new U. So the rate depends
// neither on the condition number of M* nor on the sizes of U and V. (Liu, Han, Tang, Tang and Wang,
// Efficient Over-parameterized Matrix Sensing from Noisy Measurements via Alternating Preconditioned Gradient
// Descent, arXiv 2502.00463. With pseudoinverses in place of λ these are the steps of the approximated
// Gauss-Newton method, whose step is η = μ/2: Jia, Feng, Meng and Sun, NeurIPS 2024.)
type APGD struct {
	// StepSize is μ > 0. The paper's η, for a loss with twice the curvature, is μ/2.
	StepSize float64
}

var (
	_ Method    = APGD{}
	_ Selective = APGD{}
)

// apgdDamping is λ/(‖U‖_F² + ‖V‖_F²). A Gram matrix PᵀP has rounding errors of about 2⁻⁵³ ‖P‖_F².
const apgdDamping = 0x1p-42

// Name implements [Method].
func (APGD) Name() string { return "apgd" }

// Needs implements [Method]: a slot that tells U from V, and one for the direction.
func (APGD) Needs() Needs {
	return Needs{Gradient: true, Slots: 2, Scratch: 1, Inverses: true, Entrywise: true}
}

// Suits implements [Selective].
func (APGD) Suits(p Parametrization) error {
	return needsUV(p, "which could move in turn")
}

// The slots of APGD: ones for U and zeros for V, and the direction.
const (
	apgdLeft      = MethodSlot
	apgdDirection = MethodSlot + 1
)

// Step implements [Method].
func (a APGD) Step(m *Member, iteration int) error {
	if iteration == 0 {
		if err := onesIn(m, 0); err != nil {
			return err
		}
	}
	for _, keep := range []func(m *Member, x Slot) error{keepLeft, keepRight} {
		if err := m.Gradient(); err != nil {
			return err
		}
		square, err := m.Dot(Iterate, Iterate)
		if err != nil {
			return err
		}
		if err := m.Precondition(apgdDirection, Gradient, apgdDamping*square); err != nil {
			return err
		}
		if err := keep(m, apgdDirection); err != nil {
			return err
		}
		if err := m.Combine(Iterate, 1, Iterate, -a.StepSize, apgdDirection); err != nil {
			return err
		}
	}
	if iteration == 0 {
		return balance(m, apgdLeft, apgdDirection)
	}
	return nil
}

// onesIn fills the first slot of a method with ones for one matrix of the factor and zeros for the others.
func onesIn(m *Member, matrix int) error {
	ones := NewFactor(m.Shapes())
	ones[matrix].Apply(func(int, int, float64) float64 { return 1 }, ones[matrix])
	return m.Set(MethodSlot, ones)
}

// keepLeft fills the direction with the U of a slot, and zeros for V.
func keepLeft(m *Member, x Slot) error {
	return m.MultiplyEntries(apgdDirection, 1, apgdLeft, x, 0, x)
}

// keepRight fills the direction with zeros for U, and the V of a slot.
func keepRight(m *Member, x Slot) error {
	return m.MultiplyEntries(apgdDirection, -1, apgdLeft, x, 1, x)
}

// balance does U ← cU and V ← V/c with the power of two that makes their norms equal, or nearest to it. Slot
// left has ones for U and zeros for V, and slot scratch is overwritten.
func balance(m *Member, left, scratch Slot) error {
	square := func(a, b float64) (float64, error) { // of a·U, or with b = 1 and a = −1 of V
		if err := m.MultiplyEntries(scratch, a, left, Iterate, b, Iterate); err != nil {
			return 0, err
		}
		return m.Dot(scratch, scratch)
	}
	u, err := square(1, 0)
	if err != nil {
		return err
	}
	v, err := square(-1, 1) // leaves V in scratch
	if err != nil {
		return err
	}
	ratio := v / u
	if !(ratio > 0 && ratio < math.Inf(1)) { // one of them vanishes, or the run diverges
		return nil
	}
	c := math.Exp2(math.Round(math.Log2(ratio) / 4))
	return m.MultiplyEntries(Iterate, c, left, Iterate, 1/c, scratch)
}
