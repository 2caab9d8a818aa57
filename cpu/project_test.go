package cpu

import (
	"context"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/internal/twosided"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestProjectedSquares: for every kind of entries, wherever they are, Σ ‖BᵀA_iC‖² is that of the matrices
// written out, is the same bits with any number of workers and any instructions, and is what a pass for each
// pair of columns comes to.
func TestProjectedSquares(t *testing.T) {
	const n1, n2, m = 7, 5, 75
	space := sensing.Rect{N1: n1, N2: n2}
	ensembles := map[string]sensing.Ensemble{}
	for name, e := range backendtest.EnsemblesOn(t, space, m) {
		ensembles[name] = e
	}
	seen, err := sensing.NewCompletion(space, 20, 1)
	if err != nil {
		t.Fatal(err)
	}
	ensembles["completion"] = seen
	b, c := normal(1, n1, 4), normal(2, n2, 6)
	for name, e := range ensembles {
		for _, pair := range [][2]*mat.Dense{{b, c}, {nil, c}, {b, nil}, {nil, nil}} {
			want := 0.0
			for i := range e.Measurements() {
				a := mat.NewDense(n1, n2, backendtest.Row(e, i))
				var p mat.Dense
				p.Product(twosided.OrIdentity(pair[0], n1).T(), a, twosided.OrIdentity(pair[1], n2))
				want += math.Pow(mat.Norm(&p, 2), 2)
			}
			first := math.NaN()
			for _, backend := range []Backend{{Workers: 1}, {Workers: 3, Storage: solver.Generated},
				{Workers: 2, SIMD: Off}} {
				engine := openDeep(t, backend, e)
				got, err := engine.ProjectedSquares(pair[0], pair[1])
				if err != nil || !(math.Abs(got-want) <= 1e-12*want) {
					t.Errorf("%s: %v, want %v (%v)", name, got, want, err)
				}
				if first = either(first, got); got != first {
					t.Errorf("%s: the bits depend on workers, storage or instructions", name)
				}
				engine.operator = hidden{engine.operator}
				if slow, err := engine.ProjectedSquares(pair[0], pair[1]); err != nil ||
					!(math.Abs(slow-want) <= 1e-12*want) {
					t.Errorf("%s, column by column: %v, want %v (%v)", name, slow, want, err)
				}
			}
		}
	}
	engine := openDeep(t, Backend{}, ensembles["completion"])
	if _, err := engine.ProjectedSquares(c, nil); err == nil {
		t.Error("a B with other rows than n1 was taken")
	}
}

// hidden is an operator that only does what every operator does.
type hidden struct{ operator }

func either(first, other float64) float64 {
	if math.IsNaN(first) {
		return other
	}
	return first
}

// normal returns a matrix of normal deviates.
func normal(seed uint64, rows, cols int) *mat.Dense {
	a := mat.NewDense(rows, cols, nil)
	sensing.NewStream(seed, sensing.StartStream).Normals(0, a.RawMatrix().Data)
	return a
}

// openDeep opens an engine for a deep product of width 3.
func openDeep(t *testing.T, b Backend, e sensing.Ensemble) *engine {
	t.Helper()
	opened, err := b.Open(context.Background(),
		&sensing.Problem{Ensemble: e, Observations: make([]float64, e.Measurements())},
		solver.Batch{Parametrization: solver.Deep{Depth: 3}, FactorRanks: []int{3}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	return opened.(*engine)
}
