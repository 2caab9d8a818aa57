package sensing

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// ComplexRankOne is the ensemble of Hermitian measurement matrices a_i a_iᴴ of rank one, with the user's
// complex vectors a_i:
//
//	y_i = a_iᴴ H a_i,   H = UUᴴ with U of n × r.
//
// With one column this is phase retrieval, y_i = |a_iᴴu|². The unknown is a real symmetric matrix of twice
// the side, as for a complex state in [RealWord]: with a = p + iq and W = [Re U; Im U], 2n × r,
//
//	aᴴ H a = ⟨A, WWᵀ⟩,   A = ccᵀ + ssᵀ,   c = [p; q],   s = [−q; p],
//
// since cᵀW and sᵀW are the real and the imaginary part of aᴴU. So gradient descent on W is gradient descent
// on U, and U = W[:n] + i·W[n:]. The measurements do not determine WWᵀ: for unitary Q, UQ has the same H and
// in general another WWᵀ. Every A commutes with J = [0 −I; I 0].
//
// A measurement is a row of K = n(2n + 1) entries.
type ComplexRankOne struct {
	base
	vectors []float64 // p and then q of each measurement
}

var (
	_ RowSource[float64] = &ComplexRankOne{}
	_ Skewed             = &ComplexRankOne{}
)

// ComplexRankOneOf returns the ensemble of the user's vectors: a_i is row i of re + i·im, both m × n. The
// numbers are copied. [ComplexRankOne.Skew] assumes that the elements of the vectors are independent, with
// real and imaginary parts from N(0, 1/2).
func ComplexRankOneOf(re, im *mat.Dense) (*ComplexRankOne, error) {
	m, n := re.Dims()
	if rows, columns := im.Dims(); rows != m || columns != n {
		return nil, fmt.Errorf("sensing: the real parts of the vectors are %d × %d, and the imaginary ones "+
			"%d × %d", m, n, rows, columns)
	}
	b, err := newBase(Sym{2 * n}, m)
	if err != nil {
		return nil, err
	}
	e := &ComplexRankOne{base: b, vectors: make([]float64, 0, 2*m*n)}
	for i := range m {
		e.vectors = append(append(e.vectors, re.RawRowView(i)...), im.RawRowView(i)...)
	}
	for at, v := range e.vectors {
		if !(v*v <= Largest) {
			return nil, fmt.Errorf("sensing: vector %d, element %d has the part %v: every part must be "+
				"finite, and its square at most %g", at/(2*n), at%(2*n)%n, v, Largest)
		}
	}
	return e, nil
}

// Name implements [Ensemble].
func (*ComplexRankOne) Name() string { return "rank-one" }

// Entries implements [Rows].
func (*ComplexRankOne) Entries() Entries { return F64 }

// Row implements [RowSource].
func (e *ComplexRankOne) Row(i int, dst []float64) {
	side, _ := e.space.Dims()
	n := side / 2
	p, q := e.vectors[i*side:][:n], e.vectors[i*side+n:][:n]
	// The blocks of A are ppᵀ + qqᵀ on the diagonal, and pqᵀ − qpᵀ in the upper right.
	at := 0
	for j := range side {
		for k := j; k < side; k++ {
			a, b := j%n, k%n
			v := float64(p[a]*p[b]) + float64(q[a]*q[b])
			if j < n && k >= n {
				v = float64(p[a]*q[b]) - float64(q[a]*p[b])
			}
			if j != k {
				v *= math.Sqrt2
			}
			dst[at] = v
			at++
		}
	}
}

// Skew implements [Skewed]: E⟨A, Z⟩A = 2Z + tr(Z)·I for every Z that commutes with J, which is all that the
// measurements see of a matrix.
func (*ComplexRankOne) Skew() (scale, trace float64) { return 2, 1 }
