package view

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
)

// Problem returns the line that a run begins with: its problem, its device and its memory.
func Problem(p *experiment.Plan) string {
	c := &p.Config
	where := "rows in " + p.Storage + ", "
	switch {
	case c.Entries == "": // the ensemble has no rows
		where = ""
	case p.Storage == "generated":
		where = "rows generated when needed, "
	}
	precise := arithmetic(c)
	if precise != "" {
		precise = ", " + precise
	}
	return fmt.Sprintf("%s, %s, m = %d, factor rank %d%s; on %s (%s), %s%s of memory for data",
		law(c), side(c), c.Measurements, c.FactorRank, precise,
		p.Backend.Name(), p.Backend.Device(), where, experiment.Bytes(p.Bytes))
}

// sizeOf returns the size of the unknown matrix, as in "50 × 50".
func sizeOf(c *config.Config) string {
	if c.N2 > 0 {
		return fmt.Sprintf("%d × %d", c.N, c.N2)
	}
	return fmt.Sprintf("%d × %d", c.N, c.N)
}

// side returns the size of the unknown matrix: "n = 50" if it is square, else as sizeOf.
func side(c *config.Config) string {
	if c.N2 > 0 {
		return sizeOf(c)
	}
	return fmt.Sprintf("n = %d", c.N)
}

// phrase says in a few words what a run has of one kind; empty if it has nothing worth a word, or if that
// follows from files that have not been read.
type phrase func(c *config.Config) string

// phrases make up the caption of a run: its problem, method, start, steps, and measurements.
var phrases = []phrase{
	func(c *config.Config) string { return when(!c.Follows("n"), "%s", side(c)) },
	func(c *config.Config) string {
		return when(c.ChosenParametrization().Vector, "%d not 0", c.Sparsity)
	},
	func(c *config.Config) string {
		return when(c.Rank > 0 && !c.Follows("rank") && !c.ChosenParametrization().Vector, "r* = %d", c.Rank)
	},
	func(c *config.Config) string { return when(!c.Follows("measurements"), "m = %d", c.Measurements) },
	func(c *config.Config) string {
		return when(!c.Follows("factor-rank") && !c.ChosenParametrization().Vector, "r = %d", c.FactorRank)
	},
	func(c *config.Config) string { return when(c.Depth > 0, "%d matrices", c.Depth) },
	func(c *config.Config) string { return c.ChosenParametrization().Caption },
	func(c *config.Config) string {
		return when(c.Method != config.Default().Method && c.Iterations > 0, "%s", method(c))
	},
	func(c *config.Config) string {
		start, found := c.ChosenStart()
		return when(found && !start.Unnamed, "%s start", start.Name)
	},
	func(c *config.Config) string {
		start, found := c.ChosenStart()
		return when(found && start.Sized, "α = %s", power(c.Alpha))
	},
	func(c *config.Config) string {
		return when(c.Iterations > 0 && c.HasStep() && !c.Follows("step"), "μ = %s", power(c.Step))
	},
	func(c *config.Config) string {
		return when(c.Iterations > 0 && c.StepDecay != "", "step decay %s", c.StepDecay)
	},
	func(c *config.Config) string { return when(c.Retraction != "", "retraction %s", c.Retraction) },
	func(c *config.Config) string { return when(c.Kappa > 1, "κ = %s", power(c.Kappa)) },
	func(c *config.Config) string {
		return when(c.SingularVectors != "", "singular vectors: %s", c.SingularVectors)
	},
	func(c *config.Config) string { return when(c.Noise > 0, "σ = %s", power(c.Noise)) },
	func(c *config.Config) string { return when(!math.IsInf(c.SNR, 1), "SNR %s dB", power(c.SNR)) },
	func(c *config.Config) string { return when(c.Outliers > 0, "outliers in %s of y", percent(c.Outliers)) },
	func(c *config.Config) string { return when(!c.HasSquaredLoss(), "loss %s", c.LossName()) },
	law,
	arithmetic,
}

// arithmetic names the arithmetic, if it is not f64.
func arithmetic(c *config.Config) string {
	return when(c.Precision != "f64", "%s arithmetic", c.Precision)
}

// when returns a text if a condition holds, and else nothing.
func when(holds bool, format string, value any) string {
	if !holds {
		return ""
	}
	return fmt.Sprintf(format, value)
}

// caption says what runs have in common; there is at least one. What differs between them is left out.
func caption(configs ...*config.Config) string {
	var parts []string
	for _, of := range phrases {
		text := of(configs[0])
		differs := func(c *config.Config) bool { return of(c) != text }
		if text != "" && !slices.ContainsFunc(configs, differs) {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, ",  ")
}

// percent writes a share of the observations.
func percent(share float64) string { return fmt.Sprintf("%.4g %%", 100*share) }

// method names the method, or the function that takes the steps in a user's program.
func method(c *config.Config) string {
	if c.IsProgrammed() && c.CustomName != "" {
		return c.CustomName
	}
	return c.Method
}

// law names the ensemble or the law of the covariates, the entries if there are any, and the observation
// model if it is not linear.
func law(c *config.Config) string {
	words := cmp.Or(c.Covariates, c.Ensemble) + " " + c.Entries
	if c.ReLUThreshold != 0 {
		words += fmt.Sprintf(" above %g rms", c.ReLUThreshold)
	}
	if c.Link != "" {
		words += " " + c.Observation + " " + c.Link
	}
	return strings.Join(strings.Fields(words), " ")
}
