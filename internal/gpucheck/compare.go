package gpucheck

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The GPU and the CPU add the same numbers in different orders, so each gradient differs by some 1e-15 of its
// size. While the signal grows from the small start, U is nearly linear in U₀, so relative differences grow
// only with the number of steps. 1e-9 is far more than they can reach, and far less than any wrong term would
// cause. At the floor the test error is some 1e-7 of ‖M*‖, and the remaining differences are those of numbers
// near 1: 1e-16 over 1e-7 is 1e-9 for each, and 1e-6 leaves three digits for their sums.
const (
	earlyBound = 1e-9 // up to the end of saddle avoidance
	lateBound  = 1e-6 // to the end
)

// compared are the columns of a trajectory that are compared, in addition to the singular values of the
// signal.
var compared = []string{"train_loss", "test_error", "signal", "noise", "angle"}

// apart is the largest relative difference between two tables.
type apart struct {
	most   float64
	column string
	row    string
}

func (d *apart) add(a, b float64, column, row string) {
	if r := relative(a, b); r > d.most {
		*d = apart{r, column, row}
	}
}

func (d apart) String() string {
	if d.most == 0 {
		return "no difference"
	}
	return fmt.Sprintf("at most %.1e (%s, %s)", d.most, d.column, d.row)
}

// relative is |a − b| over the larger of |a| and |b|; infinite if only one of them is a number.
func relative(a, b float64) float64 {
	if a == b || math.IsNaN(a) && math.IsNaN(b) {
		return 0
	}
	if r := math.Abs(a-b) / max(math.Abs(a), math.Abs(b)); !math.IsNaN(r) {
		return r
	}
	return math.Inf(1)
}

// csvTable is a CSV file with a header.
type csvTable struct {
	at   map[string]int // the index of each column
	rows [][]string
}

func readCSV(name string) (*csvTable, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	all, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(all) < 2 {
		return nil, fmt.Errorf("%s has no rows", name)
	}
	t := &csvTable{map[string]int{}, all[1:]}
	for i, column := range all[0] {
		t.at[column] = i
	}
	return t, nil
}

// number returns the number in a cell; NaN if the cell is empty.
func (t *csvTable) number(row int, column string) float64 {
	v, err := strconv.ParseFloat(t.rows[row][t.at[column]], 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

// compareTrajectories compares trajectory.csv of two runs. The strict bound holds up to iteration early.
func compareTrajectories(a, b *csvTable, rank, early int) (before, after apart, err error) {
	if len(a.rows) != len(b.rows) {
		return before, after, fmt.Errorf("one trajectory has %d rows and the other %d",
			len(a.rows), len(b.rows))
	}
	columns := append([]string{}, compared...)
	for i := range rank {
		columns = append(columns, fmt.Sprintf("sigma_%d", i+1))
	}
	for _, column := range columns {
		for _, t := range []*csvTable{a, b} {
			if _, there := t.at[column]; !there {
				return before, after, fmt.Errorf("a trajectory has no column %s", column)
			}
		}
	}
	for i := range a.rows {
		iteration := a.number(i, "iteration")
		if other := b.number(i, "iteration"); iteration != other {
			return before, after, fmt.Errorf("row %d is iteration %v in one trajectory and %v in the other",
				i+1, iteration, other)
		}
		d := &after
		if iteration <= float64(early) {
			d = &before
		}
		for _, column := range columns {
			d.add(a.number(i, column), b.number(i, column), column, fmt.Sprintf("iteration %v", iteration))
		}
	}
	return before, after, nil
}

// summary has the fields of summary.json that are used.
type summary struct {
	Status string
	Final  struct {
		TrainLoss float64 `json:"train_loss"`
		TestError float64 `json:"test_error"`
	}
	Problem struct{ Rank int }
	Phases  struct {
		SaddleEnd *struct{ Iteration int } `json:"saddle_avoidance_end"`
	}
	Stepping float64 `json:"seconds_stepping"`
}

func readSummary(dir string) (s summary, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "summary.json"))
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	return s, err
}

// judgeRun returns the outcome of a run of matsense, and records its times and its last errors.
func judgeRun(a *attempt, name, dir, device string) Outcome {
	o := judgeExit(a)
	s, err := readSummary(a.runDir(dir))
	if o.State != OK || err != nil {
		if err != nil && o.State == OK {
			o = failed("%v", err)
		}
		return o
	}
	wall := a.ended.took.Seconds()
	a.results.Runs = append(a.results.Runs, Run{
		name, device, wall, s.Stepping, s.Final.TrainLoss, s.Final.TestError,
	})
	return ok("%.2f s, %.2f s of them stepping; test error %.4g", wall, s.Stepping, s.Final.TestError)
}

// judgeSample finds out how long a sample of the metrics takes: by two runs that differ in their number
// alone.
func judgeSample(a *attempt) Outcome {
	var walls, samples [2]float64
	for i, name := range []string{"paper-gpu-again", "paper-measured"} {
		for _, r := range a.results.Runs {
			if r.Name == name {
				walls[i] = r.Wall
			}
		}
		path, err := readCSV(filepath.Join(a.runDir(name), "trajectory.csv"))
		switch {
		case err != nil:
			return failed("%v", err)
		case walls[i] == 0:
			return failed("%s has no time", name)
		}
		samples[i] = float64(len(path.rows))
	}
	more := samples[1] - samples[0]
	if more <= 0 {
		return failed("one run has %v samples, and the other %v", samples[0], samples[1])
	}
	text := fmt.Sprintf("%.3g ms each, since %v more of them took %.2f s", 1e3*(walls[1]-walls[0])/more, more,
		walls[1]-walls[0])
	a.results.Comparisons = append(a.results.Comparisons, Comparison{"samples of the metrics", text})
	return ok("%s", text)
}

// judgePaper compares the run on the GPU with the run on the CPU.
func judgePaper(a *attempt) Outcome {
	on, host := a.runDir("paper-gpu"), a.runDir("paper-cpu")
	s, err := readSummary(host)
	t, err1 := readCSV(filepath.Join(on, "trajectory.csv"))
	u, err2 := readCSV(filepath.Join(host, "trajectory.csv"))
	if err := errors.Join(err, err1, err2); err != nil {
		return failed("cannot compare: %v", oneLine(err))
	}
	early := -1
	if s.Phases.SaddleEnd != nil {
		early = s.Phases.SaddleEnd.Iteration
	}
	before, after, err := compareTrajectories(t, u, s.Problem.Rank, early)
	if err != nil {
		return failed("%v", err)
	}
	text := fmt.Sprintf("relative differences up to iteration %d: %v, %.0e allowed; then: %v, %.0e allowed",
		early, before, earlyBound, after, lateBound)
	a.results.Comparisons = append(a.results.Comparisons, Comparison{"paper's run, GPU and CPU", text})
	if before.most > earlyBound || after.most > lateBound {
		return failed("%s", text)
	}
	return ok("%s", text)
}

// judgeSameBits compares the factors of the runs on the GPU: a run gives the same bytes if it is repeated, or
// stopped and resumed.
func judgeSameBits(a *attempt) Outcome {
	read := func(dir string) ([]byte, error) {
		return os.ReadFile(filepath.Join(a.runDir(dir), "factor.npy"))
	}
	want, err := read("paper-gpu")
	if err != nil {
		return failed("cannot compare: %v", err)
	}
	var wrong []string
	for _, c := range []struct{ dir, what string }{
		{"paper-gpu-again", "done again"}, {"paper-resumed", "stopped half-way and resumed"},
	} {
		got, err := read(c.dir)
		if err != nil {
			return failed("cannot compare: %v", err)
		}
		if !bytes.Equal(got, want) {
			wrong = append(wrong, c.what)
		}
	}
	if len(wrong) > 0 {
		return failed("the run has other bits when it is %s", strings.Join(wrong, " and when it is "))
	}
	text := "the run gives the same bits when it is done again, and when it is stopped half-way and resumed"
	a.results.Comparisons = append(a.results.Comparisons, Comparison{"paper's run, again and resumed", text})
	return ok("%s", text)
}

// judgeSweep compares runs.csv of the sweeps: settings and outcomes must be equal, final numbers within the
// late bound.
func judgeSweep(a *attempt) Outcome {
	t, err1 := readCSV(filepath.Join(a.runDir("sweep-cuda"), "runs.csv"))
	u, err2 := readCSV(filepath.Join(a.runDir("sweep-cpu"), "runs.csv"))
	if err := errors.Join(err1, err2); err != nil {
		return failed("cannot compare: %v", oneLine(err))
	}
	d, err := compareSweeps(t, u)
	if err != nil {
		return failed("%v", err)
	}
	text := fmt.Sprintf("%s, relative differences of the final numbers: %v, %.0e allowed",
		count(len(t.rows), "run"), d, lateBound)
	a.results.Comparisons = append(a.results.Comparisons, Comparison{"sweep, GPU and CPU", text})
	if d.most > lateBound {
		return failed("%s", text)
	}
	return ok("%s", text)
}

func compareSweeps(t, u *csvTable) (d apart, err error) {
	if len(t.rows) != len(u.rows) {
		return d, fmt.Errorf("one sweep has %d runs and the other %d", len(t.rows), len(u.rows))
	}
	columns := append([]string{"run", "status", "iterations", "recovered", "error"}, compared...)
	for _, column := range columns {
		if _, there := t.at[column]; !there {
			return d, fmt.Errorf("runs.csv has no column %s", column)
		}
	}
	for i := range t.rows {
		for _, column := range []string{"run", "status", "iterations", "recovered", "error"} {
			if x, y := t.rows[i][t.at[column]], u.rows[i][u.at[column]]; x != y {
				return d, fmt.Errorf("%s of run %d is %q on the GPU and %q on the CPU", column, i, x, y)
			}
		}
		for _, column := range compared {
			d.add(t.number(i, column), u.number(i, column), column, fmt.Sprintf("run %d", i))
		}
	}
	return d, nil
}

// oneLine writes joined errors on one line.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
