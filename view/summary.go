package view

import (
	"fmt"
	"io"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// WriteSummary says how a run ended, and where its figures, its page and its directory are.
func WriteSummary(w io.Writer, out *experiment.Outcome, figures []string, page string) {
	s, c := out.Summary, &out.Config
	fmt.Fprintln(w)
	fmt.Fprintf(w, "%s  %s\n", headline(s), ending(c, s))
	if known(s.Final.TrainLoss) {
		fmt.Fprintf(w, "  train loss %s", number(s.Final.TrainLoss))
		if known(s.Final.TestError) {
			fmt.Fprintf(w, ", test error %s", number(s.Final.TestError))
		}
		if !c.EstimatesOnly() {
			fmt.Fprintf(w, " at iteration %d, after %s of stepping", s.Final.Iteration,
				took(float64(s.Final.Seconds)))
		}
		fmt.Fprintln(w)
	}
	for _, line := range errorLines(c, s) {
		fmt.Fprintf(w, "  %s\n", line)
	}
	if s.Recovered != nil {
		writePhases(w, out)
	}
	contradicts := s.Truth != nil && s.Truth.Contradicts
	if sp := s.Spectral; sp != nil && s.Recovered == nil && known(sp.EstimateOverlap) && !contradicts {
		fmt.Fprintf(w, "  overlap of the spectral estimate with the truth's subspace: %.3f of 1, "+
			"largest angle %.3g°\n",
			float64(sp.EstimateOverlap), float64(sp.EstimateAngleDegrees))
		writeEigenvalues(w, sp.Eigenvalues)
	}
	if contradicts {
		fmt.Fprintf(w, "  no verdict: for the truth ‖A(M*) − y‖ is %.3g of ‖y‖, so that it contradicts the "+
			"observations\n", float64(s.Truth.Residual))
	}
	if s.Advice != nil {
		fmt.Fprintf(w, "  %s\n", s.Advice)
	}
	if s.Status == solver.Canceled {
		fmt.Fprintf(w, "  go on with: %s\n", goOn(c, out.Dir))
	}
	if len(figures) > 0 {
		fmt.Fprintf(w, "  figure   %s\n", figures[0])
	}
	if page != "" {
		fmt.Fprintf(w, "  report   %s\n", page)
	}
	fmt.Fprintf(w, "  results  %s\n", out.Dir)
}

// writeEigenvalues writes the largest eigenvalues of an estimate beside their predictions, if there are any.
func writeEigenvalues(w io.Writer, all []experiment.Eigenvalue) {
	if len(all) == 0 || !known(all[0].PredictedValue) {
		return
	}
	for k, e := range all {
		where := "outside of the bulk"
		if e.PredictedOverlap == 0 {
			where = "the edge of the bulk"
		}
		fmt.Fprintf(w, "  eigenvalue %d: %.3f with overlap %.3f, predicted %.3f with %.3f, %s\n", k+1, e.Value,
			e.Overlap, e.PredictedValue, e.PredictedOverlap, where)
	}
}

// goOn returns what the user types to go on with the run in a directory: a command or, if the steps are those
// of a program, which the command does not have, a call in Python.
func goOn(c *config.Config, dir string) string {
	if c.IsProgrammed() {
		return c.ResumeCall(dir)
	}
	return "matsense run --resume --out " + ShellWord(dir)
}

// ending says why a run ended.
func ending(c *config.Config, s *experiment.Summary) string {
	if c.EstimatesOnly() && s.Status == solver.BudgetSpent {
		return "The start was measured; no step was taken."
	}
	return s.StatusText
}

// headline says in one sentence how a run ended.
func headline(s *experiment.Summary) string {
	switch {
	case s.Status == solver.Diverged:
		return "Diverged."
	case s.Status == solver.Canceled:
		return "Interrupted."
	case s.Recovered == nil:
		return "Done."
	case *s.Recovered:
		return fmt.Sprintf("Recovered (test error below %g).", experiment.RecoveredBelow)
	}
	if s.Final.TestError < experiment.RecoveredBelow {
		return "Not recovered (a component of the truth is still missing)."
	}
	return fmt.Sprintf("Not recovered (test error above %g).", experiment.RecoveredBelow)
}

// writePhases says where the phases ended and, for the random start, how close the run came to the spectral
// method.
func writePhases(w io.Writer, out *experiment.Outcome) {
	s := out.Summary
	line := func(name, text string, args ...any) {
		fmt.Fprintf(w, "  %-21s  %s\n", name, fmt.Sprintf(text, args...))
	}
	p := s.Phases
	if m := p.AlignmentEnd; m != nil {
		line("I   alignment", "until iteration %d: angle to the truth %.3f, the spectral estimate's %.3f",
			m.Iteration, m.Angle, s.Spectral.EstimateAngle)
	} else if s.Spectral == nil {
		line("I   alignment", "not measured: there is no angle to a spectral estimate")
	} else {
		line("I   alignment", "its end was not reached")
	}
	if m := p.SaddleEnd; m != nil {
		line("II  saddle avoidance", "until iteration %d: signal %.3f", m.Iteration, m.Signal)
	} else {
		line("II  saddle avoidance", "its end was not reached")
	}
	if m := p.FloorStart; m != nil {
		line("III refinement", "its floor from iteration %d: test error %s", m.Iteration, number(m.TestError))
	} else {
		line("III refinement", "no floor yet")
	}
	for _, p := range s.Plateaus {
		if p.Rank > 0 {
			line(fmt.Sprintf("rank %d", p.Rank), "learned from iteration %d, closest at %d: %s from the best "+
				"approximation of this rank", p.First, p.Closest, number(float64(p.Distance)))
		}
	}
	if sp := s.Spectral; sp != nil && sp.Akin && out.Config.Init == "random" {
		fmt.Fprintf(w, "  akin to the spectral method: at iteration %d the factor is %.2g° from "+
			"the spectral estimate,\n  which is %.2g° from the truth\n",
			sp.ClosestIteration, float64(sp.ClosestDegrees), float64(sp.EstimateAngleDegrees))
	}
}
