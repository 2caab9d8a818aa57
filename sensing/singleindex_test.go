package sensing

import (
	"math"
	"slices"
	"testing"
)

// TestLinks: η is E g·h(g), computed by Simpson's rule on g ≥ 0, as the integrand is even.
func TestLinks(t *testing.T) {
	for _, l := range links() {
		const steps, end = 20000, 12.0
		var sum float64
		for i := range steps + 1 {
			g := end * float64(i) / steps
			weight := 2.0
			switch {
			case i == 0 || i == steps:
				weight = 1
			case i%2 == 1:
				weight = 4
			}
			sum += weight * g * l.of(g) * math.Exp(-g*g/2)
		}
		// The bound allows for √g, which is not smooth at 0.
		if got := 2 * sum * end / steps / 3 / math.Sqrt(2*math.Pi); math.Abs(got-l.eta) > 1e-7 {
			t.Errorf("%s: η is %v, want %v", l.name, l.eta, got)
		}
		if l.of(-0.7) != -l.of(0.7) || !(l.of(0.7) > 0) {
			t.Errorf("%s is not odd and positive", l.name)
		}
	}
}

// TestSingleIndexObserves: T is its definition, written out, and estimates M*, or η·M*/‖M*‖ if the link is
// not known.
func TestSingleIndexObserves(t *testing.T) {
	signed, err := NewIndefiniteTruth(6, 2, 1, 2, 7)
	if err != nil {
		t.Fatal(err)
	}
	sparse, err := NewSparseTruth(12, 3, 1, 7)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		space Space
		truth *Truth
	}{{Sym{6}, signed}, {Rect{12, 1}, sparse}} {
		for _, l := range links() {
			for _, unknown := range []bool{false, true} {
				const m = 4000
				s := SingleIndex{
					Space: c.space, Samples: m, Link: l.name, Unknown: unknown, Truncation: 2,
					Noise: 0.3, Seed: 9,
				}
				k := c.space.K()
				got, err := s.Observe(c.truth)
				if err != nil || len(got) != k {
					t.Fatalf("%d observations, %v", len(got), err)
				}
				z, x, w := c.truth.coordinates(c.space), make([]float64, k), make([]float64, m)
				NewStream(9, NoiseStream).Normals(0, w)
				want := make([]float64, k)
				for i := range m {
					NewStream(9, EntriesStream).Normals(uint64(i), x)
					var index float64
					for j, v := range x {
						index += v * z[j] / c.truth.Norm()
					}
					y := min(max(l.of(index)+0.3*w[i], -2), 2)
					for j, v := range x {
						want[j] += y * v / m
					}
				}
				for j := range want {
					want[j] *= math.Sqrt(float64(k))
					if !unknown {
						want[j] *= c.truth.Norm() / l.eta
					}
					if math.Abs(got[j]-want[j]) > 1e-12 {
						t.Fatalf("%s, unknown %v: observation %d is %v, want %v",
							l.name, unknown, j, got[j], want[j])
					}
				}
				s.Truncation = 0
				got, err = s.Observe(c.truth)
				if err != nil {
					t.Fatal(err)
				}
				target, err := s.Target(c.truth)
				if err != nil {
					t.Fatal(err)
				}
				// A coordinate's deviation is at most √(E y²x²/m)·scale ≤ 11·scale/√m: E g⁶·g² = 105 for the
				// cubic.
				scale := c.truth.Norm() / l.eta
				if unknown {
					scale = 1
				}
				for j, v := range target.coordinates(c.space) {
					if off := got[j]/math.Sqrt(float64(k)) - v; math.Abs(off) > 4*11*scale/math.Sqrt(m) {
						t.Errorf("%s, unknown %v: T is off by %v in coordinate %d", l.name, unknown, off, j)
					}
				}
			}
		}
	}
}

// TestSingleIndexEnsemble: every coordinate is observed once.
func TestSingleIndexEnsemble(t *testing.T) {
	e, err := SingleIndex{Space: Sym{3}, Samples: 5, Link: "sign"}.Ensemble()
	if err != nil {
		t.Fatal(err)
	}
	rows, cols := e.Positions()
	if e.Name() != "single-index" || e.Measurements() != 6 ||
		!slices.Equal(rows, []int32{0, 0, 0, 1, 1, 2}) || !slices.Equal(cols, []int32{0, 1, 2, 1, 2, 2}) {
		t.Errorf("%s observes %v, %v", e.Name(), rows, cols)
	}
	truth, err := NewTruth(4, 1, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	good := SingleIndex{Space: Sym{4}, Samples: 5, Link: "sign"}
	for name, bad := range map[string]func(s *SingleIndex){
		"link": func(s *SingleIndex) { s.Link = "relu" }, "samples": func(s *SingleIndex) { s.Samples = 0 },
		"truncation": func(s *SingleIndex) { s.Truncation = -1 },
		"noise":      func(s *SingleIndex) { s.Noise = math.NaN() },
		"size":       func(s *SingleIndex) { s.Space = Sym{3} },
	} {
		s := good
		bad(&s)
		if _, err := s.Observe(truth); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
