package solver

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// ImbalancedGD is gradient descent on UVᵀ with one step of another kind, which makes U and V unbalanced. At
// the first iterate whose residuals are small,
//
//	‖res‖ ≤ τ·‖y‖,   res_i = ⟨A_i, UVᵀ⟩ − y_i,
//
// the step is, with the thin singular value decomposition U = PΣQᵀ,
//
//	U ← β·PQᵀ,   V ← 1/β·V·QΣQᵀ.
//
// It leaves UVᵀ as it is and makes all singular values of U equal to β. All other steps are U ← U − μ ∂f/∂U
// and V ← V − μ ∂f/∂V. If the measurements are an isometry and UVᵀ is near a truth M* with the least singular
// value σ, such a step multiplies the error by about
//
//	1 − (μ/2)·min(β², (σ/β)²)
//
// or less, so that β = √σ is best. Without the other step and with r > r* the exponent is (μ/2)·α² times a
// number that depends on the draw of the start, for a start of size α.
//
// Xiong, Ding and Du take βP and 1/β·V·QΣ. These are the matrices above times Q, and gradient descent from
// there is the same but for this rotation. The product with Qᵀ makes the result independent of the signs of
// singular vectors. They take the step once UVᵀ is near M*; here the residuals say when that is. (How
// Over-Parameterization Slows Down Gradient Descent in Matrix Sensing: The Curses of Symmetry and
// Initialization, arXiv 2310.01769, section 5.)
type ImbalancedGD struct {
	// StepSize is μ > 0.
	StepSize float64
	// Scale is β > 0.
	Scale float64
	// Below is τ ≥ 0; 0 is gradient descent, unless the residuals vanish.
	Below float64
}

var (
	_ Method    = ImbalancedGD{}
	_ Selective = ImbalancedGD{}
)

// Name implements [Method].
func (ImbalancedGD) Name() string { return "imbalanced-gd" }

// Needs implements [Method]: a slot on the host that remembers whether the other step was taken.
func (ImbalancedGD) Needs() Needs { return Needs{Gradient: true, HostSlots: 1, SquaredLoss: true} }

// Suits implements [Selective].
func (ImbalancedGD) Suits(p Parametrization) error {
	return needsUV(p, "of which one could be made larger and the other smaller")
}

// needsUV refuses a parametrization other than [UV], for a method that does with U and V what could says.
func needsUV(p Parametrization, could string) error {
	if _, ok := p.(UV); !ok {
		return fmt.Errorf("solver: %s has no two factors U and V of a product UVᵀ, %s", p.Name(), could)
	}
	return nil
}

// Step implements [Method].
func (d ImbalancedGD) Step(m *Member, _ int) error {
	taken := NewFactor(m.Shapes()) // its first number is 1 once the other step was taken
	if err := m.Get(HostSlot, taken); err != nil {
		return err
	}
	if taken[0].At(0, 0) == 0 {
		loss, err := m.Loss()
		if err != nil {
			return err
		}
		if math.Sqrt(loss/LossOfZero(Squared{}, m.Observations())) <= d.Below {
			taken[0].Set(0, 0, 1)
			return d.unbalance(m, taken)
		}
	}
	return m.Combine(Iterate, 1, Iterate, -d.StepSize, Gradient)
}

// unbalance takes the other step and remembers that it did.
func (d ImbalancedGD) unbalance(m *Member, taken Factor) error {
	f := NewFactor(m.Shapes())
	if err := m.Get(Iterate, f); err != nil {
		return err
	}
	u, v := f[0], f[1]
	var dec mat.SVD
	if !dec.Factorize(u, mat.SVDThin) {
		return errors.New("solver: imbalanced-gd: the singular value decomposition of U does not converge")
	}
	var p, q, vq mat.Dense
	dec.UTo(&p)
	dec.VTo(&q)
	vq.Mul(v, &q)
	for j, s := range dec.Values(nil) {
		for i := range vq.RawMatrix().Rows {
			vq.Set(i, j, vq.At(i, j)*(s/d.Scale))
		}
	}
	v.Mul(&vq, q.T())
	u.Mul(&p, q.T())
	u.Scale(d.Scale, u)
	if err := m.Set(HostSlot, taken); err != nil {
		return err
	}
	return m.Set(Iterate, f)
}
