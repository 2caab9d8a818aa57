package experiment

import (
	"slices"

	"github.com/matsense/matsense/sensing"
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

// planted is the start at a saddle point.
const planted = "saddle"

// starts are the starts that are made; any other init names a file.
var starts = []string{"random", "spectral", planted}

// IsStartFile says whether a value of init names a file.
func IsStartFile(init string) bool { return !slices.Contains(starts, init) }

// IsRandomStart says whether a start has a random part, of size alpha.
func IsRandomStart(init string) bool { return init == "random" || init == planted }

// checkPlanted wants a saddle to miss a column of the truth.
func (c *Config) checkPlanted(m *mistakes) {
	switch {
	case c.Init != planted:
	case c.Parametrization != solver.PSD{}.Name() && c.Parametrization != solver.Asymmetric{}.Name():
		m.bad("init", "a saddle is made for parametrization psd or uv, not %s", c.Parametrization)
	case c.ownData() && c.Truth == "":
		m.bad("init", "a saddle is made of the truth's columns, and own data has none: add truth")
	case !c.ownData() && c.FactorRank >= c.Rank:
		m.bad("init", "a saddle misses a column of the truth: it needs a factor-rank below rank, which is %d, got %d", c.Rank, c.FactorRank)
	}
}

// plantedStart makes the start at a saddle point.
func (c *Config) plantedStart(truth *sensing.Truth) (solver.Start, error) {
	if c.FactorRank >= truth.Rank() {
		return nil, Usagef("%s: a saddle misses a column of the truth: it needs a factor-rank below rank, which is %d, got %d",
			c.at("init"), truth.Rank(), c.FactorRank)
	}
	return solver.Saddle{Truth: truth, Alpha: c.Alpha, Seed: c.StartSeed}, nil
}
