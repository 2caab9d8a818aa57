package config

import (
	"math"

	"github.com/matsense/matsense/sensing"
)

// maxMeasurements is more than 10·n·rank can come to.
const maxMeasurements = 1 << 40

// Sides returns the size of the unknown matrix.
func (c *Config) Sides() (n1, n2 int) {
	if c.ChosenParametrization().Rectangular {
		return c.N, c.N2
	}
	return c.N, c.N
}

// Space is the one that the unknown matrix lives in.
func (c *Config) Space() sensing.Space {
	if c.ChosenParametrization().Rectangular {
		return sensing.Rect{N1: c.N, N2: c.N2}
	}
	return sensing.Sym{N: c.N}
}

// checkDrawn checks the sizes of a problem that is drawn, and fills in what follows from them.
func (c *Config) checkDrawn(m *Mistakes) {
	c.checkNoUserData(m)
	c.checkSpectrum(m)
	c.checkVectors(m)
	n1, n2 := c.Sides()
	sized := c.hasSides()
	if most := c.mostSide(); c.N < 1 || c.N > most {
		m.Bad("n", "n goes from 1 to %d, got %d", most, c.N)
	}
	if sized && c.Rank > min(n1, n2) || c.Rank < 1 {
		c.badRank(m, sized)
	}
	c.checkKappa(m)
	sane := sized && c.hasRank() // what follows from them is
	if sane && c.Measurements == 0 && !c.Given("measurements") {
		c.Measurements = 5 * (n1 + n2) * c.Rank
	}
	if (sane || c.Given("measurements")) && (c.Measurements < 1 || c.Measurements > maxMeasurements) {
		m.Bad("measurements", "measurements goes from 1 to %d, got %d", maxMeasurements, c.Measurements)
	}
	if c.Noise > sensing.Largest/10 && !math.IsInf(c.Noise, 1) {
		m.Bad("noise", "noise must be at most %g, got %v", sensing.Largest/10, c.Noise)
	} else {
		m.Finite("noise", c.Noise, c.Noise >= 0, "zero or positive")
	}
	c.checkSNR(m)
	c.checkOutliers(m)
}

// hasSides says whether a matrix can have the sides.
func (c *Config) hasSides() bool {
	n1, n2 := c.Sides()
	return min(n1, n2) >= 1 && max(n1, n2) <= c.mostSide()
}

// hasRank says whether a matrix of these sides can have the truth's rank.
func (c *Config) hasRank() bool {
	n1, n2 := c.Sides()
	return c.Rank >= 1 && c.Rank <= min(n1, n2)
}

// checkKappa checks the condition number of a truth that is drawn with an even spectrum.
func (c *Config) checkKappa(m *Mistakes) {
	if !c.hasKappa() {
		if c.Truth != "" && c.Given("kappa") && c.Kappa != 0 {
			m.Bad("kappa", "kappa is for a truth that is drawn, not for a user's")
		}
		c.Kappa = 0
		return
	}
	if c.Rank == 1 && !c.Given("kappa") {
		c.Kappa = 1
	}
	m.Finite("kappa", c.Kappa, c.Kappa >= 1, "at least 1")
	if c.Rank == 1 && c.Sparsity <= 1 && c.Kappa > 1 {
		m.Bad("kappa", "a truth of rank 1 has the condition number 1, got kappa %v", c.Kappa)
	}
}

// badRank says how large a rank may be.
func (c *Config) badRank(m *Mistakes, sized bool) {
	n1, n2 := c.Sides()
	switch {
	case !sized:
		m.Bad("rank", "rank must be positive, got %d", c.Rank)
	case n2 < n1:
		m.Bad("rank", "rank goes from 1 to n2 = %d, got %d", n2, c.Rank)
	default:
		m.Bad("rank", "rank goes from 1 to n = %d, got %d", n1, c.Rank)
	}
}
