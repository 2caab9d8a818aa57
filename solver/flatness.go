package solver

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Layered is a parametrization in which Z is linear in each matrix of the factor while the others are fixed,
//
//	Z = B_j·W_j·C_jᵀ.
//
// With the squared loss f is then a quadratic in each matrix, and the trace of its Hessian, in all entries of
// all matrices, needs no residuals:
//
//	tr ∇²f = 1/(2m)·Σ_j Σ_i ‖B_jᵀ·A_i·C_j‖_F².
//
// Factors that fit the observations are called flat if this trace is small. (Gatmiry et al., arXiv
// 2306.13239.)
type Layered interface {
	Parametrization
	// Around returns B, with n1 rows, and C, with n2 rows, around matrix j of a factor, counted from 0; nil
	// means the identity.
	Around(f Factor, j int) (b, c *mat.Dense)
}

// ProjectionEngine is an engine that computes sums of squares of measurements that are projected from both
// sides.
type ProjectionEngine interface {
	Engine
	// ProjectedSquares returns Σ_i ‖BᵀA_iC‖_F², for B with n1 rows and C with n2 rows; nil means the
	// identity. The space is not symmetric.
	ProjectedSquares(b, c *mat.Dense) (float64, error)
}

// flatness is the trace of f's Hessian in the factor. It is NaN if the parametrization is not [Layered], the
// engine is not a [ProjectionEngine] or the loss is not [Squared].
func flatness(e Engine, p Parametrization, l Loss, f Factor) (float64, error) {
	layered, ok := p.(Layered)
	engine, able := e.(ProjectionEngine)
	if !ok || !able || !IsSquared(l) {
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
