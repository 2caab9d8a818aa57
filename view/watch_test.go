package view

import (
	"strings"
	"testing"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// TestGoOn: the page of a run that has not ended, or was interrupted, says how to go on with it. matsense run
// refuses a run whose steps a program took, so that its page has the call in Python.
func TestGoOn(t *testing.T) {
	gd, programmed := config.Default(), config.Default()
	programmed.Method, programmed.CustomName = "custom", "my_step"
	for _, c := range []struct {
		config config.Config
		want   string
	}{
		{gd, "matsense run --resume --out runs/a"},
		{programmed, `p.solve(my_step, out="runs/a", resume=True)`},
	} {
		for _, summary := range []*experiment.Summary{nil, {Status: solver.Canceled}} {
			w := WatchedRun{Config: &c.config, Summary: summary, Life: Life{Gone: true}}
			p, err := w.Page(&experiment.Run{Config: c.config, Summary: summary}, "runs/a")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(p.Verdict.Text, "Go on with: "+c.want) {
				t.Errorf("the page says %q, and not how to go on: %s", p.Verdict.Text, c.want)
			}
		}
	}
}
