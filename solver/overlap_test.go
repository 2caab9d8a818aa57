package solver

import (
	"math"
	"testing"

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
	for _, c := range []struct {
		link string
		p    int
		want float64
	}{{"norm", 1, 0.5}, {"norm", 2, 1}, {"norm", 5, 2.5}, {"product", 2, 0.59375},
		{"sign-product", 2, math.Pi * math.Pi / 4}} {
		l := linkOf(t, c.link)
		law := l.Law(c.p)
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
		if below, above := PredictOverlap(law, optimal, 0.999*got),
			PredictOverlap(law, optimal, 1.02*got); below != 0 || !(above > 0) {
			t.Errorf("%s of %d: the overlap is %g below the threshold and %g above",
				c.link, c.p, below, above)
		}
	}
}

// TestPredictOverlap compares, for phase retrieval, with the values of a separate NumPy program, which
// evaluated the same formulas on another grid.
func TestPredictOverlap(t *testing.T) {
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
		if got := PredictOverlap(l.Law(1), transform, c.delta); !(math.Abs(got-c.want) < 1e-3) {
			t.Errorf("%s, δ = %g: %.4f, want %.3f", c.t, c.delta, got, c.want)
		}
	}
}
