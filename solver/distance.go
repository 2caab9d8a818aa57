package solver

import (
	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// distance computes ‖LRᵀ − M*‖_F from the difference LRᵀ − M* itself. The expansion ‖LRᵀ‖² − 2⟨LRᵀ, M*⟩ +
// ‖M*‖² would lose all digits to cancellation below 1e-8. Thin factors are not multiplied out. With M* = XYᵀ
// and QR decompositions of [L X] and [R Y],
//
//	LRᵀ − XYᵀ = [L X]·J·[R Y]ᵀ = Q₁·(T₁JT₂ᵀ)·Q₂ᵀ,   J = diag(I, −I),   ‖LRᵀ − XYᵀ‖_F = ‖T₁JT₂ᵀ‖_F.
//
// T₁JT₂ᵀ has as many rows and columns as L and X have columns together. Both ways have an error of a few
// roundings of ‖L‖·‖R‖ (Higham, Accuracy and Stability of Numerical Algorithms, theorem 19.4).
type distance struct {
	truth           *sensing.Truth
	target, product *mat.Dense // n1 × n2; nil while all factors are thin
}

// of returns ‖LRᵀ − M*‖_F.
func (d *distance) of(l, r *mat.Dense) float64 {
	n1, n2 := d.truth.Dims()
	if _, columns := l.Dims(); columns+d.truth.Rank() < min(n1, n2) {
		return d.thin(l, r)
	}
	if d.target == nil {
		d.target, d.product = mat.NewDense(n1, n2, nil), mat.NewDense(n1, n2, nil)
		d.truth.Matrix(d.target)
	}
	d.product.Mul(l, r.T())
	d.product.Sub(d.product, d.target)
	return mat.Norm(d.product, 2)
}

func (d *distance) thin(l, r *mat.Dense) float64 {
	left := triangle(l, d.truth.X())
	right := left
	if l != r || d.truth.X() != d.truth.Right() {
		right = triangle(r, d.truth.Right())
	}
	_, columns := l.Dims()
	negated := mat.DenseCopyOf(right)
	rows, all := negated.Dims()
	x := negated.Slice(0, rows, columns, all).(*mat.Dense)
	x.Scale(-1, x)
	var core mat.Dense
	core.Mul(left, negated.T())
	return mat.Norm(&core, 2)
}

// triangle returns the T of the QR decomposition of [A B].
func triangle(a, b *mat.Dense) *mat.Dense {
	var both mat.Dense
	both.Augment(a, b)
	var qr mat.QR
	qr.Factorize(&both)
	_, columns := both.Dims()
	var t mat.Dense
	qr.RTo(&t) // n × columns, zeros below
	return t.Slice(0, columns, 0, columns).(*mat.Dense)
}
