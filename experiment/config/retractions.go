package config

import "github.com/matsense/matsense/solver"

// Retraction is a way for Riemannian steps to return to the manifold that a configuration can name.
type Retraction struct {
	Entry
	// Make makes the retraction.
	Make func() solver.Retraction
}

// retractions are all retractions, as matsense list shows them. The first is the default: a configuration
// that names none has it, as those had that were written before there were others.
var retractions []Retraction

func init() {
	retractions = []Retraction{
		{
			Entry: Entry{
				Name:       "factor",
				About:      "U ← U − μB, V likewise: the default of rgd and rsgd",
				References: []Reference{vandereycken2013},
				After:      true,
			},
			Make: func() solver.Retraction { return solver.FactorRetraction{} },
		},
		{
			Entry: Entry{
				Name:       "second-order",
				About:      "U ← U − μB_U − μ²·(B_U − ½UU†B_U)(V†B_V)ᵀ, V likewise: of second order",
				References: []Reference{shalit2012},
				After:      true,
			},
			Make: func() solver.Retraction { return solver.SecondOrderRetraction{} },
		},
		{
			Entry: Entry{
				Name:       "projection",
				About:      "the matrix of rank r that is nearest to Z − μξ",
				References: []Reference{absil2012},
			},
			Make: func() solver.Retraction { return solver.ProjectionRetraction{} },
		},
		{
			Entry: Entry{
				Name:       "exponential",
				About:      "the exponential map: along a geodesic, whose equation is integrated",
				References: []Reference{absil2008},
			},
			Make: func() solver.Retraction { return solver.ExponentialRetraction{} },
		},
	}
}

// retracts says whether a retraction was named.
func (c *Config) retracts() bool { return c.Retraction != "" }

// checkRetraction refuses a retraction that there is not.
func (c *Config) checkRetraction(m *Mistakes) {
	if c.retracts() {
		m.OneOf("retraction", c.Retraction, namesOf(retractions)...)
	}
}

// newRetraction makes the retraction of a configuration.
func (c *Config) newRetraction() solver.Retraction {
	if x := find(retractions, c.Retraction); x != nil {
		return x.Make()
	}
	return retractions[0].Make()
}
