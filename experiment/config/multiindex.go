package config

import (
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// multiIndex is the observation model of functions of several inner products.
const multiIndex = "multi-index"

// checkMultiIndex wants a link with as many indices as the truth has directions, and no steps: T(y) is not
// linear in a matrix, so that f has nothing to find, and only the spectral estimate does. The directions are
// of one length, unless the link has a weight for each.
func (c *Config) checkMultiIndex(m *Mistakes) {
	if c.Parametrization != (solver.PSD{}).Name() {
		m.Bad("parametrization", "multi-index directions are sought in symmetric matrices, with "+
			"parametrization psd, got %q", c.Parametrization)
	}
	if c.Link == "" {
		c.Link = sensing.Links()[0].Name()
	}
	if c.Preprocessing == "" {
		c.Preprocessing = string(sensing.Optimal)
	}
	m.OneOf("preprocessing", c.Preprocessing, preprocessing...)
	m.OneOf("link", c.Link, multiIndexLinks()...)
	link, err := sensing.LinkOf(c.Link)
	if err != nil {
		return
	}
	if !c.Given("rank") && !link.IsWeighted() {
		c.Rank = max(link.Indices(), 1)
	}
	if link.Indices() != 0 && c.Rank != link.Indices() {
		m.Bad("rank", "the link %s has %d indices, got rank %d", c.Link, link.Indices(), c.Rank)
	}
	switch {
	case c.Truth != "":
		m.Bad("truth", "multi-index directions are drawn: leave truth out")
	case link.IsWeighted():
		c.checkWeights(m)
	case c.Spectrum != "":
		m.Bad("spectrum", "multi-index directions are orthonormal: leave spectrum out, or take link quadratic")
	case c.Kappa != 1:
		m.Bad("kappa", "multi-index directions are orthonormal, so that kappa is 1, got %v", c.Kappa)
	}
	if !c.Given("measurements") {
		c.Measurements = 10 * c.N * c.Rank
	}
	if c.Given("iterations") && c.Iterations > 0 {
		m.Bad("iterations", "multi-index observations are not linear in a matrix, and only the spectral "+
			"estimate is made of them: iterations is 0 (to step on ‖z‖² = ⟨aaᵀ, M*⟩, "+
			"take ensemble rank-one), got %d",
			c.Iterations)
		c.Iterations = 0
	}
}

// checkWeights wants eigenvalues of M* for which the law of the observations is computed.
func (c *Config) checkWeights(m *Mistakes) {
	if c.Rank < 1 || c.Rank > c.N || c.hasKappa() && !(c.Kappa >= 1) {
		return // a mistake that is told elsewhere
	}
	key := "kappa"
	if c.hasSpectrum() {
		key = "spectrum"
	}
	weights := c.Singular()
	if len(weights) > 0 && weights[0] > sensing.MaxSpread*weights[len(weights)-1] {
		m.Bad(key, "the link %s takes eigenvalues of M* of which the largest is at most %d times the least, "+
			"got %.3g and %.3g", c.Link, sensing.MaxSpread, weights[0], weights[len(weights)-1])
	}
}

// multiIndex is the link and the function T of a configuration that was found valid.
func (c *Config) multiIndex() (link sensing.Link, transform func(y float64) float64, err error) {
	if link, err = sensing.LinkOf(c.Link); err != nil {
		return link, nil, err
	}
	if link.IsWeighted() {
		link = link.Weighted(c.Singular())
	}
	transform, err = link.Transform(sensing.Preprocessing(c.Preprocessing), c.Rank)
	return link, transform, err
}

// observeIndices makes T(y) of the truth's directions.
func (c *Config) observeIndices(p *sensing.Problem) error {
	link, transform, err := c.multiIndex()
	if err != nil {
		return err
	}
	p.Observations, err = link.Observe(p, p.Ensemble.(*sensing.RankOne))
	for i, y := range p.Observations {
		p.Observations[i] = transform(y)
	}
	return err
}

// Prediction is what theory says of the spectral estimate of a multi-index model.
type Prediction struct {
	// WeakRecovery is the least m/n at which some T gives information.
	WeakRecovery float64
	solver.Eigenvalues
}

// Predict returns the prediction for a configuration with observation multi-index.
func (c *Config) Predict() (p Prediction, err error) {
	link, transform, err := c.multiIndex()
	if err != nil {
		return p, err
	}
	law := link.Law(c.Rank, c.Noise)
	delta := float64(c.Measurements) / float64(c.N)
	return Prediction{solver.WeakRecovery(law), solver.PredictEigenvalues(law, transform, delta)}, nil
}
