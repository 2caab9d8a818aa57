package experiment

import (
	"slices"
	"strings"

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
		c.Link = sensing.Links()[0]
	}
	m.oneOf("link", c.Link, sensing.Links()...)
	if c.LinkScale == "" {
		c.LinkScale = knownScale
	}
	m.oneOf("link-scale", c.LinkScale, knownScale, unknownScale)
	m.finite("truncation", c.Truncation, c.Truncation >= 0, "zero or positive")
	if c.Precision == "mixed" || c.Precision == "f32" {
		m.bad("precision", "a single index model is computed with in f64, got %q", c.Precision)
	}
	if c.given("storage") && c.Storage == "generated" {
		m.bad("storage", "a single index model keeps the average of its covariates, and no rows that could be generated")
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

// refuseOwnLink refuses a model's settings for own data.
func (c *Config) refuseOwnLink(m *mistakes) {
	for _, key := range []string{"link", "link-scale", "truncation"} {
		if f, _ := c.field(key); c.given(key) && !f.value.IsZero() {
			users := namesOf(slices.DeleteFunc(slices.Clone(ensembles), func(e ensemble) bool { return !slices.Contains(e.settings, key) }))
			m.bad(key, "%s is for ensemble %s, not for own data", key, strings.Join(users, " or "))
		}
	}
}
