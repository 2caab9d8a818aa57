package sensing

import (
	"math"
	"testing"
)

// TestSNR: the noise on exact observations has the standard deviation for which 10·log₁₀(‖A(M*)‖²/(m·σ²)) is
// the ratio, σ is known afterwards, and the deviates are those of noise whose size is given.
func TestSNR(t *testing.T) {
	exact := make([]float64, 501)
	NewStream(4, EntriesStream).Normals(0, exact)
	var squares float64
	for i := range exact {
		exact[i] *= 3
		squares += exact[i] * exact[i]
	}
	noisy := func(p *Problem, y []float64) []float64 {
		y = append([]float64{}, y...)
		p.AddNoise(y)
		return y
	}
	for _, snr := range []float64{-20, 0, 13.7, 60} {
		p := Problem{NoiseRatio: NoiseRatio(snr), NoiseSeed: 9}
		y := noisy(&p, exact)
		got := 10 * math.Log10(squares/float64(len(exact))/(p.Noise*p.Noise))
		if !(math.Abs(got-snr) <= 2e-6) { // σ has 24 bits: 20·log₁₀(1 + 2⁻²⁴) is 5e-7
			t.Errorf("%g dB: σ = %v makes %v dB", snr, p.Noise, got)
		}
		for i, want := range noisy(&Problem{Noise: p.Noise, NoiseSeed: 9}, exact) {
			if y[i] != want {
				t.Fatalf("%g dB: observation %d is %v, not %v", snr, i, y[i], want)
			}
		}
		// Observations that another machine sums in another order have the same noise.
		other := Problem{NoiseRatio: p.NoiseRatio, NoiseSeed: 9}
		scaled := append([]float64{}, exact...)
		for i := range scaled {
			scaled[i] *= 1 + 1e-15
		}
		if noisy(&other, scaled); other.Noise != p.Noise {
			t.Errorf("%g dB: σ is %v and %v", snr, p.Noise, other.Noise)
		}
		// Added again, the noise has the size that it had.
		if p.AddNoise(append([]float64{}, exact...)); p.Noise != other.Noise {
			t.Errorf("%g dB: σ is %v the second time, not %v", snr, p.Noise, other.Noise)
		}
	}
	zero := Problem{NoiseRatio: NoiseRatio(10)}
	for i, v := range noisy(&zero, make([]float64, 3)) {
		if v != 0 {
			t.Errorf("a truth of zero has the observation %d of %v", i, v)
		}
	}
}
