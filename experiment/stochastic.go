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
	switch {
	case c.given("batch-size"):
		if c.BatchSize < 1 || c.BatchSize > maxMeasurements {
			m.bad("batch-size", "batch-size goes from 1 to %d, got %d", maxMeasurements, c.BatchSize)
		}
	case c.Measurements < 1 && c.ownData():
		m.bad("batch-size", "%s needs batch-size, which depends on the number of measurements, and that is not known of own data before it is read", c.Method)
	default:
		c.BatchSize = max((c.Measurements+5)/10, 1)
	}
}

// batches are what sgd and rsgd draw.
func (c *Config) batches() solver.Batches {
	return solver.Batches{Size: c.BatchSize, Seed: c.MethodSeed}
}

// checkPartial refuses mixed precision for methods that step without the full gradient: they have nothing to gain from it. Where it
// could be chosen it is f64.
func (c *Config) checkPartial(m *mistakes) {
	if !slices.Contains(namesOf(methods), c.Method) || !c.isPartial() {
		return
	}
	switch c.Precision {
	case "mixed":
		m.bad("precision", "method %s steps without the full gradient, which mixed precision is for: it goes with f64", c.Method)
	case "auto":
		c.Precision = "f64"
	}
}
