package solver

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// Saddle starts at a strict saddle point that is planted, and a random step from it: U₀ = X_r + α·G, with the entries of G as in
// [Random] and X_r the r columns of V·diag(σ) with the least singular values, where M* = V·diag(σ²)·Vᵀ is the truth, of a larger
// rank; for UVᵀ, and V₀, those of either side of the truth. Observed whole, f = ¼‖Z − M*‖²_F, and of the matrices of rank r
//
//	Z = Σ_{i ∈ S} σ_i²·v_i·v_iᵀ,   S any r of the r*,
//
// are where its gradient on the manifold vanishes: the minimum where S has the largest σ, strict saddles otherwise. Along the way from v_i,
// i ∈ S, to a v_j that is missing and larger, f falls.
type Saddle struct {
	Truth *sensing.Truth
	Alpha float64 // 0 is the saddle itself
	Seed  uint64
}

var (
	_ Start     = Saddle{}
	_ Selective = Saddle{}
)

// Suits implements [Selective].
func (Saddle) Suits(p Parametrization) error {
	switch p.(type) {
	case Deep, Sparse, Indefinite:
		return fmt.Errorf("solver: a saddle is planted for UUᵀ and UVᵀ, not for %s", p.Name())
	}
	return nil
}

// Factor implements [Start].
func (s Saddle) Factor(shapes []Shape, spectral func(int) (*SpectralEstimate, error)) (Factor, error) {
	if len(shapes) > 2 {
		return nil, fmt.Errorf("solver: a saddle is planted for UUᵀ and UVᵀ alone")
	}
	f, err := Random{s.Alpha, s.Seed}.Factor(shapes, spectral)
	if err != nil {
		return nil, err
	}
	skip := s.Truth.Rank() - shapes[0].Cols
	if skip < 1 {
		return nil, fmt.Errorf("solver: a saddle misses a column of the truth, which has %d, and the factor has %d", s.Truth.Rank(), shapes[0].Cols)
	}
	for b, basis := range []*mat.Dense{s.Truth.Basis(), s.Truth.RightBasis()}[:len(shapes)] {
		for j, sigma := range s.Truth.Sigma()[skip:] {
			for i := range shapes[b].Rows {
				f[b].Set(i, j, f[b].At(i, j)+float64(sigma*basis.At(i, skip+j)))
			}
		}
	}
	return f, nil
}
