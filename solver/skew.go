package solver

import "github.com/matsense/matsense/sensing"

// skew says what the expectation of S is beside M*: scale·M* + shift·I.
type skew struct {
	scale, shift float64
	trace        float64 // about tr(M*); 0 where it is not known
}

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
	mean := sum / float64(len(y))
	return skew{scale, trace * mean, mean}
}

// unshifted takes eigenvalues of S to those of M*.
func (s skew) unshifted(values []float64) []float64 {
	out := make([]float64, len(values))
	for j, v := range values {
		out[j] = (v - s.shift) / s.scale
	}
	return out
}

// undo takes eigenvalues of S to those of M*, or zero where they are negative, and makes them smaller where their sum is more than tr(M*): few
// measurements have heavy tails that make the largest several times too large, from where gradient descent diverges.
func (s skew) undo(values []float64) []float64 {
	out := s.unshifted(values)
	var sum float64
	for j, v := range out {
		out[j] = max(v, 0)
		sum += out[j]
	}
	if s.trace > 0 && sum > s.trace {
		for j := range out {
			out[j] *= s.trace / sum
		}
	}
	return out
}
