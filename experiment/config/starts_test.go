package config

import (
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestPlantedStart: the start of init saddle is the truth without its largest column, and own data's truth is
// checked when it is there.
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

// factorOf is the factor of two matrices that a start makes.
func factorOf(t *testing.T, c *Config, rows, cols int) solver.Factor {
	t.Helper()
	start, err := c.NewStart(nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := start.Factor([]solver.Shape{{Rows: rows, Cols: cols}, {Rows: rows, Cols: cols}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestRandomStart: row i of matrix b is α/√r times row i + 2³²·b of the start's stream, as
// docs/random-numbers.md says.
func TestRandomStart(t *testing.T) {
	c := Default()
	c.Alpha, c.StartSeed = 0.25, 7
	row := make([]float64, 3)
	for b, u := range factorOf(t, &c, 5, 3) {
		for i := range 5 {
			sensing.NewStream(7, sensing.StartStream).Normals(uint64(b)<<32|uint64(i), row)
			for j, g := range row {
				if want := 0.25 / math.Sqrt(3) * g; u.At(i, j) != want {
					t.Fatalf("matrix %d, element (%d, %d) is %v, want %v", b, i, j, u.At(i, j), want)
				}
			}
		}
	}
}

// TestAlphaRight: V₀ has its own size if alpha-right gives one, and U₀ does not change. Other starts and
// parametrizations refuse it.
func TestAlphaRight(t *testing.T) {
	c := Default()
	c.Alpha = 0.25
	same := factorOf(t, &c, 5, 3)
	c.AlphaRight = 0.0625
	for b, u := range factorOf(t, &c, 5, 3) {
		want := mat.DenseCopyOf(same[b])
		want.Scale(math.Pow(0.25, float64(b)), want) // exact: a power of two
		if !mat.Equal(u, want) {
			t.Errorf("matrix %d is\n%v\nwant\n%v", b, mat.Formatted(u), mat.Formatted(want))
		}
	}
	for _, settings := range [][]string{
		{"n=9", "alpha-right=0.1"},
		{"n=9", "parametrization=deep", "alpha-right=0.1"},
		{"n=9", "parametrization=uv", "init=spectral", "alpha-right=0.1"},
		{"n=9", "parametrization=uv", "alpha-right=-1"},
	} {
		c := configOf(t, settings...)
		if p := problemsOf(t, c.Validate()); len(p) != 1 || !strings.Contains(p[0], "alpha-right") {
			t.Errorf("%v: %v", settings, p)
		}
	}
	c = configOf(t, "n=9", "parametrization=uv", "alpha-right=0.1")
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

// TestStartImbalance: U₀ is multiplied by start-imbalance, and V₀ divided. Other starts and parametrizations
// refuse it.
func TestStartImbalance(t *testing.T) {
	for _, settings := range [][]string{
		{"n=9", "init=spectral", "start-imbalance=2"},
		{"n=9", "parametrization=indefinite", "init=spectral", "start-imbalance=2"},
		{"n=9", "parametrization=uv", "start-imbalance=2"},
		{"n=9", "parametrization=uv", "init=spectral", "start-imbalance=-1"},
	} {
		c := configOf(t, settings...)
		if p := problemsOf(t, c.Validate()); len(p) != 1 || !strings.Contains(p[0], "start-imbalance") {
			t.Errorf("%v: %v", settings, p)
		}
	}
	c := configOf(t, "n=9", "parametrization=uv", "init=spectral", "start-imbalance=2")
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	start, err := c.NewStart(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := start.(solver.Spectral); got.Imbalance != 2 {
		t.Errorf("the start is %+v", got)
	}
}

// TestOnesStart: every element is α.
func TestOnesStart(t *testing.T) {
	c := Default()
	c.Init, c.Alpha = ones, 0.25
	for b, u := range factorOf(t, &c, 5, 1) {
		for i := range 5 {
			if u.At(i, 0) != 0.25 {
				t.Errorf("matrix %d, element %d is %v", b, i, u.At(i, 0))
			}
		}
	}
}
