package sensing

import (
	"math"
	"testing"
)

// lawByAngles is the law of y = Σ_j λ_j z_j² for two or three indices from its definition in spherical
// coordinates, z_j = √(y/λ_j)·u_j: the density, and E[z_j² | y].
func lawByAngles(lambda []float64, y float64) (density float64, second []float64) {
	p := len(lambda)
	second = make([]float64, p)
	const points = 400
	add := func(weight float64, u ...float64) {
		var exponent float64
		for j, v := range u {
			exponent += v * v / lambda[j]
		}
		weight *= math.Exp(-y * exponent / 2)
		density += weight
		for j, v := range u {
			second[j] += weight * y * v * v / lambda[j]
		}
	}
	for k := range points {
		angle := (float64(k) + 0.5) / points * 2 * math.Pi
		if p == 2 {
			add(2*math.Pi/points, math.Cos(angle), math.Sin(angle))
			continue
		}
		for i := range points { // equal parts of the angle from the pole
			down := (float64(i) + 0.5) / points * math.Pi
			flat := math.Sin(down)
			area := 2 * math.Pi / points * math.Pi / points * flat
			add(area, flat*math.Cos(angle), flat*math.Sin(angle), math.Cos(down))
		}
	}
	for j := range second {
		second[j] /= density
	}
	scale := math.Pow(y, float64(p)/2-1) / 2 / math.Pow(2*math.Pi, float64(p)/2)
	for _, v := range lambda {
		scale /= math.Sqrt(v)
	}
	return density * scale, second
}

// TestQuadraticLaw compares the law with integrals over angles. The rule over the whole circle is exact but
// for roundings; that over the angle from the pole has an error of 1/points², times less than 10.
func TestQuadraticLaw(t *testing.T) {
	for _, c := range []struct {
		lambda []float64
		bound  float64
	}{
		{[]float64{1, 1}, 1e-12}, {[]float64{1, 0.5}, 1e-12}, {[]float64{3, 0.1}, 1e-12},
		{[]float64{1, 0.7, 0.49}, 1e-4}, {[]float64{2, 2, 0.2}, 1e-4},
	} {
		l := newSumOfChiSquares(c.lambda)
		for _, y := range []float64{1e-6, 0.03, 0.7, 2, 11, 60} {
			density, second := l.at(y)
			wantDensity, want := lawByAngles(c.lambda, y)
			if !(math.Abs(density/wantDensity-1) <= c.bound) {
				t.Errorf("λ = %v: the density of %g is %v, want %v", c.lambda, y, density, wantDensity)
			}
			for j := range want {
				if !(math.Abs(second[j]/want[j]-1) <= c.bound) {
					t.Errorf("λ = %v: E[z² | %g] = %v, want %v", c.lambda, y, second, want)
				}
			}
		}
	}
}

// TestQuadraticIdentities: Σ λ_j E[z_j² | y] = y, for every y, whatever the spread and the number of indices;
// the weights of the law give E y = Σ λ_j and E z_j² = 1; and with equal eigenvalues the law is that of the
// norm. The sums over points of the law are off by their step, 1/10000 of the range.
func TestQuadraticIdentities(t *testing.T) {
	for _, lambda := range [][]float64{
		{1}, {0.3}, {1, 1, 1, 1}, {5, 4, 3, 2, 1, 0.5, 0.2}, {1, 1. / MaxSpread},
	} {
		p := len(lambda)
		link, err := LinkOf("quadratic")
		if err != nil {
			t.Fatal(err)
		}
		var trace, mean float64
		for _, v := range lambda {
			trace += v
		}
		moments := make([]float64, p)
		for _, at := range link.Weighted(lambda).Law(p, 0) {
			var sum float64
			for j, s := range at.Second {
				sum += lambda[j] * s
				moments[j] += at.Weight * s
			}
			if !(math.Abs(sum/at.Y-1) < 1e-10) {
				t.Fatalf("λ = %v: at y = %v the parts sum to %v", lambda, at.Y, sum)
			}
			mean += at.Weight * at.Y
		}
		if !(math.Abs(mean/trace-1) < 1e-3) {
			t.Errorf("λ = %v: E y = %v, want %v", lambda, mean, trace)
		}
		for j, v := range moments {
			if !(math.Abs(v-1) < 2e-3) {
				t.Errorf("λ = %v: E z_%d² = %v", lambda, j+1, v)
			}
		}
	}
	equal := newSumOfChiSquares([]float64{1, 1, 1})
	for _, y := range []float64{0.01, 1, 40} {
		_, second := equal.at(y)
		for j, want := range secondOfNorm(3, y) {
			if !(math.Abs(second[j]/want-1) < 1e-13) {
				t.Errorf("equal eigenvalues: E[z² | %g] = %v, want %v", y, second[j], want)
			}
		}
	}
}

// TestQuadraticObserves: the link's observations are those that rank-one measurements make of M*.
func TestQuadraticObserves(t *testing.T) {
	const n, m = 7, 40
	e, err := NewRankOne(Sym{n}, m, 3)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := DrawTruth(Sym{n}, []float64{1, 0.5, 0.2}, 0, UniformVectors, 4)
	if err != nil {
		t.Fatal(err)
	}
	link, err := LinkOf("quadratic")
	if err != nil {
		t.Fatal(err)
	}
	y, err := link.Weighted([]float64{1, 0.5, 0.2}).Observe(&Problem{Ensemble: e, Truth: truth}, e)
	if err != nil {
		t.Fatal(err)
	}
	a := make([]float64, n)
	for i := range y {
		e.Vector(i, a)
		var want float64
		for j := range 3 {
			var p float64
			for k, v := range a {
				p += v * truth.X().At(k, j)
			}
			want += p * p
		}
		if !(math.Abs(y[i]-want) <= 1e-13*(1+want)) {
			t.Errorf("observation %d is %v, want %v", i, y[i], want)
		}
	}
	two := link.Weighted([]float64{1, 0.5})
	if _, err := two.Observe(&Problem{Ensemble: e, Truth: truth}, e); err == nil {
		t.Error("two eigenvalues were taken for three directions")
	}
}
