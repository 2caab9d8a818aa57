package config

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/sensing"
)

// TestSpectrumMistakes: each mistake is told with the place where the setting was given, and no other is.
func TestSpectrumMistakes(t *testing.T) {
	own := "matrices=A.npy observations=y.npy "
	for _, c := range []struct{ settings, want string }{
		{"spectrum=1,0.5,0.1", ""},
		{"spectrum=1,0.5 rank=2", ""},
		{"spectrum=1,0.5 rank=3", "rank"},
		{"spectrum=1,0.001*5 rank=6", ""},
		{"spectrum=1,0.001*5 rank=2", "rank"},
		{"spectrum=1,0.001*0", "spectrum"},
		{"spectrum=1,0.001*1.5", "spectrum"},
		{"spectrum=1,0.001*", "spectrum"},
		{"spectrum=1,*3", "spectrum"},
		{"spectrum=1,0.1*2*3", "spectrum"},
		{"spectrum=1,0.1*1048577", "spectrum"},
		{"spectrum=0.1*2,1", "spectrum"},
		{"spectrum=1,0.5 kappa=2", "kappa"},
		{"spectrum=1,0.5 kappa=0", ""},
		{"spectrum=0.5,1", "spectrum"},
		{"spectrum=1,-1", "spectrum"},
		{"spectrum=1,x", "spectrum"},
		{"spectrum=1,1e-13", "spectrum"},
		{"spectrum=1e200", "spectrum"},
		{"spectrum=power:1 rank=9", ""},
		{"spectrum=power:0.7", "spectrum"},
		{"spectrum=power:0", "spectrum"},
		{"spectrum=exponential:1", "spectrum"},
		{"spectrum=geometric:0.5 rank=20", ""},
		{"spectrum=geometric:0.5 rank=60", "spectrum"}, // 2⁻⁵⁹
		{"spectrum=geometric:2", "spectrum"},
		{"spectrum=geometric:1", ""},
		{"spectrum=even:20 rank=5", ""},
		{"spectrum=even:1 rank=1", ""},
		{"spectrum=even:20 rank=1", "spectrum"},
		{"spectrum=even:0.5 rank=2", "spectrum"},
		{"spectrum=even:inf rank=2", "spectrum"},
		{"spectrum=1,0.5 parametrization=uv", ""},
		{"spectrum=1,0.5 parametrization=indefinite", ""},
		{"spectrum=1 parametrization=sparse", "spectrum"},
		{"spectrum=1,1 observation=multi-index", "spectrum"},
		{own + "spectrum=1,0.5", "spectrum"},
		{"singular-vectors=signs", ""},
		{"singular-vectors=uniform", ""},
		{"singular-vectors=signs spectrum=1,0.5 parametrization=uv", ""},
		{"singular-vectors=gaussian", "singular-vectors"},
		{"singular-vectors=signs parametrization=sparse", "singular-vectors"},
		{own + "singular-vectors=signs", "singular-vectors"},
		{"singular-vectors=signs kappa=2e6", "kappa"},
		{"singular-vectors=uniform kappa=2e6", ""},
	} {
		config := configOf(t, strings.Fields(c.settings)...)
		problems := problemsOf(t, config.Validate())
		switch {
		case c.want == "" && len(problems) > 0:
			t.Errorf("%s: %q", c.settings, problems)
		case c.want != "" && (len(problems) != 1 || !isAt(problems[0], "--"+c.want)):
			t.Errorf("%s: %q, want one mistake at --%s", c.settings, problems, c.want)
		}
	}
}

// TestSpectrum: the truth has the singular values that were asked for, by the singular value decomposition of
// M*, and the step and λ follow from them.
func TestSpectrum(t *testing.T) {
	for _, c := range []struct {
		settings string
		singular []float64
		step     float64
	}{
		{"spectrum=4,2,0.5 n=9", []float64{4, 2, 0.5}, 0.25 / 4},
		{"spectrum=4,2*2,0.5*3 n=9", []float64{4, 2, 2, 0.5, 0.5, 0.5}, 0.25 / 4},
		{"spectrum=4,2,0.5 n=9 n2=6 parametrization=uv", []float64{4, 2, 0.5}, 0.25 / 4},
		{"spectrum=4,2,0.5 n=9 parametrization=indefinite", []float64{4, 2, 0.5}, 0.25 / 4},
		{"spectrum=power:1.5 rank=4 n=9", []float64{1, 1 / math.Sqrt(8), 1 / math.Sqrt(27), 1. / 8}, 0.25},
		{"spectrum=geometric:0.1 rank=3 n=3", []float64{1, 0.1, 0.01}, 0.25},
		{"spectrum=even:5 rank=3 n=9 n2=6 parametrization=uv", []float64{1, 0.6, 0.2}, 0.25},
		{"spectrum=4,2 n=9 ensemble=rank-one", []float64{4, 2}, 0.25 / (2*4 + 6)},
		{"spectrum=4,2 n=9 method=polyak-gd", []float64{4, 2}, 0.25},
		{"spectrum=4,2 n=9 method=scaled-gd-lambda", []float64{4, 2}, 0.25},
	} {
		config := configOf(t, strings.Fields(c.settings)...)
		if err := config.Check(); err != nil {
			t.Fatal(err)
		}
		truth, err := config.truth()
		if err != nil {
			t.Fatal(err)
		}
		var m mat.Dense
		var svd mat.SVD
		m.Mul(truth.X(), truth.Right().T())
		svd.Factorize(&m, mat.SVDNone)
		for j, got := range svd.Values(nil)[:len(c.singular)] {
			if math.Abs(got-c.singular[j]) > 1e-14*c.singular[0] {
				t.Errorf("%s: singular value %d is %v, want %v", c.settings, j, got, c.singular[j])
			}
		}
		if math.Abs(config.Step-c.step) > 1e-15 {
			t.Errorf("%s: the step is %v, want %v", c.settings, config.Step, c.step)
		}
		if config.Method == "scaled-gd-lambda" && config.Lambda != 2 {
			t.Errorf("%s: λ is %v, want the least singular value, 2", c.settings, config.Lambda)
		}
	}
}

// TestOwnTruth: measurements of a user's truth are drawn. Its file says the sizes, and the observations are
// those of the matrix in it.
func TestOwnTruth(t *testing.T) {
	folder := t.TempDir()
	save := func(name string, rows, columns int, numbers ...float64) string {
		path := filepath.Join(folder, name)
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(npy.Write(f, []int{rows, columns}, numbers), f.Close()); err != nil {
			t.Fatal(err)
		}
		return path
	}
	x := save("X.npy", 3, 2, 2, 0, 0, 1, 0, 0) // M* = diag(4, 1, 0)
	y := save("Y.npy", 2, 2, 1, 0, 0, 1)       // XYᵀ = [2 0; 0 1; 0 0]
	beta := save("beta.npy", 4, 1, 0, -3, 0, 4)
	square := save("M.npy", 2, 2, 1, 1, 1, 1)
	for _, c := range []struct {
		settings string
		want     string // the resolved settings
	}{
		{"truth=" + x, "n=3 rank=2 measurements=60 factor-rank=3 kappa=0 step=0.0625"},
		{"truth=" + x + " measurements=7 factor-rank=1", "n=3 rank=2 measurements=7 factor-rank=1"},
		{"truth=" + x + " truth-right=" + y + " parametrization=uv", "n=3 n2=2 rank=2"},
		{"truth=" + beta + " parametrization=sparse", "n=4 n2=1 rank=1 sparsity=2"},
		{"truth=" + x + " method=scaled-gd-lambda", "lambda=1 step=0.25"},
		{"truth=" + x + " n=3 rank=2 kappa=0", "n=3"}, // as a resolved configuration has it
	} {
		config := configOf(t, strings.Fields(c.settings)...)
		if err := config.Check(); err != nil {
			t.Errorf("%s: %v", c.settings, err)
			continue
		}
		for _, want := range strings.Fields(c.want) {
			key, value, _ := strings.Cut(want, "=")
			if f, _ := config.Field(key); f.String() != value {
				t.Errorf("%s: %s is %s, want %s", c.settings, key, f, value)
			}
		}
	}
	for _, c := range []struct{ settings, want string }{
		{"truth=" + x + " n=4", "n"},
		{"truth=" + x + " rank=1", "rank"},
		{"truth=" + x + " kappa=2", "kappa"},
		{"truth=" + x + " spectrum=1", "spectrum"},
		{"truth=" + x + " truth-right=" + y, "truth-right"},
		{"truth=" + x + " parametrization=uv", "truth"},
		{"truth=" + x + " parametrization=sparse", "truth"},
		{"truth=" + x + " observation=multi-index", "truth"},
		{"truth=" + square, "truth"},
		{"truth=" + filepath.Join(folder, "missing.npy"), "truth"},
	} {
		config := configOf(t, strings.Fields(c.settings)...)
		if problems := problemsOf(t, config.Check()); len(problems) != 1 || !isAt(problems[0], "--"+c.want) {
			t.Errorf("%s: %q, want one mistake at --%s", c.settings, problems, c.want)
		}
	}
	config := configOf(t, "truth="+x, "measurements=5")
	if err := config.Check(); err != nil {
		t.Fatal(err)
	}
	data, err := config.Load()
	if err != nil {
		t.Fatal(err)
	}
	want := mat.NewDense(3, 2, []float64{2, 0, 0, 1, 0, 0})
	if got := data.Problem.Truth.X(); !mat.Equal(got, want) {
		t.Errorf("the truth is\n%v", mat.Formatted(got))
	}
	if data.Hashes["truth"] == "" {
		t.Error("the truth has no hash: a resumed run could not tell that its file has changed")
	}
}

// TestLambdaOfTail: the default λ is the least singular value with which a step from a small factor does not
// overshoot, μ²‖M*‖/4 (at most √‖M*‖ after a step from u = √λ: μσ²/(2√λ)). Symptom: it was the least of all,
// and a truth with a small tail diverged.
func TestLambdaOfTail(t *testing.T) {
	for settings, want := range map[string]float64{
		"spectrum=1,0.6,0.001*38 n=50":            0.6,
		"spectrum=1,0.6,0.001*38 n=50 step=0.02":  0.001, // 0.02²/4 is less
		"spectrum=100,60,0.1*38 n=50":             60,
		"spectrum=1,0.1,0.01 n=50":                0.1,
		"spectrum=1,0.1,0.02 n=50":                0.02, // 0.25²/4 = 0.0156
		"spectrum=1,0.6,0.001*38 n=50 lambda=0.2": 0.2,
		"kappa=10 rank=2 n=50":                    0.01, // all values are sought
	} {
		c := configOf(t, append(strings.Fields(settings), "method=scaled-gd-lambda")...)
		if err := c.Check(); err != nil || !(math.Abs(c.Lambda-want) < 1e-15) {
			t.Errorf("%s: λ = %v, want %v: %v", settings, c.Lambda, want, err)
		}
	}
}

// TestSingularVectors: the default has the fingerprint and the truth that it had before there was a choice.
// With signs, a truth of rank 1 has elements of one size, for kappa and for a spectrum alike, and another
// fingerprint.
func TestSingularVectors(t *testing.T) {
	drawn := func(settings, vectors string) (fingerprint string, truth *sensing.Truth) {
		c := configOf(t, append(strings.Fields(settings+vectors), "n=9", "rank=1")...)
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		truth, err := c.truth()
		if err != nil {
			t.Fatal(err)
		}
		return c.Fingerprint(nil), truth
	}
	for _, settings := range []string{"kappa=1", "spectrum=1", "parametrization=uv n2=4 spectrum=1"} {
		before, old := drawn(settings, "")
		now, uniform := drawn(settings, " singular-vectors=uniform")
		if now != before || !mat.Equal(uniform.X(), old.X()) || !mat.Equal(uniform.Right(), old.Right()) {
			t.Errorf("%s: the default has another fingerprint or truth if it is given", settings)
		}
		signed, truth := drawn(settings, " singular-vectors=signs")
		if signed == before {
			t.Errorf("%s: signs have the fingerprint of the default", settings)
		}
		for side, x := range map[string]*mat.Dense{"X": truth.X(), "Y": truth.Right()} {
			n, _ := x.Dims()
			for i := range n {
				if got, want := math.Abs(x.At(i, 0)), 1/math.Sqrt(float64(n)); math.Abs(got-want) > 1e-15 {
					t.Errorf("%s: |%s(%d)| is %v, want %v", settings, side, i, got, want)
				}
			}
		}
	}
}
