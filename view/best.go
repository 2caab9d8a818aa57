package view

import (
	"fmt"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/report"
)

// fourDigits writes an error in a sentence, with as many digits as decide between iterates.
func fourDigits[F ~float64](n F) string { return fmt.Sprintf("%.4g", float64(n)) }

// errorLines says what the errors in the data's unit are, which iterates have the least errors, and which
// iterate is the result.
func errorLines(c *config.Config, s *experiment.Summary) (lines []string) {
	if known(s.Final.TrainRMSE) {
		text := "train RMSE " + fourDigits(s.Final.TrainRMSE)
		if known(s.Final.HeldOutRMSE) {
			text += ", held-out RMSE " + fourDigits(s.Final.HeldOutRMSE)
		}
		lines = append(lines, text)
	}
	least := func(name string, value experiment.Number, at int) {
		lines = append(lines, fmt.Sprintf("least %s %s at iteration %d", name, fourDigits(value), at))
	}
	if at := s.BestHeldOutIteration; at != nil && !c.KeepsBest() {
		least("held-out RMSE", s.BestHeldOut, *at)
	}
	if at := s.BestTestErrorIteration; at != nil && s.Final.TestError > much*float64(s.BestTestError) {
		least("test error", s.BestTestError, *at)
	}
	switch name := errorName(c); {
	case c.KeepsBest():
		lines = append(lines, fmt.Sprintf("the result is iterate %d of %d: of the measured ones it has the "+
			"least %s", s.Iterations, s.Steps, name))
	case len(lines) > 0 && name != "" && isLateEnd(s):
		lines = append(lines, fmt.Sprintf("the result is the last iterate; with --keep best it is the one "+
			"with the least %s", name))
	}
	return lines
}

// much larger than the least test error, the last one says that the run went on for too long. Rounding alone
// does not make such a difference.
const much = 1.1

// isLateEnd says whether an earlier iterate than the last is better, by the error that decides between them.
func isLateEnd(s *experiment.Summary) bool {
	if s.BestHeldOutIteration != nil {
		return s.Final.HeldOutRMSE > float64(s.BestHeldOut)
	}
	return s.Final.TestError > much*float64(s.BestTestError)
}

// errorName names the error by which iterates are compared; "" if there is none.
func errorName(c *config.Config) string {
	return map[string]string{"held_out_rmse": "held-out RMSE", "test_error": "test error"}[c.ErrorName()]
}

// bestTable returns the least errors of a run and their iterations.
func bestTable(s *experiment.Summary) (t report.Table, there bool) {
	t = report.Table{Title: "Least errors of the measured iterates", Head: []string{"", "error", "iteration"}}
	add := func(name string, value experiment.Number, at *int) {
		if at != nil {
			t.Rows = append(t.Rows, []report.Cell{report.Text(name), report.Number(float64(value)),
				report.Whole(*at)})
		}
	}
	add("test error", s.BestTestError, s.BestTestErrorIteration)
	add("held-out RMSE (in the data's unit)", s.BestHeldOut, s.BestHeldOutIteration)
	return t, len(t.Rows) > 0
}
