package config

import (
	"slices"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Law says how measurements are made, and what there is to know of them before.
type Law struct {
	// Formats are the number formats that the entries of the measurements may have. If there are none, the measurements
	// are not rows of entries, and gradients are computed in f64 alone.
	Formats []sensing.Entries
	// Side is the largest n and n2.
	Side int
	// Generated: measurements can be generated when they are needed.
	Generated bool
	// Count is how many numbers all measurements together have.
	Count func(c *Config) float64
	// Make makes the measurements of a configuration that was found valid; nil if they come from the user's files alone.
	Make func(c *Config) (sensing.Ensemble, error)
	// StandIn makes measurements of which memory and time are asked before the real ones are there: they have the same
	// size and cost nothing to make. If it is nil, Make does that as well.
	StandIn func(c *Config) (sensing.Ensemble, error)
}

// Ensemble is a law of measurements that a configuration can name.
type Ensemble struct {
	Entry
	Law
	// Step is the default step; 0 if the step of [Default] is right, or nothing is known yet. It may be nil.
	Step func(c *Config) float64
	// UserData is the file from which a user's measurements of this kind are read; nil if there is none.
	UserData *UserData
	// Observe makes the observations of a problem that has its measurements and its truth, and may replace the truth by
	// what can be found of it; nil if the observations are linear in the truth.
	Observe func(c *Config, p *sensing.Problem) error
	// Estimates: only the spectral estimate means something.
	Estimates bool
}

// isotropic is the source of ensembles with E⟨A, Z⟩² = ‖Z‖_F², which are nearly isometries on matrices of low rank.
const isotropic = "Recht, Fazel and Parrilo, SIAM Review 52 (2010)"

// ensembles are all ensembles, as matsense list shows them.
var ensembles []Ensemble

// vectors is the law of measurements by Gaussian vectors.
var vectors = Law{
	Side: sensing.MaxSide, Generated: true,
	Count: func(c *Config) float64 {
		n1, n2 := c.Sides()
		return float64(c.Measurements) * float64(max(n1, n2))
	},
	Make: func(c *Config) (sensing.Ensemble, error) {
		return sensing.NewRankOne(c.Space(), c.Measurements, c.Seed)
	},
}

func init() {
	ensembles = []Ensemble{
		{
			Entry: Entry{
				Name:     "gaussian",
				About:    "independent N(0, 1) entries, in one of four number formats",
				Source:   isotropic,
				Docs:     Section{File: "docs/random-numbers.md", Heading: "Where every random number comes from"},
				Settings: []string{"entries"},
				Check:    (*Config).checkEntries,
			},
			Law: Law{
				Formats: []sensing.Entries{sensing.F64, sensing.F32, sensing.BF16, sensing.Q8}, Side: sensing.MaxRowSide,
				Generated: true, Count: countEntries, Make: (*Config).newGaussian,
			},
		},
		{
			Entry: Entry{
				Name:     "rademacher",
				About:    "independent signs, one bit an entry",
				Source:   isotropic,
				Docs:     Section{File: "docs/random-numbers.md", Heading: "Where every random number comes from"},
				Settings: []string{"entries"},
				Check:    (*Config).checkSigns,
			},
			Law: Law{
				Formats: []sensing.Entries{sensing.Signs}, Side: sensing.MaxRowSide, Generated: true, Count: countEntries,
				Make: func(c *Config) (sensing.Ensemble, error) {
					return sensing.NewRademacher(c.Space(), c.Measurements, c.Seed)
				},
			},
		},
		{
			Entry: Entry{
				Name:   "completion",
				About:  "m different entries of the matrix, any with the same probability, times √K; the user's with --triplets",
				Source: "Candès and Recht, Foundations of Computational Mathematics 9 (2009)",
				Docs:   Section{File: "docs/completion.md", Heading: "Matrix completion"},
				Check:  (*Config).checkCompletion,
			},
			Law: Law{
				Side: sensing.MaxSide, Count: countMeasurements,
				Make: func(c *Config) (sensing.Ensemble, error) {
					return sensing.NewCompletion(c.Space(), c.Measurements, c.Seed)
				},
				StandIn: (*Config).someEntries,
			},
			UserData: &UserData{
				Keys: []string{"triplets"}, Text: true, Observed: true,
				Size: (*Config).tripletsSize, Load: (*Data).loadTriplets,
			},
		},
		{
			Entry: Entry{
				Name:   "relu-completion",
				About:  "the entries of the matrix that are not negative, all of them, times √K",
				Source: "Liu, Wang, Huang, Qu and Balzano, arXiv 2406.05822",
				Docs:   Section{File: "docs/completion.md", Heading: "ReLU sampling"},
				Check:  (*Config).checkReLU,
			},
			Law: Law{
				Side: sensing.MaxReLUSide, Count: countMeasurements,
				Make: func(c *Config) (sensing.Ensemble, error) {
					truth, err := c.truth()
					if err != nil {
						return nil, err
					}
					return sensing.NewReLUCompletion(c.Space(), truth)
				},
				StandIn: (*Config).someEntries,
			},
		},
		{
			Entry: Entry{
				Name:   "pauli",
				About:  "different real Pauli words on log₂n qubits: quantum state tomography; the user's with --paulis",
				Source: "Gross, Liu, Flammia, Becker and Eisert, arXiv 0909.3304",
				Docs:   Section{File: "docs/tomography.md", Heading: "Pauli measurements: quantum state tomography"},
				Check:  (*Config).checkPauli,
			},
			Law: Law{
				Side: sensing.MaxRowSide, Count: countMeasurements,
				Make: func(c *Config) (sensing.Ensemble, error) {
					return sensing.NewPauli(c.N, c.Measurements, c.Seed)
				},
				StandIn: func(c *Config) (sensing.Ensemble, error) {
					return sensing.NewPauli(c.N, min(c.Measurements, c.Space().K()), c.Seed)
				},
			},
			UserData: &UserData{
				Keys: []string{"paulis"}, Text: true, Size: (*Config).paulisSize, Load: (*Data).loadPaulis,
			},
		},
		{
			Entry: Entry{
				Name:     "single-index",
				About:    "y = h(⟨X, M*⟩) with a link h, through the average of y·X over m Gaussian X",
				Source:   overIndex,
				Docs:     Section{File: "docs/single-index.md", Heading: "Single index models"},
				Settings: []string{"link", "link-scale", "truncation"},
				Check:    (*Config).checkSingleIndex,
			},
			Law: Law{
				Side: sensing.MaxRowSide, Count: func(c *Config) float64 { return float64(c.Space().K()) },
				Make: func(c *Config) (sensing.Ensemble, error) { return c.singleIndex().Ensemble() },
			},
			Observe: (*Config).observeIndex,
		},
		{
			Entry: Entry{
				Name:   "rank-one",
				About:  "a aᵀ, or a bᵀ, of Gaussian vectors: phase retrieval, quadratic and bilinear sensing; the user's with --vectors",
				Source: "Chen, Chi and Goldsmith, arXiv 1310.0807",
				Docs:   Section{File: "docs/methods.md", Heading: "Rank-one measurements"},
			},
			Law:  vectors,
			Step: (*Config).vectorStep,
			UserData: &UserData{
				Keys: []string{"vectors", "vectors-right"}, Size: (*Config).vectorsSize, Load: (*Data).loadVectors,
			},
		},
		{
			Entry: Entry{
				Name:     "multi-index",
				About:    "T(q(z)) of z = ⟨a, w_1⟩ … ⟨a, w_p⟩: for spectral estimators of the directions w",
				Source:   "Kovačević, Zhang and Mondelli, arXiv 2502.01583",
				Docs:     Section{File: "docs/multi-index.md", Heading: "Multi-index models"},
				Settings: []string{"link", "preprocessing"},
				Check:    (*Config).checkMultiIndex,
			},
			Law:       vectors,
			Observe:   (*Config).observeIndices,
			Estimates: true,
		},
		{
			Entry: Entry{
				Name:  "dense",
				About: "the user's matrices, with --matrices and --observations",
				Docs:  Section{File: "docs/files.md", Heading: "User data"},
			},
			Law: Law{
				Formats: []sensing.Entries{sensing.F64}, Side: sensing.MaxRowSide, Count: countEntries,
				StandIn: (*Config).newGaussian,
			},
			UserData: &UserData{
				Keys: []string{"matrices"}, Size: (*Config).matricesSize, Load: (*Data).loadMatrices,
			},
		},
	}
}

// countEntries is the number m·K of entries in all measurements.
func countEntries(c *Config) float64 { return float64(c.Measurements) * float64(c.Space().K()) }

// countMeasurements is m: a measurement is a number or a word.
func countMeasurements(c *Config) float64 { return float64(c.Measurements) }

// drawnEnsembles names the ensembles that are not only the user's.
func drawnEnsembles() []string {
	return namesOf(slices.DeleteFunc(slices.Clone(ensembles), func(e Ensemble) bool { return e.Make == nil }))
}

// ensemble is the entry of the measurements, be they drawn or the user's, before the configuration is resolved as well; an
// empty one if the configuration names none that there is.
func (c *Config) ensemble() Ensemble {
	e := c.userEnsemble()
	if e == nil {
		e = find(ensembles, c.Ensemble)
	}
	if e == nil {
		return Ensemble{}
	}
	return *e
}

// law is how the measurements are made.
func (c *Config) law() Law { return c.ensemble().Law }

// NewEnsemble makes the measurements of a configuration that was found valid, if they are drawn.
func (c *Config) NewEnsemble() (sensing.Ensemble, error) { return c.law().Make(c) }

// StandIn makes measurements of the same size as a configuration's, which take as much memory and cost nothing to make.
func (c *Config) StandIn() (sensing.Ensemble, error) {
	if law := c.law(); law.StandIn != nil {
		return law.StandIn(c)
	}
	return c.NewEnsemble()
}

// EntryCount is how many numbers all measurements together have; of an ensemble that does not exist, as many as rows of
// entries have.
func (c *Config) EntryCount() float64 {
	if law := c.law(); law.Count != nil {
		return law.Count(c)
	}
	return countEntries(c)
}

// Formats lists the number formats that the entries of the measurements may have; none if the measurements are not rows
// of entries.
func (c *Config) Formats() []sensing.Entries { return c.law().Formats }

// CanGenerate says whether measurements can be generated when they are needed.
func (c *Config) CanGenerate() bool { return !c.HasUserData() && c.law().Generated }

// EstimatesOnly says whether only the spectral estimate means something.
func (c *Config) EstimatesOnly() bool { return c.ensemble().Estimates }

// mostSide bounds n and n2: past it not even one measurement can be indexed.
func (c *Config) mostSide() int {
	if side := c.law().Side; side > 0 {
		return side
	}
	return sensing.MaxRowSide
}

// fillStep fills in the ensemble's step, unless one is given, once it is known.
func (c *Config) fillStep() {
	if e := c.ensemble(); e.Step != nil && !c.Given("step") {
		if step := e.Step(c); step > 0 {
			c.Step = step
		}
	}
}

// vectorStep suits measurements a aᵀ, which are not isotropic: f curves by 2·(2·‖M*‖ + tr(M*)) at most, and by 2·‖M*‖ with
// others, and of a truth that is drawn ‖M*‖ = 1 and tr(M*) ≤ rank.
func (c *Config) vectorStep() float64 {
	if c.traits().Rectangular || c.Rank <= 0 { // a bᵀ is isotropic
		return 0
	}
	return Default().Step / float64(2+c.Rank)
}

// newGaussian makes Gaussian measurements.
func (c *Config) newGaussian() (sensing.Ensemble, error) {
	return sensing.NewGaussian(c.Space(), c.Measurements, sensing.Entries(c.Entries), c.Seed)
}

// someEntries makes as many different entries as measurements say, if there are so many.
func (c *Config) someEntries() (sensing.Ensemble, error) {
	return sensing.NewCompletion(c.Space(), min(c.Measurements, c.Space().K()), c.Seed)
}

// checkLaw refuses what only rows of entries have, and storage that generates what is not drawn one by one.
func (c *Config) checkLaw(m *Mistakes) {
	e := c.ensemble()
	if len(e.Formats) > 0 || e.Count == nil {
		return
	}
	if c.Storage == "generated" && !c.CanGenerate() {
		m.Bad("storage", "storage generated is for measurements that are drawn one by one; %s lies in memory", e.Name)
	}
	switch c.Precision {
	case "auto":
		c.Precision = "f64"
	case "mixed", "f32":
		m.Bad("precision", "%s is computed with in f64, got %q: single precision is for rows of entries, whose reading takes the time",
			e.Name, c.Precision)
	}
}

// checkCompletion wants a number of entries that there are. By default there are at most all of them.
func (c *Config) checkCompletion(m *Mistakes) {
	n1, n2 := c.Sides()
	if most := c.mostSide(); n1 < 1 || n2 < 1 || n1 > most || n2 > most { // said elsewhere
		return
	}
	entries := min(c.Space().K(), sensing.MaxObserved)
	switch {
	case c.Measurements <= entries:
	case c.Given("measurements"):
		m.Bad("measurements", "measurements goes from 1 to %d, as many different entries can be observed, got %d", entries, c.Measurements)
	default:
		c.Measurements = entries
	}
}

// checkReLU fills in the number of entries that are seen, which follows from the truth.
func (c *Config) checkReLU(m *Mistakes) {
	if len(m.problems) > 0 { // the truth may be none
		return
	}
	truth, err := c.truth()
	if err != nil {
		m.Bad("rank", "%v", err)
		return
	}
	seen, err := sensing.ReLUMeasurements(c.Space(), truth)
	switch {
	case err != nil:
		m.Bad("n", "%v", err)
	case c.Given("measurements") && c.Measurements != seen:
		m.Bad("measurements", "relu-completion sees what is not negative in the truth, here %d entries, got %d: leave measurements out", seen, c.Measurements)
	}
	c.Measurements = seen
}

// checkEntries wants a number format.
func (c *Config) checkEntries(m *Mistakes) {
	if c.Entries == "" {
		c.Entries = string(sensing.F32)
	}
	m.OneOf("entries", c.Entries, "f64", "f32", "bf16", "q8")
}

// checkSigns fills in the one format of signs.
func (c *Config) checkSigns(m *Mistakes) {
	if c.Given("entries") && c.Entries != string(sensing.Signs) {
		m.Bad("entries", "rademacher entries are signs of one bit, got %q", c.Entries)
	}
	c.Entries = string(sensing.Signs)
}

// checkPauli wants qubits, as many words as there are, and symmetric matrices, and settles what Pauli words leave no choice of.
func (c *Config) checkPauli(m *Mistakes) {
	sym, symmetric := c.Space().(sensing.Sym)
	if !symmetric {
		m.Bad("parametrization", "Pauli words measure symmetric matrices: they go with parametrization psd or indefinite, not %s", c.Parametrization)
		return
	}
	switch n := c.N; {
	case n < 1 || n > c.mostSide(): // said elsewhere
	case n < 2 || n&(n-1) != 0:
		m.Bad("n", "with ensemble pauli n is 2 to the power of the number of qubits, such as 32 or 64, got %d", n)
	case !c.Given("measurements"):
		c.Measurements = min(c.Measurements, sym.K())
	case c.Measurements > sym.K():
		m.Bad("measurements", "there are n(n+1)/2 = %d different real Pauli words, and measurements is %d", sym.K(), c.Measurements)
	}
}

// multiIndex is the multi-index models' name.
const multiIndex = "multi-index"

// checkMultiIndex wants a link with as many indices as the truth has directions, which are of one length, and no steps: T(y) is not linear
// in a matrix, so that f has nothing to find, and only the spectral estimate does.
func (c *Config) checkMultiIndex(m *Mistakes) {
	if c.Parametrization != (solver.PSD{}).Name() {
		m.Bad("parametrization", "multi-index directions are sought in symmetric matrices, with parametrization psd, got %q", c.Parametrization)
	}
	if c.Link == "" {
		c.Link = sensing.Links()[0].Name()
	}
	if c.Preprocessing == "" {
		c.Preprocessing = string(sensing.Optimal)
	}
	m.OneOf("preprocessing", c.Preprocessing, string(sensing.Plain), string(sensing.Trim), string(sensing.Optimal))
	var names []string
	for _, l := range sensing.Links() {
		names = append(names, l.Name())
	}
	m.OneOf("link", c.Link, names...)
	link, err := sensing.LinkOf(c.Link)
	if err != nil {
		return
	}
	if !c.Given("rank") {
		c.Rank = max(link.Indices(), 1)
	}
	if link.Indices() != 0 && c.Rank != link.Indices() {
		m.Bad("rank", "the link %s has %d indices, got rank %d", c.Link, link.Indices(), c.Rank)
	}
	if c.Kappa != 1 {
		m.Bad("kappa", "multi-index directions are orthonormal, so that kappa is 1, got %v", c.Kappa)
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
			m.Bad(s.key, "multi-index takes no steps, and has no use for %s", s.key)
		}
	}
	if c.Iterations > 0 {
		m.Bad("iterations", "multi-index observations are not linear in a matrix, and only the spectral estimate is made of them: iterations is 0 (to step on ‖z‖² = ⟨aaᵀ, M*⟩, take ensemble rank-one), got %d",
			c.Iterations)
	}
}

// observeIndices makes T(y) of the truth's directions.
func (c *Config) observeIndices(p *sensing.Problem) error {
	link, err := sensing.LinkOf(c.Link)
	if err != nil {
		return err
	}
	transform, err := link.Transform(sensing.Preprocessing(c.Preprocessing), c.Rank)
	if err != nil {
		return err
	}
	p.Observations, err = link.Observe(p, p.Ensemble.(*sensing.RankOne))
	for i, y := range p.Observations {
		p.Observations[i] = transform(y)
	}
	return err
}

// singleIndex is the single index model's name.
const singleIndex = "single-index"

// The values of link-scale.
const (
	knownScale   = "known"
	unknownScale = "unknown"
)

// checkSingleIndex wants a link, and f64 arithmetic.
func (c *Config) checkSingleIndex(m *Mistakes) {
	if c.Link == "" {
		c.Link = sensing.SingleIndexLinks()[0]
	}
	m.OneOf("link", c.Link, sensing.SingleIndexLinks()...)
	if c.LinkScale == "" {
		c.LinkScale = knownScale
	}
	m.OneOf("link-scale", c.LinkScale, knownScale, unknownScale)
	m.Finite("truncation", c.Truncation, c.Truncation >= 0, "zero or positive")
	n1, n2 := c.Sides()
	if most := c.mostSide(); n1 >= 1 && n2 >= 1 && n1 <= most && n2 <= most && c.Space().K() > sensing.MaxObserved {
		m.Bad("n", "a single index model of matrices with %d coordinates is too large: they are at most %d", c.Space().K(), sensing.MaxObserved)
	}
}

// singleIndex is the model of a configuration that was found valid. Its samples are the measurements.
func (c *Config) singleIndex() sensing.SingleIndex {
	return sensing.SingleIndex{Space: c.Space(), Samples: c.Measurements, Link: c.Link, Unknown: c.LinkScale == unknownScale,
		Truncation: c.Truncation, Noise: c.Noise, Seed: c.Seed}
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
