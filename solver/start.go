package solver

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// Start makes the first iterate.
type Start interface {
	// Factor returns U₀ with the given shapes. It may ask for the spectral estimate with k pairs, which is made on first use.
	Factor(shapes []Shape, spectral func(k int) (*SpectralEstimate, error)) (Factor, error)
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

// Spectral starts from the best factor of the spectral estimate S = 1/m Σ y_i A_i: U₀ = V·diag(√max(λ, 0)) with its top r
// eigenpairs, or U₀ = P·diag(√σ) and V₀ = Q·diag(√σ) with its top r singular values and vectors, and zeros in columns past the last.
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
		return nil, fmt.Errorf("solver: a spectral start is defined for UUᵀ and UVᵀ alone")
	}
	est, err := spectral(s.Skip + shapes[0].Cols)
	if err != nil {
		return nil, err
	}
	f := NewFactor(shapes)
	last := min(len(est.Values()), s.Skip+shapes[0].Cols)
	left, right := est.sides(last)
	values := est.skew.undo(est.Values()[s.Skip:max(last, s.Skip)])
	for b, top := range []*mat.Dense{left, right}[:len(shapes)] {
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
