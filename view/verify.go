package view

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/matsense/matsense/experiment"
)

// Difference says which number of a run differs from that of the run done again, and by how much.
func Difference(d experiment.Difference) string {
	return fmt.Sprintf("%s, iteration %d: %s is %s, and %s when done again%s", d.File, d.Iteration, d.Name,
		exact(d.Recorded), exact(d.Repeated), relative(d))
}

// exact writes a number with all its digits.
func exact(v float64) string {
	if math.IsNaN(v) {
		return "unknown"
	}
	return fmt.Sprint(v)
}

func relative(d experiment.Difference) string {
	size := d.Relative()
	if math.IsInf(size, 1) {
		return ""
	}
	return fmt.Sprintf(" (relative difference %.1e)", size)
}

// FirstDifference says in what a run first differs from the run done again.
func FirstDifference(c *experiment.Comparison) string {
	if c.First != nil {
		return Difference(*c.First)
	}
	return fmt.Sprintf("%s, and %s when done again", c.Endings[0], c.Endings[1])
}

// WriteComparison says how a run compares with the run done again.
func WriteComparison(w io.Writer, c *experiment.Comparison) {
	samples := Count(c.Samples, "sample")
	if c.Identical() {
		what := samples + "; the run has not ended, so there is no factor to compare"
		if len(c.Files) > 0 {
			what = "factor and " + samples
		}
		fmt.Fprintf(w, "identical: %s\n", what)
		writeVersions(w, c)
		return
	}
	fmt.Fprintf(w, "different: %s\n", FirstDifference(c))
	writeGreatest(w, c)
}

// WriteSweepComparison says how runs of a sweep compare with the same runs done again. runs says how many
// these are.
func WriteSweepComparison(w io.Writer, c *experiment.Comparison, runs string, different []int) {
	if len(different) == 0 {
		fmt.Fprintf(w, "identical: %s with %s\n", runs, Count(c.Samples, "sample"))
		writeVersions(w, c)
		return
	}
	slices.Sort(different)
	fmt.Fprintf(w, "different: %d of %s, the numbers %s\n", len(different), runs, Ranges(different))
	writeGreatest(w, c)
}

// writeGreatest tells the greatest difference, and why it may be there.
func writeGreatest(w io.Writer, c *experiment.Comparison) {
	if c.First != nil && len(c.Endings) > 0 {
		fmt.Fprintf(w, "  the run has: %s; done again: %s\n", c.Endings[0], c.Endings[1])
	}
	if c.Greatest != c.First {
		fmt.Fprintf(w, "  the greatest: %s\n", Difference(*c.Greatest))
	}
	reasons := c.Reasons()
	if len(reasons) == 0 {
		fmt.Fprintln(w, "  No reason is known: the same version on the same kind of device gives the same bits.")
		return
	}
	fmt.Fprintf(w, "  The last bits may differ, because %s.\n", strings.Join(reasons, ", and "))
}

// writeVersions tells that two versions of the program have made the same.
func writeVersions(w io.Writer, c *experiment.Comparison) {
	if c.By.Version != c.Again.Version {
		fmt.Fprintf(w, "  made by matsense %s, checked by %s\n", c.By.Version, c.Again.Version)
	}
}
