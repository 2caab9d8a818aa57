package solver

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// Start makes the first iterate.
type Start interface {
	// Factor returns U₀ with the given shapes. It may ask for the spectral estimate, which is made on first use.
	Factor(shapes []Shape, spectral func() (*SpectralEstimate, error)) (Factor, error)
}

// SmallRandom starts from α·G, with the entries of G independent N(0, 1/r). Row i of the factor's matrix number b is
// row i + 2³²·b of the seed's start stream.
type SmallRandom struct {
	Alpha float64
	Seed  uint64
}

var _ Start = SmallRandom{}

// Factor implements [Start].
func (s SmallRandom) Factor(shapes []Shape, _ func() (*SpectralEstimate, error)) (Factor, error) {
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

// Spectral starts from the best factor of the spectral estimate: U₀ = V·diag(√max(λ, 0)) with the top r eigenpairs of
// S = 1/m Σ y_i A_i, and zeros in the columns past the n-th.
type Spectral struct{}

var _ Start = Spectral{}

// Factor implements [Start].
func (Spectral) Factor(shapes []Shape, spectral func() (*SpectralEstimate, error)) (Factor, error) {
	if len(shapes) != 1 {
		return nil, fmt.Errorf("solver: a spectral start is defined for UUᵀ alone")
	}
	est, err := spectral()
	if err != nil {
		return nil, err
	}
	f := NewFactor(shapes)
	n, r := shapes[0].Rows, shapes[0].Cols
	top := est.Top(min(n, r))
	for j := range min(n, r) {
		scale := math.Sqrt(max(est.Values()[j], 0))
		for i := range n {
			f[0].Set(i, j, scale*top.At(i, j))
		}
	}
	return f, nil
}

// Given starts from the user's own U₀.
type Given struct{ U *mat.Dense }

var _ Start = Given{}

// Factor implements [Start].
func (g Given) Factor(shapes []Shape, _ func() (*SpectralEstimate, error)) (Factor, error) {
	f := Factor{g.U}.Clone()
	if have := f.Shapes(); len(shapes) != 1 || have[0] != shapes[0] {
		return nil, fmt.Errorf("solver: the start is %d × %d and the factor is %d × %d",
			have[0].Rows, have[0].Cols, shapes[0].Rows, shapes[0].Cols)
	}
	if !f.Finite() {
		return nil, fmt.Errorf("solver: the start has elements that are not finite")
	}
	return f, nil
}
