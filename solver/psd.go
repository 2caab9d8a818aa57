package solver

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// PSD is the parametrization Z = UUᵀ of symmetric positive semidefinite matrices by one n × r factor U.
type PSD struct{}

var _ Paired = PSD{}

// Name implements [Parametrization].
func (PSD) Name() string { return "psd" }

// Shapes implements [Parametrization].
func (PSD) Shapes(space sensing.Space, r int) ([]Shape, error) {
	sym, ok := space.(sensing.Sym)
	if !ok {
		return nil, fmt.Errorf("solver: UUᵀ needs symmetric matrices, and the measurements are %s",
			space.Name())
	}
	if r < 1 {
		return nil, fmt.Errorf("solver: the factor rank must be positive, got %d", r)
	}
	return []Shape{{sym.N, r}}, nil
}

// Thin implements [Parametrization]: L = R = U.
func (PSD) Thin(f Factor) (l, r *mat.Dense) { return f[0], f[0] }

// Partner implements [Paired]: U is multiplied by itself.
func (PSD) Partner(int) int { return 0 }

// Pullback implements [Parametrization]: ∇f = G·U.
func (PSD) Pullback(dst Factor, gr, _ *mat.Dense, _ Factor) { dst[0].Copy(gr) }
