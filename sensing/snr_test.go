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

// TestHeldOutNoise: if an engine makes the observations of what is left, fitted and held-out ones together
// are those of the problem of which nothing is held out, and again if a second engine makes them. Held-out
// rows are added up in another order: 1e-13 is some hundred roundings.
func TestHeldOutNoise(t *testing.T) {
	const m, count, seed = 60, 7, 3
	truth, err := NewTruth(6, 2, 1, 8)
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range independents(t, Sym{6}, m, seed) {
		for _, p := range []Problem{{}, {Noise: 0.3}, {NoiseRatio: NoiseRatio(5)}} {
			p.Ensemble, p.Truth, p.NoiseSeed = e, truth, seed
			all := p
			want := make([]float64, m)
			e.Apply(want, truth.X(), truth.Right())
			all.AddNoise(want)
			p.HoldOut(count, seed)
			for range 2 {
				y := make([]float64, m-count)
				p.Ensemble.(Divisible).Apply(y, truth.X(), truth.Right())
				p.AddNoise(y)
				for i, v := range append(y, p.HeldOut.Observations...) {
					if !(math.Abs(v-want[i]) <= 1e-13*(1+math.Abs(want[i]))) {
						t.Fatalf("%s, noise %v, ratio %v: observation %d is %v, not %v", name, all.Noise,
							p.NoiseRatio, i, v, want[i])
					}
				}
				if p.Noise != all.Noise || p.Observations != nil || p.Validate() != nil {
					t.Errorf("%s: noise %v, not %v; %v", name, p.Noise, all.Noise, p.Validate())
				}
			}
		}
	}
}
