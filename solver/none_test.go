package solver_test

import (
	"testing"

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
