package solver

import (
	"errors"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack"
	"gonum.org/v1/gonum/lapack/gonum"
	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/krylov"
)

// leadingLeft returns the singular values of a, largest first, and the left singular vectors of the first k,
// which is at most min(rows, columns); nil vectors if one of these values is zero. A decomposition with all
// vectors takes several times as long, because it rotates n vectors in each of its sweeps.
//
// Householder reflections make a bidiagonal: A = Q·B·Pᵀ. The left vectors u of B and the right ones v, mixed
// as v₁, u₁, v₂, u₂, …, are the eigenvectors of the symmetric tridiagonal matrix that has zeros on its
// diagonal and, beside it, the numbers of B in turn; its positive eigenvalues are the singular values. (Golub
// and Kahan; Golub and Van Loan, Matrix Computations, section 8.6.) Nothing is squared, so small values lose
// no digits.
func leadingLeft(a *mat.Dense, k int) (sigma []float64, left *mat.Dense, err error) {
	var impl gonum.Implementation
	b := mat.DenseCopyOf(a).RawMatrix()
	count := min(b.Rows, b.Cols)
	diagonal, beside := make([]float64, count), make([]float64, max(count-1, 0))
	tauQ, tauP := make([]float64, count), make([]float64, count)
	work := make([]float64, 1)
	impl.Dgebrd(b.Rows, b.Cols, b.Data, b.Stride, diagonal, beside, tauQ, tauP, work, -1)
	work = make([]float64, max(int(work[0]), 4*count, b.Rows*b.Cols))
	impl.Dgebrd(b.Rows, b.Cols, b.Data, b.Stride, diagonal, beside, tauQ, tauP, work, len(work))

	sigma = slices.Clone(diagonal)
	uplo, first := blas.Upper, 1 // the place of u₁ among the mixed numbers
	if b.Rows < b.Cols {
		uplo, first = blas.Lower, 0
	}
	if !impl.Dbdsqr(uplo, count, 0, 0, 0, sigma, slices.Clone(beside), nil, 1, nil, 1, nil, 1, work) {
		return nil, nil, errors.New("solver: the singular values could not be found")
	}
	if !(sigma[k-1] > 0) {
		return sigma, nil, nil
	}
	mixed := krylov.Tridiagonal{Diagonal: make([]float64, 2*count)}
	for i, d := range diagonal {
		mixed.Beside = append(mixed.Beside, d)
		if i < len(beside) {
			mixed.Beside = append(mixed.Beside, beside[i])
		}
	}
	_, vectors := mixed.Largest(k)
	left = mat.NewDense(b.Rows, k, nil)
	for j, u := range orthonormalLeft(vectors, first) {
		for i, v := range u {
			left.Set(i, j, v)
		}
	}
	c := left.RawMatrix()
	impl.Dormbr(lapack.ApplyQ, blas.Left, blas.NoTrans, b.Rows, k, b.Cols, b.Data, b.Stride, tauQ, c.Data,
		c.Stride, work[:1], -1)
	work = make([]float64, int(work[0]))
	impl.Dormbr(lapack.ApplyQ, blas.Left, blas.NoTrans, b.Rows, k, b.Cols, b.Data, b.Stride, tauQ, c.Data,
		c.Stride, work, len(work))
	return sigma, left, nil
}

// orthonormalLeft takes every other number of the columns, from number first on, and makes what it took
// orthonormal: it is, but for rounding errors, if the singular values differ from each other and from zero.
func orthonormalLeft(vectors *mat.Dense, first int) [][]float64 {
	rows, columns := vectors.Dims()
	out := make([][]float64, columns)
	for j := range out {
		u := make([]float64, 0, rows/2)
		for i := first; i < rows; i += 2 {
			u = append(u, vectors.At(i, j))
		}
		for range 2 { // twice is enough
			for _, earlier := range out[:j] {
				floats.AddScaled(u, -floats.Dot(earlier, u), earlier)
			}
			floats.Scale(1/math.Sqrt(sumOfSquares(u)), u)
		}
		out[j] = u
	}
	return out
}
