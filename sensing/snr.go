package sensing

import "math"

// NoiseRatio returns 10^(−snr/20), the standard deviation σ of noise over the root mean square ‖A(M*)‖/√m of
// the exact observations A(M*)_i = ⟨A_i, M*⟩, if the signal-to-noise ratio is snr decibels:
//
//	snr = 10·log₁₀(‖A(M*)‖²/(m·σ²))
func NoiseRatio(snr float64) float64 { return math.Pow(10, -snr/20) }

// deviation returns the standard deviation of the noise on exact observations, those of a problem and those
// that are held out: Noise, or NoiseRatio times the root mean square of all. The product is rounded to 24
// bits, so that observations which differ between machines in their last bits get the same noise.
func (p *Problem) deviation(exact, held []float64) float64 {
	if p.NoiseRatio == 0 {
		return p.Noise
	}
	var squares float64
	for _, part := range [][]float64{exact, held} {
		for _, y := range part {
			squares += float64(y * y)
		}
	}
	digits, exponent := math.Frexp(p.NoiseRatio * math.Sqrt(squares/float64(len(exact)+len(held))))
	return math.Ldexp(float64(float32(digits)), exponent)
}
