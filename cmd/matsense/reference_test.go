package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/matsense/matsense/internal/npy"
)

// pending are cases of what is not there yet.
var pending = []string{
	"completion", "completion_rect",
	"quadratic", "bilinear",
	"pauli",
	"indefinite",
	"sparse",
	"deep",
	"momentum", "momentum_uv",
	"minibatch", "minibatch_uv",
	"label_noise",
	"riemannian", "riemannian_rank", "riemannian_batch",
}

// TestReference runs users' data through the command and compares every number with testdata/reference, which a
// separate NumPy program wrote from the mathematics alone. Both sides compute in double precision in different
// orders: 1e-9 leaves room for 10⁶ roundings, some of them amplified over hundreds of steps.
func TestReference(t *testing.T) {
	cases, err := filepath.Glob("../../testdata/reference/*/settings.json")
	if err != nil || len(cases) != 28 {
		t.Fatalf("found %d cases, %v", len(cases), err)
	}
	for _, path := range cases {
		dir := filepath.Dir(path)
		if slices.Contains(pending, filepath.Base(dir)) {
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var settings struct {
				Method, Parametrization string
				Lambda                  json.Number
				Directions, Radius      json.Number
				MethodSeed              json.Number `json:"method-seed"`
				Step                    json.Number
				Iterations              json.Number
				Angle                   float64 `json:"spectral_estimate_angle"`
			}
			if err := json.Unmarshal(text, &settings); err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(t.TempDir(), "run")
			env := environment{out: io.Discard, err: os.Stderr, memory: func() (float64, error) { return 1e9, nil }, gpus: noGPU}
			flags := []string{"run", "--out", out, "--json",
				"--matrices", filepath.Join(dir, "A.npy"), "--observations", filepath.Join(dir, "y.npy"),
				"--truth", filepath.Join(dir, "X.npy"), "--init", filepath.Join(dir, "U0.npy"),
				"--step", settings.Step.String(), "--iterations", settings.Iterations.String(), "--measure-every", "1",
				"--method", settings.Method, "--parametrization", settings.Parametrization}
			if settings.Parametrization == "uv" {
				flags = append(flags, "--truth-right", filepath.Join(dir, "Y.npy"), "--init-right", filepath.Join(dir, "V0.npy"))
			}
			for flag, value := range map[string]json.Number{
				"--lambda": settings.Lambda, "--directions": settings.Directions, "--radius": settings.Radius, "--method-seed": settings.MethodSeed,
			} {
				if value != "" {
					flags = append(flags, flag, value.String())
				}
			}
			code := run(context.Background(), env, flags)
			if code != exitDone {
				t.Fatalf("exit code %d", code)
			}

			got, want := readCSV(t, filepath.Join(out, "trajectory.csv")), readCSV(t, filepath.Join(dir, "trajectory.csv"))
			for name, column := range want {
				if len(got[name]) != len(column) {
					t.Errorf("%s has %d values, want %d", name, len(got[name]), len(column))
					continue
				}
				for i, w := range column {
					if g := got[name][i]; !(math.Abs(g-w) <= 1e-9*math.Abs(w)) {
						t.Errorf("%s at iteration %d is %v, want %v", name, i, g, w)
						break
					}
				}
			}
			compareFactors(t, filepath.Join(out, "factor.npy"), filepath.Join(dir, "factor.npy"))
			if settings.Parametrization == "uv" {
				compareFactors(t, filepath.Join(out, "factor-right.npy"), filepath.Join(dir, "factor-right.npy"))
			}

			var summary struct {
				Spectral struct {
					Estimate float64 `json:"estimate_to_truth"`
				}
			}
			text, err = os.ReadFile(filepath.Join(out, "summary.json"))
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, &summary); err != nil {
				t.Fatal(err)
			}
			if g := summary.Spectral.Estimate; !(math.Abs(g-settings.Angle) <= 1e-9*settings.Angle) {
				t.Errorf("the spectral estimate is %v from the truth, want %v", g, settings.Angle)
			}
		})
	}
}

// readCSV returns the columns of a CSV file by name.
func readCSV(t *testing.T, path string) map[string][]float64 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	columns := map[string][]float64{}
	for j, name := range rows[0] {
		for _, row := range rows[1:] {
			v, err := strconv.ParseFloat(row[j], 64)
			if err != nil {
				t.Fatalf("%s: column %s: %v", path, name, err)
			}
			columns[name] = append(columns[name], v)
		}
	}
	return columns
}

func compareFactors(t *testing.T, gotPath, wantPath string) {
	t.Helper()
	got, err := npy.Load(gotPath)
	if err != nil {
		t.Fatal(err)
	}
	want, err := npy.Load(wantPath)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Shape().Eq(want.Shape()) {
		t.Fatalf("the factor is %v, want %v", got.Shape(), want.Shape())
	}
	var diff, norm float64
	for i, w := range want.Data().([]float64) {
		d := got.Data().([]float64)[i] - w
		diff += d * d
		norm += w * w
	}
	if rel := math.Sqrt(diff / norm); !(rel <= 1e-9) {
		t.Errorf("the factor is off by %g relative", rel)
	}
}
