package solver

import (
	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// Parametrization says how factors make a matrix Z = L·Rᵀ of thin L and R, and how a gradient flows back to
// them. Lift and pullback need this on either side of the measurements. Nothing in it has the size n × n, so
// it serves measurements of any structure. Its methods are the reference on the host: a backend either calls
// them or has kernels of the same name, which tests compare with them.
type Parametrization interface {
	// Name is the parametrization's name in flags and files.
	Name() string
	// Shapes returns the sizes of the factor's matrices for factor rank r, or an error if there is no such
	// factor.
	Shapes(space sensing.Space, r int) ([]Shape, error)
	// Thin returns L, n1 × d, and R, n2 × d, with Z = L·Rᵀ. They may alias f. If Z = LLᵀ, they are the same
	// matrix.
	Thin(f Factor) (l, r *mat.Dense)
	// Pullback writes ∇f with respect to the factor to dst, from GR = G·R and GL = Gᵀ·L, with G = 1/m·Σ_i
	// res_i A_i = 2 ∂f/∂Z. If L and R are the same matrix, so are GR and GL. dst overlaps none of them.
	Pullback(dst Factor, gr, gl *mat.Dense, f Factor)
}

// Paired is a parametrization in which each matrix of the factor is multiplied by one partner. Near a
// solution the Gram matrix of the partner is the curvature of f in the matrix; methods that scale the
// gradient divide by it.
type Paired interface {
	Parametrization
	// Partner returns the number of the matrix that multiplies matrix i of a factor.
	Partner(i int) int
}

// Balanced is a parametrization whose L and R say little about Z, because only their product matters. Metrics
// then come from a balanced pair with the same product: from its singular values and the subspaces that it
// spans.
type Balanced interface {
	Parametrization
	// Balanced returns the pair, n1 × k and n2 × k. The pair must not alias f.
	Balanced(f Factor) (l, r *mat.Dense, err error)
}

// SelfMeasuring is a parametrization that measures its factor itself, because the metrics of [L; R]/√2 would
// say nothing about it. Its samples have no spectral angle and no singular values. ([Measuring] is about
// methods.)
type SelfMeasuring interface {
	Parametrization
	// Measure writes signal, noise and angle into a sample. The truth is of the kind that the parametrization
	// is for.
	Measure(s *Sample, f Factor, truth *sensing.Truth)
}

func isSelfMeasuring(p Parametrization) bool {
	_, ok := p.(SelfMeasuring)
	return ok
}
