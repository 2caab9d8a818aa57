package sensing

import (
	"math"
	"testing"
)

// TestCovariates: every law has the mean 0, the variance 1, E S(X)·X = 1 (Stein's identity for h(x) = x) and
// its characteristic function, by 200,000 draws. A mean of numbers of variance V has an error of √(V/200000),
// and E X⁴ is 9 for student.
func TestCovariates(t *testing.T) {
	const draws = 200_000
	for _, c := range allCovariates() {
		x := make([]float64, draws)
		c.row(NewStream(5, EntriesStream), 3, x)
		var mean, square, stein float64
		for _, v := range x {
			mean += v / draws
			square += v * v / draws
			stein += c.score(v) * v / draws
		}
		if !(math.Abs(mean) < 0.01 && math.Abs(square-1) < 0.03 && math.Abs(stein-1) < 0.02) {
			t.Errorf("%s: mean %.4f, variance %.4f, E S(X)X = %.4f", c.name, mean, square, stein)
		}
		for _, at := range []float64{0.3, 1, 2.5} {
			var got float64
			for _, v := range x {
				got += math.Cos(at*v) / draws
			}
			if want := c.characteristic(at); !(math.Abs(got-want) < 0.008) {
				t.Errorf("%s: E cos(%gx) = %.4f, want %.4f", c.name, at, got, want)
			}
		}
	}
}

// TestEta: η is E h′(g): for a Gaussian g the η of the link, and for others what is known in closed form. The
// sign has 2p(0): √2 for Laplace's law and 16/(3√3·π) for Student's. The sum of two Laplace variables of the
// density exp(−√2|x|)/√2 has the density √2/4 at 0, and over √2 it has 1/2.
func TestEta(t *testing.T) {
	laws := map[string]covariates{}
	for _, c := range allCovariates() {
		laws[c.name] = c
	}
	for _, l := range links() {
		if l.spectrum == nil {
			continue
		}
		gaussian := laws[gaussianCovariates]
		gaussian.name = "gaussian, by the integral"
		if got := gaussian.eta(l, []float64{0.6, -0.8}); !(math.Abs(got-l.eta) < 1e-6) {
			t.Errorf("%s: η is %.8f, want %.8f", l.name, got, l.eta)
		}
	}
	sign := links()[2]
	for _, c := range []struct {
		law   string
		index []float64
		want  float64
	}{
		{"laplace", []float64{1}, math.Sqrt2},
		{"laplace", []float64{math.Sqrt2 / 2, -math.Sqrt2 / 2}, 1},
		{"student", []float64{0, 1}, 16 / (3 * math.Sqrt(3) * math.Pi)},
	} {
		if got := laws[c.law].eta(sign, c.index); !(math.Abs(got-c.want) < 1e-6) {
			t.Errorf("%s, %v: η is %.8f, want %.8f", c.law, c.index, got, c.want)
		}
	}
}

// TestScoresObserve: T is its definition, written out, with clipping and noise.
func TestScoresObserve(t *testing.T) {
	truth, err := NewSparseTruth(12, 3, 1, 7)
	if err != nil {
		t.Fatal(err)
	}
	const m, n = 300, 12
	root := math.Sqrt2
	for law, of := range map[string]struct {
		normals int
		x       func(g []float64) float64
		score   func(x float64) float64
	}{
		"student": {6, func(g []float64) float64 {
			return g[0] / math.Sqrt((g[1]*g[1]+g[2]*g[2]+g[3]*g[3]+g[4]*g[4]+g[5]*g[5])/5) * math.Sqrt(0.6)
		}, func(x float64) float64 { return 2 * x / (1 + x*x/3) }},
		"laplace": {4, func(g []float64) float64 {
			return ((g[0]*g[0]+g[1]*g[1])/2 - (g[2]*g[2]+g[3]*g[3])/2) / root
		}, func(x float64) float64 { return root * x / math.Abs(x) }},
	} {
		s := SingleIndex{Space: Rect{n, 1}, Samples: m, Link: "tanh", Covariates: law, Unknown: true,
			Truncation: 0.9, Noise: 0.3, Seed: 9}
		got, err := s.Observe(truth)
		if err != nil {
			t.Fatal(err)
		}
		w, want := make([]float64, m), make([]float64, n)
		NewStream(9, NoiseStream).Normals(0, w)
		for i := range m {
			g := make([]float64, n*of.normals)
			NewStream(9, EntriesStream).Normals(uint64(i), g)
			x := make([]float64, n)
			var index float64
			for j, v := range truth.coordinates(s.Space) {
				x[j] = of.x(g[j*of.normals:])
				index += x[j] * v / truth.Norm()
			}
			y := min(max(math.Tanh(index)+0.3*w[i], -0.9), 0.9)
			for j, v := range x {
				want[j] += y * of.score(v) / m
			}
		}
		for j, v := range want {
			if !(math.Abs(got[j]/math.Sqrt(n)-v) < 1e-12) {
				t.Errorf("%s: coordinate %d of T is %v, want %v", law, j, got[j]/math.Sqrt(n), v)
			}
		}
	}
}

// TestScores: T estimates η·M*/‖M*‖ for every link and law.
func TestScores(t *testing.T) {
	truth, err := NewSparseTruth(10, 3, 4, 7)
	if err != nil {
		t.Fatal(err)
	}
	space := Rect{10, 1}
	for _, law := range SingleIndexCovariates() {
		for _, link := range SingleIndexLinks() {
			if link == "cubic" && law != gaussianCovariates {
				continue // y has no variance, or too large a one
			}
			const m = 60_000
			s := SingleIndex{Space: space, Samples: m, Link: link, Covariates: law, Unknown: true, Seed: 2}
			got, err := s.Observe(truth)
			if err != nil {
				t.Fatal(err)
			}
			target, err := s.Target(truth)
			if err != nil {
				t.Fatal(err)
			}
			// E y²S² is at most 4 if the link is not cubic, and else E g⁶·g² = 105.
			bound := 5 * 2 / math.Sqrt(m)
			if link == "cubic" {
				bound = 5 * 11 / math.Sqrt(m)
			}
			for c, want := range target.coordinates(space) {
				if off := got[c]/math.Sqrt(10) - want; !(math.Abs(off) < bound) {
					t.Errorf("%s, %s: T is off by %.4f in coordinate %d, at most %.4f", law, link, off, c, bound)
				}
			}
		}
	}
	for _, s := range []SingleIndex{
		{Link: "sign", Covariates: "laplace"}, {Link: "tanh", Covariates: "student"},
	} {
		if !s.ScaleDepends() {
			t.Errorf("%v: the scale does not depend on M*", s)
		}
	}
	for _, s := range []SingleIndex{{Link: "sign"}, {Link: "cubic", Covariates: "student"}} {
		if s.ScaleDepends() {
			t.Errorf("%v: the scale depends on M*", s)
		}
	}
	unknown := SingleIndex{Space: space, Samples: 5, Link: "sign", Covariates: "cauchy"}
	if _, err := unknown.Observe(truth); err == nil {
		t.Error("an unknown law was taken")
	}
}
