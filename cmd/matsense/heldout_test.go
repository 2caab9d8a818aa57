package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// ratingFiles writes noisy entries of a 12 × 9 matrix of rank 1, to fit and to hold out.
func ratingFiles(t *testing.T) (train, test string) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 1))
	var lists [2]strings.Builder
	for i := range 12 {
		for j := range 9 {
			value := math.Cos(float64(i))*math.Sin(float64(j)+1)*2 + 0.4*r.NormFloat64()
			list := &lists[0]
			if (i+j)%4 == 1 && i < 11 {
				list = &lists[1]
			}
			fmt.Fprintf(list, "%d,%d,%.3f\n", i, j, value)
		}
	}
	write := func(name string, b *strings.Builder) string {
		return write(t, filepath.Join(t.TempDir(), name), []byte(b.String()))
	}
	return write("train.csv", &lists[0]), write("test.csv", &lists[1])
}

// TestHeldOut: the progress, the summary, the page and the JSON lines of a run with held-out entries name the
// error on them, and the least one with its iteration, as trajectory.csv has them. With keep best the result
// is that iterate.
func TestHeldOut(t *testing.T) {
	train, test := ratingFiles(t)
	flags := []string{"run", "--triplets", train, "--test-triplets", test, "--parametrization", "uv",
		"--alpha", "1e-3", "--step", "0.1", "--iterations", "600"}
	run := func(more ...string) (string, result, object) {
		dir := filepath.Join(t.TempDir(), "run")
		r := must(t, exitDone, slices.Concat(flags, []string{"--out", dir}, more)...)
		return dir, r, summaryOf(t, dir)
	}
	dir, r, s := run()
	errs := readCSV(t, filepath.Join(dir, "trajectory.csv"))["held_out_rmse"]
	iterations := readCSV(t, filepath.Join(dir, "trajectory.csv"))["iteration"]
	least := slices.Index(errs, slices.Min(errs))
	at, end := int(iterations[least]), errs[len(errs)-1]
	if at == 0 || end < 1.05*errs[least] {
		t.Fatalf("the held-out RMSE is least at iteration %d: %v", at, errs)
	}
	if s["best_held_out_rmse"] != errs[least] || s["best_held_out_rmse_iteration"] != float64(at) ||
		s["best_test_error"] != nil || s["kept"] != "last" || s["iterations"] != 600.0 {
		t.Errorf("the least held-out RMSE is %v at %d, and summary.json has %v", errs[least], at, s)
	}
	says := func(where, text string, all ...string) {
		t.Helper()
		for _, want := range all {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q:\n%s", where, want, text)
			}
		}
	}
	lowest := fmt.Sprintf("least held-out RMSE %.4g at iteration %d", errs[least], at)
	says("the summary", r.out, fmt.Sprintf("held-out RMSE %.4g", end), lowest,
		"the result is the last iterate; with --keep best it is the one with the least held-out RMSE")
	says("the progress", r.err, "iteration 600 of 600: train loss", fmt.Sprintf(", held-out RMSE %.4g", end))
	says("the page", string(read(t, dir, "report.html")), "Least errors of the measured iterates",
		"held-out RMSE (in the data&#39;s unit)", "test-triplets")

	_, r, s = run("--keep", "best")
	final := s["final"].(map[string]any)
	if s["kept"] != "best" || s["iterations"] != float64(at) || s["steps"] != 600.0 ||
		final["held_out_rmse"] != errs[least] || final["iteration"] != float64(at) {
		t.Errorf("the best iterate is %d, and summary.json has %v", at, s)
	}
	says("the summary", r.out, fmt.Sprintf("the result is iterate %d of 600: of the measured ones it has "+
		"the least held-out RMSE", at))

	_, r, _ = run("--json")
	for i, sample := range events(jsonLines(t, r.out), "sample") {
		if sample["held_out_rmse"] != errs[i] {
			t.Errorf("sample %d has %v, not %v", i, sample["held_out_rmse"], errs[i])
		}
	}
}

// TestLeastTestErrorIsTold: a run that went on for too long says which iterate has the least test error; one
// that ends with the least error does not.
func TestLeastTestErrorIsTold(t *testing.T) {
	told := regexp.MustCompile(`least test error (\S+) at iteration (\d+)\n`)
	for _, noise := range []string{"0.5", "0"} {
		dir := filepath.Join(t.TempDir(), "run")
		r := must(t, exitDone, "run", "--n", "12", "--rank", "2", "--measurements", "90", "--noise", noise,
			"--iterations", "400", "--out", dir)
		columns := readCSV(t, filepath.Join(dir, "trajectory.csv"))
		errs := columns["test_error"]
		least := slices.Index(errs, slices.Min(errs))
		s := summaryOf(t, dir)
		at := columns["iteration"][least]
		if s["best_test_error"] != errs[least] || s["best_test_error_iteration"] != at {
			t.Errorf("summary.json has the least test error %v at %v, not %v at %v", s["best_test_error"],
				s["best_test_error_iteration"], errs[least], at)
		}
		words := told.FindStringSubmatch(r.out)
		if noise == "0" {
			if words != nil {
				t.Errorf("a run without noise says %q", words[0])
			}
			continue
		}
		if words == nil || words[2] != strconv.Itoa(int(at)) || words[1] != fmt.Sprintf("%.4g", errs[least]) {
			t.Errorf("the least test error is %v at %v, and the run says %q", errs[least], at, words)
		}
	}
}

// TestHeldOutSweep: a sweep over splits of the data has the least held-out RMSE of each run in its table, and
// draws it and its course.
func TestHeldOutSweep(t *testing.T) {
	train, _ := ratingFiles(t)
	dir := swept(t, sweepFile(t, fmt.Sprintf("base: {triplets: %s, hold-out: 0.25, parametrization: uv, "+
		"rank: 0, step: 0.1, alpha: 1e-3, iterations: 200, keep: best}\naxes: [factor-rank: [1, 4]]\nseeds: 2",
		train)))
	runs := runRows(t, dir)
	for i, row := range runs {
		if row["best_held_out_rmse"] == "" || row["best_held_out_rmse"] != row["held_out_rmse"] ||
			row["iterations"] != row["best_held_out_rmse_iteration"] {
			t.Errorf("run %d: %v", i, row)
		}
	}
	if len(runs) != 4 || runs[0]["held_out_rmse"] == runs[1]["held_out_rmse"] {
		t.Errorf("%d runs, and those of two seeds have the errors %s and %s", len(runs),
			runs[0]["held_out_rmse"], runs[1]["held_out_rmse"])
	}
	must(t, exitDone, "plot", dir, "--y", "best_held_out_rmse")
	must(t, exitDone, "plot", dir, "--x", "iteration", "--y", "held_out_rmse", "--by", "factor-rank")
	for _, name := range []string{"sweep-held_out_rmse-vs-factor-rank.svg", // drawn by the sweep
		"sweep-best_held_out_rmse-vs-factor-rank.svg", "sweep-held_out_rmse-vs-iteration.svg"} {
		if !exists(dir, name) {
			t.Errorf("there is no %s", name)
		}
	}
}
