package solver

import (
	"fmt"
)

// Ones starts from vectors of equal elements, α·(1, …, 1)ᵀ: both u and v of u∘u − v∘v, which is then zero.
// This is the diagonal of U₀ = V₀ = α·I.
type Ones struct{ Alpha float64 }

var _ Start = Ones{}

// Factor implements [Start].
func (s Ones) Factor(shapes []Shape, _ func(int) (*SpectralEstimate, error)) (Factor, error) {
	f := NewFactor(shapes)
	for b, u := range f {
		if shapes[b].Cols != 1 {
			return nil, fmt.Errorf("solver: a start from equal elements is for vectors, not for %s",
				shapes[b])
		}
		for i := range shapes[b].Rows {
			u.Set(i, 0, s.Alpha)
		}
	}
	return f, nil
}
