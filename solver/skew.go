package solver

import "github.com/matsense/matsense/sensing"

// skew says what the expectation of S is beside M*: scale·M* + shift·I.
type skew struct{ scale, shift float64 }

// skewOf finds it from the law of the measurements, with the mean of the observations for tr(M*).
func skewOf(e sensing.Ensemble, y []float64) skew {
	s, ok := e.(sensing.Skewed)
	if !ok {
		return skew{scale: 1}
	}
	scale, trace := s.Skew()
	if trace == 0 {
		return skew{scale: scale}
	}
	var sum float64
	for _, v := range y {
		sum += v
	}
	return skew{scale, trace * sum / float64(len(y))}
}

// undo takes an eigenvalue of S to one of M*.
func (s skew) undo(value float64) float64 { return (value - s.shift) / s.scale }
