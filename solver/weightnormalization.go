package solver

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// WeightNormalization is gradient descent on [Polar], Z = XΘXᵀ, with directions X that keep orthonormal
// columns: each step moves X along the Stiefel manifold, and then Θ with the gradient at the new X:
//
//	D = ∂f/∂X − X·sym(Xᵀ ∂f/∂X),   X ← (X − μD)(I + μ²DᵀD)^(−1/2),
//	Θ ← Θ − ν·∂f/∂Θ.
//
// D is the Riemannian gradient, the projection of ∂f/∂X on the manifold's tangent space, and the next X is
// the matrix with orthonormal columns that is nearest to X − μD (the polar retraction). Before the first step
// X is replaced by the nearest such matrix, so that a Gaussian start is uniform on the manifold whatever its
// size is, and Θ by its symmetric part.
//
// If the measurements are an isometry and ν = 2, Θ becomes Xᵀ M* X, which is the best Θ for the new X. With
// more columns than the rank r*, and from random starts, the method converges linearly, and its bounds on the
// steps and on the number of measurements fall as r grows. Gradient descent on UUᵀ converges sublinearly
// then. (Wei, Zhang, Li and He, On the Benefits of Weight Normalization for Overparameterized Matrix Sensing,
// arXiv 2510.01175, algorithm 1 and theorem 3.2.)
type WeightNormalization struct {
	// StepSize is μ > 0. It has the unit of 1/‖M*‖².
	StepSize float64
	// MagnitudeStep is ν > 0. The paper has 2.
	MagnitudeStep float64
}

var (
	_ Method    = WeightNormalization{}
	_ Selective = WeightNormalization{}
)

// Name implements [Method].
func (WeightNormalization) Name() string { return "weight-normalization" }

// Needs implements [Method]: a slot that tells X from Θ, and two for the direction.
func (WeightNormalization) Needs() Needs {
	return Needs{Gradient: true, Slots: 3, Scratch: 2, Inverses: true, Entrywise: true}
}

// Suits implements [Selective].
func (WeightNormalization) Suits(p Parametrization) error {
	if _, ok := p.(Polar); !ok {
		return fmt.Errorf("solver: weight normalization moves X and Θ of XΘXᵀ, and %s has no such matrices",
			p.Name())
	}
	return nil
}

// The slots of WeightNormalization: ones for X and zeros for Θ, and two of scratch.
const (
	onlyX      = MethodSlot
	normalized = MethodSlot + 1
	normSpare  = MethodSlot + 2
)

// Step implements [Method].
func (w WeightNormalization) Step(m *Member, iteration int) error {
	if iteration == 0 {
		if err := w.begin(m); err != nil {
			return err
		}
	}
	if err := m.Gradient(); err != nil {
		return err
	}
	if err := w.moveDirections(m); err != nil {
		return err
	}
	if err := m.Gradient(); err != nil {
		return err
	}
	// The gradient with zeros for X
	if err := m.MultiplyEntries(normalized, -1, onlyX, Gradient, 1, Gradient); err != nil {
		return err
	}
	return m.Combine(Iterate, 1, Iterate, -w.MagnitudeStep, normalized)
}

// begin fills the slot that tells X from Θ, replaces Θ by its symmetric part, and makes the columns of X
// orthonormal.
func (WeightNormalization) begin(m *Member) error {
	if s := m.Shapes()[0]; s.Cols > s.Rows {
		return fmt.Errorf("solver: %d columns of %d numbers cannot be orthonormal, as weight normalization "+
			"wants them", s.Cols, s.Rows)
	}
	f := NewFactor(m.Shapes())
	if err := m.Get(Iterate, f); err != nil {
		return err
	}
	// Newton's method takes a step for each factor of two between a singular value and 1, so X is brought
	// to ‖X‖_F = √r first.
	x := f[0]
	scale := math.Sqrt(float64(m.Shapes()[0].Cols)) / lengthOf(x)
	x.Apply(func(_, _ int, v float64) float64 { return scale * v }, x)
	f[1] = symmetricPart(f[1])
	if err := m.Set(Iterate, f); err != nil {
		return err
	}
	if err := onesIn(m, 0); err != nil {
		return err
	}
	for range mostNewtonSteps {
		if err := newtonStep(m); err != nil {
			return err
		}
		square, err := m.Dot(normalized, normalized)
		if err != nil {
			return err
		}
		// Each singular value changes by about its distance δ from 1 before the step, and δ²/2 after it.
		if !(square > 1e-18) { // NaN ends it too
			return nil
		}
	}
	return nil
}

// lengthOf returns ‖A‖_F, with its largest number taken out, so that no square is lost.
func lengthOf(a *mat.Dense) float64 {
	largest, sum := 0.0, 0.0
	rows, _ := a.Dims()
	for i := range rows {
		for _, v := range a.RawRowView(i) {
			largest = max(largest, math.Abs(v))
		}
	}
	for i := range rows {
		for _, v := range a.RawRowView(i) {
			sum += float64((v / largest) * (v / largest))
		}
	}
	return largest * math.Sqrt(sum)
}

// moveDirections moves X by a step along the manifold, with ∂f/∂X in the Gradient slot.
func (w WeightNormalization) moveDirections(m *Member) error {
	if err := m.Fit(normalized, Iterate, Gradient); err != nil { // X·(∂f/∂X)ᵀ·X
		return err
	}
	if err := m.Fit(normSpare, Iterate, normalized); err != nil { // X·Xᵀ·∂f/∂X
		return err
	}
	if err := m.Combine(normalized, -0.5, normalized, -0.5, normSpare); err != nil {
		return err
	}
	if err := m.Combine(normalized, 1, Gradient, 1, normalized); err != nil { // D
		return err
	}
	if err := m.MultiplyEntries(Iterate, -w.StepSize, onlyX, normalized, 1, Iterate); err != nil {
		return err
	}
	for range newtonSteps {
		if err := newtonStep(m); err != nil {
			return err
		}
	}
	return nil
}

// newtonSteps bring the columns of X − μD back to orthonormal ones. The singular values of X − μD are
// √(1 + μ²d²), with those d of D. Each step makes a distance δ from 1 less than δ²/2: of steps with μd ≤ 1
// nothing is left but rounding. Longer steps leave a part to the next one.
const newtonSteps = 5

// mostNewtonSteps is enough for a start whose columns are as dependent as double precision can tell.
const mostNewtonSteps = 100

// newtonStep does X ← ½(X + X(XᵀX)⁻¹), which turns a singular value σ of X into (σ + 1/σ)/2 and keeps the
// singular vectors: Newton's method for the nearest matrix with orthonormal columns. The change is left in
// slot normalized. (Higham, Computing the Polar Decomposition—with Applications, SIAM Journal on Scientific
// and Statistical Computing 7, 1986.)
func newtonStep(m *Member) error {
	if err := m.Precondition(normSpare, Iterate, 0); err != nil {
		return err
	}
	if err := m.Combine(normSpare, 0.5, normSpare, -0.5, Iterate); err != nil {
		return err
	}
	if err := m.MultiplyEntries(normalized, 1, onlyX, normSpare, 0, normSpare); err != nil {
		return err
	}
	return m.Combine(Iterate, 1, Iterate, 1, normalized)
}
