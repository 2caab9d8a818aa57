package experiment

import (
	"github.com/matsense/matsense/sensing"
)

// singleIndex is the single index model's name.
const singleIndex = "single-index"

// The values of link-scale.
const (
	knownScale   = "known"
	unknownScale = "unknown"
)

// checkSingleIndex wants a link, and f64 arithmetic.
func (c *Config) checkSingleIndex(m *mistakes) {
	if c.Link == "" {
		c.Link = sensing.SingleIndexLinks()[0]
	}
	m.oneOf("link", c.Link, sensing.SingleIndexLinks()...)
	if c.LinkScale == "" {
		c.LinkScale = knownScale
	}
	m.oneOf("link-scale", c.LinkScale, knownScale, unknownScale)
	m.finite("truncation", c.Truncation, c.Truncation >= 0, "zero or positive")
	c.checkStructured(m)
	n1, n2 := c.sides()
	if most := c.mostSide(); n1 >= 1 && n2 >= 1 && n1 <= most && n2 <= most && c.space().K() > sensing.MaxObserved {
		m.bad("n", "a single index model of matrices with %d coordinates is too large: they are at most %d", c.space().K(), sensing.MaxObserved)
	}
}

// singleIndex is the model of a configuration that was found valid. Its samples are the measurements.
func (c *Config) singleIndex() sensing.SingleIndex {
	return sensing.SingleIndex{Space: c.space(), Samples: c.Measurements, Link: c.Link, Unknown: c.LinkScale == unknownScale,
		Truncation: c.Truncation, Noise: c.Noise, Seed: c.Seed}
}

// observeIndex draws the model's samples, and makes its truth what can be found of it.
func (l *loaded) observeIndex(c *Config) (err error) {
	model := c.singleIndex()
	if l.problem.Observations, err = model.Observe(l.problem.Truth); err != nil {
		return err
	}
	l.problem.Truth, err = model.Target(l.problem.Truth)
	return err
}
