package view

import (
	"cmp"
	"fmt"
	"math"
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
	return fmt.Sprintf("%s, %s, m = %d, factor rank %d%s; on %s (%s), %s%s of memory for data",
		law(c), side(c), c.Measurements, c.FactorRank, arithmetic(c),
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

// title returns the caption of a run: its problem, method, start and measurements.
func title(c *config.Config) string {
	text := fmt.Sprintf("%s,  m = %d,  r = %d", side(c), c.Measurements, c.FactorRank)
	if c.Rank > 0 {
		text = fmt.Sprintf("%s,  r* = %d,  m = %d,  r = %d", side(c), c.Rank, c.Measurements, c.FactorRank)
	}
	p := c.ChosenParametrization()
	if p.Vector {
		text = fmt.Sprintf("n = %d,  %d not 0,  m = %d", c.N, c.Sparsity, c.Measurements)
	}
	if c.Depth > 0 {
		text += fmt.Sprintf(",  %d matrices", c.Depth)
	}
	if p.Caption != "" {
		text += ",  " + p.Caption
	}
	if c.Method != config.Default().Method && c.Iterations > 0 {
		text += ",  " + method(c)
	}
	if start, found := c.ChosenStart(); found {
		if !start.Unnamed {
			text += fmt.Sprintf(",  %s start", start.Name)
		}
		if start.Sized {
			text += ",  α = " + power(c.Alpha)
		}
	}
	if c.Iterations > 0 && c.HasStep() {
		text += ",  μ = " + power(c.Step) + decay(c)
	}
	if c.Retraction != "" {
		text += ",  retraction " + c.Retraction
	}
	if c.Kappa > 1 {
		text += ",  κ = " + power(c.Kappa)
	}
	if c.SingularVectors != "" {
		text += ",  singular vectors: " + c.SingularVectors
	}
	if c.Noise > 0 {
		text += ",  σ = " + power(c.Noise)
	}
	if !math.IsInf(c.SNR, 1) {
		text += fmt.Sprintf(",  SNR %s dB", power(c.SNR))
	}
	if c.Outliers > 0 {
		text += fmt.Sprintf(",  outliers in %s of y", percent(c.Outliers))
	}
	if !c.HasSquaredLoss() {
		text += ",  loss " + c.LossName()
	}
	return text + fmt.Sprintf(",  %s%s", law(c), arithmetic(c))
}

// percent writes a share of the observations.
func percent(share float64) string { return fmt.Sprintf("%.4g %%", 100*share) }

// decay says by which law the step sizes become smaller, if they do.
func decay(c *config.Config) string {
	if c.StepDecay == "" {
		return ""
	}
	return " with " + c.StepDecay
}

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

// arithmetic names the arithmetic, if it is not f64.
func arithmetic(c *config.Config) string {
	if c.Precision == "f64" {
		return ""
	}
	return fmt.Sprintf(", %s arithmetic", c.Precision)
}
