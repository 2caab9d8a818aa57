package view

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/report"
	"github.com/matsense/matsense/solver"
)

// planted is a metric that a user of the library registers; it has no other code than the entry below.
const planted = "largest_entry"

func init() {
	solver.RegisterMetric(solver.Metric{
		Name: planted, Unit: "size of an entry",
		Measure: func(_ *solver.Sample, f solver.Factor) float64 {
			return math.Max(mat.Max(f[0]), -mat.Min(f[0]))
		},
	})
}

func host() experiment.Host {
	return experiment.Host{
		Auto: func() ([]string, string) { return []string{"cpu"}, "" },
		Backend: func(experiment.Place) (solver.Backend, error) {
			return cpu.Backend{Storage: solver.Memory}, nil
		},
		Memory: func(solver.Backend) (float64, error) { return 1e9, nil },
	}
}

// jsonLines is a Progress that keeps samples as JSON lines write them.
type jsonLines struct{ samples []map[string]any }

func (*jsonLines) Notice(string)          {}
func (*jsonLines) Begin(string, int, int) {}
func (l *jsonLines) Sample(s solver.Sample) {
	text, _ := json.Marshal(experiment.MetricsOf(s))
	line := map[string]any{}
	_ = json.Unmarshal(text, &line)
	l.samples = append(l.samples, line)
}

// TestPlantedMetricOfRun: a registered metric is in all files, charts and tables of a run.
func TestPlantedMetricOfRun(t *testing.T) {
	c := config.Default()
	c.N, c.Rank, c.Measurements, c.Iterations = 8, 1, 80, 30
	plan, err := experiment.NewPlan(c, host())
	if err != nil {
		t.Fatal(err)
	}
	dir, l := filepath.Join(t.TempDir(), "run"), &jsonLines{}
	if _, err := plan.Run(context.Background(), experiment.Options{Dir: dir}, l); err != nil {
		t.Fatal(err)
	}
	r, err := experiment.Open(dir) // reads trajectory.csv and summary.json
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Trajectory) != len(l.samples) {
		t.Fatalf("%d samples are read, and %d were taken", len(r.Trajectory), len(l.samples))
	}
	for i := range r.Trajectory {
		if got, want := r.Trajectory[i].Value(planted), l.samples[i][planted]; !(got > 0) || got != want {
			t.Errorf("sample %d has %v in trajectory.csv and %v in the JSON line", i, got, want)
		}
	}
	final := (*solver.Sample)(&r.Summary.Final).Value(planted)
	if last := r.Trajectory[len(r.Trajectory)-1]; final != last.Value(planted) {
		t.Errorf("summary.json has %v, want %v", final, last.Value(planted))
	}

	chart := RunFigure(r).Chart
	var curve *report.Series
	isPlanted := func(s report.Series) bool { return s.Name == "largest entry" }
	for _, p := range chart.Panels {
		if i := slices.IndexFunc(p.Series, isPlanted); i >= 0 {
			curve = &p.Series[i]
			if !strings.Contains(p.Y.Label, "size of an entry") {
				t.Errorf("its axis is %q", p.Y.Label)
			}
		}
	}
	if curve == nil || curve.Y[len(curve.Y)-1] != final {
		t.Errorf("the chart has the curve %+v, want one that ends at %v", curve, final)
	}
	var svg bytes.Buffer
	err = RunFigure(r).Write(&svg, report.SVG)
	if err != nil || !strings.Contains(svg.String(), ">largest entry<") {
		t.Errorf("the figure lacks the metric, or %v", err)
	}
	page, err := RunPage(r)
	if err != nil {
		t.Fatal(err)
	}
	metrics := page.Tables[0].Rows
	row := metrics[len(metrics)-1]
	if row[0].Text != "largest entry" || row[len(row)-1] != report.Number(final) {
		t.Errorf("the last row of the page's table is %v, want largest entry and %v", row, final)
	}
}

// ended is a sweep's Progress that does nothing.
type ended struct{}

func (ended) Begin(int, int)                       {}
func (ended) Group(*experiment.Group, []sweep.Run) {}
func (ended) Notice(string)                        {}
func (ended) Ended(*sweep.Record)                  {}

// swept carries out the sweep that a text describes, without failures, and returns its results and directory.
func swept(t *testing.T, text string) (r *sweep.Results, dir string) {
	t.Helper()
	spec, err := sweep.Parse("s.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := sweep.NewPlan(context.Background(), spec, sweep.Options{}, host())
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(t.TempDir(), "sweep")
	r, failures, err := plan.Run(context.Background(), sweep.Where{Dir: dir}, ended{})
	if err != nil || failures > 0 {
		t.Fatalf("%d failures, %v", failures, err)
	}
	return r, dir
}

// TestPlantedMetricOfSweep: a registered metric is in all tables, charts and pages of a sweep.
func TestPlantedMetricOfSweep(t *testing.T) {
	_, dir := swept(t, "base: {n: 8, rank: 1, measurements: 80, iterations: 20}\n"+
		"axes: [{alpha: [1e-3, 1e-2]}]\n")
	r, err := sweep.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	columns, rows := r.Table()
	at := slices.Index(columns, planted)
	text, err := os.ReadFile(filepath.Join(dir, "runs.csv"))
	if err != nil || at < 0 || !strings.Contains(string(text), fmt.Sprint(rows[1][at])) {
		t.Errorf("runs.csv lacks the metric, or %v:\n%s", err, text)
	}
	for _, name := range []string{"runs.parquet", "trajectories.parquet"} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		reader, row := parquet.NewReader(f), map[string]any{}
		if err := reader.Read(&row); err != nil {
			t.Fatal(err)
		}
		if value, _ := row[planted].(float64); !(value > 0) {
			t.Errorf("%s has %v", name, row)
		}
		if err := errors.Join(reader.Close(), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range []sweep.Query{{X: "alpha", Y: planted}, {X: sweep.Iteration, Y: planted, By: "alpha"}} {
		s, err := r.Select(q)
		if err != nil {
			t.Fatal(err)
		}
		if f := SweepFigure(r, s); !strings.HasPrefix(f.Chart.Title, "Largest entry over ") {
			t.Errorf("the figure is called %q", f.Chart.Title)
		}
	}
	page, err := SweepPage(r, dir)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(page.Tables[0].Head, "largest entry") {
		t.Errorf("the page's table of runs has %q", page.Tables[0].Head)
	}
}
