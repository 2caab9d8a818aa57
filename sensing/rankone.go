package sensing

import (
	"fmt"

	"gonum.org/v1/gonum/mat"
)

// RankOne is the ensemble of measurement matrices of rank one,
//
//	⟨A_i, Z⟩ = a_iᵀ Z a_i   of symmetric matrices,   ⟨A_i, Z⟩ = a_iᵀ Z b_i   of others,
//
// quadratic and bilinear sensing. With Z = uuᵀ the first is phase retrieval of real vectors, y_i = ⟨a_i, u⟩².
// (Chen, Chi and Goldsmith, Exact and stable covariance estimation from quadratic sampling via convex
// programming, arXiv 1310.0807.) Drawn a_i and b_i have independent N(0, 1) entries. In a rectangular space
// A_i is then isotropic, E⟨A_i, Z⟩² = ‖Z‖_F². In a symmetric space A_i is not isotropic:
//
//	E⟨A_i, Z⟩² = 2·‖Z‖_F² + tr(Z)²,   E⟨A_i, Z⟩A_i = 2Z + tr(Z)·I,
//
// so that f has at most 2 + tr(M*)/‖M*‖ times the curvature that it has with isotropic measurements, and step
// sizes must be as many times smaller. A measurement takes n1 or n1 + n2 numbers; the n1·n2 elements of A_i
// are never formed.
type RankOne struct {
	base
	name    string
	stream  Stream
	vectors []float64 // user data: a_i, then b_i, of each measurement; nil if they are drawn
}

var (
	_ Ensemble = &RankOne{}
	_ Skewed   = &RankOne{}
)

// NewRankOne returns the ensemble of m pairs of vectors with independent N(0, 1) entries. Row i of the seed's
// stream of entries has the numbers of a_i and then, in a rectangular space, of b_i.
func NewRankOne(s Space, m int, seed uint64) (*RankOne, error) {
	b, err := newBaseUpTo(MaxSide, s, m)
	if err != nil {
		return nil, err
	}
	return &RankOne{base: b, name: "rank-one", stream: NewStream(seed, EntriesStream)}, nil
}

// RankOneOf returns the ensemble of the user's vectors: a_i is row i of the m × n1 matrix vectors, and in a
// rectangular space b_i is row i of the m × n2 matrix right, which is nil in a symmetric space. The numbers
// are copied. [RankOne.Skew] assumes that the vectors are drawn from N(0, I).
func RankOneOf(s Space, vectors, right *mat.Dense) (*RankOne, error) {
	n1, n2 := s.Dims()
	m, columns := vectors.Dims()
	b, err := newBaseUpTo(MaxSide, s, m)
	if err != nil {
		return nil, err
	}
	_, symmetric := s.(Sym)
	switch {
	case columns != n1:
		return nil, fmt.Errorf("sensing: the vectors are %d × %d: they must be %d × n1 = %d",
			m, columns, m, n1)
	case symmetric && right != nil:
		return nil, fmt.Errorf("sensing: symmetric matrices are measured with one vector on both sides, " +
			"and there are vectors for the right")
	case !symmetric && right == nil:
		return nil, fmt.Errorf("sensing: the vectors on the right are missing: "+
			"rectangular matrices need %d × n2 = %d", m, n2)
	}
	if !symmetric {
		if rows, columns := right.Dims(); rows != m || columns != n2 {
			return nil, fmt.Errorf("sensing: the vectors on the right are %d × %d: they must be %d × n2 = %d",
				rows, columns, m, n2)
		}
	}
	e := &RankOne{base: b, name: "rank-one"}
	e.vectors = make([]float64, 0, m*e.VectorLen())
	for i := range m {
		e.vectors = append(e.vectors, vectors.RawRowView(i)...)
		if !symmetric {
			e.vectors = append(e.vectors, right.RawRowView(i)...)
		}
	}
	for at, v := range e.vectors {
		if !(v*v <= Largest) {
			i, j := at/e.VectorLen(), at%e.VectorLen()
			side := "vector"
			if j >= n1 {
				side, j = "vector on the right", j-n1
			}
			return nil, fmt.Errorf("sensing: %s %d, element %d is %v: "+
				"every element must be finite, and its square at most %g", side, i, j, v, Largest)
		}
	}
	return e, nil
}

// Name implements [Ensemble].
func (r *RankOne) Name() string { return r.name }

// VectorLen returns how many numbers a measurement has: n1 for a_i, and in a rectangular space n2 more for
// b_i.
func (r *RankOne) VectorLen() int {
	n1, n2 := r.space.Dims()
	if _, symmetric := r.space.(Sym); symmetric {
		return n1
	}
	return n1 + n2
}

// Vector writes a_i to dst, whose length must be [RankOne.VectorLen], and in a rectangular space b_i after
// it. Any number of goroutines may call it, and every call for the same i gives the same bits.
func (r *RankOne) Vector(i int, dst []float64) {
	if r.vectors != nil {
		copy(dst, r.vectors[i*len(dst):])
		return
	}
	r.stream.Normals(uint64(i), dst)
}

// Vectors returns the user's vectors as [RankOne.Vector] writes them, one measurement after another, or nil
// if the vectors are drawn. The caller must not change them.
func (r *RankOne) Vectors() []float64 { return r.vectors }

// Stream returns the stream whose row i has the numbers of measurement i. It has no meaning for the user's
// vectors.
func (r *RankOne) Stream() Stream { return r.stream }

// Skew implements [Skewed].
func (r *RankOne) Skew() (scale, trace float64) {
	if _, symmetric := r.space.(Sym); symmetric {
		return 2, 1
	}
	return 1, 0
}

// Skewed is an ensemble that is not isotropic: it has
//
//	E⟨A_i, Z⟩A_i = scale·Z + trace·tr(Z)·I,
//
// so that the expectation of 1/m Σ y_i A_i is not M*, but has its eigenvectors. For every other ensemble
// scale is 1 and trace is 0. If trace is not 0, E⟨A_i, Z⟩ = tr(Z).
type Skewed interface {
	Ensemble
	Skew() (scale, trace float64)
}
