package experiment

import (
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// multiIndex is the multi-index models' name.
const multiIndex = "multi-index"

func makeRankOne(c *Config) (sensing.Ensemble, error) {
	return sensing.NewRankOne(c.space(), c.Measurements, c.Seed)
}

// checkRankOne fills in a step that suits measurements which are not isotropic: f curves by 2·(2·‖M*‖ + tr(M*)) at most, where it
// curves by 2·‖M*‖ with others, and of a truth that is drawn ‖M*‖ = 1 and tr(M*) ≤ rank.
func (c *Config) checkRankOne(m *mistakes) {
	c.checkStructured(m)
	c.fillVectorStep()
}

// fillVectorStep fills in the step where nobody says, once the rank is known.
func (c *Config) fillVectorStep() {
	if !c.rectangular() && !c.given("step") && c.Rank > 0 {
		c.Step = Default().Step / float64(2+c.Rank)
	}
}

// checkMultiIndex wants a link with as many indices as the truth has directions, which are of one length, and no steps: T(y) is not linear
// in a matrix, so that f has nothing to find, and only the spectral estimate does.
func (c *Config) checkMultiIndex(m *mistakes) {
	c.checkStructured(m)
	if c.Parametrization != (solver.PSD{}).Name() {
		m.bad("parametrization", "multi-index directions are sought in symmetric matrices, with parametrization psd, got %q", c.Parametrization)
	}
	if c.Link == "" {
		c.Link = sensing.Links()[0].Name()
	}
	if c.Preprocessing == "" {
		c.Preprocessing = string(sensing.Optimal)
	}
	m.oneOf("preprocessing", c.Preprocessing, string(sensing.Plain), string(sensing.Trim), string(sensing.Optimal))
	var names []string
	for _, l := range sensing.Links() {
		names = append(names, l.Name())
	}
	m.oneOf("link", c.Link, names...)
	link, err := sensing.LinkOf(c.Link)
	if err != nil {
		return
	}
	if !c.given("rank") {
		c.Rank = max(link.Indices(), 1)
	}
	if link.Indices() != 0 && c.Rank != link.Indices() {
		m.bad("rank", "the link %s has %d indices, got rank %d", c.Link, link.Indices(), c.Rank)
	}
	if c.Kappa != 1 {
		m.bad("kappa", "multi-index directions are orthonormal, so that kappa is 1, got %v", c.Kappa)
	}
	if !c.given("measurements") {
		c.Measurements = 10 * c.N * c.Rank
	}
	if !c.given("factor-rank") {
		c.FactorRank = c.Rank
	}
	if !c.given("init") {
		c.Init = spectral
	}
	if !c.given("iterations") {
		c.Iterations = 0
	}
	usual := Default()
	for _, s := range []struct {
		key   string
		asked bool
	}{{"method", c.Method != usual.Method}, {"step", c.Step != usual.Step}, {"target-loss", c.TargetLoss != 0}} {
		if c.given(s.key) && s.asked {
			m.bad(s.key, "multi-index takes no steps, and has no use for %s", s.key)
		}
	}
	if c.Iterations > 0 {
		m.bad("iterations", "multi-index observations are not linear in a matrix, and only the spectral estimate is made of them: iterations is 0 (to step on ‖z‖² = ⟨aaᵀ, M*⟩, take ensemble rank-one), got %d",
			c.Iterations)
	}
}

// observeIndices makes T(y) of the truth's directions.
func (c *Config) observeIndices(p *sensing.Problem) ([]float64, error) {
	link, err := sensing.LinkOf(c.Link)
	if err != nil {
		return nil, err
	}
	transform, err := link.Transform(sensing.Preprocessing(c.Preprocessing), c.Rank)
	if err != nil {
		return nil, err
	}
	y, err := link.Observe(p, p.Ensemble.(*sensing.RankOne))
	for i := range y {
		y[i] = transform(y[i])
	}
	return y, err
}
