package solver

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// summed is an engine that only knows S = 1/m Σ y_i A_i.
type summed struct {
	ProductEngine
	s *mat.Dense
}

func (e *summed) Observations() []float64 { return []float64{1} }

func (e *summed) AdjointMul(dst *mat.Dense, _ []float64, trans bool, x *mat.Dense) error {
	if trans {
		dst.Mul(e.s.T(), x)
	} else {
		dst.Mul(e.s, x)
	}
	return nil
}

// spectrumOf returns a matrix with given singular values, or eigenvalues, which may be negative, if it is
// symmetric.
func spectrumOf(t *testing.T, values []float64, n1, n2 int, symmetric bool) *mat.Dense {
	t.Helper()
	left, err := sensing.NewTruth(n1, len(values), 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	right := left
	if !symmetric {
		if right, err = sensing.NewTruth(n2, len(values), 1, 2); err != nil {
			t.Fatal(err)
		}
	}
	var s mat.Dense
	s.Product(left.Basis(), mat.NewDiagDense(len(values), values), right.Basis().T())
	return &s
}

// TestIteratedEstimate: products with blocks of vectors find the same pairs as the decomposition, even if
// some negative eigenvalues are larger in magnitude than the wanted ones.
func TestIteratedEstimate(t *testing.T) {
	const k = 3
	for _, c := range []struct {
		name      string
		space     sensing.Space
		symmetric bool
		values    []float64
	}{
		{"symmetric", sensing.Sym{N: 90}, true, []float64{-4, 3, 2, 1.9, 1, -0.5, 0.4}},
		{"wide", sensing.Rect{N1: 40, N2: 90}, false, []float64{3, 2, 1.9, 1, 0.5, 0.4}},
		{"tall", sensing.Rect{N1: 90, N2: 40}, false, []float64{3, 2, 1.9, 1, 0.5, 0.4}},
		{"of rank two", sensing.Rect{N1: 50, N2: 40}, false, []float64{3, 2}},
	} {
		n1, n2 := c.space.Dims()
		e := &summed{s: spectrumOf(t, c.values, n1, n2, c.symmetric)}
		s := &adjoint{space: c.space, engine: e, y: []float64{1}}
		whole, err := s.decomposed()
		if err != nil {
			t.Fatal(err)
		}
		found, err := s.iterated(k)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if math.Abs(found.norm-whole.norm) > 1e-9 {
			t.Errorf("%s: the norm is %v, want %v", c.name, found.norm, whole.norm)
		}
		for way, est := range map[string]*SpectralEstimate{"decomposed": whole, "iterated": found} {
			est.skew = skew{scale: 1}
			largest, least := est.Extremes()
			if math.Abs(largest-3) > 1e-9 || math.IsNaN(least) == c.symmetric ||
				c.symmetric && math.Abs(least+4) > 1e-6 { // products look for the largest alone
				t.Errorf("%s, %s: the extremes are %v and %v", c.name, way, largest, least)
			}
		}
		positive := 0
		for j := range k {
			if got, want := found.Values()[j], whole.Values()[j]; math.Abs(got-want) > 1e-12 {
				t.Errorf("%s: value %d is %v, want %v", c.name, j, got, want)
			}
			if whole.Values()[j] > 1e-9 {
				positive++
			}
		}
		// Each vector is compared, not only their span: the values lie at least 0.1 apart.
		for j := 1; j <= positive; j++ {
			if sine := sineBetween(whole.Top(j), found.Top(j)); !(sine < 1e-11) {
				t.Errorf("%s: the first %d vectors are %v off", c.name, j, sine)
			}
		}
	}
}

// TestEstimateOfEntries: for observed entries, the estimate of a matrix too large to be decomposed multiplies
// blocks of few vectors; the estimate of a small matrix is one product with the identity.
func TestEstimateOfEntries(t *testing.T) {
	for _, c := range []struct {
		n, k     int
		iterated bool
	}{{512, 3, false}, {513, 3, true}, {513, 64, true}, {513, 65, false}} {
		ensemble, err := sensing.NewCompletion(sensing.Sym{N: c.n}, c.n, 1)
		if err != nil {
			t.Fatal(err)
		}
		if isDecomposed(ensemble, c.k) == c.iterated {
			t.Errorf("n = %d, %d pairs: iterated is %v", c.n, c.k, !c.iterated)
		}
		n := float64(c.n)
		if bytes := SpectralBytes(ensemble, c.k); c.iterated && c.k == 3 && bytes > 8*n*400 ||
			!c.iterated && bytes < 8*n*n {
			t.Errorf("n = %d, %d pairs: %v bytes", c.n, c.k, bytes)
		}
	}
	rows, err := sensing.NewGaussian(sensing.Sym{N: 600}, 1, sensing.F32, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !isDecomposed(rows, 1) || SpectralBytes(rows, 1) != 0 {
		t.Error("the estimate of rows is not decomposed in the engine's memory")
	}
}

// TestEstimateOfManyPairs: if so many pairs of a large structured problem are asked for that S is decomposed,
// the batch's estimate has all pairs, signed or not, and is made once.
func TestEstimateOfManyPairs(t *testing.T) {
	const n, k = 520, 66 // more than 512, and more than an eighth of it
	e, err := sensing.NewCompletion(sensing.Sym{N: n}, n, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := mat.NewDense(n, n, nil)
	for i := range n {
		s.Set(i, i, float64(i)-100)
	}
	for _, p := range []Parametrization{PSD{}, Indefinite{}} {
		g := &batch{
			problem: &sensing.Problem{Ensemble: e}, engine: &summed{s: s},
			jobs: []Job{{Settings: Settings{Parametrization: p}}},
		}
		est, err := g.estimate(k)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := g.estimate(2 * k); err != nil || again != est || len(est.Values()) != n ||
			math.Abs(est.Values()[0]-(n-101)) > 1e-9 {
			t.Errorf("%s: %d values, the first %v, error %v",
				p.Name(), len(est.Values()), est.Values()[0], err)
		}
	}
}

// TestSpectralSkips: a start that skips has the pairs after the skipped ones. Each column is √λ times its
// vector; columns without a pair, or with a negative λ, are zeros.
func TestSpectralSkips(t *testing.T) {
	values := []float64{5, 3, 2, -1}
	for _, rect := range []bool{false, true} {
		var space sensing.Space = sensing.Sym{N: 6}
		shapes := []Shape{{Rows: 6, Cols: 4}}
		if rect {
			space, shapes = sensing.Rect{N1: 6, N2: 5}, []Shape{{Rows: 6, Cols: 4}, {Rows: 5, Cols: 4}}
		}
		n1, n2 := space.Dims()
		s := &adjoint{space: space, engine: &summed{s: spectrumOf(t, values, n1, n2, !rect)}, y: []float64{1}}
		estimate := func(k int) (*SpectralEstimate, error) {
			if k != 5 {
				t.Errorf("%d pairs were asked for, want 1 + 4", k)
			}
			est, err := s.decomposed()
			est.skew = skew{scale: 1}
			return est, err
		}
		f, err := Spectral{Skip: 1}.Factor(shapes, estimate)
		if err != nil {
			t.Fatal(err)
		}
		est, err := s.decomposed()
		if err != nil {
			t.Fatal(err)
		}
		left, right := est.sides(len(est.Values()))
		want := []float64{3, 2, 0, 0} // λ or σ of the columns
		if rect {
			want = []float64{3, 2, 1, 0}
		}
		for b, vectors := range []*mat.Dense{left, right}[:len(shapes)] {
			for j, lambda := range want {
				for i := range shapes[b].Rows {
					v := 0.0
					if lambda > 0 {
						v = math.Sqrt(lambda) * vectors.At(i, j+1)
					}
					if math.Abs(f[b].At(i, j)-v) > 1e-7 { // √ of a zero that rounding made 1e-15
						t.Fatalf("rect %v, matrix %d: element (%d, %d) is %v, want %v",
							rect, b, i, j, f[b].At(i, j), v)
					}
				}
			}
		}
	}
}
