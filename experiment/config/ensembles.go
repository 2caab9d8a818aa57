package config

import (
	"slices"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// ensemble is a law of measurements that a configuration can name.
type ensemble struct {
	entry
	own
	make func(c *Config) (sensing.Ensemble, error)
}

// isotropic is where ensembles with E⟨A, Z⟩² = ‖Z‖_F² were shown to be nearly isometries on matrices of low rank.
const isotropic = "Recht, Fazel and Parrilo, SIAM Review 52 (2010)"

// dense is what a user's own matrices are called.
const dense = "dense"

var ensembles = []ensemble{
	{entry{"gaussian", "independent N(0, 1) entries, in one of four number formats", isotropic}, own{[]string{"entries"}, (*Config).checkEntries},
		func(c *Config) (sensing.Ensemble, error) {
			return sensing.NewGaussian(c.Space(), c.Measurements, sensing.Entries(c.Entries), c.Seed)
		}},
	{entry{"rademacher", "independent signs, one bit an entry", isotropic}, own{[]string{"entries"}, (*Config).checkSigns},
		func(c *Config) (sensing.Ensemble, error) {
			return sensing.NewRademacher(c.Space(), c.Measurements, c.Seed)
		}},
	{entry{"completion", "m different entries of the matrix, any with the same probability, times √K; one's own with --triplets",
		"Candès and Recht, Foundations of Computational Mathematics 9 (2009)"}, own{nil, (*Config).checkCompletion},
		func(c *Config) (sensing.Ensemble, error) {
			return sensing.NewCompletion(c.Space(), c.Measurements, c.Seed)
		}},
	{entry{"relu-completion", "the entries of the matrix that are not negative, all of them, times √K", "Liu, Wang, Huang, Qu and Balzano, arXiv 2406.05822"},
		own{nil, (*Config).checkReLU},
		func(c *Config) (sensing.Ensemble, error) {
			truth, err := c.truth()
			if err != nil {
				return nil, err
			}
			return sensing.NewReLUCompletion(c.Space(), truth)
		}},
	{entry{"pauli", "different real Pauli words on log₂n qubits: quantum state tomography; one's own with --paulis", "Gross, Liu, Flammia, Becker and Eisert, arXiv 0909.3304"},
		own{check: (*Config).checkPauli},
		func(c *Config) (sensing.Ensemble, error) {
			return sensing.NewPauli(c.N, c.Measurements, c.Seed)
		}},
	{entry{singleIndex, "y = h(⟨X, M*⟩) with a link h, through the average of y·X over m Gaussian X", overIndex},
		own{[]string{"link", "link-scale", "truncation"}, (*Config).checkSingleIndex},
		func(c *Config) (sensing.Ensemble, error) { return c.singleIndex().Ensemble() }},
	{entry{"rank-one", "a aᵀ, or a bᵀ, of Gaussian vectors: phase retrieval, quadratic and bilinear sensing; one's own with --vectors", "Chen, Chi and Goldsmith, arXiv 1310.0807"},
		own{nil, (*Config).checkRankOne}, makeRankOne},
	{entry{multiIndex, "T(q(z)) of z = ⟨a, w_1⟩ … ⟨a, w_p⟩: for spectral estimators of the directions w", "Kovačević, Zhang and Mondelli, arXiv 2502.01583"},
		own{[]string{"link", "preprocessing"}, (*Config).checkMultiIndex}, makeRankOne},
}

// settingsOfLaws are the keys of settings that only some ensembles have a use for.
func settingsOfLaws() (keys []string) {
	for _, e := range ensembles {
		for _, key := range e.settings {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// NewEnsemble makes the ensemble of a configuration that was found valid.
func (c *Config) NewEnsemble() (sensing.Ensemble, error) {
	return find(ensembles, c.Ensemble).make(c)
}

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

// IsStructured says whether the measurements are not rows of entries.
func (c *Config) IsStructured() bool {
	_, is := structured[c.ensembleName()]
	return is
}

// CanGenerate says whether measurements can be generated when they are needed.
func (c *Config) CanGenerate() bool {
	s, is := structured[c.ensembleName()]
	return !c.HasUserData() && (!is || s.drawn)
}

// ensembleName is what the measurements are called, before a configuration with own ones is resolved too.
func (c *Config) ensembleName() string {
	if way := c.userData(); way != nil {
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
	if c.Storage == "generated" && !c.CanGenerate() {
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
	n1, n2 := c.Sides()
	if most := c.mostSide(); n1 < 1 || n2 < 1 || n1 > most || n2 > most { // said elsewhere
		return
	}
	entries := min(c.Space().K(), sensing.MaxObserved)
	switch {
	case c.Measurements <= entries:
	case c.Given("measurements"):
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
	seen, err := sensing.ReLUMeasurements(c.Space(), truth)
	switch {
	case err != nil:
		m.bad("n", "%v", err)
	case c.Given("measurements") && c.Measurements != seen:
		m.bad("measurements", "relu-completion sees what is not negative in the truth, here %d entries, got %d: leave measurements out", seen, c.Measurements)
	}
	c.Measurements = seen
}

// EntryCount is the number m·K of entries in all measurements; m·n where they are vectors, m where a measurement is a number or a word, and
// K where they are averaged once and for all.
func (c *Config) EntryCount() float64 {
	switch {
	case c.Ensemble == singleIndex:
		return float64(c.Space().K())
	case c.Ensemble == "rank-one" || c.Ensemble == multiIndex:
		n1, n2 := c.Sides()
		return float64(c.Measurements) * float64(max(n1, n2))
	case c.IsStructured():
		return float64(c.Measurements)
	}
	return float64(c.Measurements) * float64(c.Space().K())
}

// checkEntries wants a number format.
func (c *Config) checkEntries(m *mistakes) {
	if c.Entries == "" {
		c.Entries = string(sensing.F32)
	}
	m.oneOf("entries", c.Entries, "f64", "f32", "bf16", "q8")
}

// checkSigns fills in the one format of signs.
func (c *Config) checkSigns(m *mistakes) {
	if c.Given("entries") && c.Entries != string(sensing.Signs) {
		m.bad("entries", "rademacher entries are signs of one bit, got %q", c.Entries)
	}
	c.Entries = string(sensing.Signs)
}

// checkPauli wants qubits, as many words as there are, and symmetric matrices, and settles what Pauli words leave no choice of.
func (c *Config) checkPauli(m *mistakes) {
	sym, symmetric := c.Space().(sensing.Sym)
	if !symmetric {
		m.bad("parametrization", "Pauli words measure symmetric matrices: they go with parametrization psd or indefinite, not %s", c.Parametrization)
		return
	}
	c.checkStructured(m)
	switch n := c.N; {
	case n < 1 || n > c.mostSide(): // said elsewhere
	case n < 2 || n&(n-1) != 0:
		m.bad("n", "with ensemble pauli n is 2 to the power of the number of qubits, such as 32 or 64, got %d", n)
	case !c.Given("measurements"):
		c.Measurements = min(c.Measurements, sym.K())
	case c.Measurements > sym.K():
		m.bad("measurements", "there are n(n+1)/2 = %d different real Pauli words, and measurements is %d", sym.K(), c.Measurements)
	}
}

// multiIndex is the multi-index models' name.
const multiIndex = "multi-index"

func makeRankOne(c *Config) (sensing.Ensemble, error) {
	return sensing.NewRankOne(c.Space(), c.Measurements, c.Seed)
}

// checkRankOne fills in a step that suits measurements which are not isotropic: f curves by 2·(2·‖M*‖ + tr(M*)) at most, where it
// curves by 2·‖M*‖ with others, and of a truth that is drawn ‖M*‖ = 1 and tr(M*) ≤ rank.
func (c *Config) checkRankOne(m *mistakes) {
	c.checkStructured(m)
	c.fillVectorStep()
}

// fillVectorStep fills in the step where nobody says, once the rank is known.
func (c *Config) fillVectorStep() {
	if !c.rectangular() && !c.Given("step") && c.Rank > 0 {
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
	if !c.Given("rank") {
		c.Rank = max(link.Indices(), 1)
	}
	if link.Indices() != 0 && c.Rank != link.Indices() {
		m.bad("rank", "the link %s has %d indices, got rank %d", c.Link, link.Indices(), c.Rank)
	}
	if c.Kappa != 1 {
		m.bad("kappa", "multi-index directions are orthonormal, so that kappa is 1, got %v", c.Kappa)
	}
	if !c.Given("measurements") {
		c.Measurements = 10 * c.N * c.Rank
	}
	if !c.Given("factor-rank") {
		c.FactorRank = c.Rank
	}
	if !c.Given("init") {
		c.Init = spectral
	}
	if !c.Given("iterations") {
		c.Iterations = 0
	}
	usual := Default()
	for _, s := range []struct {
		key   string
		asked bool
	}{{"method", c.Method != usual.Method}, {"step", c.Step != usual.Step}, {"target-loss", c.TargetLoss != 0}} {
		if c.Given(s.key) && s.asked {
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
	n1, n2 := c.Sides()
	if most := c.mostSide(); n1 >= 1 && n2 >= 1 && n1 <= most && n2 <= most && c.Space().K() > sensing.MaxObserved {
		m.bad("n", "a single index model of matrices with %d coordinates is too large: they are at most %d", c.Space().K(), sensing.MaxObserved)
	}
}

// singleIndex is the model of a configuration that was found valid. Its samples are the measurements.
func (c *Config) singleIndex() sensing.SingleIndex {
	return sensing.SingleIndex{Space: c.Space(), Samples: c.Measurements, Link: c.Link, Unknown: c.LinkScale == unknownScale,
		Truncation: c.Truncation, Noise: c.Noise, Seed: c.Seed}
}

// observeIndex draws the model's samples, and makes its truth what can be found of it.
func (d *Data) observeIndex(c *Config) (err error) {
	model := c.singleIndex()
	if d.Problem.Observations, err = model.Observe(d.Problem.Truth); err != nil {
		return err
	}
	d.Problem.Truth, err = model.Target(d.Problem.Truth)
	return err
}
