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

// TestDifferences: the gradients of UUᵀ − VVᵀ and of u∘u − v∘v are gradients, by Taylor's slope, on rows and
// on observed entries; and those of a draw of all measurements are the same.
func TestDifferences(t *testing.T) {
	gaussian := func(s sensing.Space, m int) sensing.Ensemble {
		e, err := sensing.NewGaussian(s, m, sensing.F64, 3)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	completion := func(s sensing.Space, m int) sensing.Ensemble {
		e, err := sensing.NewCompletion(s, m, 3)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	signed, err := sensing.NewIndefiniteTruth(7, 2, 1, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	sparse, err := sensing.NewSparseTruth(9, 3, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	vectors := sensing.Rect{N1: 9, N2: 1}
	for name, c := range map[string]struct {
		par      solver.Parametrization
		ensemble sensing.Ensemble
		truth    *sensing.Truth
		r        int
	}{
		"indefinite, gaussian":   {solver.Indefinite{}, gaussian(sensing.Sym{N: 7}, 40), signed, 3},
		"indefinite, completion": {solver.Indefinite{}, completion(sensing.Sym{N: 7}, 19), signed, 3},
		"sparse, gaussian":       {solver.Sparse{}, gaussian(vectors, 6), sparse, 1},
		"sparse, completion":     {solver.Sparse{}, completion(vectors, 5), sparse, 1},
	} {
		engine, err := Backend{Workers: 2}.Open(context.Background(),
			&sensing.Problem{Ensemble: c.ensemble, Truth: c.truth, Noise: 0.1}, solver.Batch{
				Parametrization: c.par, FactorRanks: []int{c.r},
				Needs: solver.Needs{Slots: 1, Draws: true, Values: true},
			})
		if err != nil {
			t.Fatal(err)
		}
		defer engine.Close()
		shapes, err := c.par.Shapes(c.ensemble.Space(), c.r)
		if err != nil {
			t.Fatal(err)
		}
		u, err := solver.Random{Alpha: 1, Seed: 2}.Factor(shapes, nil)
		if err != nil {
			t.Fatal(err)
		}
		v, err := solver.Random{Alpha: 1, Seed: 3}.Factor(shapes, nil)
		if err != nil {
			t.Fatal(err)
		}
		loss := func(x solver.Factor) float64 {
			var f [1]float64
			if err := engine.Set(0, solver.MethodSlot, x); err != nil {
				t.Fatal(err)
			}
			if err := engine.(solver.ValueEngine).Evaluate(f[:], 0, solver.MethodSlot); err != nil {
				t.Fatal(err)
			}
			return f[0]
		}
		if err := engine.Set(0, solver.Iterate, u); err != nil {
			t.Fatal(err)
		}
		g, drawn := u.Clone(), u.Clone()
		for _, do := range []struct {
			gradient func() error
			to       solver.Factor
		}{
			{func() error { return engine.Gradient(0) }, g},
			{func() error { return engine.(solver.DrawEngine).DrawGradient(0, solver.Draw{}) }, drawn},
		} {
			if err := do.gradient(); err != nil {
				t.Fatal(err)
			}
			if err := engine.Get(0, solver.Gradient, do.to); err != nil {
				t.Fatal(err)
			}
		}
		for b := range g {
			if !mat.EqualApprox(g[b], drawn[b], 1e-12) {
				t.Errorf("%s: the gradient of a draw of all measurements differs in matrix %d", name, b)
			}
		}
		if got := backendtest.TaylorSlope(loss, u, v, g); !(math.Abs(got-2) < 0.05) {
			t.Errorf("%s: the remainder falls with slope %.3f", name, got)
		}
	}
}

// TestSampledBothSides: of a symmetric matrix of observed entries Gᵀ·L is computed too where L and R differ.
func TestSampledBothSides(t *testing.T) {
	const n, m = 11, 30
	e, err := sensing.NewCompletion(sensing.Sym{N: n}, m, 1)
	if err != nil {
		t.Fatal(err)
	}
	f, err := solver.Random{Alpha: 1, Seed: 1}.Factor([]solver.Shape{{Rows: n, Cols: 2}, {Rows: n, Cols: 2}},
		nil)
	if err != nil {
		t.Fatal(err)
	}
	l, r := solver.Indefinite{}.Thin(f)
	op, err := newOperator(context.Background(), e, options{workers: 2, precision: solver.F64})
	if err != nil {
		t.Fatal(err)
	}
	y := make([]float64, m)
	sensing.NewStream(5, sensing.NoiseStream).Normals(0, y)
	p := &part{l: l, r: r, gr: like(l), gl: like(r)}
	op.contract(y, []*part{p})
	w := make([]float64, m)
	op.apply(w, l, r)
	var squares float64
	for i := range w {
		squares += (w[i] - y[i]) * (w[i] - y[i])
		w[i] = (w[i] - y[i]) / m
	}
	gr, gl := like(l), like(r)
	op.adjointMul(gr, w, false, r)
	op.adjointMul(gl, w, true, l)
	if !mat.EqualApprox(p.gr, gr, 1e-12) || !mat.EqualApprox(p.gl, gl, 1e-12) ||
		math.Abs(p.squares-squares) > 1e-12*squares {
		t.Errorf("G·R and Gᵀ·L differ from those of the residuals, or Σ res² = %v from %v", p.squares,
			squares)
	}
}
