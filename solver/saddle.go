package solver

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// Saddle starts a random step away from a strict saddle point of f: U₀ = X_r + α·G. G has the entries of
// [Random]. With the truth M* = V·diag(σ²)·Vᵀ, of a rank r* > r, X_r has the r columns of V·diag(σ) with the
// least singular values. For UVᵀ, U₀ and V₀ use the two sides of the truth. If M* is observed whole, f = ¼‖Z
// − M*‖²_F, and among the matrices of rank r its gradient on the manifold vanishes at
//
//	Z = Σ_{i ∈ S} σ_i²·v_i·v_iᵀ,   S any r of the r*.
//
// The minimum is at the S with the largest σ; the others are strict saddles. f falls along the way from v_i,
// i ∈ S, to a v_j with j ∉ S and a larger σ_j.
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
	case Deep, Sparse, Indefinite, Polar:
		return fmt.Errorf("solver: a saddle is planted for UUᵀ and UVᵀ, not for %s", p.Name())
	}
	return nil
}

// Factor implements [Start].
func (s Saddle) Factor(shapes []Shape, spectral func(int) (*SpectralEstimate, error)) (Factor, error) {
	if len(shapes) > 2 {
		return nil, fmt.Errorf("solver: a saddle is planted for UUᵀ and UVᵀ alone")
	}
	f, err := Random{Alpha: s.Alpha, Seed: s.Seed}.Factor(shapes, spectral)
	if err != nil {
		return nil, err
	}
	skip := s.Truth.Rank() - shapes[0].Cols
	if skip < 1 {
		return nil, fmt.Errorf("solver: a saddle misses a column of the truth, which has %d, and the factor"+
			" has %d",
			s.Truth.Rank(), shapes[0].Cols)
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
