package solver

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Layered is a parametrization whose matrix is linear in each matrix of the factor while the others stand still,
//
//	Z = B_j·W_j·C_jᵀ.
//
// f is then a quadratic in each, and the trace of its Hessian in all entries of all of them needs no residuals:
//
//	tr ∇²f = 1/(2m)·Σ_j Σ_i ‖B_jᵀ·A_i·C_j‖_F².
//
// Of all factors that fit the observations those where it is small are called flat. (Gatmiry et al., arXiv 2306.13239.)
type Layered interface {
	Parametrization
	// Around returns B, with n1 rows, and C, with n2, around matrix j of a factor, counted from 0; nil is the identity.
	Around(f Factor, j int) (b, c *mat.Dense)
}

// ProjectionEngine is an engine that can sum the squares of measurements that are projected from both sides.
type ProjectionEngine interface {
	Engine
	// ProjectedSquares returns Σ_i ‖BᵀA_iC‖_F², for B with n1 rows and C with n2; nil is the identity. The space is not symmetric.
	ProjectedSquares(b, c *mat.Dense) (float64, error)
}

// flatness is the trace of f's Hessian in the factor; NaN where the parametrization is not [Layered] or the engine is no [ProjectionEngine].
func flatness(e Engine, p Parametrization, f Factor) (float64, error) {
	layered, ok := p.(Layered)
	engine, able := e.(ProjectionEngine)
	if !ok || !able {
		return math.NaN(), nil
	}
	var sum float64
	for j := range f {
		b, c := layered.Around(f, j)
		squares, err := engine.ProjectedSquares(b, c)
		if err != nil {
			return 0, err
		}
		sum += squares
	}
	return sum / (2 * float64(len(e.Observations()))), nil
}
