package config

import (
	"slices"

	"github.com/matsense/matsense/sensing"
)

// Observation is a way in which measurements and a truth make observations, that a configuration can name.
type Observation struct {
	Entry
	// Ensembles are the ensembles that the observations go with, the default first; nil: all of them.
	Ensembles []string
	// Law makes the measurements in place of the ensemble; nil if the ensemble makes them.
	Law *Law
	// Observe makes the observations of a problem that has its measurements and its truth, and may replace
	// the truth by what can be found of it. If it is nil, the observations are ⟨A_i, M*⟩ + noise.
	Observe func(c *Config, p *sensing.Problem) error
	// Estimates: the observations are not linear in a matrix, so that f means nothing, and only methods that
	// take no steps go with them.
	Estimates bool
	// PerSparse is how many measurements there are by default for each s·ln n, if the unknown is a vector of
	// n numbers of which s are not zero.
	PerSparse float64
}

// linear is the observation model of ⟨A_i, M*⟩ + noise.
const linear = "linear"

// observations are all observation models, as matsense list shows them.
var observations []Observation

func init() {
	observations = []Observation{
		{
			Entry: Entry{
				Name:       linear,
				About:      "y = ⟨A, M*⟩ + noise",
				References: []Reference{recht2010},
			},
			PerSparse: 4, // a few times as many as it takes to find the vector
		},
		{
			Entry: Entry{
				Name:       "single-index",
				About:      "y = h(⟨X, M*⟩) with a link h, through the average of y·S(X) over m random X",
				References: []Reference{fan2023},
				Settings:   []string{"link", "link-scale", "covariates", "truncation"},
				Check:      (*Config).checkSingleIndex,
			},
			Ensembles: []string{"gaussian"},
			Law: &Law{
				Side: sensing.MaxRowSide, Count: func(c *Config) float64 { return float64(c.Space().K()) },
				Make: func(c *Config) (sensing.Ensemble, error) { return c.singleIndex().Ensemble() },
			},
			Observe:   (*Config).observeIndex,
			PerSparse: 100,
		},
		{
			Entry: Entry{
				Name:       multiIndex,
				About:      "T(q(z)) of z = ⟨a, w_1⟩ … ⟨a, w_p⟩: for spectral estimators of the directions w",
				References: []Reference{kovacevic2025},
				Settings:   []string{"link", "preprocessing"},
				Check:      (*Config).checkMultiIndex,
			},
			Ensembles: []string{"rank-one"},
			Observe:   (*Config).observeIndices,
			Estimates: true,
		},
	}
}

// observation is the entry of the observation model; an empty one if the configuration names none that there
// is.
func (c *Config) observation() Observation {
	if o := find(observations, c.Observation); o != nil {
		return *o
	}
	return Observation{}
}

// IsLinear says whether the observations are linear in a matrix, so that losses and errors of a matrix mean
// something.
func (c *Config) IsLinear() bool { return !c.observation().Estimates }

// settleObservation chooses the ensemble and the method that the observation model goes with, unless they are
// given.
func (c *Config) settleObservation(m *Mistakes) {
	if find(ensembles, c.Ensemble) == nil && find(observations, c.Ensemble) != nil {
		m.Bad("ensemble", "%s is an observation model and no ensemble: use --observation %s", c.Ensemble,
			c.Ensemble)
		c.Observation, c.Ensemble = c.Ensemble, find(observations, c.Ensemble).Ensembles[0]
	}
	o := c.observation()
	switch {
	case o.Ensembles == nil || slices.Contains(o.Ensembles, c.Ensemble):
	case !c.Given("ensemble"):
		c.Ensemble = o.Ensembles[0]
	case find(ensembles, c.Ensemble) != nil:
		m.Bad("ensemble", "observation %s goes with ensemble %s, not %s", o.Name, orList(o.Ensembles),
			c.Ensemble)
	}
	estimators := namesOf(slices.DeleteFunc(slices.Clone(methods),
		func(x Method) bool { return !x.Estimates }))
	switch {
	case !o.Estimates || slices.Contains(estimators, c.Method):
	case !c.Given("method"):
		c.Method = estimators[0]
	case find(methods, c.Method) != nil:
		m.Bad("method", "observation %s is not linear in a matrix, so that no method can descend: it goes "+
			"with method %s, not %s",
			o.Name, orList(estimators), c.Method)
	}
}

// checkObservation checks the observation model and its settings. If the model makes the measurements itself,
// the settings of ensembles do not apply.
func (c *Config) checkObservation(m *Mistakes) {
	m.OneOf("observation", c.Observation, namesOf(observations)...)
	checkMember(c, m, "observation", observations, c.Observation)
	if c.observation().Law == nil {
		return
	}
	for _, key := range settingsOf(ensembles) {
		if f, _ := c.Field(key); !c.Given(key) {
			f.clear()
		} else if !f.isZero() {
			m.Bad(key, "%s does not apply to observation %s", key, c.Observation)
		}
	}
}

// The values of link-scale.
const (
	knownScale   = "known"
	unknownScale = "unknown"
)

// checkSingleIndex wants a link, a law of the covariates, and a scale that is not called known if it depends
// on M*.
func (c *Config) checkSingleIndex(m *Mistakes) {
	if c.Link == "" {
		c.Link = sensing.SingleIndexLinks()[0]
	}
	m.OneOf("link", c.Link, sensing.SingleIndexLinks()...)
	laws := sensing.SingleIndexCovariates()
	if c.Covariates == laws[0] {
		c.Covariates = "" // as in configurations before there was a choice, whose fingerprints stay
	}
	if c.Covariates != "" {
		m.OneOf("covariates", c.Covariates, laws...)
	}
	model := sensing.SingleIndex{Link: c.Link, Covariates: c.Covariates}
	switch {
	case c.LinkScale == "" && model.ScaleDepends():
		c.LinkScale = unknownScale
	case c.LinkScale == "":
		c.LinkScale = knownScale
	case c.LinkScale == knownScale && model.ScaleDepends():
		m.Bad("link-scale", "with %s covariates the scale of the link %s depends on M*, so that link-scale is "+
			"unknown, got known", c.Covariates, c.Link)
	}
	m.OneOf("link-scale", c.LinkScale, linkScales...)
	m.Finite("truncation", c.Truncation, c.Truncation >= 0, "zero or positive")
	n1, n2 := c.Sides()
	if most := c.mostSide(); n1 >= 1 && n2 >= 1 && n1 <= most && n2 <= most &&
		c.Space().K() > sensing.MaxObserved {
		m.Bad("n", "a single index model of matrices with %d coordinates is too large: they are at most %d",
			c.Space().K(), sensing.MaxObserved)
	}
}

// singleIndex is the model of a configuration that was found valid. Its samples are the measurements.
func (c *Config) singleIndex() sensing.SingleIndex {
	return sensing.SingleIndex{
		Space: c.Space(), Samples: c.Measurements, Link: c.Link, Unknown: c.LinkScale == unknownScale,
		Covariates: c.Covariates, Truncation: c.Truncation, Noise: c.Noise, Seed: c.Seed,
	}
}

// observeIndex draws the model's samples, and makes its truth what can be found of it.
func (c *Config) observeIndex(p *sensing.Problem) (err error) {
	model := c.singleIndex()
	if p.Observations, err = model.Observe(p.Truth); err != nil {
		return err
	}
	p.Truth, err = model.Target(p.Truth)
	return err
}
