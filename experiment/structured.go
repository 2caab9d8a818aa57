package experiment

import (
	"github.com/matsense/matsense/sensing"
)

// structure is what there is to know of an ensemble whose measurements are not rows of entries. It has no number format to choose, and
// gradients in f64 alone.
type structure struct {
	// side bounds n and n2.
	side int
	// drawn: its measurements can be generated when they are needed.
	drawn bool
}

var structured = map[string]structure{
	"completion":      {side: sensing.MaxSide},
	"relu-completion": {side: sensing.MaxReLUSide},
	"pauli":           {side: sensing.MaxRowSide},
	"rank-one":        {side: sensing.MaxSide, drawn: true},
	multiIndex:        {side: sensing.MaxSide, drawn: true},
	singleIndex:       {side: sensing.MaxRowSide},
}

// isStructured says whether the measurements are not rows of entries.
func (c *Config) isStructured() bool {
	_, is := structured[c.ensembleName()]
	return is
}

// canGenerate says whether measurements can be generated when they are needed.
func (c *Config) canGenerate() bool {
	s, is := structured[c.ensembleName()]
	return !c.ownData() && (!is || s.drawn)
}

// ensembleName is what the measurements are called, before a configuration with own ones is resolved too.
func (c *Config) ensembleName() string {
	if way := c.own(); way != nil {
		return way.ensemble
	}
	return c.Ensemble
}

// mostSide bounds n and n2: past it not even one measurement can be indexed.
func (c *Config) mostSide() int {
	if s, is := structured[c.ensembleName()]; is {
		return s.side
	}
	return sensing.MaxRowSide
}

// checkStructured refuses what only rows of entries have, and what is not drawn.
func (c *Config) checkStructured(m *mistakes) {
	if c.Storage == "generated" && !c.canGenerate() {
		m.bad("storage", "storage generated is for measurements that are drawn one by one; %s lies in memory", c.Ensemble)
	}
	switch c.Precision {
	case "auto":
		c.Precision = "f64"
	case "mixed", "f32":
		m.bad("precision", "%s is computed with in f64, got %q: single precision is for rows of entries, whose reading takes the time", c.Ensemble, c.Precision)
	}
}

// checkCompletion wants a number of entries that there are. By default there are at most all of them.
func (c *Config) checkCompletion(m *mistakes) {
	c.checkStructured(m)
	n1, n2 := c.sides()
	if most := c.mostSide(); n1 < 1 || n2 < 1 || n1 > most || n2 > most { // said elsewhere
		return
	}
	entries := min(c.space().K(), sensing.MaxObserved)
	switch {
	case c.Measurements <= entries:
	case c.given("measurements"):
		m.bad("measurements", "measurements goes from 1 to %d, as many different entries can be observed, got %d", entries, c.Measurements)
	default:
		c.Measurements = entries
	}
}

// checkReLU fills in the number of entries that are seen, which follows from the truth.
func (c *Config) checkReLU(m *mistakes) {
	c.checkStructured(m)
	if len(m.problems) > 0 { // the truth may be none
		return
	}
	truth, err := c.truth()
	if err != nil {
		m.bad("rank", "%v", err)
		return
	}
	seen, err := sensing.ReLUMeasurements(c.space(), truth)
	switch {
	case err != nil:
		m.bad("n", "%v", err)
	case c.given("measurements") && c.Measurements != seen:
		m.bad("measurements", "relu-completion sees what is not negative in the truth, here %d entries, got %d: leave measurements out", seen, c.Measurements)
	}
	c.Measurements = seen
}

// spectralPairs is how many pairs of the spectral estimate a run asks for at most.
func (c *Config) spectralPairs() int {
	pairs := max(c.Rank, 1)
	if c.Init == spectral || c.Init == reluSpectral {
		pairs = max(pairs, c.FactorRank+1)
	}
	return pairs
}
