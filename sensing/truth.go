package sensing

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Truth is the matrix to be found, M* = X Xᵀ with X of size n × r*.
type Truth struct {
	x     *mat.Dense
	basis *mat.Dense // V_X: n × r*, orthonormal columns that span X's
	sigma []float64  // X's singular values, descending, all positive
}

// NewTruth draws X = V·diag(σ): V an n × rank matrix of orthonormal columns, uniformly distributed, and σ evenly spaced
// from 1 down to 1/kappa, so that ‖X‖ = 1 and X has the condition number kappa. It is the same bits on every machine.
func NewTruth(n, rank int, kappa float64, seed uint64) (*Truth, error) {
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
	t := &Truth{x: mat.NewDense(n, rank, nil), basis: orthonormal(n, rank, seed), sigma: make([]float64, rank)}
	for j := range rank {
		t.sigma[j] = 1
		if rank > 1 {
			down := float64(j) / float64(rank-1)
			t.sigma[j] = (1 - down) + down/kappa
		}
		for i := range n {
			t.x.Set(i, j, t.basis.At(i, j)*t.sigma[j])
		}
	}
	return t, nil
}

// orthonormal returns columns of Gaussian numbers after two passes of modified Gram–Schmidt. ("Twice is enough":
// Giraud, Langou and Rozložník, 2005.) Sums run in index order and products are kept from being fused, so that the
// bits do not depend on the machine, which a library's QR does not promise.
func orthonormal(n, rank int, seed uint64) *mat.Dense {
	stream := NewStream(seed, TruthStream)
	columns := make([][]float64, rank)
	out := mat.NewDense(n, rank, nil)
	for j := range columns {
		v := make([]float64, n)
		stream.Normals(uint64(j), v)
		for range 2 {
			for _, u := range columns[:j] {
				d := dot(u, v)
				for i := range v {
					v[i] -= float64(d * u[i])
				}
			}
			norm := math.Sqrt(dot(v, v))
			for i := range v {
				v[i] /= norm
			}
		}
		columns[j] = v
		out.SetCol(j, v)
	}
	return out
}

func dot(a, b []float64) float64 {
	var sum float64
	for i, v := range a {
		sum += float64(v * b[i])
	}
	return sum
}

// rankTolerance is the relative size under which a singular value of a given X counts as zero.
const rankTolerance = 1e-12

// TruthOf returns the truth M* = X Xᵀ of a given X, whose columns must be linearly independent.
func TruthOf(x *mat.Dense) (*Truth, error) {
	n, rank := x.Dims()
	if n == 0 || rank == 0 {
		return nil, fmt.Errorf("sensing: a truth X of %d × %d is empty", n, rank)
	}
	if rank > n {
		return nil, fmt.Errorf("sensing: a truth X of %d × %d has more columns than rows", n, rank)
	}
	for i := range n {
		for j := range rank {
			if v := x.At(i, j); !(v*v <= Largest) {
				return nil, fmt.Errorf("sensing: the truth's element (%d, %d) is %v: every element must be finite, and its square at most %g", i, j, v, Largest)
			}
		}
	}
	var svd mat.SVD
	if !svd.Factorize(x, mat.SVDThinU) {
		return nil, fmt.Errorf("sensing: the singular values of the %d × %d truth could not be found", n, rank)
	}
	t := &Truth{x: mat.DenseCopyOf(x), basis: new(mat.Dense), sigma: svd.Values(nil)}
	svd.UTo(t.basis)
	if !(t.sigma[rank-1] > rankTolerance*t.sigma[0]) {
		return nil, fmt.Errorf("sensing: the truth's %d columns are linearly dependent (singular values from %.3g to %.3g): give X with as many columns as M* has rank",
			rank, t.sigma[0], t.sigma[rank-1])
	}
	return t, nil
}

// N returns n.
func (t *Truth) N() int { n, _ := t.x.Dims(); return n }

// Rank returns r*.
func (t *Truth) Rank() int { return len(t.sigma) }

// X returns X, n × r*. The caller must not change it.
func (t *Truth) X() *mat.Dense { return t.x }

// Basis returns V_X, n × r*: orthonormal columns that span X's. The caller must not change it.
func (t *Truth) Basis() *mat.Dense { return t.basis }

// Sigma returns X's singular values, largest first. The caller must not change them.
func (t *Truth) Sigma() []float64 { return t.sigma }

// Matrix writes M* = X Xᵀ to dst, n × n.
func (t *Truth) Matrix(dst *mat.Dense) { dst.Mul(t.x, t.x.T()) }
