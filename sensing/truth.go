package sensing

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"
)

// Truth is the matrix to be found: M* = X Xᵀ with X of size n × r*, or M* = X Yᵀ with X of size n1 × r* and Y
// of n2 × r*, which are balanced: XᵀX = YᵀY. A symmetric M* with eigenvalues of both signs is M* = X S Xᵀ,
// S = diag(±1), with orthogonal columns of X and Y = X S. A sparse vector β* is an n × 1 matrix.
type Truth struct {
	left, right side
	sigma       []float64 // X's singular values, and Y's, descending, all positive
	signs       []float64 // S's diagonal if M* = X S Xᵀ, else nil
	sparse      bool      // M* is a sparse vector
}

// side is one of a truth's two factors, which are the same if M* = X Xᵀ.
type side struct {
	x     *mat.Dense
	basis *mat.Dense // orthonormal columns with the span of x's columns
}

// NewTruth draws X = V·diag(σ): V is an n × rank matrix of orthonormal columns, uniformly distributed, and σ
// is evenly spaced from 1 down to 1/kappa, so that ‖X‖ = 1 and X has the condition number kappa. The bits are
// the same on every machine.
func NewTruth(n, rank int, kappa float64, seed uint64) (*Truth, error) {
	sigma, err := spectrum(n, rank, kappa)
	if err != nil {
		return nil, err
	}
	return drawTruth(Sym{n}, sigma, 0, UniformVectors, seed), nil
}

// NewRectTruth draws X = V·diag(σ) and Y = W·diag(σ): V and W are n1 × rank and n2 × rank matrices of
// orthonormal columns, independent and uniformly distributed, and σ is as in [NewTruth]. So M* has the
// singular values σ². NewTruth draws the same V for n = n1.
func NewRectTruth(n1, n2, rank int, kappa float64, seed uint64) (*Truth, error) {
	if n1 < 1 || n2 < 1 {
		return nil, fmt.Errorf("sensing: a truth must have rows and columns, got %d × %d", n1, n2)
	}
	sigma, err := spectrum(min(n1, n2), rank, kappa)
	if err != nil {
		return nil, err
	}
	return drawTruth(Rect{n1, n2}, sigma, 0, UniformVectors, seed), nil
}

// DrawTruth draws a truth whose singular values are given, largest first: positive numbers, of which there
// are as many as M* has rank. In a rectangular space it draws M* = X Yᵀ as [NewRectTruth] does, and in a
// symmetric space M* = X S Xᵀ as [NewIndefiniteTruth] does, with so many negative eigenvalues, but with
// singular vectors of the given law.
func DrawTruth(space Space, singular []float64, negative int, vectors Vectors, seed uint64) (*Truth, error) {
	n1, n2 := space.Dims()
	if len(singular) < 1 || len(singular) > min(n1, n2) {
		return nil, fmt.Errorf("sensing: a truth of %d × %d has from 1 to %d singular values, got %d",
			n1, n2, min(n1, n2), len(singular))
	}
	sigma := make([]float64, len(singular))
	for j, s := range singular {
		if !(s > RankTolerance*singular[0]) || s > Largest || j > 0 && s > singular[j-1] {
			return nil, fmt.Errorf("sensing: a truth's singular values are positive, in descending order, at "+
				"most %g and at least %g of the largest: number %d is %v", Largest, RankTolerance, j+1, s)
		}
		sigma[j] = math.Sqrt(s)
	}
	if _, symmetric := space.(Sym); !symmetric && negative != 0 {
		return nil, fmt.Errorf("sensing: a truth X Yᵀ has no negative eigenvalues, got %d", negative)
	}
	if err := checkNegative(negative, len(sigma)); err != nil {
		return nil, err
	}
	if !slices.Contains(VectorLaws(), string(vectors)) {
		return nil, fmt.Errorf("sensing: a truth's singular vectors are %s, got %q",
			strings.Join(VectorLaws(), " or "), string(vectors))
	}
	return drawTruth(space, sigma, negative, vectors, seed), nil
}

// Vectors is a law of the singular vectors of a truth that is drawn.
type Vectors string

// The laws of singular vectors.
const (
	// UniformVectors are orthonormal columns, uniformly distributed: those of Gaussian numbers.
	UniformVectors Vectors = "uniform"
	// SignVectors are orthonormal columns with the span of as many columns of independent random signs. They
	// are spread out: no row of them is much larger than the others, which is what completion needs.
	SignVectors Vectors = "signs"
)

// VectorLaws lists the laws of singular vectors, the first by default.
func VectorLaws() []string { return []string{string(UniformVectors), string(SignVectors)} }

// drawTruth draws a truth with the given singular values of X.
func drawTruth(space Space, sigma []float64, negative int, vectors Vectors, seed uint64) *Truth {
	n1, n2 := space.Dims()
	x := newSide(n1, sigma, vectors, seed, 0)
	switch _, symmetric := space.(Sym); {
	case !symmetric:
		const right = 1 << 32 // the stream's first column of W
		return &Truth{left: x, right: newSide(n2, sigma, vectors, seed, right), sigma: sigma}
	case negative > 0:
		return newSigned(x, spreadSigns(len(sigma), negative), sigma)
	}
	return &Truth{left: x, right: x, sigma: sigma}
}

// newSide draws orthonormal columns, from column first of the seed's stream on, and scales them by sigma.
func newSide(n int, sigma []float64, vectors Vectors, seed, first uint64) side {
	s := side{mat.NewDense(n, len(sigma), nil), orthonormal(n, len(sigma), vectors, seed, first)}
	for j, scale := range sigma {
		for i := range n {
			s.x.Set(i, j, s.basis.At(i, j)*scale)
		}
	}
	return s
}

// EvenSpectrum returns the singular values of a drawn truth's X: rank numbers evenly spaced from 1 down to
// 1/kappa, or 1 alone for rank 1.
func EvenSpectrum(rank int, kappa float64) []float64 {
	sigma := make([]float64, rank)
	for j := range sigma {
		down := float64(j) / float64(max(rank-1, 1))
		sigma[j] = (1 - down) + down/kappa
	}
	return sigma
}

// spectrum returns [EvenSpectrum] for a truth of n rows, or an error if there is no such truth.
func spectrum(n, rank int, kappa float64) ([]float64, error) {
	switch {
	case n < 1:
		return nil, fmt.Errorf("sensing: n must be positive, got %d", n)
	case rank < 1 || rank > n:
		return nil, fmt.Errorf("sensing: the rank of an n × n truth goes from 1 to n = %d, got %d", n, rank)
	case !(kappa >= 1) || math.IsInf(kappa, 1):
		return nil, fmt.Errorf("sensing: a condition number kappa is at least 1, got %v", kappa)
	case rank == 1 && kappa != 1:
		return nil, fmt.Errorf("sensing: a truth of rank 1 has the condition number 1, got kappa = %v", kappa)
	}
	return EvenSpectrum(rank, kappa), nil
}

// orthonormal returns columns of Gaussian numbers, or of their signs, after two passes of modified
// Gram–Schmidt. ("Twice is enough": Giraud, Langou and Rozložník, 2005.) Columns of signs that depend on
// earlier ones are drawn again. Sums run in index order and products are kept from being fused, so that the
// bits are the same on every machine, which a library's QR decomposition does not promise.
func orthonormal(n, rank int, vectors Vectors, seed, first uint64) *mat.Dense {
	const dependent = 1e-6 // of a column's norm; what is left of a dependent one is below n times 1e-16
	stream := NewStream(seed, TruthStream)
	columns := make([][]float64, 0, rank)
	out := mat.NewDense(n, rank, nil)
	for draw := first; len(columns) < rank; draw++ {
		v := make([]float64, n)
		stream.Normals(draw, v)
		if vectors == SignVectors {
			for i, g := range v {
				v[i] = math.Copysign(1, g)
			}
		}
		if left := separate(v, columns); vectors == SignVectors && left < dependent*math.Sqrt(float64(n)) {
			continue
		}
		separate(v, columns)
		out.SetCol(len(columns), v)
		columns = append(columns, v)
	}
	return out
}

// separate makes v orthogonal to orthonormal columns, one after another, and normalizes it. It returns the
// norm that v had in between.
func separate(v []float64, columns [][]float64) float64 {
	for _, u := range columns {
		d := dot(u, v)
		for i := range v {
			v[i] -= float64(d * u[i])
		}
	}
	norm := math.Sqrt(dot(v, v))
	for i := range v {
		v[i] /= norm
	}
	return norm
}

func dot(a, b []float64) float64 {
	var sum float64
	for i, v := range a {
		sum += float64(v * b[i])
	}
	return sum
}

// RankTolerance is the relative size up to which a singular value of a given X, or of an M* to draw, counts
// as zero.
const RankTolerance = 1e-12

// TruthOf returns the truth M* = X Xᵀ of a given X, whose columns must be linearly independent.
func TruthOf(x *mat.Dense) (*Truth, error) {
	basis, sigma, _, err := decompose(x)
	if err != nil {
		return nil, err
	}
	if err := checkRank(sigma); err != nil {
		return nil, err
	}
	s := side{mat.DenseCopyOf(x), basis}
	return &Truth{left: s, right: s, sigma: sigma}, nil
}

// RectTruthOf returns the truth M* = X Yᵀ of given X and Y, which have as many columns as M* has rank. The
// truth's X and Y are balanced: PΣ^½ and QΣ^½ with the singular value decomposition M* = PΣQᵀ, which is
// computed without any array of n1 × n2 numbers.
func RectTruthOf(x, y *mat.Dense) (*Truth, error) {
	n1, rank := x.Dims()
	n2, columns := y.Dims()
	if rank != columns {
		return nil, fmt.Errorf("sensing: X and Y of a truth X Yᵀ have as many columns, "+
			"got %d × %d and %d × %d", n1, rank, n2, columns)
	}
	u1, sigma1, v1, err := decompose(x)
	if err != nil {
		return nil, err
	}
	u2, sigma2, v2, err := decompose(y)
	if err != nil {
		return nil, err
	}
	// With X = U₁Σ₁V₁ᵀ and Y = U₂Σ₂V₂ᵀ, M* = U₁(Σ₁V₁ᵀV₂Σ₂)U₂ᵀ.
	var core mat.Dense
	core.Product(mat.NewDiagDense(rank, sigma1), v1.T(), v2, mat.NewDiagDense(rank, sigma2))
	p, sigma, q, err := decompose(&core)
	if err != nil {
		return nil, err
	}
	if err := checkRank(sigma); err != nil {
		return nil, err
	}
	for j := range sigma {
		sigma[j] = math.Sqrt(sigma[j])
	}
	balanced := func(u, p *mat.Dense) side {
		s := side{new(mat.Dense), new(mat.Dense)}
		s.basis.Mul(u, p)
		s.x.Mul(s.basis, mat.NewDiagDense(rank, sigma))
		return s
	}
	return &Truth{left: balanced(u1, p), right: balanced(u2, q), sigma: sigma}, nil
}

// decompose returns the thin singular value decomposition of a given X, or an error if X cannot be a factor
// of a truth.
func decompose(x *mat.Dense) (u *mat.Dense, sigma []float64, v *mat.Dense, err error) {
	if err := checkGiven(x); err != nil {
		return nil, nil, nil, err
	}
	var svd mat.SVD
	if !svd.Factorize(x, mat.SVDThin) {
		n, rank := x.Dims()
		return nil, nil, nil, fmt.Errorf("sensing: the singular values of the %d × %d truth "+
			"could not be found", n, rank)
	}
	u, v = new(mat.Dense), new(mat.Dense)
	svd.UTo(u)
	svd.VTo(v)
	return u, svd.Values(nil), v, nil
}

// checkGiven returns an error if a given X cannot be a factor of a truth.
func checkGiven(x *mat.Dense) error {
	n, rank := x.Dims()
	if n == 0 || rank == 0 {
		return fmt.Errorf("sensing: a truth X of %d × %d is empty", n, rank)
	}
	if rank > n {
		return fmt.Errorf("sensing: a truth X of %d × %d has more columns than rows", n, rank)
	}
	for i := range n {
		for j := range rank {
			if v := x.At(i, j); !(v*v <= Largest) {
				return fmt.Errorf("sensing: the truth's element (%d, %d) is %v: "+
					"every element must be finite, and its square at most %g", i, j, v, Largest)
			}
		}
	}
	return nil
}

// checkRank returns an error if the least of the singular values counts as zero.
func checkRank(sigma []float64) error {
	if rank := len(sigma); !(sigma[rank-1] > RankTolerance*sigma[0]) {
		return fmt.Errorf("sensing: the truth's %d columns are linearly dependent "+
			"(singular values from %.3g to %.3g): give X with as many columns as M* has rank",
			rank, sigma[0], sigma[rank-1])
	}
	return nil
}

// Dims returns the size of M*.
func (t *Truth) Dims() (n1, n2 int) {
	n1, _ = t.left.x.Dims()
	n2, _ = t.right.x.Dims()
	return n1, n2
}

// Rank returns r*.
func (t *Truth) Rank() int { return len(t.sigma) }

// X returns X, n1 × r*. The caller must not change it.
func (t *Truth) X() *mat.Dense { return t.left.x }

// Right returns R of M* = X·Rᵀ: X itself, or Y, n2 × r*, or X S. The caller must not change it.
func (t *Truth) Right() *mat.Dense { return t.right.x }

// Basis returns V_X, n1 × r*: orthonormal columns with the span of X's. The caller must not change it.
func (t *Truth) Basis() *mat.Dense { return t.left.basis }

// RightBasis returns orthonormal columns with the span of Right's columns. The caller must not change it.
func (t *Truth) RightBasis() *mat.Dense { return t.right.basis }

// Sigma returns X's singular values, largest first. The caller must not change them.
func (t *Truth) Sigma() []float64 { return t.sigma }

// Signs returns S's diagonal if M* = X S Xᵀ, and nil otherwise. The caller must not change it.
func (t *Truth) Signs() []float64 { return t.signs }

// Symmetric reports whether M* is X Xᵀ or X S Xᵀ.
func (t *Truth) Symmetric() bool { return t.X() == t.Right() || t.signs != nil }

// Least returns the size of the weakest part of the truth, which the signal reaches when all of the truth is
// found: X's least singular value, or the least magnitude of a sparse vector's elements that are not zero.
func (t *Truth) Least() float64 {
	if !t.sparse {
		return t.sigma[len(t.sigma)-1]
	}
	least := math.Inf(1)
	for _, v := range t.left.x.RawMatrix().Data {
		if v != 0 {
			least = min(least, math.Abs(v*t.right.x.At(0, 0)))
		}
	}
	return least
}

// Norm returns ‖M*‖_F. The singular values of M* are the squares of X's.
func (t *Truth) Norm() float64 {
	var sum float64
	for _, s := range t.sigma {
		sum += float64(float64(float64(s*s)*s) * s)
	}
	return math.Sqrt(sum)
}

// Scaled returns the truth c·M*, c > 0.
func (t *Truth) Scaled(c float64) *Truth {
	root := math.Sqrt(c)
	scaled := *t
	scaled.left.x = new(mat.Dense)
	scaled.left.x.Scale(root, t.left.x)
	if scaled.right.x = scaled.left.x; t.right.x != t.left.x {
		scaled.right.x = new(mat.Dense)
		scaled.right.x.Scale(root, t.right.x)
	}
	scaled.sigma = make([]float64, len(t.sigma))
	for j, s := range t.sigma {
		scaled.sigma[j] = root * s
	}
	return &scaled
}

// Matrix writes M*, n1 × n2, to dst.
func (t *Truth) Matrix(dst *mat.Dense) { dst.Mul(t.left.x, t.right.x.T()) }

// eachEntry calls do with the entries of M* that are coordinates of a space, in the coordinates' order. Each
// entry is summed in a fixed order.
func (t *Truth) eachEntry(s Space, do func(i, j int, v float64)) {
	n1, n2 := t.Dims()
	_, symmetric := s.(Sym)
	for i := range n1 {
		first := 0
		if symmetric {
			first = i
		}
		x := t.X().RawRowView(i)
		for j := first; j < n2; j++ {
			do(i, j, dot(x, t.Right().RawRowView(j)))
		}
	}
}
