package gpu

import (
	"context"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/internal/twosided"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestProjectedSquares: for every kind of entries, stored or generated, Σ ‖BᵀA_iC‖² is that of the matrices
// written out, and is the same bits with any tiles. A pass for each pair of columns comes to the same.
func TestProjectedSquares(t *testing.T) {
	t.Parallel()
	const n1, n2, m = 7, 18, 43
	b, c := normal(1, n1, 17), normal(2, n2, 3)
	for name, e := range backendtest.EnsemblesOn(t, sensing.Rect{N1: n1, N2: n2}, m) {
		for _, pair := range [][2]*mat.Dense{{b, c}, {nil, c}, {b, nil}, {nil, nil}} {
			want := 0.0
			for i := range m {
				var p mat.Dense
				p.Product(twosided.OrIdentity(pair[0], n1).T(), mat.NewDense(n1, n2, backendtest.Row(e, i)),
					twosided.OrIdentity(pair[1], n2))
				want += math.Pow(mat.Norm(&p, 2), 2)
			}
			first := math.NaN()
			for _, backend := range []Backend{
				emulated(t, emulator.Config{}, solver.Memory, solver.F64),
				emulated(t, old, solver.Generated, solver.F64),
				inTiles(emulated(t, emulator.Config{}, solver.Generated, solver.F32), 12),
			} {
				engine := openDeep(t, backend, e, 3)
				got, err := engine.ProjectedSquares(pair[0], pair[1])
				must(t, err)
				backendtest.Close(t, name, []float64{got}, []float64{want}, 1e-13)
				if !math.IsNaN(first) && got != first {
					t.Errorf("%s: the bits depend on the tiles, the arithmetic or the device", name)
				}
				first = got
				rowsOf(engine).mostWork = 1 // one group of rows in a launch
				got, err = engine.ProjectedSquares(pair[0], pair[1])
				must(t, err)
				if got != first {
					t.Errorf("%s: the bits depend on the rows of a launch", name)
				}
			}
		}
	}
	e := openDeep(t, emulated(t, emulator.Config{}, solver.Memory, solver.F64),
		backendtest.EnsemblesOn(t, sensing.Rect{N1: n1, N2: n2}, m)["rademacher"], 3)
	want, err := e.ProjectedSquares(b, c)
	must(t, err)
	e.operator = plain{e.operator}
	got, err := e.ProjectedSquares(b, c)
	must(t, err)
	backendtest.Close(t, "column by column", []float64{got}, []float64{want}, 1e-13)
	if _, err := e.ProjectedSquares(c, nil); err == nil {
		t.Error("a B with other rows than n1 was taken")
	}
}

// plain is an operator that only does what every operator does.
type plain struct{ operator }

// normal returns a matrix of normal deviates.
func normal(seed uint64, rows, cols int) *mat.Dense {
	a := mat.NewDense(rows, cols, nil)
	sensing.NewStream(seed, sensing.StartStream).Normals(0, a.RawMatrix().Data)
	return a
}

// openDeep opens an engine for a deep product of three matrices.
func openDeep(t *testing.T, b Backend, e sensing.Ensemble, width int) *engine {
	t.Helper()
	opened, err := b.Open(context.Background(),
		&sensing.Problem{Ensemble: e, Observations: make([]float64, e.Measurements())},
		solver.Batch{Parametrization: solver.Deep{Depth: 3}, FactorRanks: []int{width}})
	must(t, err)
	t.Cleanup(func() { must(t, opened.Close()) })
	return opened.(*engine)
}
