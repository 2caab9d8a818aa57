package experiment

import (
	"slices"

	"github.com/matsense/matsense/solver"
)

// checkMomentum fills in the momentum.
func (c *Config) checkMomentum(m *mistakes) {
	if !c.given("momentum") {
		c.Momentum = 0.9
	}
	m.finite("momentum", c.Momentum, c.Momentum >= 0 && c.Momentum < 1, "at least 0 and less than 1")
}

// checkBatches fills in how many measurements a step draws, and the seed.
func (c *Config) checkBatches(m *mistakes) {
	c.checkMethodSeed(m)
	if c.given("batch-size") && (c.BatchSize < 1 || c.BatchSize > maxMeasurements) {
		m.bad("batch-size", "batch-size goes from 1 to %d, got %d", maxMeasurements, c.BatchSize)
	}
	c.fillBatchSize()
}

// fillBatchSize makes a batch a tenth of all measurements, once their number is known, where nobody says.
func (c *Config) fillBatchSize() {
	if !c.given("batch-size") && c.Measurements > 0 {
		c.BatchSize = max((c.Measurements+5)/10, 1)
	}
}

// batches are what sgd and rsgd draw.
func (c *Config) batches() solver.Batches {
	return solver.Batches{Size: c.BatchSize, Seed: c.MethodSeed}
}

// checkMethodSeed fills in the seed of what the method draws.
func (c *Config) checkMethodSeed(*mistakes) {
	if !c.given("method-seed") {
		c.MethodSeed = c.Seed
	}
}

// checkLabelNoise fills in the noise's size, where the observations are about 1, and the seed of its signs.
func (c *Config) checkLabelNoise(m *mistakes) {
	c.checkMethodSeed(m)
	if !c.given("label-noise") {
		c.LabelNoise = 0.1
	}
	m.finite("label-noise", c.LabelNoise, c.LabelNoise > 0, "positive")
}

// checkPartial refuses single and mixed precision for methods that step without the full gradient: their steps are in f64. Where it
// could be chosen it is f64.
func (c *Config) checkPartial(m *mistakes) {
	if !slices.Contains(namesOf(methods), c.Method) || !solver.IsPartial(c.method()) {
		return
	}
	switch c.Precision {
	case "mixed", "f32":
		m.bad("precision", "method %s takes its steps in f64, without the full gradient, which %s precision is for", c.Method, c.Precision)
	case "auto":
		c.Precision = "f64"
	}
}
