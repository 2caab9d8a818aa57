package main

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/solver"
	"github.com/matsense/matsense/view"
)

// textProgress shows a bar on a terminal, and now and then a line elsewhere.
type textProgress struct {
	env      environment
	plan     *experiment.Plan
	bar      *progressbar.ProgressBar
	from, to int
	began    time.Time
	next     int // the iteration from which the next line is due
}

// Notice implements experiment.Progress.
func (t *textProgress) Notice(text string) {
	if t.bar != nil {
		_ = t.bar.Clear()
	}
	fmt.Fprintln(t.env.err, "note:", text)
}

// Begin implements experiment.Progress.
func (t *textProgress) Begin(_ string, from, to int) {
	t.from, t.to, t.next = from, to, from
	fmt.Fprintln(t.env.err, view.Problem(t.plan))
	if from > 0 {
		fmt.Fprintf(t.env.err, "going on from iteration %d\n", from)
	}
	if t.env.terminal {
		t.bar = newBar(t.env.err, from, to, "making the measurements", progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("steps"))
	}
}

// newBar shows a bar on a terminal.
func newBar(w io.Writer, from, to int, description string,
	more ...progressbar.Option) *progressbar.ProgressBar {
	bar := progressbar.NewOptions(to, append([]progressbar.Option{
		progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(30), progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100 * time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetTheme(progressbar.ThemeASCII), progressbar.OptionSetDescription(description),
	}, more...)...)
	_ = bar.Set(from)
	return bar
}

// Sample implements experiment.Progress.
func (t *textProgress) Sample(s solver.Sample) {
	if t.began.IsZero() { // the measurements are made, and the clock starts
		// A resumed run may have taken some steps before its first sample.
		t.began, t.from = time.Now(), s.Iteration
		if t.bar != nil {
			t.bar.Reset()
		}
	}
	if t.bar != nil {
		t.bar.Describe(fmt.Sprintf("loss %.2e%s", s.TrainLoss, heldOut(s)))
		_ = t.bar.Set(s.Iteration)
		return
	}
	if s.Iteration < t.next && s.Iteration != t.to {
		return
	}
	t.next = s.Iteration + max(1, (t.to-t.from)/10)
	left := ""
	if done := s.Iteration - t.from; done > 0 {
		elapsed := time.Since(t.began)
		rate := float64(done) / elapsed.Seconds()
		left = fmt.Sprintf(", %.3g steps/s, %s left",
			rate, (time.Duration(float64(t.to-s.Iteration) / rate * 1e9)).Round(time.Second))
	}
	if !math.IsNaN(s.TrainLoss) {
		fmt.Fprintf(t.env.err, "iteration %d of %d: train loss %.3e%s%s\n", s.Iteration, t.to, s.TrainLoss,
			heldOut(s), left)
	}
}

// heldOut writes the error on held-out measurements; "" if there are none.
func heldOut(s solver.Sample) string {
	if math.IsNaN(s.HeldOutRMSE) {
		return ""
	}
	return fmt.Sprintf(", held-out RMSE %.4g", s.HeldOutRMSE)
}

// end takes the bar away.
func (t *textProgress) end() {
	if t.bar != nil {
		_ = t.bar.Finish()
		t.bar = nil
	}
}

// jsonProgress prints one JSON object a line.
type jsonProgress struct {
	out  io.Writer
	plan *experiment.Plan
}

// Notice implements experiment.Progress.
func (p jsonProgress) Notice(text string) {
	printJSON(p.out, map[string]any{"event": "notice", "message": text})
}

// Begin implements experiment.Progress.
func (p jsonProgress) Begin(dir string, from, to int) {
	printJSON(p.out, map[string]any{
		"event": "begin", "from_iteration": from, "to_iteration": to, "dir": dir,
		"backend": p.plan.Backend.Name(),
		"device":  p.plan.Backend.Device(), "storage": p.plan.Storage, "precision": p.plan.Config.Precision,
		"memory_planned_bytes": p.plan.Bytes,
	})
}

// Sample implements experiment.Progress.
func (p jsonProgress) Sample(s solver.Sample) {
	fmt.Fprintf(p.out, "{%s}\n", experiment.MetricsOf(s).AppendMembers([]byte(`"event":"sample",`)))
}
