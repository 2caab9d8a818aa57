package experiment

import "github.com/matsense/matsense/sensing"

// defaultRadius is the radius of zeroth-order where none is given. Differences of f lose about 10⁻¹⁶/δ to rounding, and what they
// miss bends a solution by δ²·d: both are below 10⁻⁸ for a thousand numbers.
const defaultRadius = 1e-5

// maxDirections bounds the directions of a step: no run ends that has more.
const maxDirections = 1 << 30

// checkZerothOrder wants directions and a radius to look in, and fills in the radius and the seed.
func (c *Config) checkZerothOrder(m *mistakes) {
	if c.Directions < 0 || c.Directions > maxDirections {
		m.bad("directions", "directions goes from 0, as many as the factor has numbers, to %d, got %d", maxDirections, c.Directions)
	}
	if !c.given("radius") && c.Radius == 0 {
		c.Radius = defaultRadius
	}
	m.finite("radius", c.Radius, c.Radius > 0, "positive")
	m.finite("evaluation-noise", c.ValueNoise, c.ValueNoise >= 0 && c.ValueNoise <= sensing.Largest, "zero or positive")
	c.checkMethodSeed(m)
}
