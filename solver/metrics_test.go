package solver

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// handmade is a factor with known metrics. The truth is X = (e₁, e₂/2) in R⁵. With orthonormal f₁ … f₄,
//
//	U = s₁·(cos θ·e₁ + sin θ·e₄)f₁ᵀ + s₂·e₂f₂ᵀ + t·e₃f₃ᵀ,
//
// so that W = span(f₁, f₂). UW has the singular values s₁ and s₂, and its column space is the truth's with e₁
// turned by θ; UW⊥ is t·e₃f₃ᵀ.
type handmade struct{ s1, s2, theta, t float64 }

func (h handmade) factor(r int) Factor {
	f := orthonormalRows(4, r)
	u := mat.NewDense(5, r, nil)
	add := func(row int, scale float64, v []float64) {
		for j, x := range v {
			u.Set(row, j, u.At(row, j)+scale*x)
		}
	}
	add(0, h.s1*math.Cos(h.theta), f.RawRowView(0))
	add(3, h.s1*math.Sin(h.theta), f.RawRowView(0))
	add(1, h.s2, f.RawRowView(1))
	add(2, h.t, f.RawRowView(2))
	return Factor{u}
}

// orthonormalRows returns k rows of length r: a Householder reflection of the unit vectors.
func orthonormalRows(k, r int) *mat.Dense {
	v := make([]float64, r)
	var norm float64
	for j := range v {
		v[j] = float64(j%3) + 1
		norm += v[j] * v[j]
	}
	out := mat.NewDense(k, r, nil)
	for i := range k {
		for j := range r {
			x := -2 * v[i] * v[j] / norm
			if i == j {
				x++
			}
			out.Set(i, j, x)
		}
	}
	return out
}

func units(n int, which ...int) *mat.Dense {
	out := mat.NewDense(n, len(which), nil)
	for j, i := range which {
		out.Set(i, j, 1)
	}
	return out
}

func handmadeTruth(t *testing.T) *sensing.Truth {
	x := units(5, 0, 1)
	x.Set(1, 1, 0.5)
	truth, err := sensing.TruthOf(x)
	if err != nil {
		t.Fatal(err)
	}
	return truth
}

func TestMetrics(t *testing.T) {
	truth := handmadeTruth(t)
	// ‖M*‖_F² = 1 + 1/16.
	norm := math.Sqrt(1 + 1.0/16)
	for name, c := range map[string]struct {
		h                           handmade
		r                           int
		estimate                    *mat.Dense
		signal, noise, angle, toEst float64
		sigma                       []float64
		errorSquared                float64
	}{
		"small and aligned": {
			h: handmade{2e-7, 1e-7, 0, 3e-8}, r: 5, estimate: units(5, 0, 1),
			signal: 1e-7, noise: 3e-8, angle: 0, toEst: 0, sigma: []float64{2e-7, 1e-7, 3e-8, 0, 0},
			errorSquared: sq(4e-14-1) + sq(1e-14-0.25) + sq(9e-16),
		},
		"turned": {
			h: handmade{0.8, 0.5, 0.3, 0.1}, r: 7, estimate: units(5, 0, 1),
			signal: 0.5, noise: 0.1, angle: math.Sin(0.3), toEst: math.Sin(0.3),
			sigma: []float64{0.8, 0.5, 0.1, 0, 0},
			// UUᵀ is s₁²(c e₁ + s e₄)(…)ᵀ + s₂² e₂e₂ᵀ + t² e₃e₃ᵀ, and M* is e₁e₁ᵀ + e₂e₂ᵀ/4: the difference
			// vanishes at e₂.
			errorSquared: sq(0.64*sq(math.Cos(0.3))-1) + 2*sq(0.64*math.Cos(0.3)*math.Sin(0.3)) +
				sq(0.64*sq(math.Sin(0.3))) + sq(0.01),
		},
		"noise above the signal": {
			// The top two left singular vectors are now e₁ and e₃: at a right angle to e₂ of the estimate.
			h: handmade{1, 0.2, 0, 0.6}, r: 4, estimate: units(5, 0, 1),
			signal: 0.2, noise: 0.6, angle: 0, toEst: 1, sigma: []float64{1, 0.6, 0.2, 0},
			errorSquared: sq(0.04-0.25) + sq(0.36),
		},
		"another estimate": {
			h: handmade{1, 0.5, 0, 1e-3}, r: 6, estimate: units(5, 0, 4),
			signal: 0.5, noise: 1e-3, angle: 0, toEst: 1, sigma: []float64{1, 0.5, 1e-3, 0, 0},
			errorSquared: sq(1e-6),
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMeter(PSD{}, &sensing.Problem{Truth: truth}, c.estimate, AllSingularValues)
			s := NewSample(0)
			if err := m.measure(&s, c.h.factor(c.r)); err != nil {
				t.Fatal(err)
			}
			// Singular values and angles are exact to a few units of the largest number involved.
			near := func(what string, got, want, scale float64) {
				t.Helper()
				if !(math.Abs(got-want) <= 1e-14*scale) {
					t.Errorf("%s is %v, want %v", what, got, want)
				}
			}
			near("signal", s.Signal, c.signal, c.sigma[0])
			near("noise", s.Noise, c.noise, c.sigma[0])
			near("angle", s.Angle, c.angle, 1)
			near("spectral angle", s.SpectralAngle, c.toEst, 1)
			near("test error", s.TestError, math.Sqrt(c.errorSquared)/norm, 1)
			if len(s.Sigma) != len(c.sigma) {
				t.Fatalf("%d singular values, want %d", len(s.Sigma), len(c.sigma))
			}
			for i, want := range c.sigma {
				near("sigma", s.Sigma[i], want, c.sigma[0])
			}
		})
	}
}

func sq(x float64) float64 { return x * x }

// TestErrorDoesNotCancel: at a distance of 1e-12 the test error still has its digits. Computed from ‖UUᵀ‖²,
// ‖M*‖² and their inner product, it would have no digits below 1e-8.
func TestErrorDoesNotCancel(t *testing.T) {
	truth := handmadeTruth(t)
	m := newMeter(PSD{}, &sensing.Problem{Truth: truth}, nil, AllSingularValues)
	u := Factor{mat.NewDense(5, 2, nil)}
	u[0].Copy(truth.X())
	const d = 1e-6
	u[0].Set(4, 0, d) // UUᵀ − M* has d at (1, 5) and (5, 1), and d² at (5, 5)
	s := NewSample(0)
	if err := m.measure(&s, u); err != nil {
		t.Fatal(err)
	}
	want := math.Sqrt(2*d*d+d*d*d*d) / math.Sqrt(1+1.0/16)
	if !(math.Abs(s.TestError-want) <= 1e-9*want) {
		t.Errorf("test error %v, want %v", s.TestError, want)
	}
}

// TestSquareSplit: with r = r* there is no W⊥, and the noise is exactly 0.
func TestSquareSplit(t *testing.T) {
	truth := handmadeTruth(t)
	m := newMeter(PSD{}, &sensing.Problem{Truth: truth}, nil, AllSingularValues)
	u := Factor{mat.NewDense(5, 2, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10})}
	s := NewSample(0)
	if err := m.measure(&s, u); err != nil {
		t.Fatal(err)
	}
	if s.Noise != 0 {
		t.Errorf("noise is %v", s.Noise)
	}
	if !math.IsNaN(s.SpectralAngle) {
		t.Errorf("without an estimate the spectral angle is %v", s.SpectralAngle)
	}
}

// TestNarrowFactor: with r < r* the factor misses a direction of the truth, so the signal is 0. Angles are
// those of its columns.
func TestNarrowFactor(t *testing.T) {
	m := newMeter(PSD{}, &sensing.Problem{Truth: handmadeTruth(t)}, units(5, 0, 1), AllSingularValues)
	s := NewSample(0)
	if err := m.measure(&s, Factor{mat.NewDense(5, 1, []float64{2, 2, 1, 0, 0})}); err != nil {
		t.Fatal(err)
	}
	if s.Signal != 0 || s.Noise != 0 || math.Abs(s.SpectralAngle-1.0/3) > 1e-15 {
		t.Errorf("signal %v, noise %v, spectral angle %v", s.Signal, s.Noise, s.SpectralAngle)
	}
}

// TestZeroFactor: zero columns have no direction, so the angles are unknown.
func TestZeroFactor(t *testing.T) {
	m := newMeter(PSD{}, &sensing.Problem{Truth: handmadeTruth(t)}, units(5, 0, 1), AllSingularValues)
	s := NewSample(0)
	if err := m.measure(&s, Factor{mat.NewDense(5, 4, nil)}); err != nil {
		t.Fatal(err)
	}
	if s.Signal != 0 || s.Noise != 0 || s.TestError != 1 || !math.IsNaN(s.Angle) ||
		!math.IsNaN(s.SpectralAngle) {
		t.Errorf("%+v", s)
	}
}

// TestWithoutTruth: metrics that need the truth are NaN, never zero.
func TestWithoutTruth(t *testing.T) {
	m := newMeter(PSD{}, &sensing.Problem{}, nil, AllSingularValues)
	s := NewSample(0)
	if err := m.measure(&s, Factor{units(4, 1, 2)}); err != nil {
		t.Fatal(err)
	}
	for what, v := range map[string]float64{"test error": s.TestError, "signal": s.Signal, "noise": s.Noise,
		"angle": s.Angle, "spectral angle": s.SpectralAngle} {
		if !math.IsNaN(v) {
			t.Errorf("%s is %v", what, v)
		}
	}
	if len(s.Sigma) != 2 || s.Sigma[0] != 1 {
		t.Errorf("singular values %v", s.Sigma)
	}
}

func TestSineBetween(t *testing.T) {
	for _, theta := range []float64{0, 1e-9, 0.1, 1, math.Pi / 2} {
		p := units(4, 0, 1)
		q := units(4, 0, 1)
		q.Set(0, 0, math.Cos(theta))
		q.Set(3, 0, math.Sin(theta))
		// A small angle keeps its digits, which √(1 − cos²) would lose below 1e-8.
		if got := sineBetween(p, q); !(math.Abs(got-math.Sin(theta)) <= 1e-15+1e-7*math.Sin(theta)*theta) {
			t.Errorf("sine %v at the angle %v", got, theta)
		}
	}
}
