package config

import (
	"errors"
	"maps"
)

// startKeys are the settings of a start, beside the factor rank.
var startKeys = []string{"init", "init-right", "alpha", "alpha-right", "start-imbalance", "start-seed"}

// ForgetStart gives the settings of the start their defaults, as if they had not been given; so a file of
// another start may say another factor rank.
func (c *Config) ForgetStart() {
	from := maps.Clone(c.from)
	defaults := Default()
	for _, key := range startKeys {
		delete(from, key)
		f, _ := c.Field(key)
		its, _ := defaults.Field(key)
		f.put(its.Value())
	}
	delete(from, "factor-rank")
	c.from = from
}

// CheckStart checks a configuration that [Config.Check] found sound and whose start was changed since. It
// opens the files of the start alone: the other data files may be gone once the problem has been loaded.
func (c *Config) CheckStart() error {
	m := &Mistakes{c: c}
	var usage *UsageError
	if err := c.Validate(); errors.As(err, &usage) {
		m.problems = usage.Problems
	} else if err != nil {
		return err
	}
	c.MakePathsAbsolute()
	c.shapes, c.layers = maps.Clone(c.shapes), nil
	for _, f := range []DataFile{{"init", &c.Init}, {"init-right", &c.InitRight}} {
		delete(c.shapes, f.Key)
		if c.StartFile() != "" {
			c.readHeader(m, f)
		}
	}
	if len(m.problems) == 0 {
		c.checkStartShapes(m)
	}
	return m.err()
}
