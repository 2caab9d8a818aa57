package solver

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// Spectral starts from the best factor of the spectral estimate S = 1/m Σ y_i A_i. For UUᵀ it is U₀ =
// V·diag(√max(λ, 0)) with the top r eigenpairs; for UVᵀ it is U₀ = P·diag(√σ) and V₀ = Q·diag(√σ) with the
// top r singular values and vectors. Columns without a pair are zeros. For UUᵀ − VVᵀ the start takes the r
// eigenpairs that are largest in magnitude, those with λ > 0 in U₀ and the others in V₀.
//
// If the ensemble is [sensing.Skewed], (S − trace·ȳ·I)/scale takes the place of S, with the mean ȳ of the
// observations for tr(M*), so that its expectation is M*. This is the start of Li, Ma, Chen and Chi,
// Nonconvex Matrix Factorization from Rank-One Measurements, arXiv 1802.06286. If the trace of U₀U₀ᵀ exceeds
// ȳ, U₀ is scaled down to it; for rank one this gives the norm of Candès, Li and Soltanolkotabi, Phase
// Retrieval via Wirtinger Flow, arXiv 1407.1065.
type Spectral struct {
	// Skip is the number of top pairs to leave out; U₀ has the pairs after them. Skip 1 is the start for
	// entries that are observed only if they are not negative; all others are zero in S. With p ≈ 1/2
	//
	//	S ≈ 2·max(M*, 0) = M* + |M*|   entry by entry.
	//
	// If the rows of the truth's X point evenly in all directions, the two parts share no eigenvectors: those
	// of |M*| are even functions of the direction, those of M* odd. The largest eigenvector is even, close to
	// the lengths of the rows; the next r* are those of M*, with its eigenvalues. The others of |M*| are
	// smaller. For r* = 1 the start fails, as it must: no observed entry tells the sign between rows of
	// opposite signs. (After the start of Liu, Wang, Huang, Qu and Balzano, arXiv 2406.05822, from which
	// gradient descent succeeds although it fails from a random start.)
	Skip int
	// Imbalance is a number c > 0 for UVᵀ: U₀ is multiplied by it, and V₀ divided, so that U₀V₀ᵀ stays. 0 is
	// 1. (Giampouras, Cai and Vidal begin [OPSA] with c = 2, as their program has it.)
	Imbalance float64
}

var (
	_ Start     = Spectral{}
	_ Selective = Spectral{}
)

// Suits implements [Selective].
func (s Spectral) Suits(p Parametrization) error {
	switch p.(type) {
	case Deep, Sparse, Polar:
		return fmt.Errorf("solver: a spectral start is defined for UUᵀ, UVᵀ and UUᵀ − VVᵀ, not for %s",
			p.Name())
	}
	if s.Imbalance != 0 {
		return needsUV(p, "which could differ in size at the start")
	}
	return nil
}

// pairs is how many pairs of the spectral estimate the start of a factor needs.
func (s Spectral) pairs(shapes []Shape) int { return s.Skip + shapes[0].Cols }

// Factor implements [Start].
func (s Spectral) Factor(shapes []Shape, spectral func(k int) (*SpectralEstimate, error)) (Factor, error) {
	if len(shapes) > 2 {
		return nil, fmt.Errorf("solver: a spectral start is defined only for UUᵀ, UVᵀ and UUᵀ − VVᵀ")
	}
	est, err := spectral(s.pairs(shapes))
	if err != nil {
		return nil, err
	}
	f := NewFactor(shapes)
	last := min(len(est.Values()), s.pairs(shapes))
	left, right := est.sides(last)
	if est.signs != nil {
		var next [2]int // columns of U₀ and V₀
		for j := s.Skip; j < last; j++ {
			b := 0
			if est.signs[j] < 0 {
				b = 1
			}
			column := mat.Col(nil, j, left)
			floats.Scale(math.Sqrt(est.Values()[j]), column)
			f[b].SetCol(next[b], column)
			next[b]++
		}
		return f, nil
	}
	values := est.skew.undo(est.Values()[s.Skip:max(last, s.Skip)])
	for b, top := range []*mat.Dense{left, right}[:len(shapes)] {
		if rows, _ := top.Dims(); rows != shapes[b].Rows {
			return nil, fmt.Errorf("solver: the spectral estimate has vectors of %d numbers, and the factor"+
				" is %s", rows, shapes[b])
		}
		for j := s.Skip; j < last; j++ {
			scale := math.Sqrt(values[j-s.Skip])
			for i := range shapes[b].Rows {
				f[b].Set(i, j-s.Skip, scale*top.At(i, j))
			}
		}
	}
	if s.Imbalance != 0 {
		f[0].Scale(s.Imbalance, f[0])
		f[1].Scale(1/s.Imbalance, f[1])
	}
	return f, nil
}
