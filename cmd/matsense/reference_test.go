package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/matsense/matsense/internal/npy"
)

// dataFlags are the flags for the files of a case, where it has them.
var dataFlags = [][2]string{
	{"--matrices", "A.npy"}, {"--triplets", "triplets.csv"}, {"--triplets", "triplets.mtx"},
	{"--vectors", "vectors.npy"}, {"--vectors-right", "vectors-right.npy"}, {"--paulis", "paulis.txt"},
	{"--observations", "y.npy"}, {"--truth", "X.npy"}, {"--truth-right", "Y.npy"},
	{"--init", "U0.npy"}, {"--init-right", "V0.npy"},
}

// dataOf are the flags for the files of a case of testdata/reference.
func dataOf(dir string) (flags []string) {
	for _, f := range dataFlags {
		if _, err := os.Stat(filepath.Join(dir, f[1])); err == nil {
			flags = append(flags, f[0], filepath.Join(dir, f[1]))
		}
	}
	return flags
}

// settingFlags are the settings of a case that are flags of the same name.
var settingFlags = []string{"method", "parametrization", "step", "iterations", "step-decay", "retraction",
	"lambda", "momentum", "beta1", "beta2", "epsilon", "optimal-value", "loss", "huber-threshold",
	"imbalance-scale", "imbalance-below", "inner-tolerance", "inner-iterations",
	"batch-size", "label-noise", "directions", "radius",
	"bootstrap-steps", "hessian-radius", "least-curvature",
	"adversary-step", "adversary-weight", "adversary-radius", "magnitude-step",
	"method-seed"}

// drawnFlags are further settings of a case whose measurements are drawn.
var drawnFlags = []string{"ensemble", "entries", "measurements", "seed", "snr", "hold-out", "relu-threshold"}

// TestReference runs users' data through the command and compares every number with testdata/reference, which
// a separate NumPy program wrote from the mathematics alone. Both sides compute in double precision in
// different orders: 1e-9 leaves room for 10⁶ roundings, some of them amplified over hundreds of steps.
func TestReference(t *testing.T) {
	cases, err := filepath.Glob("../../testdata/reference/*/settings.json")
	if err != nil || len(cases) < 40 {
		t.Fatalf("found %d cases, %v", len(cases), err)
	}
	for _, path := range cases {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) { followReference(t, dir, "cpu") })
	}
}

// TestReferenceEmulator compares runs on an emulated GPU with the same numbers: one case for each
// parametrization that has kernels of its own, and one with drawn measurements.
func TestReferenceEmulator(t *testing.T) {
	for _, name := range []string{"deep", "indefinite", "sparse", "drawn_signs"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			followReference(t, "../../testdata/reference/"+name, "emulator")
		})
	}
}

// followReference runs a case of testdata/reference on a device and compares every number.
func followReference(t *testing.T, dir, device string) {
	settingsText, err := os.ReadFile(filepath.Join(dir, "settings.json"))
	if err != nil {
		t.Fatal(err)
	}
	var settings map[string]any
	numbers := json.NewDecoder(bytes.NewReader(settingsText))
	numbers.UseNumber() // seeds have more digits than a float64
	if err := numbers.Decode(&settings); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "run")
	env := environment{out: io.Discard, err: os.Stderr,
		memory: func() (float64, error) { return 1e9, nil }, gpus: noGPU}
	flags := append([]string{"run", "--device", device, "--out", out, "--json", "--measure-every", "1",
		"--singular-values", "all"}, dataOf(dir)...)
	if _, deep := settings["depth"]; deep {
		flags = append(flags, "--init", filepath.Join(dir, "W%d.npy"))
	}
	keys := settingFlags
	if _, drawn := settings["snr"]; drawn {
		keys = slices.Concat(keys, drawnFlags)
	}
	for _, key := range keys {
		if value, ok := settings[key]; ok {
			flags = append(flags, "--"+key, fmt.Sprint(value))
		}
	}
	code := run(context.Background(), env, flags)
	if code != exitDone {
		t.Fatalf("exit code %d", code)
	}

	got, want := readCSV(t, filepath.Join(out, "trajectory.csv")), readCSV(t,
		filepath.Join(dir, "trajectory.csv"))
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
	factors, err := filepath.Glob(filepath.Join(dir, "factor*.npy"))
	if err != nil || len(factors) == 0 {
		t.Fatalf("found the factors %v, %v", factors, err)
	}
	for _, factor := range factors {
		compareFactors(t, filepath.Join(out, filepath.Base(factor)), factor)
	}

	angle, ok := settings["spectral_estimate_angle"].(json.Number)
	if !ok {
		return // vectors have none
	}
	estimate, err := angle.Float64()
	if err != nil {
		t.Fatal(err)
	}
	var summary struct {
		Spectral struct {
			Estimate float64 `json:"estimate_to_truth"`
		}
		Problem  struct{ Noise float64 }
		Plateaus []plateau
	}
	text, err := os.ReadFile(filepath.Join(out, "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &summary); err != nil {
		t.Fatal(err)
	}
	if g := summary.Spectral.Estimate; !(math.Abs(g-estimate) <= 1e-9*estimate) {
		t.Errorf("the spectral estimate is %v from the truth, want %v", g, estimate)
	}
	if _, known := settings["plateaus"]; known {
		var want struct{ Plateaus []plateau }
		if err := json.Unmarshal(settingsText, &want); err != nil {
			t.Fatal(err)
		}
		comparePlateaus(t, summary.Plateaus, want.Plateaus)
	}
	if sigma, drawn := settings["sigma"]; drawn { // rounded to 24 bits, so that it is the same on both sides
		if got := strconv.FormatFloat(summary.Problem.Noise, 'g', -1, 64); got != fmt.Sprint(sigma) {
			t.Errorf("the noise is %s, want %v", got, sigma)
		}
	}
}

// plateau is one of summary.json, and of the settings of a case that has them.
type plateau struct {
	Rank     int
	First    int `json:"first_iteration"`
	Last     int `json:"last_iteration"`
	Closest  int `json:"closest_iteration"`
	Distance float64
}

// comparePlateaus compares iterations exactly, and distances like other numbers.
func comparePlateaus(t *testing.T, got, want []plateau) {
	t.Helper()
	if len(got) != len(want) || len(want) < 2 {
		t.Errorf("the plateaus are %+v, want %+v", got, want)
		return
	}
	for i, w := range want {
		g := got[i]
		if d := w.Distance; !(math.Abs(g.Distance-d) <= 1e-9*d) {
			t.Errorf("the distance on plateau %d is %v, want %v", i, g.Distance, d)
		}
		if g.Distance = w.Distance; g != w {
			t.Errorf("plateau %d is %+v, want %+v", i, g, w)
		}
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
			if row[j] == "" { // not known
				continue
			}
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
