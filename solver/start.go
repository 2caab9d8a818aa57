package solver

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// Start makes the first iterate.
type Start interface {
	// Factor returns U₀ with the given shapes. It may ask for the spectral estimate with k pairs, which is made on first use.
	Factor(shapes []Shape, spectral func(k int) (*SpectralEstimate, error)) (Factor, error)
}

// suitsStart refuses a start that is not defined for a parametrization: the shapes of a factor do not always tell.
func suitsStart(s Start, p Parametrization) error {
	_, deep := p.(Deep)
	_, sparse := p.(Sparse)
	_, signed := p.(Indefinite)
	switch s.(type) {
	case Spectral:
		if deep || sparse {
			return fmt.Errorf("solver: a spectral start is defined for UUᵀ, UVᵀ and UUᵀ − VVᵀ, not for %s", p.Name())
		}
	case Saddle:
		if deep || sparse || signed {
			return fmt.Errorf("solver: a saddle is planted for UUᵀ and UVᵀ, not for %s", p.Name())
		}
	}
	return nil
}

// SmallRandom starts from α·G, with the entries of G independent N(0, 1/r). Row i of the factor's matrix number b is
// row i + 2³²·b of the seed's start stream.
type SmallRandom struct {
	Alpha float64
	Seed  uint64
}

var _ Start = SmallRandom{}

// Factor implements [Start].
func (s SmallRandom) Factor(shapes []Shape, _ func(int) (*SpectralEstimate, error)) (Factor, error) {
	f := NewFactor(shapes)
	stream := sensing.NewStream(s.Seed, sensing.StartStream)
	for b, u := range f {
		rows, r := u.Dims()
		scale := s.Alpha / math.Sqrt(float64(r))
		for i := range rows {
			row := u.RawRowView(i)
			stream.Normals(uint64(b)<<32|uint64(i), row)
			for j := range row {
				row[j] *= scale
			}
		}
	}
	return f, nil
}

// Ones starts from vectors of equal elements, α·(1, …, 1)ᵀ: u and v of u∘u − v∘v, which is zero then. It is the diagonal of
// U₀ = V₀ = α·I.
type Ones struct{ Alpha float64 }

var _ Start = Ones{}

// Factor implements [Start].
func (s Ones) Factor(shapes []Shape, _ func(int) (*SpectralEstimate, error)) (Factor, error) {
	f := NewFactor(shapes)
	for b, u := range f {
		if shapes[b].Cols != 1 {
			return nil, fmt.Errorf("solver: a start from equal elements is for vectors, not for %s", shapes[b])
		}
		for i := range shapes[b].Rows {
			u.Set(i, 0, s.Alpha)
		}
	}
	return f, nil
}

// Spectral starts from the best factor of the spectral estimate S = 1/m Σ y_i A_i: U₀ = V·diag(√max(λ, 0)) with its top r
// eigenpairs, or U₀ = P·diag(√σ) and V₀ = Q·diag(√σ) with its top r singular values and vectors, and zeros in columns past the last. For
// UUᵀ − VVᵀ it has the r eigenpairs that are largest in magnitude, those with λ > 0 in U₀ and the others in V₀.
//
// Where the ensemble is [sensing.Skewed], S is taken to (S − trace·ȳ·I)/scale first, with the mean ȳ of the observations for tr(M*), so
// that its expectation is M*, as Li, Ma, Chen and Chi start, Nonconvex Matrix Factorization from Rank-One Measurements, arXiv 1802.06286. Where
// the trace of U₀U₀ᵀ is more than ȳ, U₀ is scaled down to it; for rank one that is the norm of Candès, Li and Soltanolkotabi, Phase Retrieval via
// Wirtinger Flow, arXiv 1407.1065.
type Spectral struct {
	// Skip is how many of the top pairs are left out, so that U₀ has those after them. 1 is the start for entries that are
	// seen where they are not negative, all others being zero in S. There with p ≈ 1/2
	//
	//	S ≈ 2·max(M*, 0) = M* + |M*|   entry by entry,
	//
	// and where the rows of the truth's X point evenly in all directions, the two parts share no eigenvectors: those of |M*| are even
	// functions of the direction, those of M* odd. The largest is even, close to the lengths of the rows, and the next r*
	// are those of M*, with its eigenvalues. The others of |M*| are smaller. For r* = 1 that fails, as it must: no entry tells the sign between
	// the rows of either sign. (After the start of Liu, Wang, Huang, Qu and Balzano, arXiv 2406.05822, which makes
	// gradient descent succeed where it does not from a random one.)
	Skip int
}

var _ Start = Spectral{}

// Factor implements [Start].
func (s Spectral) Factor(shapes []Shape, spectral func(k int) (*SpectralEstimate, error)) (Factor, error) {
	if len(shapes) > 2 {
		return nil, fmt.Errorf("solver: a spectral start is defined for UUᵀ, UVᵀ and UUᵀ − VVᵀ alone")
	}
	est, err := spectral(s.Skip + shapes[0].Cols)
	if err != nil {
		return nil, err
	}
	f := NewFactor(shapes)
	last := min(len(est.Values()), s.Skip+shapes[0].Cols)
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
			return nil, fmt.Errorf("solver: the spectral estimate has vectors of %d numbers, and the factor is %s", rows, shapes[b])
		}
		for j := s.Skip; j < last; j++ {
			scale := math.Sqrt(values[j-s.Skip])
			for i := range shapes[b].Rows {
				f[b].Set(i, j-s.Skip, scale*top.At(i, j))
			}
		}
	}
	return f, nil
}

// Given starts from the user's own factor.
type Given struct{ Start Factor }

var _ Start = Given{}

// Factor implements [Start].
func (g Given) Factor(shapes []Shape, _ func(int) (*SpectralEstimate, error)) (Factor, error) {
	f := g.Start.Clone()
	if have := f.Shapes(); !slices.Equal(have, shapes) {
		return nil, fmt.Errorf("solver: the start is %s and the factor is %s", sizes(have), sizes(shapes))
	}
	if !f.Finite() {
		return nil, fmt.Errorf("solver: the start has elements that are not finite")
	}
	return f, nil
}

// sizes writes shapes as 3 × 4, 5 × 4.
func sizes(shapes []Shape) string {
	var words []string
	for _, s := range shapes {
		words = append(words, s.String())
	}
	return strings.Join(words, ", ")
}

// Saddle starts at a strict saddle point that is planted, and a random step from it: U₀ = X_r + α·G, with the entries of G as in
// [SmallRandom] and X_r the r columns of V·diag(σ) with the least singular values, where M* = V·diag(σ²)·Vᵀ is the truth, of a larger
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

var _ Start = Saddle{}

// Factor implements [Start].
func (s Saddle) Factor(shapes []Shape, spectral func(int) (*SpectralEstimate, error)) (Factor, error) {
	if len(shapes) > 2 {
		return nil, fmt.Errorf("solver: a saddle is planted for UUᵀ and UVᵀ alone")
	}
	f, err := SmallRandom{s.Alpha, s.Seed}.Factor(shapes, spectral)
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
