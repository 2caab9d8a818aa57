package solver

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// SpectralEstimate holds the eigenpairs of
//
//	S = 1/m Σ_i y_i A_i,
//
// whose expectation is M* where the ensemble is isotropic. Its top r* eigenvectors estimate the truth's subspace: the
// spectral method, to which the first iterates from a small random start are akin.
type SpectralEstimate struct {
	values  []float64 // descending
	vectors *mat.Dense
}

// NewSpectralEstimate forms S of a member's observations, n × n, in one pass over the measurements, and finds its
// eigenpairs.
func NewSpectralEstimate(space sensing.Space, e Engine, member int) (*SpectralEstimate, error) {
	sym, ok := space.(sensing.Sym)
	if !ok {
		return nil, fmt.Errorf("solver: a spectral estimate needs symmetric matrices, and the measurements are %s", space.Name())
	}
	y := e.Observations(member)
	s, identity := mat.NewDense(sym.N, sym.N, nil), mat.NewDense(sym.N, sym.N, nil)
	for i := range sym.N {
		identity.Set(i, i, 1)
	}
	if err := e.AdjointMul(s, y, identity); err != nil {
		return nil, err
	}
	s.Scale(1/float64(len(y)), s)
	var eigen mat.EigenSym
	if !eigen.Factorize(mat.NewSymDense(sym.N, s.RawMatrix().Data), true) {
		return nil, fmt.Errorf("solver: the eigenpairs of the %d × %d spectral estimate could not be found", sym.N, sym.N)
	}
	ascending := eigen.Values(nil)
	var v mat.Dense
	eigen.VectorsTo(&v)
	est := &SpectralEstimate{values: ascending, vectors: s}
	for j := range sym.N {
		est.vectors.SetCol(j, mat.Col(nil, sym.N-1-j, &v))
	}
	slices.Reverse(est.values)
	return est, nil
}

// Values returns all eigenvalues of S, largest first. The caller must not change them.
func (s *SpectralEstimate) Values() []float64 { return s.values }

// Top returns the eigenvectors of the r largest eigenvalues, n × r. The caller must not change them.
func (s *SpectralEstimate) Top(r int) *mat.Dense {
	n, _ := s.vectors.Dims()
	return s.vectors.Slice(0, n, 0, r).(*mat.Dense)
}

// AngleTo returns the sine of the largest principal angle between the truth's subspace and that of the top r*
// eigenvectors.
func (s *SpectralEstimate) AngleTo(truth *sensing.Truth) float64 {
	return sineBetween(truth.Basis(), s.Top(truth.Rank()))
}

// SuggestStep returns a step size at which gradient descent is at rest near the truth: 1/(4‖S‖). The curvature of f
// at a solution is about 2‖M*‖, and restricted isometry at usual m leaves half of the rest.
func (s *SpectralEstimate) SuggestStep() float64 {
	norm := max(s.values[0], -s.values[len(s.values)-1])
	return 1 / (4 * norm)
}
