package solver

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// UV is the parametrization Z = UVᵀ of n1 × n2 matrices by two factors U, n1 × r, and V, n2 × r, without a
// term that keeps them balanced. With G = 1/m·Σ res_i A_i
//
//	∂f/∂U = ½·G·V,   ∂f/∂V = ½·Gᵀ·U
//
// so that a step from a balanced U = V of a symmetric problem is half as long as for UUᵀ. (Soltanolkotabi,
// Stöger and Xie, Implicit Balancing and Regularization: Generalization and Convergence Guarantees for
// Overparameterized UV Matrix Sensing, arXiv 2303.14244.)
type UV struct{}

var _ Paired = UV{}

// Name implements [Parametrization].
func (UV) Name() string { return "uv" }

// Shapes implements [Parametrization].
func (UV) Shapes(space sensing.Space, r int) ([]Shape, error) {
	if r < 1 {
		return nil, fmt.Errorf("solver: the factor rank must be positive, got %d", r)
	}
	n1, n2 := space.Dims()
	if _, sym := space.(sensing.Sym); sym {
		return nil, fmt.Errorf("solver: UVᵀ is not symmetric, and the measurements see symmetric matrices" +
			" alone")
	}
	return []Shape{{n1, r}, {n2, r}}, nil
}

// Thin implements [Parametrization]: L = U and R = V.
func (UV) Thin(f Factor) (l, r *mat.Dense) { return f[0], f[1] }

// Partner implements [Paired]: U is multiplied by V, and V by U.
func (UV) Partner(i int) int { return 1 - i }

// Pullback implements [Parametrization].
func (UV) Pullback(dst Factor, gr, gl *mat.Dense, _ Factor) {
	dst[0].Scale(0.5, gr)
	dst[1].Scale(0.5, gl)
}
