package solver_test

import (
	"context"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestNone: a run without steps returns its start, bit for bit, and a step is an error.
func TestNone(t *testing.T) {
	start := solver.Spectral{}
	want := solve(t, problem(t, 0), descent, solver.Settings{Start: start, FactorRank: 2})
	got := solve(t, problem(t, 0), solver.None{}, solver.Settings{Start: start, FactorRank: 2})
	for j, u := range want.Factor {
		rows, cols := u.Dims()
		for i := range rows * cols {
			if a, b := got.Factor[j].At(i/cols, i%cols), u.At(i/cols, i%cols); a != b {
				t.Fatalf("matrix %d, number %d is %v, want %v", j, i, a, b)
			}
		}
	}
	if err := (solver.None{}).Step(nil, 0); err == nil {
		t.Error("a step was taken")
	}
}

// counting is a backend that counts products with the adjoint.
type counting struct {
	cpu.Backend
	products *int
}

type countingEngine struct {
	solver.ProductEngine
	products *int
}

func (b counting) Open(ctx context.Context, p *sensing.Problem, batch solver.Batch) (solver.Engine, error) {
	e, err := b.Backend.Open(ctx, p, batch)
	if err != nil {
		return nil, err
	}
	return countingEngine{e.(solver.ProductEngine), b.products}, nil
}

func (e countingEngine) AdjointMul(dst *mat.Dense, w []float64, trans bool, x *mat.Dense) error {
	*e.products++
	return e.ProductEngine.AdjointMul(dst, w, trans, x)
}

// TestEstimateOnce: a run makes one spectral estimate: its metrics use that of its spectral start, which may
// have more columns than the truth's rank.
func TestEstimateOnce(t *testing.T) {
	const n, columns = 513, 3 // S is not decomposed
	e, err := sensing.NewRankOne(sensing.Sym{N: n}, 4*n, 1)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := sensing.NewTruth(n, 1, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	p := &sensing.Problem{Ensemble: e, Truth: truth}
	var products, alone int
	engine, err := counting{products: &alone}.Open(background, p, solver.Batch{
		Parametrization: solver.PSD{}, FactorRanks: []int{columns},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	if _, err := solver.NewSpectralEstimate(e, engine.(solver.ProductEngine), columns); err != nil {
		t.Fatal(err)
	}
	if _, err := solver.Solve(background, p, counting{products: &products}, solver.None{},
		solver.Settings{Start: solver.Spectral{}, FactorRank: columns}); err != nil {
		t.Fatal(err)
	}
	if products != alone || alone < 2 {
		t.Errorf("a run takes %d products, and the estimate with %d pairs %d", products, columns, alone)
	}
}
