package main

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var rectangular = []string{"--parametrization", "uv", "--n", "12", "--n2", "9", "--rank", "2",
	"--measurements", "300", "--step", "0.5",
	"--iterations", "200", "--workers", "2"}

func runRectangular(t *testing.T, flags ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	must(t, exitDone, slices.Concat([]string{"run", "--out", dir}, rectangular, flags)...)
	return dir
}

// TestRectangularRun: both factors are there, and the imbalance; the run is repeated from its configuration,
// resumed, drawn again, and is the same in another storage and with other workers.
func TestRectangularRun(t *testing.T) {
	dir := runRectangular(t)
	if _, shape := factorOf(t, dir); !slices.Equal(shape, []int{12, 9}) {
		t.Errorf("factor.npy has the shape %v", shape)
	}
	head, rows := table(t, dir)
	columns := "iteration,train_loss,test_error,signal,noise,angle,spectral_angle,imbalance,sigma_1"
	if got := strings.Join(head[:9], ","); got != columns {
		t.Errorf("the columns are %v", head)
	}
	agree(t, summaryOf(t, dir)["final"], head, rows[len(rows)-1])
	if s := summaryOf(t, dir); s["recovered"] != true {
		t.Errorf("recovered: %v", s["recovered"])
	}
	if page := string(read(t, dir, "report.html")); !strings.Contains(page,
		"Recovery of a 12 × 9 matrix of rank 2") || !strings.Contains(page, "imbalance of U and V") {
		t.Error("the report does not say what was found")
	}
	part := runRectangular(t, "--iterations", "73")
	must(t, exitDone, "run", "--resume", "--out", part, "--iterations", "200")
	again := filepath.Join(t.TempDir(), "again")
	must(t, exitDone, "run", "--config", filepath.Join(dir, "config.yaml"), "--out", again)
	for _, other := range []string{part, again, runRectangular(t, "--storage", "generated"),
		runRectangular(t, "--workers", "5")} {
		sameBits(t, other, dir)
		if string(read(t, other, "factor-right.npy")) != string(read(t, dir, "factor-right.npy")) {
			t.Errorf("%s: factor-right.npy differs", other)
		}
	}
	before := string(read(t, dir, "trajectory.svg"))
	must(t, exitDone, "plot", dir)
	if string(read(t, dir, "trajectory.svg")) != before || !strings.Contains(before, "imbalance") {
		t.Error("plot draws another figure, or one without the imbalance")
	}
	// The second factor of an earlier run goes with it.
	must(t, exitDone, "run", "--out", dir, "--n", "6", "--rank", "1", "--iterations", "5", "--force")
	if exists(dir, "factor-right.npy") {
		t.Error("the run before left its second factor")
	}
}

// TestRectangularPrecision: mixed arithmetic follows f64 where f32 stalls, whichever side is the longer one,
// and a device that runs the GPU's kernels comes to the same.
func TestRectangularPrecision(t *testing.T) {
	for _, sides := range [][]string{{"--n", "12", "--n2", "9"}, {"--n", "9", "--n2", "12"}} {
		final := func(flags ...string) float64 {
			dir := runRectangular(t,
				slices.Concat(sides, []string{"--alpha", "1e-10", "--iterations", "300"}, flags)...)
			return summaryOf(t, dir)["final"].(map[string]any)["test_error"].(float64)
		}
		double, mixed, single := final(), final("--precision", "mixed"), final("--precision", "f32")
		if !(double < 1e-10 && math.Abs(mixed-double) < 1e-3*double && single > 100*double) {
			t.Errorf("%v: test errors %g in f64, %g mixed, %g in f32", sides, double, mixed, single)
		}
	}
	short := []string{"--iterations", "40", "--alpha", "0.1", "--measurements", "100"}
	host, device := runRectangular(t, short...), runRectangular(t, append(short, "--device", "emulator")...)
	head, rows := table(t, host)
	_, others := table(t, device)
	for _, name := range []string{"train_loss", "test_error", "imbalance", "sigma_1"} {
		i := slices.Index(head, name)
		a, b := parse(t, rows[len(rows)-1][i]), parse(t, others[len(others)-1][i])
		if math.Abs(a-b) > 1e-9*math.Abs(a) {
			t.Errorf("%s is %v on the host and %v in the emulator", name, a, b)
		}
	}
}

// TestRectangularSweep: a run gives the same bits alone or in a sweep.
func TestRectangularSweep(t *testing.T) {
	file := sweepFile(t, `base: {parametrization: uv, n: 10, rank: 2, measurements: 200, iterations: 60,
  step: 0.5, alpha: 1e-3}
axes:
  - n2: [7, 13]
  - factor-rank: [2, 7]
  - method: [gd, scaled-gd-lambda]
seeds: 2
`)
	dir := swept(t, file)
	for i, row := range runRows(t, dir) {
		if row["imbalance"] == "" || row["status"] != "budget-spent" {
			t.Errorf("%v", row)
		}
		if i%5 == 0 {
			alone := filepath.Join(t.TempDir(), "alone")
			must(t, exitDone, "run", "--out", alone, "--parametrization", "uv", "--n", "10", "--rank", "2",
				"--measurements", "200", "--iterations", "60", "--step", "0.5",
				"--alpha", "1e-3", "--n2", row["n2"], "--factor-rank", row["factor-rank"], "--method",
				row["method"], "--seed", row["seed"])
			head, rows := table(t, alone)
			for _, name := range []string{"train_loss", "test_error", "signal", "noise", "angle",
				"spectral_angle", "imbalance"} {
				if want := rows[len(rows)-1][slices.Index(head, name)]; row[name] != want {
					t.Errorf("run %d: %s is %s, alone %s", i, name, row[name], want)
				}
			}
		}
	}
}

func TestRectangularMistakes(t *testing.T) {
	d := newData(t)
	odd := d.save(t, "odd.npy", "<f8", false, make([]float64, 2*3*4), 2, 3, 4)
	two := d.save(t, "two.npy", "<f8", false, []float64{1, 2}, 2)
	x := d.save(t, "x3.npy", "<f8", false, []float64{1, 2, 3}, 3, 1)
	y := d.save(t, "y5.npy", "<f8", false, make([]float64, 5), 5, 1)
	own := []string{"--parametrization", "uv", "--matrices", odd, "--observations", two}
	for _, c := range []struct {
		flags []string
		want  string
	}{
		{[]string{"--n2", "5"}, "--n2 is for parametrization uv, deep or sparse, and this is psd"},
		{[]string{"--truth-right", x},
			"--truth-right is for parametrization uv, deep or indefinite"},
		{[]string{"--parametrization", "vu"}, "--parametrization: must be psd, uv, "},
		{[]string{"--parametrization", "uv", "--n2", "0"}, "--n2 goes from 1 to"},
		{[]string{"--parametrization", "uv", "--n2", "2", "--rank", "3"},
			"--rank goes from 1 to n2 = 2, got 3"},
		{[]string{"--parametrization", "uv", "--init", x},
			"--init: a start from files needs both init and init-right"},
		{[]string{"--matrices", odd, "--observations", two},
			"matrices that are not square need parametrization uv"},
		{append(own, "--n2", "7"), "--n2 is 7, and matrices " + odd},
		{append(own, "--truth", x), "--truth: a truth XYᵀ needs both truth and truth-right"},
		{append(own, "--truth", x, "--truth-right", y), "the last must be (4, 1)"},
		{append(own, "--init", x, "--init-right", y), "n2 is 4: it must be (4, r)"},
	} {
		r := matsense(t, append([]string{"run", "--out", filepath.Join(t.TempDir(), "none")}, c.flags...)...)
		if r.code != exitUsage || !strings.Contains(r.err, c.want) {
			t.Errorf("%v: exit code %d\n%s", c.flags, r.code, r.err)
		}
	}
	if _, err := os.Stat("none"); err == nil {
		t.Error("a directory was made")
	}
}
