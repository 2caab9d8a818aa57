package solver

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// Parametrization says how factors make a matrix Z and how a gradient with respect to Z flows back to them: what
// lift and pullback compute, between the coordinates that a [sensing.Space] makes of matrices. Its methods are the
// reference on the host; a backend either calls them or has kernels of the same name that are tested equal to them.
type Parametrization interface {
	// Name is the parametrization's name in flags and files.
	Name() string
	// Shapes returns the sizes of the factor's matrices for factor rank r, or why there is no such factor.
	Shapes(space sensing.Space, r int) ([]Shape, error)
	// Product writes the matrix Z that the factor stands for to dst.
	Product(dst *mat.Dense, f Factor)
	// Pullback writes ∇f with respect to the factor to dst, where g is the matrix with coordinates
	// 1/m·Σ_i res_i a_i, the gradient of f with respect to Z times the scale that makes the formulas of the package
	// comment hold. dst and f must not overlap.
	Pullback(dst Factor, g *mat.Dense, f Factor)
}

// PSD is the parametrization Z = UUᵀ of symmetric positive semidefinite matrices by one n × r factor U.
type PSD struct{}

var _ Parametrization = PSD{}

// Name implements [Parametrization].
func (PSD) Name() string { return "psd" }

// Shapes implements [Parametrization].
func (PSD) Shapes(space sensing.Space, r int) ([]Shape, error) {
	sym, ok := space.(sensing.Sym)
	if !ok {
		return nil, fmt.Errorf("solver: UUᵀ needs symmetric matrices, and the measurements are %s", space.Name())
	}
	if r < 1 {
		return nil, fmt.Errorf("solver: the factor rank must be positive, got %d", r)
	}
	return []Shape{{sym.N, r}}, nil
}

// Product implements [Parametrization]: Z = UUᵀ.
func (PSD) Product(dst *mat.Dense, f Factor) { dst.Mul(f[0], f[0].T()) }

// Pullback implements [Parametrization]: ∇f = G·U.
func (PSD) Pullback(dst Factor, g *mat.Dense, f Factor) { dst[0].Mul(g, f[0]) }
