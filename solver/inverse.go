package solver

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// InvertShifted replaces a symmetric positive semidefinite S, d × d, by (S + λI)⁻¹, computed by Cholesky
// decomposition. It reads only the upper triangle of S. If there is no inverse in double precision, S becomes
// NaN. All engines use this function.
func InvertShifted(s *mat.Dense, lambda float64) {
	d, _ := s.Dims()
	shifted := mat.NewSymDense(d, nil)
	for i := range d {
		for j := i; j < d; j++ {
			shifted.SetSym(i, j, s.At(i, j))
		}
		shifted.SetSym(i, i, s.At(i, i)+lambda)
	}
	var c mat.Cholesky
	if !c.Factorize(shifted) {
		s.Apply(func(_, _ int, _ float64) float64 { return math.NaN() }, s)
		return
	}
	_ = c.InverseTo(shifted) // an error only warns of a large condition number
	s.Copy(shifted)
}
