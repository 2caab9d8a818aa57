package cpu

import (
	"context"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestRectangular: the gradient of UVᵀ on a rectangular space is one, by Taylor's slope, and descends to a
// solution.
func TestRectangular(t *testing.T) {
	const n1, n2, m, r = 7, 5, 140, 2
	e, err := sensing.NewGaussian(sensing.Rect{N1: n1, N2: n2}, m, sensing.F64, 3)
	if err != nil {
		t.Fatal(err)
	}
	shapes, _ := solver.UV{}.Shapes(e.Space(), r)
	factor := func(seed uint64, scale float64) solver.Factor {
		f, err := solver.Random{Alpha: scale, Seed: seed}.Factor(shapes, nil)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	truth := factor(1, 1)
	y := make([]float64, m)
	op, err := newOperator(context.Background(), e, options{solver.Memory, 2, available()[0], solver.F64, nil})
	if err != nil {
		t.Fatal(err)
	}
	op.apply(y, truth[0], truth[1])
	engine, err := Backend{Workers: 2}.Open(context.Background(),
		&sensing.Problem{Ensemble: e, Observations: y},
		solver.Batch{Parametrization: solver.UV{}, FactorRanks: []int{r}})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	loss := func(f solver.Factor) float64 {
		var l [1]float64
		if err := engine.Set(0, solver.Iterate, f); err != nil {
			t.Fatal(err)
		}
		if err := engine.Losses(l[:], 0); err != nil {
			t.Fatal(err)
		}
		return l[0]
	}
	u, v := factor(2, 1), factor(3, 1)
	loss(u)
	g := u.Clone()
	if err := engine.Get(0, solver.Gradient, g); err != nil {
		t.Fatal(err)
	}
	if got := backendtest.TaylorSlope(loss, u, v, g); !(math.Abs(got-2) < 0.05) {
		t.Errorf("the remainder falls with slope %.3f", got)
	}
	loss(factor(4, 0.1))
	for range 3000 {
		if err := descend(engine, 0.2); err != nil {
			t.Fatal(err)
		}
	}
	if err := engine.Get(0, solver.Iterate, g); err != nil {
		t.Fatal(err)
	}
	var got, want mat.Dense
	got.Mul(g[0], g[1].T())
	want.Mul(truth[0], truth[1].T())
	got.Sub(&got, &want)
	if rel := mat.Norm(&got, 2) / mat.Norm(&want, 2); !(rel < 1e-6) {
		t.Errorf("UVᵀ ends %g from the truth", rel)
	}
}
