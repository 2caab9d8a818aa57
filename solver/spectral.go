package solver

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// SpectralEstimate holds the eigenpairs, or where matrices are not symmetric the singular values and vectors, of
//
//	S = 1/m Σ_i y_i A_i,
//
// whose expectation is M* where the ensemble is isotropic. Its top r* vectors estimate the truth's subspace: the
// spectral method, to which the first iterates from a small random start are akin.
type SpectralEstimate struct {
	values      []float64 // descending
	left, right *mat.Dense
}

// NewSpectralEstimate forms S of a member's observations, n1 × n2, in one pass over the measurements, and decomposes it.
func NewSpectralEstimate(space sensing.Space, e Engine, member int) (*SpectralEstimate, error) {
	y := e.Observations(member)
	n1, n2 := space.Dims()
	s, identity := mat.NewDense(n1, n2, nil), mat.NewDense(n2, n2, nil)
	for i := range n2 {
		identity.Set(i, i, 1)
	}
	if err := e.AdjointMul(s, y, identity); err != nil {
		return nil, err
	}
	s.Scale(1/float64(len(y)), s)
	if _, sym := space.(sensing.Sym); sym {
		return symmetricEstimate(s)
	}
	var dec mat.SVD
	if !dec.Factorize(s, mat.SVDThin) {
		return nil, fmt.Errorf("solver: the singular values of the %d × %d spectral estimate could not be found", n1, n2)
	}
	est := &SpectralEstimate{values: dec.Values(nil), left: new(mat.Dense), right: new(mat.Dense)}
	dec.UTo(est.left)
	dec.VTo(est.right)
	return est, nil
}

// symmetricEstimate decomposes a symmetric S, and overwrites it.
func symmetricEstimate(s *mat.Dense) (*SpectralEstimate, error) {
	n, _ := s.Dims()
	var eigen mat.EigenSym
	if !eigen.Factorize(mat.NewSymDense(n, s.RawMatrix().Data), true) {
		return nil, fmt.Errorf("solver: the eigenpairs of the %d × %d spectral estimate could not be found", n, n)
	}
	ascending := eigen.Values(nil)
	var v mat.Dense
	eigen.VectorsTo(&v)
	for j := range n {
		s.SetCol(j, mat.Col(nil, n-1-j, &v))
	}
	slices.Reverse(ascending)
	return &SpectralEstimate{ascending, s, s}, nil
}

// Values returns all eigenvalues of S, or its singular values, largest first. The caller must not change them.
func (s *SpectralEstimate) Values() []float64 { return s.values }

// Top returns the eigenvectors of the r largest eigenvalues, n × r; where S is not symmetric the singular vectors, [P; Q]/√2 of
// (n1 + n2) × r. The caller must not change them.
func (s *SpectralEstimate) Top(r int) *mat.Dense {
	left, right := s.sides(r)
	return whole(left, right)
}

// sides returns the vectors of the r largest values: one matrix where S is symmetric.
func (s *SpectralEstimate) sides(r int) (left, right *mat.Dense) {
	first := func(a *mat.Dense) *mat.Dense {
		n, _ := a.Dims()
		return a.Slice(0, n, 0, r).(*mat.Dense)
	}
	if left = first(s.left); s.left == s.right {
		return left, left
	}
	return left, first(s.right)
}

// AngleTo returns the sine of the largest principal angle between the truth's subspace and that of the top r*
// vectors.
func (s *SpectralEstimate) AngleTo(truth *sensing.Truth) float64 {
	return sineBetween(truthBasis(truth, s.left != s.right), s.Top(truth.Rank()))
}

// SuggestStep returns a step size at which gradient descent is at rest near the truth: 1/(4‖S‖). The curvature of f
// at a solution is about 2‖M*‖, and restricted isometry at usual m leaves half of the rest. For UVᵀ, whose f curves half as
// much, it is twice that.
func (s *SpectralEstimate) SuggestStep() float64 {
	norm := max(s.values[0], -s.values[len(s.values)-1])
	if s.left != s.right {
		norm /= 2
	}
	return 1 / (4 * norm)
}
