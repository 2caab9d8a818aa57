package work

import (
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

// unknown is an ensemble of a kind that nobody knows.
type unknown struct{ sensing.Ensemble }

// TestOf counts the work of small problems by hand.
func TestOf(t *testing.T) {
	completion := must(sensing.NewCompletion(sensing.Sym{N: 6}, 21, 1)) // all 15 pairs and the diagonal
	wide := must(sensing.NewCompletion(sensing.Rect{N1: 4, N2: 5}, 10, 1))
	rankOne := must(sensing.NewRankOne(sensing.Sym{N: 5}, 40, 1))
	both := must(sensing.NewRankOne(sensing.Rect{N1: 5, N2: 3}, 40, 1))
	words := must(sensing.PaulisOf([]string{"ZI", "IZ", "XI", "XZ"})) // two flip the first bit, two none
	gaussian := must(sensing.NewGaussian(sensing.Sym{N: 5}, 40, sensing.BF16, 1))
	rectangular := must(sensing.NewGaussian(sensing.Rect{N1: 5, N2: 3}, 40, sensing.F32, 1))
	const factors = (15 + 25) * 3 // lift and pullback of a 5 × 3 factor
	for _, c := range []struct {
		what      string
		e         sensing.Ensemble
		runs      int
		precision solver.Precision
		inMemory  bool
		want      Work
	}{
		{"rows in f64", gaussian, 1, solver.F64, true, Work{Bytes: 1200, Doubles: 1200 + factors}},
		{"rows in f32", gaussian, 1, solver.F32, true, Work{Bytes: 1200, Doubles: factors, Singles: 1200}},
		{"rows of two runs", gaussian, 2, solver.F64, false, Work{Doubles: 2400 + 2*factors}},
		{"rectangular rows", rectangular, 1, solver.F64, true, Work{Bytes: 2400, Doubles: 1200 + 3*15*3}},
		{"rank-one", rankOne, 1, solver.F64, true, Work{Bytes: 1600, Doubles: 1200}},
		{"rectangular rank-one", both, 1, solver.F64, false, Work{Doubles: 2 * 40 * 8 * 3}},
		{
			"completion", completion, 1, solver.F64, true,
			Work{Bytes: 36 * 12, Doubles: 36 * 6, Gathers: 36, Rows: 6, Columns: 3},
		},
		{
			"rectangular completion", wide, 2, solver.F64, true,
			Work{Bytes: 20 * 12, Doubles: 2 * 20 * 6, Gathers: 40, Rows: 5, Columns: 3},
		},
		{"Pauli words", words, 1, solver.F64, true, Work{Doubles: 2 * 2 * 4 * (3 + 2)}},
	} {
		if got, known := Of(c.e, 3, c.runs, c.precision, c.inMemory); !known || got != c.want {
			t.Errorf("%s: the work is %+v, %t, want %+v", c.what, got, known, c.want)
		}
	}
	if _, known := Of(unknown{gaussian}, 3, 1, solver.F64, true); known {
		t.Error("an unknown kind of ensemble is known")
	}
}
