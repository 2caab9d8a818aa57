package sensing

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// NewIndefiniteTruth draws M* = X S Xᵀ: X as in [NewTruth], and S diagonal with entries ±1, of which
// `negative` are −1. They are spread evenly: the entry of column j is −1 if ⌊(j+1)·negative/rank⌋ exceeds
// ⌊j·negative/rank⌋. So M* has the eigenvalues ±σ².
func NewIndefiniteTruth(n, rank, negative int, kappa float64, seed uint64) (*Truth, error) {
	sigma, err := spectrum(n, rank, kappa)
	if err != nil {
		return nil, err
	}
	if err := checkNegative(negative, rank); err != nil {
		return nil, err
	}
	x := newSide(n, sigma, UniformVectors, seed, 0)
	return newSigned(x, spreadSigns(rank, negative), sigma), nil
}

// checkNegative returns an error if a truth cannot have so many negative eigenvalues.
func checkNegative(negative, rank int) error {
	if negative < 0 || negative > rank {
		return fmt.Errorf("sensing: a truth of rank %d has from 0 to %d negative eigenvalues, got %d",
			rank, rank, negative)
	}
	return nil
}

// spreadSigns returns the diagonal of S.
func spreadSigns(rank, negative int) []float64 {
	signs := make([]float64, rank)
	for j := range signs {
		signs[j] = 1
		if (j+1)*negative/rank > j*negative/rank {
			signs[j] = -1
		}
	}
	return signs
}

// newSigned returns the truth X S Xᵀ of an X with orthogonal columns.
func newSigned(x side, signs, sigma []float64) *Truth {
	s := mat.NewDiagDense(len(signs), signs)
	right := side{new(mat.Dense), new(mat.Dense)}
	right.x.Mul(x.x, s)
	right.basis.Mul(x.basis, s)
	return &Truth{left: x, right: right, sigma: sigma, signs: signs}
}

// symmetryTolerance is the relative asymmetry up to which a given X Yᵀ counts as symmetric.
const symmetryTolerance = 1e-9

// IndefiniteTruthOf returns the truth M* = X Yᵀ of given X and Y, both n × r*, whose product must be
// symmetric: for example Y = X S with S = diag(±1) and orthogonal columns of X. The truth's X and S are
// computed from the eigenvalues λ of M* and its eigenvectors V, largest |λ| first: X = V·diag(√|λ|) and
// S = diag(sign λ).
func IndefiniteTruthOf(x, y *mat.Dense) (*Truth, error) {
	n, rank := x.Dims()
	if n2, columns := y.Dims(); n2 != n || columns != rank {
		return nil, fmt.Errorf("sensing: X and Y of a symmetric truth X Yᵀ have the same size, "+
			"got %d × %d and %d × %d", n, rank, n2, columns)
	}
	if err := checkGiven(y); err != nil {
		return nil, err
	}
	q, _, _, err := decompose(x)
	if err != nil {
		return nil, err
	}
	// M* is symmetric if its rows, too, are combinations of X's columns, M* = Q·C·Qᵀ, and C = QᵀX(QᵀY)ᵀ is
	// symmetric.
	var left, right, core, outside mat.Dense
	left.Mul(q.T(), x)
	right.Mul(q.T(), y)
	core.Mul(&left, right.T())
	outside.Mul(q, &right)
	outside.Sub(y, &outside)
	size := mat.Norm(x, 2) * mat.Norm(y, 2)
	asymmetry := mat.Norm(x, 2) * mat.Norm(&outside, 2)
	symmetric := mat.NewSymDense(rank, nil)
	for i := range rank {
		for j := i; j < rank; j++ {
			asymmetry = max(asymmetry, math.Abs(core.At(i, j)-core.At(j, i)))
			symmetric.SetSym(i, j, (core.At(i, j)+core.At(j, i))/2)
		}
	}
	if !(asymmetry <= symmetryTolerance*size) {
		return nil, fmt.Errorf("sensing: the truth X Yᵀ is not symmetric: " +
			"give Y = X S with S = diag(±1) and orthogonal columns of X")
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(symmetric, true) {
		return nil, fmt.Errorf("sensing: the eigenvalues of the %d × %d truth could not be found", n, n)
	}
	var v mat.Dense
	eigen.VectorsTo(&v)
	values := eigen.Values(nil)
	order := make([]int, rank)
	for j := range order {
		order[j] = j
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(math.Abs(values[b]), math.Abs(values[a]))
	})
	signs, sigma, sorted := make([]float64, rank), make([]float64, rank), mat.NewDense(rank, rank, nil)
	for j, at := range order {
		signs[j], sigma[j] = math.Copysign(1, values[at]), math.Sqrt(math.Abs(values[at]))
		sorted.SetCol(j, mat.Col(nil, at, &v))
	}
	if err := checkRank(sigma); err != nil {
		return nil, err
	}
	s := side{new(mat.Dense), new(mat.Dense)}
	s.basis.Mul(q, sorted)
	s.x.Mul(s.basis, mat.NewDiagDense(rank, sigma))
	return newSigned(s, signs, sigma), nil
}
