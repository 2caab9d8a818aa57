package solver

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/matsense/matsense/internal/numtest"
	"github.com/matsense/matsense/sensing"
)

func linkOf(t *testing.T, name string) sensing.Link {
	t.Helper()
	l, err := sensing.LinkOf(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestWeakRecovery compares thresholds with the literature: 1/2 for real phase retrieval (Mondelli and
// Montanari), p/2 for the norm of p indices by the variance 2/p of χ²_p/p, and π²/4 for sign-product, for
// which E[z zᵀ | y] − I = ±2/π off the diagonal. The value for product was computed with SciPy's Bessel
// functions and adaptive quadrature.
func TestWeakRecovery(t *testing.T) {
	numtest.Law(t)
	for _, c := range []struct {
		link string
		p    int
		want float64
	}{{"norm", 1, 0.5}, {"norm", 2, 1}, {"norm", 5, 2.5}, {"product", 2, 0.59375},
		{"sign-product", 2, math.Pi * math.Pi / 4}} {
		l := linkOf(t, c.link)
		law := l.Law(c.p, 0)
		got := WeakRecovery(law)
		if !(math.Abs(got/c.want-1) < 1e-4) {
			t.Errorf("%s of %d: %.5f, want %.5f", c.link, c.p, got, c.want)
		}
		// The optimal T has an overlap right above the threshold, and none below. The bound on T costs a
		// little.
		optimal, err := l.Transform(sensing.Optimal, c.p)
		if err != nil {
			t.Fatal(err)
		}
		if below, above := PredictEigenvalues(law, optimal, 0.999*got).Overlap(),
			PredictEigenvalues(law, optimal, 1.02*got).Overlap(); below != 0 || !(above > 0) {
			t.Errorf("%s of %d: the overlap is %g below the threshold and %g above",
				c.link, c.p, below, above)
		}
	}
}

// TestPredictEigenvalues compares, for phase retrieval, with the values of a separate NumPy program, which
// evaluated the same formulas on another grid.
func TestPredictEigenvalues(t *testing.T) {
	l := linkOf(t, "norm")
	for _, c := range []struct {
		t           sensing.Preprocessing
		delta, want float64
	}{
		{sensing.Optimal, 0.45, 0}, {sensing.Optimal, 0.6, 0.042}, {sensing.Optimal, 1, 0.230},
		{sensing.Optimal, 2, 0.630}, {sensing.Optimal, 4, 0.902},
		{sensing.Trim, 1, 0}, {sensing.Trim, 2, 0.091}, {sensing.Trim, 4, 0.397},
	} {
		transform, err := l.Transform(c.t, 1)
		if err != nil {
			t.Fatal(err)
		}
		got := PredictEigenvalues(l.Law(1, 0), transform, c.delta).Overlap()
		if !(math.Abs(got-c.want) < 1e-3) {
			t.Errorf("%s, δ = %g: %.4f, want %.3f", c.t, c.delta, got, c.want)
		}
	}
}

// TestPredictEigenvaluesOfProduct: T of trim jumps, and the prediction is that of a NumPy program whose
// Gauss–Legendre quadrature ends and begins at the jump.
func TestPredictEigenvaluesOfProduct(t *testing.T) {
	numtest.Law(t)
	l := linkOf(t, "product")
	law := l.Law(2, 0)
	transform, err := l.Transform(sensing.Trim, 2)
	if err != nil {
		t.Fatal(err)
	}
	for delta, want := range map[float64]float64{2: 0, 3: 0.06212, 4: 0.17025, 6: 0.27482, 10: 0.36044} {
		if got := PredictEigenvalues(law, transform, delta).Overlap(); !(math.Abs(got-want) < 3e-4) {
			t.Errorf("δ = %g: %.5f, want %.5f", delta, got, want)
		}
	}
}

// TestNoisyLaw: predictions with noise are those of a NumPy program, which took expectations over z and the
// noise (Gauss–Hermite), and for the threshold the densities of y on a grid. The noise on sign-product makes
// a mixture of two normal laws, whose E[z zᵀ | y] − I is ±2/π·tanh(y/σ²) off the diagonal.
func TestNoisyLaw(t *testing.T) {
	l := linkOf(t, "norm")
	for _, c := range []struct {
		noise, weak   float64
		optimal, trim [3]float64 // for δ = 1, 2, 4
	}{
		{0.1, 0.5021, [3]float64{0.2264, 0.6190, 0.8903}, [3]float64{0, 0.0907, 0.3970}},
		{0.5, 0.5416, [3]float64{0.1709, 0.4907, 0.7671}, [3]float64{0, 0.0863, 0.3878}},
		{1, 0.6466, [3]float64{0.0655, 0.3001, 0.5522}, [3]float64{0, 0.0707, 0.3580}},
	} {
		law := l.Law(1, c.noise)
		if got := WeakRecovery(law); !(math.Abs(got-c.weak) < 1e-3) {
			t.Errorf("noise %g: the threshold is %.4f, want %.4f", c.noise, got, c.weak)
		}
		for kind, want := range map[sensing.Preprocessing][3]float64{
			sensing.Optimal: c.optimal, sensing.Trim: c.trim,
		} {
			transform, err := l.Transform(kind, 1)
			if err != nil {
				t.Fatal(err)
			}
			for i, delta := range []float64{1, 2, 4} {
				got := PredictEigenvalues(law, transform, delta).Overlap()
				if !(math.Abs(got-want[i]) < 1e-3) {
					t.Errorf("noise %g, %s, δ = %g: %.4f, want %.4f", c.noise, kind, delta, got, want[i])
				}
			}
		}
	}
	const noise = 0.7
	total := 0.0
	for _, at := range linkOf(t, "sign-product").Law(2, noise) {
		total += at.Weight
		want := 1 + 2/math.Pi*math.Tanh(at.Y/(noise*noise))
		if math.Abs(at.Second[0]-want) > 0.01 || math.Abs(at.Second[0]+at.Second[1]-2) > 1e-12 {
			t.Errorf("at y = %.3f: %v, want %.4f", at.Y, at.Second, want)
		}
	}
	if math.Abs(total-1) > 1e-12 {
		t.Errorf("the weights add up to %v", total)
	}
}

// TestPredictEigenvaluesReference compares the edge of the bulk, the eigenvalues outside and their overlaps
// with those of a NumPy program whose law of y comes from integrals over circles and spheres. Both sum over
// grids on which T has corners or jumps, with steps of 0.002 and less.
func TestPredictEigenvaluesReference(t *testing.T) {
	numtest.Law(t)
	text, err := os.ReadFile("../testdata/reference/eigenvalues/predictions.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Spectrum      []float64
		Preprocessing sensing.Preprocessing
		Delta, Edge   float64
		Directions    [][2]float64
	}
	if err := json.Unmarshal(text, &cases); err != nil || len(cases) == 0 {
		t.Fatal(len(cases), err)
	}
	outside := 0
	var link sensing.Link
	var law []sensing.LawPoint // of cases with the same spectrum, which follow each other
	for i, c := range cases {
		p := len(c.Spectrum)
		if i == 0 || !slices.Equal(c.Spectrum, cases[i-1].Spectrum) {
			link = linkOf(t, "quadratic").Weighted(c.Spectrum)
			law = link.Law(p, 0)
		}
		transform, err := link.Transform(c.Preprocessing, p)
		if err != nil {
			t.Fatal(err)
		}
		got := PredictEigenvalues(law, transform, c.Delta)
		near := func(a, b float64) bool { return math.Abs(a-b) < 1e-3*math.Max(1, math.Abs(b)) }
		if !near(got.Edge, c.Edge) {
			t.Errorf("%v, %s, δ = %g: the bulk ends at %.5f, want %.5f", c.Spectrum, c.Preprocessing, c.Delta,
				got.Edge, c.Edge)
		}
		for j, want := range c.Directions {
			d := got.Directions[j]
			if !near(d.Value, want[0]) || !near(d.Overlap, want[1]) {
				t.Errorf("%v, %s, δ = %g, direction %d: %.5f, want %.5f", c.Spectrum, c.Preprocessing, c.Delta,
					j+1, d, want)
			}
			if want[1] > 0 {
				outside++
			}
		}
	}
	if outside < 20 {
		t.Errorf("only %d eigenvalues are outside of the bulk", outside)
	}
}

// TestTop: the limits of the largest eigenvalues are in descending order, and after those outside the bulk
// come edges.
func TestTop(t *testing.T) {
	o := Eigenvalues{Edge: 1, Directions: []Eigenvalue{{1, 0}, {3, 0.2}, {4, 0.6}}}
	want := []Eigenvalue{{4, 0.6}, {3, 0.2}, {1, 0}, {1, 0}, {1, 0}}
	for k, at := range o.Top(5) {
		if at != want[k] {
			t.Errorf("limit %d is %v, want %v", k+1, at, want[k])
		}
	}
	if got := o.Overlap(); !(math.Abs(got-0.8/3) < 1e-15) {
		t.Errorf("the mean overlap is %v", got)
	}
}
