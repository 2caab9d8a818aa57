package experiment

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEigenvaluesReference compares the eigenvalues in summary.json, and the overlaps of their eigenvectors,
// with those of a NumPy program that draws the same vectors. 1e-8 leaves room for 10⁶ roundings, of matrices
// whose norm is about 10.
func TestEigenvaluesReference(t *testing.T) {
	text, err := os.ReadFile("../testdata/reference/eigenvalues/estimates.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Spectrum              []float64
		Preprocessing         string
		N, Measurements, Seed int
		Eigenvalues, Overlaps []float64
	}
	if err := json.Unmarshal(text, &cases); err != nil || len(cases) == 0 {
		t.Fatal(len(cases), err)
	}
	for _, c := range cases {
		spectrum := strings.Trim(strings.ReplaceAll(fmt.Sprint(c.Spectrum), " ", ","), "[]")
		config := configOf(t, "observation=multi-index", "link=quadratic", "spectrum="+spectrum,
			"factor-rank=4", "preprocessing="+c.Preprocessing, fmt.Sprint("n=", c.N),
			fmt.Sprint("measurements=", c.Measurements), fmt.Sprint("seed=", c.Seed))
		out, err := runHere(config, cpuHost(1e9), Options{Dir: filepath.Join(t.TempDir(), "run")})
		if err != nil {
			t.Fatal(err)
		}
		got := out.Summary.Spectral.Eigenvalues
		if len(got) != len(c.Spectrum)+1 {
			t.Fatalf("%s: %d eigenvalues", spectrum, len(got))
		}
		for k, e := range got {
			if !(math.Abs(float64(e.Value)-c.Eigenvalues[k]) < 1e-8) ||
				!(math.Abs(float64(e.Overlap)-c.Overlaps[k]) < 1e-8) {
				t.Errorf("%s, eigenvalue %d: %v with overlap %v, want %v with %v", spectrum, k+1, e.Value,
					e.Overlap, c.Eigenvalues[k], c.Overlaps[k])
			}
		}
		if !(got[0].PredictedValue > got[len(got)-1].PredictedValue) || !(got[0].PredictedOverlap > 0) {
			t.Errorf("%s: predicted %v", spectrum, got)
		}
	}
}
