package view

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/report"
	"github.com/matsense/matsense/solver"
)

// flowTime is a metric that only the registered method has: the time μ·t of gradient flow after t steps.
const flowTime = "flow_time"

func init() { solver.RegisterMetric(solver.Metric{Name: flowTime, Unit: "time of gradient flow"}) }

// flowGD is gradient descent that measures the time of gradient flow.
type flowGD struct{ solver.GD }

var _ solver.Measuring = flowGD{}

// Name implements solver.Method.
func (flowGD) Name() string { return "flow-gd" }

// Measure implements solver.Measuring.
func (d flowGD) Measure(s *solver.Sample, _ *solver.Member) error {
	s.Set(flowTime, d.StepSize*float64(s.Iteration))
	return nil
}

// registerFlowGD registers the method, once.
var registerFlowGD = sync.OnceValue(func() error {
	return config.RegisterMethod(config.Method{
		Entry: config.Entry{Name: flowGD{}.Name(), About: "gradient descent with the time of gradient flow"},
		Make:  func(c *config.Config) solver.Method { return flowGD{solver.GD{StepSize: c.Step}} },
	})
})

// TestRegisteredMethodOfRun: the page of a run names a registered method and has its metric.
func TestRegisteredMethodOfRun(t *testing.T) {
	if err := registerFlowGD(); err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	c.N, c.Rank, c.Measurements, c.Iterations, c.Step, c.Method = 8, 1, 80, 20, 0.125, "flow-gd"
	plan, err := experiment.NewPlan(c, host())
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := plan.Run(context.Background(), experiment.Options{Dir: dir}, &jsonLines{}); err != nil {
		t.Fatal(err)
	}
	r, err := experiment.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	page, err := RunPage(r)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.Subtitle, "flow-gd") {
		t.Errorf("the page's subtitle is %q", page.Subtitle)
	}
	row := slices.IndexFunc(page.Tables[0].Rows, func(row []report.Cell) bool {
		return row[0].Text == "flow time"
	})
	if row < 0 {
		t.Fatalf("the page's table of metrics lacks flow time: %v", page.Tables[0].Rows)
	}
	cells := page.Tables[0].Rows[row]
	if last, want := cells[len(cells)-1], report.Number(0.125*20); last != want {
		t.Errorf("flow time is %v at the end, want %v", last, want)
	}
	var html bytes.Buffer
	err = page.Write(&html)
	if err != nil || !strings.Contains(html.String(), `"name":"flow time"`) {
		t.Errorf("the page's charts lack flow time, or %v", err)
	}
}

// TestRegisteredMethodOfSweep: a sweep over methods has the metric in its table, for the runs that have it.
func TestRegisteredMethodOfSweep(t *testing.T) {
	if err := registerFlowGD(); err != nil {
		t.Fatal(err)
	}
	r, dir := swept(t, "base: {n: 8, rank: 1, measurements: 80, iterations: 20, step: 0.125}\n"+
		"axes: [{method: [gd, flow-gd]}]\n")
	columns, rows := r.Table()
	at := slices.Index(columns, flowTime)
	if at < 0 || rows[0][at] != nil || rows[1][at] != 0.125*20 {
		t.Fatalf("the table's columns are %q, and its rows %v", columns, rows)
	}
	page, err := SweepPage(r, dir)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(page.Tables[0].Head, "flow time") {
		t.Errorf("the page's table of runs has %q", page.Tables[0].Head)
	}
}
