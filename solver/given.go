package solver

import (
	"fmt"
	"slices"
	"strings"
)

// Given starts from a factor that the user gives.
type Given struct{ Start Factor }

var _ Start = Given{}

// Factor implements [Start].
func (g Given) Factor(shapes []Shape, _ func(int) (*SpectralEstimate, error)) (Factor, error) {
	f := g.Start.Clone()
	if have := f.Shapes(); !slices.Equal(have, shapes) {
		return nil, fmt.Errorf("solver: the start is %s and the factor is %s", sizes(have), sizes(shapes))
	}
	if !f.Finite() {
		return nil, fmt.Errorf("solver: the start has elements that are not finite")
	}
	return f, nil
}

// sizes writes shapes as in "3 × 4, 5 × 4".
func sizes(shapes []Shape) string {
	var words []string
	for _, s := range shapes {
		words = append(words, s.String())
	}
	return strings.Join(words, ", ")
}
