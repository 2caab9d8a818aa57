package cpu

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestLongDrawSameBits: a draw of more entries than one round of lists has gives the same bits for every
// number of workers, and the sum over plain loops: U's gradient has res/B·Unit·u_j in row i for each drawn
// (i, j), half of it if i ≠ j, and as much for (j, i).
func TestLongDrawSameBits(t *testing.T) {
	const n, m, r, count = 250, 12_000, 3, listsTogether*entriesTogether + 1000
	e, err := sensing.NewCompletion(sensing.Sym{N: n}, m, 7)
	if err != nil {
		t.Fatal(err)
	}
	p := &sensing.Problem{Ensemble: e, Observations: make([]float64, m)}
	sensing.NewStream(1, 99).Normals(0, p.Observations)
	random := rand.New(rand.NewPCG(1, 2))
	drawn := make([]int, count)
	for k := range drawn {
		drawn[k] = random.IntN(m)
	}
	slices.Sort(drawn)
	u, err := solver.Random{Alpha: 0.1, Seed: 1}.Factor([]solver.Shape{{Rows: n, Cols: r}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := mat.NewDense(n, r, nil)
	rows, cols := e.Positions()
	add := func(i, j int, weight float64) {
		for k := range r {
			want.Set(i, k, want.At(i, k)+weight*u[0].At(j, k))
		}
	}
	for _, at := range drawn {
		i, j := int(rows[at]), int(cols[at])
		unit := e.Unit(i, j)
		weight := unit * (unit*mat.Dot(u[0].RowView(i), u[0].RowView(j)) - p.Observations[at]) / count
		if i == j {
			add(i, i, weight)
			continue
		}
		add(i, j, weight/2)
		add(j, i, weight/2)
	}
	var first *mat.Dense
	for _, workers := range []int{1, 2, 3} {
		engine, err := Backend{Workers: workers}.Open(context.Background(), p, solver.Batch{
			Parametrization: solver.PSD{}, FactorRanks: []int{r}, Needs: solver.Needs{Draws: true},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer engine.Close()
		got := mat.NewDense(n, r, nil)
		if err := errors.Join(engine.Set(0, solver.Iterate, u),
			engine.(solver.DrawEngine).DrawGradient(0, solver.Draw{Rows: drawn}),
			engine.Get(0, solver.Gradient, solver.Factor{got})); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = got
		}
		if !mat.Equal(got, first) {
			t.Errorf("%d workers change bits", workers)
		}
		if !mat.EqualApprox(got, want, 1e-11) { // sums of some hundred terms of up to 10
			t.Errorf("the gradient of %d workers differs from plain loops", workers)
		}
	}
}
