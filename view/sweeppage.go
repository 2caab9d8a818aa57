package view

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/internal/userfile"
	"github.com/matsense/matsense/report"
	"github.com/matsense/matsense/solver"
)

const (
	// maxRows is the largest number of runs that a page lists.
	maxRows = 1000
	// maxTrajectories is the largest number of trajectories, or of medians of them, that a page draws.
	maxTrajectories = 8
)

// SweepPage returns the page of a sweep, with the given charts and with some trajectories. dir is the sweep's
// directory.
func SweepPage(r *sweep.Results, dir string, charts ...report.Chart) (report.Page, error) {
	ends := countEnds(r)
	p := report.Page{
		Title:    fmt.Sprintf("%s: a sweep of %s", name(dir), Count(len(r.Runs), "run")),
		Subtitle: about(sweepCaption(r, nil)),
		Verdict:  ends.verdict(),
		Tables:   []report.Table{runsTable(r), sweepCircumstances(r, ends)},
		Repeat: report.Repeat{
			Commands: []string{fmt.Sprintf("matsense sweep %s --out again", sweep.SpecFile)},
			Note:     "Repeats the sweep from the file below, bit for bit on the same kind of device.",
			Config:   report.File{Name: sweep.SpecFile, Type: "application/yaml", Text: r.Spec.YAML()},
		},
	}
	p.Charts = append(charts, trajectories(r))
	base := configTable(&r.Spec.Base)
	base.Note = "The settings that all runs have in common; the table of runs has the others."
	base.Rows = slices.DeleteFunc(base.Rows, func(row []report.Cell) bool {
		return slices.Contains(r.Spec.Keys(), row[0].Text)
	})
	p.Tables = append(p.Tables, base)
	p.Downloads = []report.File{p.Repeat.Config}
	table, err := userfile.Read(filepath.Join(dir, "runs.csv"), maxDownload)
	switch {
	case errors.Is(err, fs.ErrNotExist): // some runs are missing
	case errors.Is(err, userfile.ErrTooLarge):
		p.Notes = append(p.Notes, "runs.csv, in the sweep's directory, is too large for this page.")
	case err != nil:
		return p, err
	default:
		p.Downloads = append(p.Downloads, report.File{Name: "runs.csv", Type: "text/csv", Text: table})
	}
	return p, nil
}

// name returns the last part of a directory's path.
func name(dir string) string {
	if whole, err := filepath.Abs(dir); err == nil {
		dir = whole
	}
	return filepath.Base(dir)
}

// ends counts how runs ended.
type ends struct {
	missing, failed, diverged, recovered, not int
	seconds                                   float64
	devices, versions                         []string
}

// countEnds counts how the runs of a sweep ended.
func countEnds(r *sweep.Results) ends {
	e := ends{missing: len(r.Runs) - len(r.Records)}
	for _, rec := range r.Records {
		switch {
		case rec.Status == sweep.Failed:
			e.failed++
			continue
		case rec.Diverged():
			e.diverged++
		case rec.Recovered == nil:
		case *rec.Recovered:
			e.recovered++
		default:
			e.not++
		}
		e.seconds += float64(rec.Timing.Seconds)
		for _, seen := range []struct {
			list *[]string
			name string
		}{{&e.devices, rec.Timing.Device}, {&e.versions, rec.Timing.Version}} {
			if !slices.Contains(*seen.list, seen.name) {
				*seen.list = append(*seen.list, seen.name)
			}
		}
	}
	slices.Sort(e.devices)
	slices.Sort(e.versions)
	return e
}

// verdict says how a sweep ended. Only runs that are missing or failed are bad: a sweep may study runs that
// diverge or do not recover the truth.
func (e ends) verdict() report.Verdict {
	v := report.Verdict{Mood: report.Neutral, Headline: "Complete."}
	if e.failed+e.missing > 0 {
		v.Mood, v.Headline = report.Bad, "Not complete."
	}
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{
		{e.recovered, "recovered the truth"}, {e.not, "did not recover it"}, {e.diverged, "diverged"},
		{e.failed, "failed"}, {e.missing, "not there yet"},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	if len(parts) > 0 {
		v.Text = "Runs: " + strings.Join(parts, ", ") + "."
	}
	return v
}

// runsTable returns the rows of runs.csv, without empty columns.
func runsTable(r *sweep.Results) report.Table {
	t := report.Table{Title: "Runs", Wide: true, Records: true}
	columns, rows := r.Table()
	if len(rows) > maxRows {
		t.Note = fmt.Sprintf("The first %d of %d runs; runs.csv has all.", maxRows, len(rows))
		rows = rows[:maxRows]
	}
	var shown []int
	for i, column := range columns {
		if slices.ContainsFunc(rows, func(row []any) bool { return row[i] != nil }) {
			shown = append(shown, i)
			t.Head = append(t.Head, strings.ReplaceAll(column, "_", " "))
		}
	}
	for _, row := range rows {
		cells := make([]report.Cell, len(shown))
		for k, i := range shown {
			cells[k] = cell(row[i])
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

// cell returns the cell of a value of runs.csv.
func cell(v any) report.Cell {
	switch v := v.(type) {
	case nil:
		return report.Text("")
	case int:
		return report.Whole(v)
	case float64:
		return report.Number(v)
	case bool:
		if v {
			return report.Text("yes")
		}
		return report.Text("no")
	}
	return report.Text(fmt.Sprint(v))
}

// sweepCircumstances returns the devices, the program and the time of a sweep.
func sweepCircumstances(r *sweep.Results, e ends) report.Table {
	t := report.Table{Title: "Where and with what"}
	add := func(name string, cell report.Cell) {
		t.Rows = append(t.Rows, []report.Cell{report.Text(name), cell})
	}
	for _, d := range e.devices {
		add("device", report.Text(d))
	}
	add("runs that are there", report.Text(fmt.Sprintf("%d of %d", len(r.Records), len(r.Runs))))
	add("seconds of stepping", report.Number(e.seconds))
	for _, v := range e.versions {
		add("matsense", report.Text(v))
	}
	return t
}

// trajectories returns a chart of the runs' trajectories; of medians if there are many runs.
func trajectories(r *sweep.Results) report.Chart {
	var drawn []*sweep.Record
	for _, rec := range r.Records {
		if len(rec.Trajectory) > 0 {
			drawn = append(drawn, rec)
		}
	}
	y := "train_loss"
	for _, error := range []string{"held_out_rmse", "test_error"} {
		if slices.ContainsFunc(drawn, func(rec *sweep.Record) bool { return known(rec.Final.Value(error)) }) {
			y = error
		}
	}
	if len(drawn) > maxTrajectories {
		return medianTrajectories(r, y)
	}
	c := report.Chart{Title: "Trajectories", X: report.Axis{Label: "iteration"}}
	metric, _ := solver.MetricNamed(y)
	panel := report.Panel{Title: metric.Label, Y: report.Axis{Log: true}}
	for i, rec := range drawn {
		s := report.Series{Name: runName(r.Spec.Keys(), rec.Values), Ink: report.Shade(i, len(drawn))}
		for k := range rec.Trajectory {
			p := solver.Sample(rec.Trajectory[k])
			s.X, s.Y = append(s.X, float64(p.Iteration)), append(s.Y, metric.Of(&p))
		}
		panel.Series = append(panel.Series, s)
	}
	if len(drawn) > 0 {
		c.Panels = []report.Panel{panel}
	}
	return c
}

// runName names a run by values of settings that differ between runs.
func runName(keys, values []string) string {
	var parts []string
	for i, key := range keys {
		parts = append(parts, key+" "+report.Raised(lineName(values[i])))
	}
	if len(parts) == 0 {
		return "the run"
	}
	return strings.Join(parts, ", ")
}
