package cpu

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// checkReference repeats a case of testdata/reference, which a separate NumPy program wrote, by gradient
// descent on a problem that was made of its files. cmd/matsense says what 1e-9 leaves room for.
func checkReference(t *testing.T, dir string, e sensing.Ensemble, par solver.Parametrization,
	truth *sensing.Truth) {
	t.Helper()
	var settings struct {
		Step       float64
		Iterations int
		Angle      float64 `json:"spectral_estimate_angle"`
	}
	text, err := os.ReadFile(filepath.Join(dir, "settings.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &settings); err != nil {
		t.Fatal(err)
	}
	load := func(what string) *mat.Dense { return loadReference(t, filepath.Join(dir, what+".npy")) }
	start := solver.Factor{load("U0")}
	if par == (solver.UV{}) {
		start = append(start, load("V0"))
	}
	_, r := start[0].Dims()
	var got solver.Trajectory
	problem := &sensing.Problem{Ensemble: e, Observations: load("y").RawMatrix().Data, Truth: truth}
	res, err := solver.Solve(context.Background(), problem, Backend{}, solver.GD{StepSize: settings.Step},
		solver.Settings{
			Start: solver.Given{Start: start}, Iterations: settings.Iterations, MeasureEvery: 1,
			Parametrization: par, FactorRank: r, Recorder: &got, SingularValues: solver.AllSingularValues,
		})
	if err != nil {
		t.Fatal(err)
	}
	compareTrajectory(t, got, filepath.Join(dir, "trajectory.csv"))
	for i, u := range res.Factor {
		want := load([]string{"factor", "factor-right"}[i])
		var diff mat.Dense
		diff.Sub(u, want)
		if off := mat.Norm(&diff, 2) / mat.Norm(want, 2); !(off <= 1e-9) {
			t.Errorf("factor %d is off by %g relative", i, off)
		}
	}
	if angle := res.Spectral.AngleTo(truth); !(math.Abs(angle/settings.Angle-1) <= 1e-9) {
		t.Errorf("the spectral estimate is %v from the truth, want %v", angle, settings.Angle)
	}
}

// loadReference reads a matrix, or a vector as a single column.
func loadReference(t *testing.T, path string) *mat.Dense {
	t.Helper()
	a, err := npy.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	columns := 1
	if shape := a.Shape(); len(shape) == 2 {
		columns = shape[1]
	}
	data := a.Data().([]float64)
	return mat.NewDense(len(data)/columns, columns, data)
}

// compareTrajectory compares every number with the reference's.
func compareTrajectory(t *testing.T, got solver.Trajectory, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	head, lines := lines[0], lines[1:]
	if len(lines) != len(got) {
		t.Fatalf("%d samples, want %d", len(got), len(lines))
	}
	for i, line := range lines {
		s := got[i]
		values := map[string]float64{
			"iteration": float64(s.Iteration), "train_loss": s.TrainLoss, "test_error": s.TestError,
			"signal": s.Signal, "noise": s.Noise, "angle": s.Angle, "spectral_angle": s.SpectralAngle,
			"imbalance": s.Imbalance,
		}
		for j, sigma := range s.Sigma {
			values[fmt.Sprintf("sigma_%d", j+1)] = sigma
		}
		sigmas := slices.DeleteFunc(slices.Clone(head), func(name string) bool {
			return !strings.HasPrefix(name, "sigma_")
		})
		if len(sigmas) != len(s.Sigma) {
			t.Fatalf("%d singular values, want %d", len(s.Sigma), len(sigmas))
		}
		for j, name := range head {
			want, err := strconv.ParseFloat(line[j], 64)
			if err != nil {
				t.Fatal(err)
			}
			if v, found := values[name]; !found || !(math.Abs(v-want) <= 1e-9*math.Abs(want)) {
				t.Fatalf("%s at iteration %d is %v, want %v", name, i, v, want)
			}
		}
		if !slices.Contains(head, "test_error") {
			t.Fatalf("the reference has the columns %q", head)
		}
	}
}
