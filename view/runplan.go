package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/matsense/matsense/experiment"
)

// WriteRunPlan says how much memory and time a run would take.
func WriteRunPlan(w io.Writer, p *experiment.Plan, f experiment.Forecast) {
	c := &p.Config
	fmt.Fprintf(w, "%s, of %s that are available\n", Problem(p), experiment.Bytes(p.Available))
	for _, card := range p.Cards {
		fmt.Fprintf(w, "%s: %s of memory, of %s that are available\n", card.Device,
			experiment.Bytes(card.Bytes), experiment.Bytes(card.Available))
	}
	steps := Count(c.Iterations-f.From, "step")
	if f.From > 0 {
		steps += fmt.Sprintf(" from iteration %d", f.From)
	}
	if f.Step == 0 {
		fmt.Fprintf(w, "%s; %s\n", steps, unknownTime)
		return
	}
	parts := []string{duration(f.Step) + " for a step"}
	if f.Measuring > 0 {
		parts = append(parts, duration(f.Measuring)+" for a sample of the metrics")
	}
	if f.Making > 0 {
		parts = append(parts, duration(f.Making)+" before the first step")
	}
	how := "measured on this machine just now"
	if f.Counted {
		how = countedTime
	}
	fmt.Fprintf(w, "%s, about %s in all: %s (%s)\n", steps,
		duration(f.Seconds(c.Iterations, c.MeasureEvery)), strings.Join(parts, ", "), how)
}

// duration writes seconds with two digits below ten seconds, and as [Rounded] does above.
func duration(seconds float64) string {
	digits := func(x float64, unit string) string {
		if x >= 9.95 {
			return fmt.Sprintf("%.0f %s", x, unit)
		}
		return fmt.Sprintf("%.1f %s", x, unit)
	}
	switch {
	case seconds < 0.9995e-3:
		return digits(seconds*1e6, "µs")
	case seconds < 0.9995:
		return digits(seconds*1e3, "ms")
	case seconds < 9.95:
		return digits(seconds, "s")
	}
	return Rounded(time.Duration(seconds * float64(time.Second)))
}
