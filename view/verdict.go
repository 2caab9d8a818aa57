package view

import (
	"fmt"
	"io"
	"slices"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/reproduce"
	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/report"
	"github.com/matsense/matsense/solver"
)

// WriteClaim writes an experiment's claim, and the rule by which its verdict is made.
func WriteClaim(w io.Writer, e reproduce.Experiment) {
	fmt.Fprintf(w, "%s\n\n%s\n", capital(e.About), Fill(e.Claim, 0))
	for _, sentence := range rule(e) {
		fmt.Fprintf(w, "\n%s\n", Fill(sentence, 0))
	}
}

// rule returns the sentences of the rule by which a verdict is made.
func rule(e reproduce.Experiment) []string {
	return []string{
		"Compared: " + e.Compared + ".", "It agrees if " + e.AgreesIf + ".",
		"It disagrees if " + e.DisagreesIf + ".", "Not tested: " + e.Untested + ".",
	}
}

// WriteVerdict writes an experiment's claim, the verdict, the findings, and what was not tested.
func WriteVerdict(w io.Writer, e reproduce.Experiment, v reproduce.Verdict) {
	fmt.Fprintf(w, "\n%s\n\n%s: %s\n", Fill(e.Claim, 0), e.Name, v.Status)
	for _, line := range append(slices.Clip(v.Findings), "Not tested: "+e.Untested+".") {
		fmt.Fprintf(w, "  %s\n", Fill(line, 4))
	}
	fmt.Fprintln(w)
}

// Judge puts an experiment's claim and verdict at the top of a sweep's page.
func Judge(page *report.Page, e reproduce.Experiment, v reproduce.Verdict) {
	found := report.Table{Title: "What was found", Wide: true, Note: page.Verdict.Text}
	for _, line := range v.Findings {
		found.Rows = append(found.Rows, []report.Cell{report.Text(line)})
	}
	how := report.Table{Title: "How it was judged", Wide: true}
	for _, sentence := range rule(e) {
		how.Rows = append(how.Rows, []report.Cell{report.Text(sentence)})
	}
	page.Tables = append([]report.Table{found, how}, page.Tables...)
	page.Title = capital(e.About)
	moods := map[reproduce.Status]report.Mood{
		reproduce.Agrees: report.Good, reproduce.Disagrees: report.Bad, reproduce.Unclear: report.Neutral,
	}
	page.Verdict = report.Verdict{
		Mood: moods[v.Status], Headline: capital(string(v.Status)) + ".", Text: e.Claim,
	}
}

// VerdictFigure returns a figure that supports a verdict. The error is that of [sweep.Results.Select].
func VerdictFigure(r *sweep.Results, f reproduce.Figure) (Figure, error) {
	if f.Phases {
		return RunFigure(recordedRun(r)), nil
	}
	s, err := r.Select(f.Query)
	if err != nil {
		return Figure{}, err
	}
	l := lines(r, s)
	l.Fit = l.Fit && f.Fit
	for _, g := range f.Guides {
		l.Guides = append(l.Guides, report.Guide(g))
	}
	return linesFigure(l, s), nil
}

// recordedRun returns a sweep's first run as its record keeps it.
func recordedRun(r *sweep.Results) *experiment.Run {
	run := &experiment.Run{Summary: &experiment.Summary{}}
	if len(r.Records) == 0 {
		return run
	}
	rec := r.Records[0]
	run.Config = r.Runs[rec.Index].Config
	for _, p := range rec.Trajectory {
		run.Trajectory = append(run.Trajectory, solver.Sample(p))
	}
	at := func(i *int) *experiment.Metrics {
		if i == nil {
			return nil
		}
		return &experiment.Metrics{Iteration: *i}
	}
	run.Summary.Recovered = rec.Recovered
	run.Summary.Phases = experiment.PhaseSummary{
		AlignmentEnd: at(rec.AlignmentEnd), SaddleEnd: at(rec.SaddleEnd), FloorStart: at(rec.FloorStart),
	}
	return run
}
