package solver

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// MirrorDescent is mirror descent with the spectral entropy tr(Z log Z − Z), for UUᵀ with as many columns as
// rows:
//
//	log UUᵀ ← log UUᵀ − 2μG,   G = 1/m Σ res_i A_i.
//
// U becomes the symmetric root, U = exp(L) with L = ½ log UUᵀ, and L is what the method remembers: L ← L −
// μG. Only the first step takes logarithms of eigenvalues: those of the start. No step divides by one. The
// smallest eigenvalues of UUᵀ may be far below rounding. For UUᵀ − VVᵀ the steps are
//
//	log UUᵀ ← log UUᵀ − 2μG,   log VVᵀ ← log VVᵀ + 2μG,
//
// which from U₀ = V₀ = √(α/2)·I is mirror descent with the spectral hypentropy, Z = α·sinh(−2μ ΣG).
//
// A step of [GD] of the same size, U ← U − μGU, agrees with this one to first order in μ if G commutes with
// UUᵀ. If the steps converge to a Z with ⟨A_i, Z⟩ = y_i, it has the least Bregman divergence from the start
// among all such Z: log Z − log U₀U₀ᵀ is in the span of the A_i. (Wu and Rebeschini, Implicit Regularization
// in Matrix Sensing via Mirror Descent, arXiv 2105.13831.)
type MirrorDescent struct {
	// StepSize is μ > 0, with the unit of 1/‖M*‖. The paper's η is 2μ for the loss 1/(2m) Σ res_i².
	StepSize float64
}

var (
	_ Method    = MirrorDescent{}
	_ Selective = MirrorDescent{}
)

// Name implements [Method].
func (MirrorDescent) Name() string { return "mirror-descent" }

// Needs implements [Method]: L, in the host's memory, and the residuals.
func (MirrorDescent) Needs() Needs {
	return Needs{HostSlots: 1, Vectors: 1, ScratchVectors: 1, Values: true, Products: true, SquaredLoss: true}
}

// Suits implements [Selective].
func (MirrorDescent) Suits(p Parametrization) error {
	switch p.(type) {
	case PSD, Indefinite:
		return nil
	}
	return fmt.Errorf("solver: mirror descent takes the logarithms of UUᵀ, or of UUᵀ and VVᵀ in UUᵀ − VVᵀ, "+
		"and %s has no such matrices", p.Name())
}

// mirrorLogs is the slot of MirrorDescent: L, and for UUᵀ − VVᵀ another for VVᵀ.
const mirrorLogs = HostSlot

// Step implements [Method].
func (d MirrorDescent) Step(m *Member, iteration int) error {
	logs := NewFactor(m.Shapes())
	if iteration == 0 {
		if err := m.Get(Iterate, logs); err != nil {
			return err
		}
		for _, u := range logs {
			if err := logOfRoot(u); err != nil {
				return err
			}
		}
	} else if err := m.Get(mirrorLogs, logs); err != nil {
		return err
	}
	g, err := matrixGradient(m)
	if err != nil {
		return err
	}
	next := NewFactor(m.Shapes())
	for b, l := range logs {
		step := d.StepSize
		if b == 1 { // V
			step = -step
		}
		l.Apply(func(i, j int, v float64) float64 { return v - float64(step*g.At(i, j)) }, l)
		if err := exponentiate(next[b], l); err != nil {
			return err
		}
	}
	if err := m.Set(mirrorLogs, logs); err != nil {
		return err
	}
	return m.Set(Iterate, next)
}

// matrixGradient returns G = 1/m Σ res_i A_i at the iterate, n × n and symmetric to the bit.
func matrixGradient(m *Member) (*mat.Dense, error) {
	if err := m.Residuals(VectorSlot); err != nil {
		return nil, err
	}
	residuals := NewFactor(m.ShapesOf(VectorSlot))
	if err := m.Get(VectorSlot, residuals); err != nil {
		return nil, err
	}
	residuals[0].Scale(1/float64(len(m.Observations())), residuals[0])
	n := m.Shapes()[0].Rows
	g := mat.NewDense(n, n, nil)
	if err := m.AdjointMul(g, residuals[0].RawMatrix().Data, false, identity(n)); err != nil {
		return nil, err
	}
	return symmetricPart(g), nil
}

// logOfRoot replaces a square matrix U by ½ log UUᵀ. The singular values of U are more exact than the
// eigenvalues of UUᵀ: they may be 10⁻¹⁰ times the largest.
func logOfRoot(u *mat.Dense) error {
	n, r := u.Dims()
	if n != r {
		return fmt.Errorf("solver: mirror descent needs a factor of as many columns as rows, and this one is "+
			"%d × %d", n, r)
	}
	var dec mat.SVD
	if !dec.Factorize(u, mat.SVDFull) {
		return fmt.Errorf("solver: the singular values of the start, %d × %d, did not converge", n, n)
	}
	values := dec.Values(nil)
	if !(values[n-1] > 0) {
		return fmt.Errorf("solver: mirror descent takes the logarithm of UUᵀ, and the start's has no full rank")
	}
	for i, v := range values {
		values[i] = math.Log(v)
	}
	var p mat.Dense
	dec.UTo(&p)
	spectralSum(u, &p, values)
	return nil
}

// exponentiate does dst = exp(L) for a symmetric L. After a divergence dst is NaN.
func exponentiate(dst, l *mat.Dense) error {
	if !(Factor{l}).Finite() {
		dst.Apply(func(int, int, float64) float64 { return math.NaN() }, dst)
		return nil
	}
	n, _ := l.Dims()
	var eigen mat.EigenSym
	if !eigen.Factorize(mat.NewSymDense(n, l.RawMatrix().Data), true) {
		return fmt.Errorf("solver: the eigenvalues of log UUᵀ, %d × %d, did not converge", n, n)
	}
	values := eigen.Values(nil)
	for i, v := range values {
		values[i] = math.Exp(v)
	}
	var q mat.Dense
	eigen.VectorsTo(&q)
	spectralSum(dst, &q, values)
	return nil
}

// spectralSum does dst = Q·diag(values)·Qᵀ, symmetric to the bit.
func spectralSum(dst, q *mat.Dense, values []float64) {
	var scaled mat.Dense
	scaled.Apply(func(_, j int, v float64) float64 { return v * values[j] }, q)
	dst.Mul(&scaled, q.T())
	dst.Copy(symmetricPart(dst))
}
