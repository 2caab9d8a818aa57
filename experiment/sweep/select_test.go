package sweep

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/solver"
)

// pointAt returns a point whose other metrics are 1, apart from metrics that only some kinds of runs have.
func pointAt(iteration int, loss, testError float64) Point {
	p := pointOf(experiment.MetricsOf(solver.NewSample(iteration)))
	p.TrainLoss, p.TestError, p.Signal, p.Noise, p.Angle, p.SpectralAngle = loss, testError, 1, 1, 1, 1
	return p
}

// results returns results of a sweep in which run i has a trajectory of three points that ends with the test
// error 10^−i.
func results(t *testing.T, text string) *Results {
	t.Helper()
	s := mustParse(t, text)
	runs, err := s.Runs()
	if err != nil {
		t.Fatal(err)
	}
	r := &Results{Spec: s, Runs: runs}
	for _, run := range runs {
		last := math.Pow(10, -float64(run.Index))
		at := 100 + run.Index
		r.Records = append(r.Records, &Record{
			Index: run.Index, Values: run.Values, Status: "budget-spent", Iterations: 20,
			Final: pointAt(20, last, last), EstimateAngle: unknown, ClosestAngle: unknown,
			Targets:    []*int{&at},
			Trajectory: []Point{pointAt(0, 1, 1), pointAt(10, 1, 0.1), pointAt(20, last, last)},
			Timing:     Timing{Device: "cpu", Seconds: 2, Targets: []experiment.Number{1}},
		})
	}
	return r
}

const twoAxes = `
axes:
  - alpha: [1e-6, 1e-4, 1e-2]
  - factor-rank: [3, 10]
seeds: 2
targets: [1e-2]
`

// Symptom: an axis was linear for the runs drawn, because other runs of the sweep have the value zero.
func TestAxisOfDrawnRuns(t *testing.T) {
	r := results(t, "axes: [{method: [gd, sgd]}, {noise: [0, 1e-6, 1e-4, 1e-2]}]\n"+
		"filter: (method == \"sgd\") == (noise == 0)")
	for method, want := range map[string]bool{"gd": true, "sgd": false} {
		q := Query{X: "noise", Y: "test_error", Where: map[string][]string{"method": {method}}}
		s, err := r.Select(q)
		if err != nil || s.XLog != want {
			t.Errorf("%s: %+v, %v", method, s, err)
		}
	}
}

func TestSelectDefaults(t *testing.T) {
	r := results(t, twoAxes)
	s, err := r.Select(r.Defaults(Query{}))
	if err != nil {
		t.Fatal(err)
	}
	if s.X != "alpha" || s.Y != "test_error" || s.By != "factor-rank" || !s.XLog || !s.YLog ||
		len(s.Lines) != 2 {
		t.Fatalf("%+v", s)
	}
	// The grid's last axis is the fastest, then come the seeds: runs 0, 1, 4, 5, 8, 9 have factor-rank 3.
	if l := s.Lines[0]; l.Value != "3" || !slices.Equal(l.X, []float64{1e-6, 1e-6, 1e-4, 1e-4, 1e-2, 1e-2}) ||
		!slices.Equal(l.Y, []float64{1, 0.1, 1e-4, 1e-5, 1e-8, 1e-9}) {
		t.Errorf("%+v", l)
	}
	for q, want := range map[string]string{
		"iteration||": "iteration by alpha", "factor-rank||": "factor-rank by alpha",
		"|factor-rank|": "alpha by factor-rank",
		"|alpha|":       "factor-rank by alpha", "||factor-rank=3": "alpha by ",
		"iteration||alpha=1e-6": "iteration by factor-rank",
	} {
		parts := strings.Split(q, "|")
		var conditions []string
		if parts[2] != "" {
			conditions = []string{parts[2]}
		}
		where, err := r.Where(conditions)
		if err != nil {
			t.Fatal(err)
		}
		d := r.Defaults(Query{X: parts[0], By: parts[1], Where: where})
		if got := d.X + " by " + d.By; got != want {
			t.Errorf("%s: %s, want %s", q, got, want)
		}
	}
	if d := results(t, "base: {n: 20}").Defaults(Query{}); d.X != Iteration || d.By != "" {
		t.Errorf("a single run: %+v", d)
	}
}

// TestSelectDefaultsSeeds: runs of an axis of seeds are replicas, wherever the axis stands. They are neither
// an axis of the figure nor its lines.
func TestSelectDefaultsSeeds(t *testing.T) {
	for axes, want := range map[string]string{
		"[{seed: [1, 2]}, {alpha: [1e-6, 1e-4, 1e-2]}]":                         "alpha by ",
		"[{alpha: [1e-6, 1e-4]}, {start-seed: [1, 2]}, {factor-rank: [3, 10]}]": "alpha by factor-rank",
		"[{seed: [1, 2]}]": "iteration by ",
		"[{seed: [1, 2], alpha: [1e-6, 1e-4]}, {factor-rank: [3, 10, 12]}]": "alpha by factor-rank",
	} {
		r := results(t, "axes: "+axes)
		q := r.Defaults(Query{})
		if got := q.X + " by " + q.By; got != want {
			t.Errorf("%s: %s, want %s", axes, got, want)
		}
		if _, err := r.Select(q); err != nil {
			t.Errorf("%s: %v", axes, err)
		}
	}
}

func TestSelectColumns(t *testing.T) {
	r := results(t, twoAxes)
	for column, first := range map[string]float64{"iterations_to_0.01": 100, "seconds": 2,
		"seconds_to_0.01": 1, "iterations": 20} {
		s, err := r.Select(Query{X: "alpha", Y: column, By: "factor-rank"})
		if err != nil {
			t.Fatal(column, err)
		}
		if s.Lines[0].Y[0] != first || s.YLog {
			t.Errorf("%s: %+v", column, s.Lines[0])
		}
	}
}

// TestSelectLeavesOut: runs that failed, diverged or lack the number are counted, not drawn.
func TestSelectLeavesOut(t *testing.T) {
	r := results(t, twoAxes)
	r.Records[0].Status, r.Records[1].Status, r.Records[4].Targets = Failed, "diverged", []*int{nil}
	s, err := r.Select(Query{X: "alpha", Y: "iterations_to_0.01", By: "factor-rank"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Failed != 1 || s.Diverged != 1 || s.Unknown != 1 || len(s.Lines[0].X) != 3 {
		t.Errorf("%+v", s)
	}
	for _, rec := range r.Records {
		rec.Targets = nil
	}
	if _, err := r.Select(Query{X: "alpha", Y: "iterations_to_0.01", By: "factor-rank"}); err == nil ||
		!strings.Contains(err.Error(), "no run has iterations_to_0.01") {
		t.Error(err)
	}
}

// Symptom: a single train loss of exactly 0 made the axis linear, on which the other losses cannot be told
// apart.
func TestSpansDecades(t *testing.T) {
	for _, c := range []struct {
		y    []float64
		want bool
	}{
		{[]float64{1, 101}, true}, {[]float64{1, 100}, false}, {[]float64{0, 1e-9, 1e-3}, true},
		{[]float64{0, 0}, false}, {[]float64{-1, 1e-9, 1}, false}, {nil, false},
	} {
		if got := spansDecades([]Series{{Y: c.y}}); got != c.want {
			t.Errorf("%v: %v", c.y, got)
		}
	}
}

func TestSelectWords(t *testing.T) {
	r := results(t, "axes: [{entries: [f64, q8]}, {n: [20, 30]}]")
	s, err := r.Select(r.Defaults(Query{}))
	if err != nil || !slices.Equal(s.Categories, []string{"f64", "q8"}) ||
		!slices.Equal(s.Lines[1].X, []float64{0, 1}) {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestSelectCurves: a line has all points that any run keeps, up to the end of the shortest trajectory;
// missing values are interpolated in the logarithm.
func TestSelectCurves(t *testing.T) {
	r := results(t, "seeds: 2")
	r.Records[1].Trajectory = []Point{pointAt(0, 1, 1), pointAt(4, 1, 1e-2), pointAt(16, 1, 1e-5)}
	s, err := r.Select(r.Defaults(Query{}))
	if err != nil {
		t.Fatal(err)
	}
	l := s.Lines[0]
	if want := []float64{0, 4, 10, 16, 0, 4, 10, 16}; !slices.Equal(l.X, want) {
		t.Fatalf("%v, want %v", l.X, want)
	}
	for i, want := range map[int]float64{1: math.Pow(10, -0.4), 2: 0.1, 5: 1e-2, 6: math.Pow(10, -3.5),
		7: 1e-5} {
		if math.Abs(l.Y[i]/want-1) > 1e-12 {
			t.Errorf("point %d is %v, want %v", i, l.Y[i], want)
		}
	}
}

// TestSelectEvaluations: trajectories are drawn over evaluations of f, up to the end of the shortest run of a
// line. The axis is logarithmic if some lines are ten times as long as others. Runs that count no evaluations
// are left out.
func TestSelectEvaluations(t *testing.T) {
	r := results(t, "base: {method: zeroth-order}\naxes: [{directions: [5, 100]}]\nseeds: 2")
	for i, rec := range r.Records {
		for k := range rec.Trajectory {
			p := &rec.Trajectory[k]
			p.Evaluations = float64(2 * r.Runs[i].Config.Directions * p.Iteration)
		}
	}
	q := Query{X: Evaluations, Y: "test_error", By: "directions"}
	s, err := r.Select(q)
	if err != nil {
		t.Fatal(err)
	}
	if !s.XLog || !slices.Equal(s.Lines[0].X, []float64{0, 100, 200, 0, 100, 200}) ||
		!slices.Equal(s.Lines[1].X, []float64{0, 2000, 4000, 0, 2000, 4000}) {
		t.Errorf("%+v", s)
	}
	for k := range r.Records[3].Trajectory {
		r.Records[3].Trajectory[k].Evaluations = math.NaN()
	}
	q.Where = map[string][]string{"directions": {"100"}}
	if s, err = r.Select(q); err != nil {
		t.Fatal(err)
	}
	if s.XLog || s.Unknown != 1 || !slices.Equal(s.Lines[0].X, []float64{0, 2000, 4000}) {
		t.Errorf("%+v", s)
	}
}

func TestSelectMistakes(t *testing.T) {
	r := results(t, twoAxes)
	for _, c := range []struct {
		q     Query
		where string
		want  string
	}{
		{Query{X: "alhpa"}, "",
			`--x: "alhpa" does not differ between the runs of this sweep; did you mean "alpha"?`},
		{Query{X: "n"}, "", `--x: "n" does not differ`},
		{Query{Y: "tset_error"}, "", `--y: there are no numbers "tset_error"; did you mean "test_error"?`},
		{Query{Y: "status"}, "", "--y: there are no numbers"},
		{Query{X: Iteration, Y: "iterations_to_0.01"}, "", "--y: there are no numbers"},
		{Query{By: "rank"}, "", `--by: "rank" does not differ`},
		{Query{X: "alpha", By: "alpha"}, "", "--by: alpha is --x already"},
		{Query{}, "rank=2", `--where: "rank" does not differ`},
		{Query{}, "alpha=1e-5", "--where: alpha has no value 1e-5; it has 1e-06, 0.0001, 0.01"},
		{Query{X: Iteration, By: "alpha"}, "",
			"factor-rank differs between runs that would be one point: draw a line for each with --by factor-rank in place of --by alpha, or pick one with --where factor-rank=3"},
		{Query{X: "alpha", By: "seed"}, "", "factor-rank differs"},
	} {
		var conditions []string
		if c.where != "" {
			conditions = []string{c.where}
		}
		where, err := r.Where(conditions)
		if err != nil {
			t.Fatal(err)
		}
		c.q.Where = where
		_, err = r.Select(r.Defaults(c.q))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %s", c.q, err, c.want)
		}
	}
	for _, bad := range []string{"alpha", "alpha=", "=1"} {
		if _, err := r.Where([]string{bad}); err == nil ||
			!strings.Contains(err.Error(), fmt.Sprintf("got %q", bad)) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	many := results(t, "axes: [{n: [20, 30]}, {step: {linspace: [0.1, 0.3, 13]}}]")
	if _, err := many.Select(many.Defaults(Query{})); err == nil ||
		!strings.Contains(err.Error(), "step has 13 values") {
		t.Error(err)
	}
}

// TestWhereWithCommas: a value with commas is taken whole, and a semicolon separates such values. Symptom:
// "spectrum has no value 1".
func TestWhereWithCommas(t *testing.T) {
	r := results(t, `axes: [{spectrum: ["1,0.5", "1,0.1", "power:1"]}, {alpha: [1.0e-3, 1.0e-6]}]`)
	for text, want := range map[string][]string{
		"spectrum=1,0.5":         {"1,0.5"},
		"spectrum=1,0.5;power:1": {"1,0.5", "power:1"},
		"spectrum=1,0.5;1,0.1":   {"1,0.5", "1,0.1"},
		"spectrum=1,0.7":         {"1", "0.7"}, // which the sweep has not
		"alpha=1e-3,1e-6":        {"0.001", "1e-06"},
		"alpha=1e-3;1e-6":        {"0.001", "1e-06"},
	} {
		where, err := r.Where([]string{text})
		key, _, _ := strings.Cut(text, "=")
		if err != nil || !slices.Equal(where[key], want) {
			t.Errorf("%s: %q, %v", text, where, err)
		}
	}
}

// Symptom: if the setting noise varied, the result noise could not be drawn: "there are no numbers noise".
func TestSelectResultNamedAsSetting(t *testing.T) {
	r := results(t, "axes: [{noise: [0, 0.125]}]")
	s, err := r.Select(Query{X: "noise", Y: "noise"})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Lines[0].X, []float64{0, 0.125}) || !slices.Equal(s.Lines[0].Y, []float64{1, 1}) {
		t.Errorf("%+v", s)
	}
	columns, rows := r.Table()
	setting, result := slices.Index(columns, "setting_noise"), slices.Index(columns, "noise")
	if setting < 0 || result < 0 || rows[1][setting] != 0.125 || rows[1][result] != 1.0 {
		t.Errorf("the columns are %v", columns)
	}
	if _, err := r.Select(Query{X: "noise", Y: "setting_noise"}); err == nil {
		t.Error("a setting is drawn as a result")
	}
}

// TestSelectNumbered: a family of columns has a line for each. The columns are there if a run reports more
// than one eigenvalue.
func TestSelectNumbered(t *testing.T) {
	r := results(t, "axes:\n  - measurements: [100, 200, 400]\nseeds: 2\n")
	if slices.ContainsFunc(r.Spec.resultsTable(r.Records), func(c column) bool {
		return strings.HasPrefix(c.name, "eigenvalue")
	}) {
		t.Error("there are columns for eigenvalues without any")
	}
	for i, rec := range r.Records {
		for k := range 3 {
			v := experiment.Number(10*i + k)
			rec.Eigenvalues = append(rec.Eigenvalues, experiment.Eigenvalue{
				Value: v, PredictedValue: v + 0.1, Overlap: v + 0.2, PredictedOverlap: v + 0.3,
			})
		}
	}
	r.Records[0].Eigenvalues = r.Records[0].Eigenvalues[:2]
	s, err := r.Select(r.Defaults(Query{Y: "eigenvalue"}))
	if err != nil {
		t.Fatal(err)
	}
	if s.X != "measurements" || s.By != Number || len(s.Lines) != 3 || s.Unknown != 1 {
		t.Fatalf("%+v", s)
	}
	for k, l := range s.Lines {
		want := []float64{0, 10, 20, 30, 40, 50}[max(0, k-1):]
		for i := range want {
			want[i] += float64(k)
		}
		if l.Value != fmt.Sprint(k+1) || !slices.Equal(l.Y, want) {
			t.Errorf("line %d: %+v, want %v", k+1, l, want)
		}
	}
	for name, want := range map[string]float64{
		"eigenvalue_2": 31, "eigenvalue_2_predicted": 31.1, "eigenvalue_2_overlap": 31.2,
		"eigenvalue_2_overlap_predicted": 31.3,
	} {
		if got := r.column(name)[3]; got != want {
			t.Errorf("%s of run 3 is %v, want %v", name, got, want)
		}
	}
	_, err = r.Select(Query{X: "measurements", Y: "eigenvalue", By: "seed"})
	if err == nil || !strings.Contains(err.Error(), "leave --by out") {
		t.Errorf("--by: %v", err)
	}
}
