package solver

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/krylov"
	"github.com/matsense/matsense/sensing"
)

// SpectralEstimate holds the eigenpairs of
//
//	S = 1/m Σ_i y_i A_i,
//
// or its singular values and vectors if matrices are not symmetric. If the ensemble is isotropic, the
// expectation of S is M*; if it is [sensing.Skewed], the expectation has M*'s eigenvectors. The top r*
// vectors estimate the truth's subspace: this is the spectral method, which the first iterates from a small
// random start follow.
type SpectralEstimate struct {
	values      []float64 // descending
	left, right *mat.Dense
	signs       []float64 // of the eigenvalues, if values holds their magnitudes; else nil
	norm        float64   // about ‖S‖
	least       float64   // about the least eigenvalue of a symmetric S; NaN if S is not, or if signed
	skew        skew      // how the expectation of S differs from M*
}

// NewSpectralEstimate finds the k largest eigenvalues or singular values of S, n1 × n2, and their vectors.
// There are two ways. Usually one pass over the measurements forms S, and a decomposition finds all pairs:
// this is cheap beside measurements that are rows of n1·n2 numbers. If measurements have a structure,
// products with S cost little, and S itself may not fit into memory; a large S is then only multiplied by
// blocks of vectors.
func NewSpectralEstimate(ensemble sensing.Ensemble, e ProductEngine, k int) (*SpectralEstimate, error) {
	return newAdjoint(ensemble, e).estimate(k)
}

// estimate does [NewSpectralEstimate].
func (s *adjoint) estimate(k int) (*SpectralEstimate, error) {
	find := func() (*SpectralEstimate, error) { return s.iterated(k) }
	if isDecomposed(s.ensemble, k) {
		find = s.decomposed
	}
	est, err := find()
	if err != nil {
		return nil, err
	}
	est.skew = skewOf(s.ensemble, s.y)
	return est, nil
}

// SpectralBytes is the memory that a spectral estimate with k pairs takes while it is made, in addition to
// the engine's. It is 0 for measurements that are rows, because the engine's memory then includes it.
func SpectralBytes(ensemble sensing.Ensemble, k int) float64 {
	if _, rows := ensemble.(sensing.Rows); rows {
		return 0
	}
	n1, n2 := ensemble.Space().Dims()
	if isDecomposed(ensemble, k) {
		// S, its vectors, and the workspace of the decomposition; the identity
		return 8 * (4*float64(n1)*float64(n2) + 2*float64(n2)*float64(n2))
	}
	n := n1 + n2
	if _, sym := ensemble.Space().(sensing.Sym); sym {
		n = n1
	}
	return krylov.Bytes(n, k)
}

// SpectralColumns is the most columns of a matrix that a spectral estimate with k pairs multiplies by S.
func SpectralColumns(ensemble sensing.Ensemble, k int) int {
	_, n2 := ensemble.Space().Dims()
	if isDecomposed(ensemble, k) {
		return n2
	}
	return krylov.BlockSize(n2, k)
}

// signedEstimate is estimate for parametrizations of symmetric matrices with eigenvalues of
// both signs. It finds the eigenpairs λ, v of S with the largest |λ|, and returns them as a singular value
// decomposition: values |λ|, vectors v and sign(λ)·v. If the ensemble is [sensing.Skewed], λ is an eigenvalue
// of (S − trace·ȳ·I)/scale, as in [Spectral], because the shift of S would change the signs.
func (s *adjoint) signedEstimate(k int) (*SpectralEstimate, error) {
	skewed := skewOf(s.ensemble, s.y)
	if isDecomposed(s.ensemble, k) {
		all, err := s.decomposed()
		if err != nil {
			return nil, err
		}
		return signed(skewed.unshifted(all.values), all.left, len(all.values), all.norm), nil
	}
	// The k largest eigenvalues of S and of −S include the k that are largest in magnitude.
	upper, err := s.iterated(k)
	if err != nil {
		return nil, err
	}
	s.negative = true
	lower, err := s.iterated(k)
	if err != nil {
		return nil, err
	}
	values := slices.Clone(upper.values)
	for _, v := range lower.values {
		values = append(values, -v)
	}
	var vectors mat.Dense
	vectors.Augment(upper.left, lower.left)
	return signed(skewed.unshifted(values), &vectors, k, max(upper.norm, lower.norm)), nil
}

// signed picks the k eigenpairs that are largest in magnitude. norm is the norm of S before the shift was
// removed.
func signed(values []float64, vectors *mat.Dense, k int, norm float64) *SpectralEstimate {
	n, _ := vectors.Dims()
	order := make([]int, len(values))
	for j := range order {
		order[j] = j
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(math.Abs(values[b]), math.Abs(values[a]))
	})
	est := &SpectralEstimate{
		left: mat.NewDense(n, k, nil), right: mat.NewDense(n, k, nil), norm: norm, skew: skew{scale: 1},
		least: math.NaN(),
	}
	for j, at := range order[:k] {
		sign := 1.0
		if values[at] < 0 {
			sign = -1
		}
		est.values, est.signs = append(est.values, sign*values[at]), append(est.signs, sign)
		v := mat.Col(nil, at, vectors)
		est.left.SetCol(j, v)
		floats.Scale(sign, v)
		est.right.SetCol(j, v)
	}
	return est
}

// isDecomposed says whether the spectral estimate decomposes S, and so has all pairs, if k pairs are asked
// for.
func isDecomposed(ensemble sensing.Ensemble, k int) bool {
	const fewVectors, smallMatrix = 8, 512 // a matrix of this size is decomposed in a fraction of a second
	_, rows := ensemble.(sensing.Rows)
	side := min(ensemble.Space().Dims())
	return rows || side <= smallMatrix || fewVectors*k > side
}

// adjoint multiplies by S or −S.
type adjoint struct {
	ensemble sensing.Ensemble
	space    sensing.Space
	engine   ProductEngine
	y        []float64
	// negative selects −S.
	negative bool
	// interrupted ends a decomposition early, as [Batch].Interrupted does; nil for never.
	interrupted func() error
}

func newAdjoint(ensemble sensing.Ensemble, e ProductEngine) *adjoint {
	return &adjoint{ensemble: ensemble, space: ensemble.Space(), engine: e, y: e.Observations()}
}

// multiply does dst = S·X or dst = Sᵀ·X.
func (s *adjoint) multiply(dst *mat.Dense, trans bool, x *mat.Dense) error {
	if err := s.engine.AdjointMul(dst, s.y, trans, x); err != nil {
		return err
	}
	scale := 1 / float64(len(s.y))
	if s.negative {
		scale = -scale
	}
	dst.Scale(scale, dst)
	return nil
}

// decomposed forms S and decomposes it.
func (s *adjoint) decomposed() (*SpectralEstimate, error) {
	n1, n2 := s.space.Dims()
	all, identity := mat.NewDense(n1, n2, nil), mat.NewDense(n2, n2, nil)
	for i := range n2 {
		identity.Set(i, i, 1)
	}
	if err := s.multiply(all, false, identity); err != nil {
		return nil, err
	}
	_, sym := s.space.(sensing.Sym)
	var found *SpectralEstimate
	err := undivided(s.interrupted, func() (err error) {
		if sym {
			found, err = symmetricEstimate(all)
			return err
		}
		left, values, right, err := decompose(all)
		if err != nil {
			return fmt.Errorf("solver: the spectral estimate could not be found: %w", err)
		}
		found = &SpectralEstimate{values: values, left: left, right: right, norm: values[0],
			least: math.NaN()}
		return nil
	})
	if err != nil {
		return nil, err // found may still be written
	}
	return found, nil
}

// iterated multiplies S by blocks of vectors. The first block is random, and the same each time. If S is not
// symmetric, its singular values and vectors p, q come from the symmetric matrix with the blocks 0, S; Sᵀ, 0:
// they are its positive eigenvalues, and its eigenvectors are [p; q]/√2.
func (s *adjoint) iterated(k int) (*SpectralEstimate, error) {
	n1, n2 := s.space.Dims()
	_, sym := s.space.(sensing.Sym)
	n := n1
	multiply := func(dst, x *mat.Dense) error { return s.multiply(dst, false, x) }
	if !sym {
		n = n1 + n2
		multiply = func(dst, x *mat.Dense) error {
			p, q := sides(x, n1)
			top, bottom := sides(dst, n1)
			if err := s.multiply(top, false, q); err != nil {
				return err
			}
			return s.multiply(bottom, true, p)
		}
	}
	pairs, err := krylov.Leading(randomBlock(n, krylov.BlockSize(n, k)), k, multiply)
	if err != nil {
		return nil, fmt.Errorf("solver: the spectral estimate could not be found: %w", err)
	}
	est := &SpectralEstimate{
		values: pairs.Values, left: pairs.Vectors, right: pairs.Vectors, norm: pairs.Largest,
		least: pairs.Least,
	}
	if !sym {
		est.least = math.NaN()
		est.left, est.right = sides(pairs.Vectors, n1)
		est.left.Scale(math.Sqrt2, est.left)
		est.right.Scale(math.Sqrt2, est.right)
	}
	return est, nil
}

// sides returns the first n1 rows of a stacked matrix, and the rest.
func sides(a *mat.Dense, n1 int) (top, bottom *mat.Dense) {
	rows, cols := a.Dims()
	return a.Slice(0, n1, 0, cols).(*mat.Dense), a.Slice(n1, rows, 0, cols).(*mat.Dense)
}

// randomBlock returns independent N(0, 1) numbers.
func randomBlock(n, columns int) *mat.Dense {
	stream := sensing.NewStream(0, sensing.EstimateStream)
	block := mat.NewDense(n, columns, nil)
	for i := range n {
		stream.Normals(uint64(i), block.RawRowView(i))
	}
	return block
}

// symmetricEstimate decomposes a symmetric S and overwrites it.
func symmetricEstimate(s *mat.Dense) (*SpectralEstimate, error) {
	n, _ := s.Dims()
	var eigen mat.EigenSym
	if !eigen.Factorize(mat.NewSymDense(n, s.RawMatrix().Data), true) {
		return nil, fmt.Errorf("solver: the eigenpairs of the %d × %d spectral estimate could not be found",
			n, n)
	}
	ascending := eigen.Values(nil)
	var v mat.Dense
	eigen.VectorsTo(&v)
	for j := range n {
		s.SetCol(j, mat.Col(nil, n-1-j, &v))
	}
	slices.Reverse(ascending)
	norm := max(ascending[0], -ascending[n-1])
	return &SpectralEstimate{values: ascending, left: s, right: s, norm: norm, least: ascending[n-1]}, nil
}

// Values returns the values that were found, largest first: eigenvalues of S, their magnitudes if the
// estimate is signed, or singular values if S is not symmetric. The caller must not change them.
func (s *SpectralEstimate) Values() []float64 { return s.values }

// Extremes returns estimates of the largest and the least eigenvalue of a symmetric M*, the least one 0 or
// less; for other matrices, and if the estimate is signed, an estimate of ‖M*‖ and NaN.
func (s *SpectralEstimate) Extremes() (largest, least float64) {
	ends := s.skew.unshifted([]float64{s.values[0], min(s.least, s.values[0])})
	if math.IsNaN(s.least) {
		return ends[0], math.NaN()
	}
	return ends[0], min(ends[1], 0)
}

// Top returns the eigenvectors of the r largest eigenvalues, n × r, or the singular vectors [P; Q]/√2, (n1 +
// n2) × r, if S is not symmetric. r is at most the number of pairs that were found. The caller must not
// change them.
func (s *SpectralEstimate) Top(r int) *mat.Dense {
	left, right := s.sides(r)
	return whole(left, right)
}

// sides returns the vectors of the r largest values: twice the same matrix if S is symmetric.
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

// AngleTo returns the sine of the largest principal angle between the truth's subspace and the span of the
// top r* vectors.
func (s *SpectralEstimate) AngleTo(truth *sensing.Truth) float64 {
	return sineBetween(truthBasis(truth, s.left != s.right), s.Top(truth.Rank()))
}

// SuggestStep returns a step size with which gradient descent is stable near the truth: 1/(4‖S‖). The
// curvature of f at a solution is about 2‖M*‖, which allows 1/(2‖M*‖); restricted isometry at usual m leaves
// half of that. For UVᵀ the curvature of f is half as large, and the step twice as long. If measurements are
// [sensing.Skewed], the curvature is about 2·(scale·‖M*‖ + trace·tr(M*)), which is 2‖S‖.
func (s *SpectralEstimate) SuggestStep() float64 {
	norm := s.norm
	if s.left != s.right && s.signs == nil {
		norm /= 2
	}
	return 1 / (4 * norm)
}
