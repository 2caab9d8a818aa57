package estimate

import (
	"math"
	"testing"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestOf: the counts for sizes that can be counted by hand. n = 200 has K = 20,100 coordinates; 10,000 rows
// of f32 are 804 MB, as docs/kernels.md says.
func TestOf(t *testing.T) {
	batch := func(ranks ...int) solver.Batch {
		return solver.Batch{Parametrization: solver.PSD{}, FactorRanks: ranks}
	}
	rows := must(sensing.NewGaussian(sensing.Sym{N: 200}, 10_000, sensing.F32, 1))
	vectors := must(sensing.NewRankOne(sensing.Sym{N: 200}, 4000, 1))
	words := must(sensing.PaulisOf([]string{"ZI", "IZ", "XI", "XZ"})) // two flip the first bit, two none
	const products = 20_100 + 40_000                                  // of lift and pullback, for each column
	for _, c := range []struct {
		what              string
		e                 sensing.Ensemble
		storage           solver.Storage
		batch             solver.Batch
		bytes, operations float64
	}{
		{"rows", rows, "", batch(200), 804e6, 2*201e6 + products*200},
		{"the largest factor counts", rows, solver.Memory, batch(5, 200, 7), 804e6, 2*201e6 + products*200},
		{"generated rows", rows, solver.Generated, batch(1), 0, 2*201e6 + products},
		{"completion, 600 rows of a factor",
			must(sensing.NewCompletion(sensing.Rect{N1: 50, N2: 40}, 300, 1)),
			solver.Memory, batch(4), 600 * (12 + 4*8), 600 * 2 * 4},
		{"rank-one, 6.4 MB read twice", vectors, solver.Memory, batch(5), 12.8e6, 2 * 800_000 * 5},
		{"pauli", words, solver.Memory, batch(3), 32 * 16, 2 * 2 * 4 * (3 + 2)},
	} {
		w, known := Of(c.e, c.storage, c.batch)
		if !known || w.Bytes != c.bytes || w.Operations != c.operations {
			t.Errorf("%s: %+v, %t, want %v bytes and %v operations", c.what, w, known, c.bytes, c.operations)
		}
	}
}

// TestSeconds: the slower of memory and arithmetic decides.
func TestSeconds(t *testing.T) {
	r := Rates{Bytes: 1e9, Operations: 1e10, Step: 1e-3}
	for _, c := range []struct{ bytes, operations, want float64 }{
		{2e9, 1e10, 2.001}, {2e9, 3e10, 3.001}, {0, 0, 0.001},
	} {
		if got := r.Seconds(Work{c.bytes, c.operations}); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%+v takes %v s, want %v", c, got, c.want)
		}
	}
}
