package config

import (
	"testing"

	"github.com/matsense/matsense/solver"
)

// TestPlantedStart: the start of init saddle is the truth without its largest column, and own data's truth is checked when it is there.
func TestPlantedStart(t *testing.T) {
	c := configOf(t, "n=9", "rank=3", "kappa=2", "factor-rank=2", "init=saddle", "alpha=0")
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	truth, err := c.truth()
	if err != nil {
		t.Fatal(err)
	}
	start, err := c.NewStart(truth)
	if err != nil {
		t.Fatal(err)
	}
	f, err := start.Factor([]solver.Shape{{Rows: 9, Cols: 2}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for j := range 2 {
		for i := range 9 {
			if f[0].At(i, j) != truth.X().At(i, 1+j) {
				t.Fatalf("element (%d, %d) is %v, want %v", i, j, f[0].At(i, j), truth.X().At(i, 1+j))
			}
		}
	}
	c.FactorRank = 3
	if _, err := c.NewStart(truth); len(problemsOf(t, err)) != 1 {
		t.Error("a saddle that misses nothing was planted")
	}
}
