package solver

import "github.com/matsense/matsense/sensing"

// skew describes the expectation of S: scale·M* + shift·I.
type skew struct {
	scale, shift float64
	trace        float64 // about tr(M*); 0 if unknown
}

// skewOf returns the skew for the ensemble's distribution, with the mean of the observations in place of
// tr(M*).
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

// unshifted returns the eigenvalues of M* that belong to eigenvalues of S.
func (s skew) unshifted(values []float64) []float64 {
	out := make([]float64, len(values))
	for j, v := range values {
		out[j] = (v - s.shift) / s.scale
	}
	return out
}

// undo is unshifted with zero in place of negative values. If their sum exceeds tr(M*), it scales them down
// to that sum: with few measurements, heavy tails make the largest value several times too large, and
// gradient descent would diverge from such a start.
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
