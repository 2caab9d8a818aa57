package view

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/report"
	"github.com/matsense/matsense/solver"
)

// maxDownload is the length in bytes of the longest table that a page contains as a download.
const maxDownload = 1_000_000

// RunPage returns the page of a run.
func RunPage(r *experiment.Run) (report.Page, error) {
	c := &r.Config
	p := report.Page{
		Title:    subject(c),
		Subtitle: about(caption(c)),
		Verdict: report.Verdict{
			Mood: report.Neutral, Headline: "Not ended.", Text: "There is no summary of this run yet.",
		},
		Repeat: report.Repeat{
			Commands: []string{"matsense run --config config.yaml"},
			Note:     "Repeats the run from the file below, bit for bit on the same kind of device.",
			Config:   report.File{Name: "config.yaml", Type: "application/yaml", Text: r.ConfigFile},
		},
	}
	if c.IsProgrammed() {
		p.Repeat.Commands = []string{fmt.Sprintf("p.solve(%s)", method(c))}
		p.Repeat.Note = fmt.Sprintf("Repeats the run in Python, where p = matsense.problem(…) and solve have "+
			"the settings of the file below. The function %s is not among the run's files.", method(c))
	}
	if !c.EstimatesOnly() {
		p.Charts = []report.Chart{trajectory(r).Chart()}
	}
	if s := r.Summary; s != nil {
		p.Verdict = verdict(c, s)
		p.Tables = append(p.Tables, metricsTable(s))
		if best, there := bestTable(s); there {
			p.Tables = append(p.Tables, best)
		}
		if len(s.Plateaus) > 0 {
			p.Tables = append(p.Tables, plateauTable(s.Plateaus))
		}
		if s.Spectral != nil {
			p.Tables = append(p.Tables, spectralTable(s.Spectral))
			if len(s.Spectral.Eigenvalues) > 0 {
				p.Tables = append(p.Tables, eigenvalueTable(s.Spectral.Eigenvalues))
			}
		}
		p.Tables = append(p.Tables, circumstances(s))
		if len(s.Data) > 0 {
			p.Repeat.Note += " It reads the data files that it names, whose SHA-256 is above."
			p.Tables = append(p.Tables, dataTable(s.Data))
		}
	}
	p.Tables = append(p.Tables, configTable(c))
	p.Downloads = []report.File{p.Repeat.Config}
	var csv bytes.Buffer
	if err := experiment.WriteTrajectory(&csv, r.Trajectory); err != nil {
		return p, err
	}
	if size := csv.Len(); size <= maxDownload {
		p.Downloads = append(p.Downloads,
			report.File{Name: "trajectory.csv", Type: "text/csv", Text: csv.Bytes()})
	} else {
		p.Notes = append(p.Notes, fmt.Sprintf(
			"trajectory.csv, in the run's directory, has %.1f MB: too much for this page.",
			float64(size)/1e6))
	}
	return p, nil
}

// subject says what a run looks for.
func subject(c *config.Config) string {
	verb := "Recovery"
	if c.EstimatesOnly() {
		verb = "Estimate"
	}
	if c.ChosenParametrization().Vector {
		return fmt.Sprintf("%s of a vector of %d numbers", verb, c.N)
	}
	text := fmt.Sprintf("%s of a %s matrix", verb, sizeOf(c))
	if c.Rank > 0 {
		text += fmt.Sprintf(" of rank %d", c.Rank)
	}
	return text
}

// verdict says how a run ended.
func verdict(c *config.Config, s *experiment.Summary) report.Verdict {
	v := report.Verdict{Mood: report.Neutral, Headline: headline(s)}
	switch {
	case s.Status == solver.Diverged:
		v.Mood = report.Bad
	case s.Status == solver.Canceled || s.Recovered == nil:
	case *s.Recovered:
		v.Mood = report.Good
	default:
		v.Mood = report.Bad
	}
	name, value := "Test error", s.Final.TestError
	if !known(value) {
		name, value = "Train loss", s.Final.TrainLoss
	}
	if !known(value) && s.Spectral != nil {
		v.Text = fmt.Sprintf("%s The spectral estimate's overlap with the truth's subspace is %.3f of 1, "+
			"and their largest angle %.3g°.",
			ending(c, s), float64(s.Spectral.EstimateOverlap), float64(s.Spectral.EstimateAngleDegrees))
		return v
	}
	v.Text = fmt.Sprintf("%s %s %s", ending(c, s), name, number(value))
	if !c.EstimatesOnly() {
		v.Text += fmt.Sprintf(" at iteration %d of %d", s.Final.Iteration, c.Iterations)
	}
	v.Text += ", in " + took(float64(s.SecondsTotal)) + "."
	for _, line := range errorLines(c, s) {
		v.Text += " " + capital(line) + "."
	}
	if s.Truth != nil && s.Truth.Contradicts {
		v.Text += fmt.Sprintf(" The truth contradicts the observations: for it ‖A(M*) − y‖ is %.3g of ‖y‖.",
			float64(s.Truth.Residual))
	}
	if s.Advice != nil {
		v.Text += " " + capital(s.Advice.String()) + "."
	}
	return v
}

// metricsTable returns the metrics at the boundaries of the phases and at the end.
func metricsTable(s *experiment.Summary) report.Table {
	t := report.Table{Title: "Metrics at the phases' ends", Wide: true, Head: []string{""}}
	var columns []*experiment.Metrics
	add := func(name string, m *experiment.Metrics) {
		t.Head, columns = append(t.Head, name), append(columns, m)
	}
	if s.Recovered != nil {
		add("I alignment ends", s.Phases.AlignmentEnd)
		add("II saddle avoidance ends", s.Phases.SaddleEnd)
		add("floor begins", s.Phases.FloorStart)
	} else {
		t.Title = "Final metrics"
	}
	last := "last measured"
	if s.Kept == "best" {
		last = "best measured"
	}
	add(last, &s.Final)
	row := func(name string, value func(m *experiment.Metrics) report.Cell) {
		cells := []report.Cell{report.Text(name)}
		for _, m := range columns {
			if m == nil {
				cells = append(cells, report.Text("not reached"))
			} else {
				cells = append(cells, value(m))
			}
		}
		t.Rows = append(t.Rows, cells)
	}
	row("iteration", func(m *experiment.Metrics) report.Cell { return report.Whole(m.Iteration) })
	for _, metric := range solver.ShownMetrics() {
		of := func(m *experiment.Metrics) float64 { return metric.Of((*solver.Sample)(m)) }
		if metric.Always || known(of(&s.Final)) {
			row(metric.Title, func(m *experiment.Metrics) report.Cell { return report.Number(of(m)) })
		}
	}
	return t
}

// plateauTable returns the ranks that a run learned one after another.
func plateauTable(plateaus []experiment.Plateau) report.Table {
	t := report.Table{
		Title: "Ranks learned one after another",
		Head:  []string{"nearest best approximation of M*", "iterations", "closest at", "distance over ‖M*‖"},
	}
	for _, p := range plateaus {
		t.Rows = append(t.Rows, []report.Cell{
			report.Text(fmt.Sprintf("of rank %d", p.Rank)),
			report.Text(fmt.Sprintf("%d to %d", p.First, p.Last)),
			report.Whole(p.Closest), report.Number(float64(p.Distance)),
		})
	}
	return t
}

// spectralTable returns the angles between the run, the spectral estimate and the truth.
func spectralTable(s *experiment.SpectralSummary) report.Table {
	cells := func(name string, sine, degrees experiment.Number) []report.Cell {
		return []report.Cell{report.Text(name), report.Number(float64(sine)), report.Number(float64(degrees))}
	}
	return report.Table{
		Title: "Beside the spectral method",
		Head:  []string{"largest principal angle", "sine", "degrees"},
		Rows: [][]report.Cell{
			cells("spectral estimate to truth", s.EstimateAngle, s.EstimateAngleDegrees),
			cells("factor to spectral estimate, at the end of alignment",
				s.AtAlignmentEnd, s.AtAlignmentEndDegrees),
			cells(fmt.Sprintf("factor to spectral estimate, closest (iteration %d)", s.ClosestIteration),
				s.Closest, s.ClosestDegrees),
		},
	}
}

// eigenvalueTable returns the largest eigenvalues of the spectral estimate, beside their predictions.
func eigenvalueTable(all []experiment.Eigenvalue) report.Table {
	t := report.Table{
		Title: "Largest eigenvalues of the spectral estimate",
		Head: []string{"k", "eigenvalue", "predicted", "overlap of its eigenvector with the truth's subspace",
			"predicted"},
	}
	for k, e := range all {
		row := []report.Cell{report.Whole(k + 1)}
		for _, v := range []experiment.Number{e.Value, e.PredictedValue, e.Overlap, e.PredictedOverlap} {
			row = append(row, report.Number(float64(v)))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// circumstances returns the device, the program, the seeds and the time of a run.
func circumstances(s *experiment.Summary) report.Table {
	t := report.Table{Title: "Where and with what"}
	add := func(name string, cell report.Cell) {
		t.Rows = append(t.Rows, []report.Cell{report.Text(name), cell})
	}
	add("device", report.Text(s.Device))
	add("backend", report.Text(s.Backend))
	add("measurements kept", report.Text(s.Storage))
	add("precision", report.Text(s.Precision))
	add("memory planned", report.Text(fmt.Sprintf("%.3g MB", float64(s.MemoryPlanned)/1e6)))
	add("seed", report.Text(fmt.Sprint(s.Seeds.Seed)))
	add("seed of the start", report.Text(fmt.Sprint(s.Seeds.StartSeed)))
	add("seconds of stepping", report.Number(float64(s.SecondsStepping)))
	add("seconds in all", report.Number(float64(s.SecondsTotal)))
	if s.ResumedFrom != nil {
		add("resumed from iteration", report.Whole(*s.ResumedFrom))
	}
	add("matsense", report.Text(s.Version))
	add("Go", report.Text(s.Go))
	add("system", report.Text(s.System))
	return t
}

// dataTable returns the SHA-256 of the user's data files.
func dataTable(hashes map[string]string) report.Table {
	t := report.Table{Title: "Data files", Head: []string{"", "SHA-256"}, Wide: true}
	for _, key := range slices.Sorted(maps.Keys(hashes)) {
		t.Rows = append(t.Rows, []report.Cell{report.Text(key), report.Text(hashes[key])})
	}
	return t
}

// configTable returns every setting that applies, with its value and its help.
func configTable(c *config.Config) report.Table {
	t := report.Table{Title: "Configuration", Wide: true}
	for _, f := range c.Applied() {
		if c.Follows(f.Key) {
			continue
		}
		value := report.Text(f.String())
		if f.Type() != "string" {
			value.Value = value.Text
		}
		t.Rows = append(t.Rows, []report.Cell{report.Text(f.Key), value, {Text: f.Help, Small: true}})
	}
	return t
}
