package krylov

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// random returns a matrix of independent N(0, 1) numbers.
func random(rows, cols int, seed uint64) *mat.Dense {
	r := rand.New(rand.NewPCG(seed, 0))
	a := mat.NewDense(rows, cols, nil)
	for i := range rows {
		for j := range cols {
			a.Set(i, j, r.NormFloat64())
		}
	}
	return a
}

// withSpectrum returns QΛQᵀ for a random orthogonal Q.
func withSpectrum(values []float64, seed uint64) (s, q *mat.Dense) {
	n := len(values)
	var qr mat.QR
	qr.Factorize(random(n, n, seed))
	q = new(mat.Dense)
	qr.QTo(q)
	s = new(mat.Dense)
	s.Mul(q, mat.NewDiagDense(n, values))
	s.Mul(s, q.T())
	return s, q
}

// TestLeading: matrices are made with known eigenpairs. Eigenvalues must agree to 1e-12 of the norm, and the
// projector onto the eigenvectors to 1e-9: with a gap of a thousandth, a residual of 1e-13 gives at most
// that.
func TestLeading(t *testing.T) {
	cases := map[string]struct {
		n, k  int
		value func(i, n int) float64 // descending
	}{
		"one":                {1, 1, func(int, int) float64 { return -3 }},
		"all of a small one": {5, 5, func(i, _ int) float64 { return float64(2 - i) }},
		"low rank":           {90, 3, func(i, _ int) float64 { return max(0, float64(3-i)) }},
		"a large negative": {80, 2, func(i, n int) float64 {
			return map[bool]float64{true: -50, false: 1 / float64(i+1)}[i == n-1]
		}},
		"a repeated one": {120, 3, func(i, _ int) float64 {
			return map[bool]float64{true: 1, false: 0.5 * math.Exp(-float64(i)/9)}[i < 3]
		}},
		"a small gap": {150, 4, func(i, n int) float64 {
			return map[bool]float64{true: 1.001, false: 1 - float64(i)/float64(n)}[i < 4]
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			values := make([]float64, c.n)
			norm := 0.0
			for i := range values {
				values[i] = c.value(i, c.n)
				norm = max(norm, math.Abs(values[i]))
			}
			s, q := withSpectrum(values, 1)
			multiply := func(dst, x *mat.Dense) error { dst.Mul(s, x); return nil }
			got, err := Leading(random(c.n, BlockSize(c.n, c.k), 2), c.k, multiply)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range got.Values {
				if !(math.Abs(v-values[i]) <= 1e-12*norm) {
					t.Errorf("value %d is %v, want %v", i, v, values[i])
				}
			}
			if !(math.Abs(got.Largest-norm) <= 1e-6*norm) {
				t.Errorf("the largest magnitude is %v, want %v", got.Largest, norm)
			}
			var p, want, diff mat.Dense
			top := q.Slice(0, c.n, 0, c.k)
			p.Mul(got.Vectors, got.Vectors.T())
			want.Mul(top, top.T())
			diff.Sub(&p, &want)
			if d := mat.Norm(&diff, 2); !(d <= 1e-9) {
				t.Errorf("the vectors' projector is off by %g", d)
			}
		})
	}
}

// TestEdgeOfBulk: the largest of 4000 eigenvalues at equal distances is found. Symptom: after 600 products it
// was given up, and two of 200 runs of multi-index models near their threshold failed.
func TestEdgeOfBulk(t *testing.T) {
	const n = 4000
	value := func(i int) float64 { return 1 - float64(i)/n }
	products := 0
	pairs, err := Leading(random(n, BlockSize(n, 1), 3), 1, func(dst, x *mat.Dense) error {
		products++
		dst.Apply(func(i, _ int, v float64) float64 { return value(i) * v }, x)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if products <= exactProducts {
		t.Errorf("%d products are enough: the case shows nothing", products)
	}
	if got := pairs.Values[0]; math.Abs(got-1) > 1e-11 {
		t.Errorf("the largest eigenvalue is %v, want 1", got)
	}
	if got := math.Abs(pairs.Vectors.At(0, 0)); !(got > 1-1e-4) {
		t.Errorf("the eigenvector has the right direction to %v", got)
	}
}

// TestLeadingRefuses: Leading returns an error of the product, and does not accept vectors that no number of
// products separates.
func TestLeadingRefuses(t *testing.T) {
	broken := errors.New("broken")
	fails := func(*mat.Dense, *mat.Dense) error { return broken }
	if _, err := Leading(random(9, 3, 1), 1, fails); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	for _, bad := range [][3]int{{5, 6, 1}, {5, 2, 3}, {5, 2, 0}} {
		t.Run(fmt.Sprint(bad), func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			Leading(random(bad[0], bad[1], 1), bad[2], nil)
		})
	}
	t.Run("zero", func(t *testing.T) {
		got, err := Leading(random(9, 3, 1), 2, func(dst, _ *mat.Dense) error { dst.Zero(); return nil })
		if err != nil || got.Values[0] != 0 || got.Largest != 0 {
			t.Errorf("got %v, %v", got, err)
		}
	})
}

// BenchmarkLeading finds 5 pairs of a diagonal matrix, n = 100,000, whose products cost little.
func BenchmarkLeading(b *testing.B) {
	const n, k = 100_000, 5
	diagonal := make([]float64, n)
	for i := range diagonal {
		diagonal[i] = 1 / float64(i+1)
	}
	multiply := func(dst, x *mat.Dense) error {
		for i, v := range diagonal {
			row := dst.RawRowView(i)
			for j, w := range x.RawRowView(i) {
				row[j] = v * w
			}
		}
		return nil
	}
	start := random(n, BlockSize(n, k), 1)
	for b.Loop() {
		if _, err := Leading(start, k, multiply); err != nil {
			b.Fatal(err)
		}
	}
}
