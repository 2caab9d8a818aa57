package cpu

import (
	"math"
	"testing"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestExpect: the estimates for the machine of docs/benchmarks.md, two cores, are within a factor of three of
// the times there. More workers take less time, and never less than memory takes.
func TestExpect(t *testing.T) {
	rows := func(entries sensing.Entries) sensing.Ensemble {
		e, err := sensing.NewGaussian(sensing.Sym{N: 200}, 10_000, entries, 1)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	completion := func(n, m int) sensing.Ensemble {
		e, err := sensing.NewCompletion(sensing.Sym{N: n}, m, 1)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	vectors, err := sensing.NewRankOne(sensing.Sym{N: 200}, 4000, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what     string
		e        sensing.Ensemble
		rank     int
		measured float64
	}{
		{"f64 rows", rows(sensing.F64), 200, 45e-3}, {"f32 rows", rows(sensing.F32), 200, 28e-3},
		{"q8 rows", rows(sensing.Q8), 200, 26e-3}, {"rank-one", vectors, 5, 0.65e-3},
		{"completion, r = 5", completion(20_000, 1_000_000), 5, 2e-3},
		{"completion, r = 10", completion(20_000, 1_000_000), 10, 3e-3},
		{"large completion, r = 10", completion(100_000, 10_000_000), 10, 31e-3},
	} {
		batch := solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{c.rank}}
		opening, two := Backend{Workers: 2}.Expect(c.e, batch)
		if opening != 0 || !(two > c.measured/3 && two < c.measured*3) {
			t.Errorf("%s: %v s, and %v s were measured", c.what, two, c.measured)
		}
		_, many := Backend{Workers: 1000}.Expect(c.e, batch)
		if !(many < two) || math.IsNaN(many) {
			t.Errorf("%s: 1000 workers take %v s, two %v s", c.what, many, two)
		}
	}
	batch := solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{1}}
	if _, most := (Backend{Workers: 1000}).Expect(rows(sensing.F64), batch); most < 1608e6/mostBytes {
		t.Errorf("1608 MB are read in %v s", most)
	}
}
