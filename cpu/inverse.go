package cpu

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// invertShifted replaces a symmetric positive semidefinite S, d × d, by (S + λI)⁻¹. It reads only the upper
// triangle of S. If there is no inverse in double precision, S becomes NaN.
//
// With S + λI = C·Cᵀ and W = C⁻¹, the inverse is WᵀW. Every sum is a chainsDot, so the bits depend on no
// processor. work has room for 2d² numbers: the rows of C, and the columns of W.
func invertShifted(s *mat.Dense, lambda float64, work []float64) {
	d, _ := s.Dims()
	row := func(i int) []float64 { return work[i*d:][:d] }        // of C
	column := func(i int) []float64 { return work[(d+i)*d:][:d] } // of W
	for i := range d {
		c := row(i)
		for j := range i {
			other := row(j)
			c[j] = (s.At(j, i) - chainsDot(c[:j], other[:j])) / other[j]
		}
		pivot := float64(s.At(i, i)+lambda) - chainsDot(c[:i], c[:i])
		if !(pivot > 0 && pivot < math.Inf(1)) {
			s.Apply(func(_, _ int, _ float64) float64 { return math.NaN() }, s)
			return
		}
		c[i] = math.Sqrt(pivot)
	}
	for i := range d { // C·w = e_i for column i of W
		w := column(i)
		w[i] = 1 / row(i)[i]
		for k := i + 1; k < d; k++ {
			c := row(k)
			w[k] = -chainsDot(c[i:k], w[i:k]) / c[k]
		}
	}
	for i := range d {
		for j := i; j < d; j++ {
			v := chainsDot(column(i)[j:], column(j)[j:])
			s.Set(i, j, v)
			s.Set(j, i, v)
		}
	}
}
