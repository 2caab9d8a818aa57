package solver

import (
	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// Parametrization says how factors make a matrix Z = L·Rᵀ of thin L and R, and how a gradient flows back to them: what
// lift and pullback compute on either side of the measurements. Nothing in it is of size n × n, so that it serves
// measurements of any structure. Its methods are the reference on the host; a backend either calls them or has kernels
// of the same name that are tested equal to them.
type Parametrization interface {
	// Name is the parametrization's name in flags and files.
	Name() string
	// Shapes returns the sizes of the factor's matrices for factor rank r, or why there is no such factor.
	Shapes(space sensing.Space, r int) ([]Shape, error)
	// Thin returns L, n1 × d, and R, n2 × d, with Z = L·Rᵀ. They may alias f, and are the same matrix where Z = LLᵀ.
	Thin(f Factor) (l, r *mat.Dense)
	// Pullback writes ∇f with respect to the factor to dst, from GR = G·R and GL = Gᵀ·L, where
	// G = 1/m·Σ_i res_i A_i = 2 ∂f/∂Z. GR and GL are the same matrix where L and R are. dst must overlap none of them.
	Pullback(dst Factor, gr, gl *mat.Dense, f Factor)
}

// Paired is a parametrization whose matrices come in products: the Gram matrix of one's partner is how f curves in it near a
// solution, by which methods that scale the gradient divide.
type Paired interface {
	Parametrization
	// Partner returns the number of the matrix that matrix i of a factor is multiplied by.
	Partner(i int) int
}

// Measured is a parametrization of which not L and R are measured but another pair with the same product: its singular values and
// the subspaces that it spans are those that metrics tell.
type Measured interface {
	Parametrization
	// Measured returns the pair, n1 × k and n2 × k. It must not alias f.
	Measured(f Factor) (l, r *mat.Dense, err error)
}

// Metered is a parametrization with metrics of its own, in place of those of the factor [L; R]/√2, which would say nothing of it:
// there is no spectral angle then, and no singular values.
type Metered interface {
	Parametrization
	// Measure fills in a sample's signal, noise and angle, beside a truth of the kind that the parametrization is for.
	Measure(s *Sample, f Factor, truth *sensing.Truth)
}

func isMetered(p Parametrization) bool {
	_, metered := p.(Metered)
	return metered
}
