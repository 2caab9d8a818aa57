package solver

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// Indefinite is the parametrization Z = UUᵀ − VVᵀ of symmetric matrices with eigenvalues of either sign, by
// two n × r factors U and V. As a product Z = L·Rᵀ it has L = [U V] and R = [U −V]. With G = 1/m·Σ res_i A_i
//
//	∂f/∂U = G·U,   ∂f/∂V = −G·V
//
// so that each factor moves like U of UUᵀ. While both are small, U turns to the positive eigenvalues of the
// spectral estimate and V to the negative ones. (Fan, Yang and Yu, Understanding Implicit Regularization in
// Over-Parameterized Single Index Model, arXiv 2007.08322.)
type Indefinite struct{}

var _ Paired = Indefinite{}

// Name implements [Parametrization].
func (Indefinite) Name() string { return "indefinite" }

// Shapes implements [Parametrization].
func (Indefinite) Shapes(space sensing.Space, r int) ([]Shape, error) {
	sym, ok := space.(sensing.Sym)
	if !ok {
		return nil, fmt.Errorf("solver: UUᵀ − VVᵀ needs symmetric matrices, and the measurements are %s",
			space.Name())
	}
	if r < 1 {
		return nil, fmt.Errorf("solver: the factor rank must be positive, got %d", r)
	}
	return []Shape{{sym.N, r}, {sym.N, r}}, nil
}

// Thin implements [Parametrization]: L = [U V] and R = [U −V]. They do not alias f.
func (Indefinite) Thin(f Factor) (l, r *mat.Dense) {
	u, v := f[0], f[1]
	n, columns := u.Dims()
	l, r = mat.NewDense(n, 2*columns, nil), mat.NewDense(n, 2*columns, nil)
	for i := range n {
		left, right := l.RawRowView(i), r.RawRowView(i)
		copy(left, u.RawRowView(i))
		copy(right, u.RawRowView(i))
		for j, x := range v.RawRowView(i) {
			left[columns+j], right[columns+j] = x, -x
		}
	}
	return l, r
}

// Partner implements [Paired]: U is multiplied by itself, and V by itself. Near a solution with UᵀV = 0
// neither part adds curvature to the other.
func (Indefinite) Partner(i int) int { return i }

// Pullback implements [Parametrization]: the gradient is G·R = [G·U, −G·V], side by side.
func (Indefinite) Pullback(dst Factor, gr, _ *mat.Dense, _ Factor) {
	n, columns := dst[0].Dims()
	dst[0].Copy(gr.Slice(0, n, 0, columns))
	dst[1].Copy(gr.Slice(0, n, columns, 2*columns))
}
