package config

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/matsense/matsense/sensing"
)

// Law says how measurements are made, and what there is to know of them before.
type Law struct {
	// Formats are the number formats that the entries of the measurements may have. If there are none, the
	// measurements are not rows of entries, and gradients are computed in f64 alone.
	Formats []sensing.Entries
	// Side is the largest n and n2.
	Side int
	// Generated: measurements can be generated when they are needed.
	Generated bool
	// Divisible: Make makes a [sensing.Divisible], so that some of the measurements can be held out. Those of
	// user data always can.
	Divisible bool
	// Count is how many numbers all measurements together have.
	Count func(c *Config) float64
	// Make makes the measurements of a configuration that was found valid; nil if they come from the user's
	// files alone.
	Make func(c *Config) (sensing.Ensemble, error)
	// StandIn makes measurements of which memory and time are asked before the real ones are there: they have
	// the same size and cost nothing to make. If it is nil, Make does that as well.
	StandIn func(c *Config) (sensing.Ensemble, error)
}

// Ensemble is a law of measurements that a configuration can name.
type Ensemble struct {
	Entry
	Law
	// Curvature is how many times as much f curves near M* as with isotropic measurements, or 1 if that is
	// not known yet; nil if it curves as much.
	Curvature func(c *Config) float64
	// UserData is the file from which a user's measurements of this kind are read; nil if there is none.
	UserData *UserData
}

// reluCompletion is the ensemble that has a spectral start of its own.
const reluCompletion = "relu-completion"

// ensembles are all ensembles, as matsense list shows them.
var ensembles []Ensemble

// vectors is the law of measurements by Gaussian vectors.
var vectors = Law{
	Side: sensing.MaxSide, Generated: true, Divisible: true,
	Count: (*Config).countVectors,
	Make: func(c *Config) (sensing.Ensemble, error) {
		return sensing.NewRankOne(c.Space(), c.Measurements, c.Seed)
	},
	StandIn: (*Config).standInVectors,
}

func init() {
	ensembles = []Ensemble{
		{
			Entry: Entry{
				Name:       "gaussian",
				About:      "independent N(0, 1) entries, in one of four number formats",
				References: []Reference{recht2010},
				Settings:   []string{"entries"},
			},
			Law: Law{
				Formats:   []sensing.Entries{sensing.F64, sensing.F32, sensing.BF16, sensing.Q8},
				Side:      sensing.MaxRowSide,
				Generated: true, Divisible: true, Count: countEntries, Make: (*Config).newGaussian,
			},
		},
		{
			Entry: Entry{
				Name:       "rademacher",
				About:      "independent signs, one bit an entry",
				References: []Reference{recht2010},
				Settings:   []string{"entries"},
				Check:      (*Config).checkSigns,
			},
			Law: Law{
				Formats: []sensing.Entries{sensing.Signs}, Side: sensing.MaxRowSide, Generated: true,
				Divisible: true, Count: countEntries,
				Make: func(c *Config) (sensing.Ensemble, error) {
					return sensing.NewRademacher(c.Space(), c.Measurements, c.Seed)
				},
			},
		},
		{
			Entry: Entry{
				Name: "completion",
				About: "m different entries of the matrix, any with the same probability, times √K; the " +
					"user's with --triplets",
				References: []Reference{candes2009},
				Settings:   []string{"triplets-base"},
				Check:      (*Config).checkCompletion,
			},
			Law: Law{
				Side: sensing.MaxSide, Divisible: true, Count: countMeasurements,
				Make: func(c *Config) (sensing.Ensemble, error) {
					return sensing.NewCompletion(c.Space(), c.Measurements, c.Seed)
				},
				StandIn: (*Config).someEntries,
			},
			UserData: &UserData{
				Keys: []string{"triplets", "test-triplets"}, Text: true, Observed: true,
				Check: (*Config).checkTriplets, Size: (*Config).tripletsSize, Load: (*Data).loadTriplets,
				Observe: (*Config).observedTriplets,
			},
		},
		{
			Entry: Entry{
				Name: reluCompletion,
				About: "the entries of the matrix that are not negative, or that reach a threshold, all of " +
					"them, times √K",
				References: []Reference{liu2024},
				Settings:   []string{"relu-threshold"},
				Check:      (*Config).checkReLU,
			},
			Law: Law{
				Side: sensing.MaxReLUSide, Divisible: true, Count: countMeasurements,
				Make: func(c *Config) (sensing.Ensemble, error) {
					truth, err := c.truth()
					if err != nil {
						return nil, err
					}
					return sensing.NewReLUCompletion(c.Space(), truth, c.ReLUThreshold)
				},
				StandIn: (*Config).someEntries,
			},
		},
		{
			Entry: Entry{
				Name: "pauli",
				About: "different real Pauli words on log₂n qubits: quantum state tomography; the user's " +
					"with --paulis",
				References: []Reference{gross2010},
				Check:      (*Config).checkPauli,
			},
			Law: Law{
				Side: sensing.MaxRowSide, Divisible: true, Count: countMeasurements,
				Make: func(c *Config) (sensing.Ensemble, error) {
					return sensing.NewPauli(c.N, c.Measurements, c.Seed)
				},
				StandIn: func(c *Config) (sensing.Ensemble, error) {
					return sensing.NewPauli(c.N, min(c.Measurements, c.Space().K()), c.Seed)
				},
			},
			UserData: &UserData{
				Keys: []string{"paulis"}, Text: true, MayObserve: true,
				Check: (*Config).checkPaulis, Size: (*Config).paulisSize, Load: (*Data).loadPaulis,
				Observe: (*Config).observedPaulis,
			},
		},
		{
			Entry: Entry{
				Name: "rank-one",
				About: "a aᵀ, or a bᵀ, of Gaussian vectors: phase retrieval, quadratic and bilinear " +
					"sensing; the user's with --vectors",
				References: []Reference{chen2015},
			},
			Law:       vectors,
			Curvature: (*Config).vectorCurvature,
			UserData: &UserData{
				Keys: []string{"vectors", "vectors-right"}, Size: (*Config).vectorsSize,
				Load: (*Data).loadVectors,
			},
		},
		{
			Entry: Entry{
				Name:  "dense",
				About: "the user's matrices, with --matrices and --observations",
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

// ensemble is the entry of the measurements, be they drawn or the user's, before the configuration is
// resolved as well; an empty one if the configuration names none that there is.
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

// law is how the measurements are made: by the observation model, or by the ensemble.
func (c *Config) law() Law {
	if o := c.observation(); o.Law != nil && !c.HasUserData() {
		return *o.Law
	}
	return c.ensemble().Law
}

// NewEnsemble makes the measurements of a configuration that was found valid, if they are drawn.
func (c *Config) NewEnsemble() (sensing.Ensemble, error) { return c.law().Make(c) }

// StandIn makes measurements of the same size as a configuration's, which take as much memory and cost
// nothing to make.
func (c *Config) StandIn() (sensing.Ensemble, error) {
	if law := c.law(); law.StandIn != nil {
		return law.StandIn(c)
	}
	return c.NewEnsemble()
}

// EntryCount is how many numbers all measurements together have; of an ensemble that does not exist, as many
// as rows of entries have.
func (c *Config) EntryCount() float64 {
	if law := c.law(); law.Count != nil {
		return law.Count(c)
	}
	return countEntries(c)
}

// Formats lists the number formats that the entries of the measurements may have; none if the measurements
// are not rows of entries.
func (c *Config) Formats() []sensing.Entries { return c.law().Formats }

// CanGenerate says whether measurements can be generated when they are needed.
func (c *Config) CanGenerate() bool { return !c.HasUserData() && c.law().Generated }

// mostSide bounds n and n2: past it not even one measurement can be indexed.
func (c *Config) mostSide() int {
	if side := c.law().Side; side > 0 {
		return side
	}
	return sensing.MaxRowSide
}

// defaultSteps says what step each method has by default, for ‖M*‖ = 1 and measurements that are isotropic.
func defaultSteps() string {
	text := fmt.Sprint(Default().Step)
	var steps []float64
	named := map[float64][]string{}
	for _, m := range methods {
		if m.Step == 0 {
			continue
		}
		if named[m.Step] == nil {
			steps = append(steps, m.Step)
		}
		named[m.Step] = append(named[m.Step], m.Name)
	}
	for _, step := range steps {
		text += fmt.Sprintf("; %g for %s", step, listOf(named[step], "and"))
	}
	return text
}

// fillStep fills in the step, unless one is given or a program has chosen another than the default.
func (c *Config) fillStep() {
	if m := find(methods, c.Method); m != nil && c.HasStep() && !c.Given("step") && c.Step == Default().Step {
		c.Step = c.defaultStep(m)
	}
}

// defaultStep is the default step of a method: its own for matrices of norm 1 and measurements that are
// isotropic, divided by the size of what is sought, and by how much more f curves. Of a user's observations
// both are known only together, and about.
func (c *Config) defaultStep(m *Method) float64 {
	step := cmp.Or(m.Step, Default().Step)
	loss := find(losses, c.LossName())
	scaleFree := m.ScaleFree || loss != nil && loss.ScaleFree
	size, observed := 1.0, false
	if !scaleFree {
		size, observed = c.sizeSought()
	}
	if curvature := c.ensemble().Curvature; curvature != nil && !m.Lengthwise && !observed {
		step /= curvature(c)
	}
	sized := step / size
	switch {
	case m.InverseSquare:
		sized /= size
	case c.ChosenParametrization().Layers: // a product of L matrices
		sized = step / math.Pow(size, 2-2/float64(c.Depth))
	}
	if observed {
		sized = twoDigits(sized)
	}
	if !(sized > 0) || math.IsInf(sized, 1) { // the size is near the ends of double precision
		return step
	}
	return sized
}

// sizeSought returns ‖M*‖ if it is known, or the root mean square of a user's observations, which is about
// ‖M*‖_F, and whether it is that. It is 1 if neither is known.
func (c *Config) sizeSought() (size float64, observed bool) {
	if singular := c.soughtSingular(); singular != nil {
		return singular[0], false
	}
	if c.HasUserData() {
		if size, err := c.observedSize(); err == nil && size > 0 && !math.IsInf(size, 1) {
			return size, true
		}
	}
	return 1, false
}

// vectorCurvature: with measurements a aᵀ, which are not isotropic, f curves by 2·(2·‖M*‖ + tr(M*)) at most,
// and by 2·‖M*‖ with others. If the truth is drawn with kappa, ‖M*‖ = 1 and tr(M*) ≤ rank.
func (c *Config) vectorCurvature() float64 {
	if c.ChosenParametrization().Rectangular || c.Rank <= 0 { // a bᵀ is isotropic
		return 1
	}
	singular := c.singular()
	if singular == nil {
		return float64(2 + c.Rank)
	}
	trace := 0.0
	for _, s := range singular {
		trace += s
	}
	return 2 + trace/singular[0]
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
	law, name := c.law(), c.ensemble().Name
	if len(law.Formats) > 0 || law.Count == nil {
		return
	}
	if c.observation().Law != nil {
		name = c.Observation
	}
	if c.Storage == "generated" && !c.CanGenerate() {
		m.Bad("storage", "storage generated is for measurements that are drawn one by one; %s lies in memory",
			name)
	}
	switch c.Precision {
	case "auto":
		c.Precision = "f64"
	case "mixed", "f32":
		m.Bad("precision", "%s measurements are computed in f64, got %q: single precision is for rows of "+
			"entries, whose reading takes the time", name, c.Precision)
	}
}

// checkCompletion wants a number of entries that there are. By default there are at most all of them.
func (c *Config) checkCompletion(m *Mistakes) {
	if c.TripletsBase != 0 {
		m.Bad("triplets-base", "triplets-base belongs to user data, which needs triplets as well")
	}
	n1, n2 := c.Sides()
	if most := c.mostSide(); n1 < 1 || n2 < 1 || n1 > most || n2 > most { // said elsewhere
		return
	}
	entries := min(c.Space().K(), sensing.MaxObserved)
	switch {
	case c.Measurements <= entries:
	case c.Given("measurements"):
		m.Bad("measurements", "measurements goes from 1 to %d, as many different entries can be observed, "+
			"got %d", entries, c.Measurements)
	default:
		c.Measurements = entries
	}
}

// checkReLU fills in the number of entries that are seen, which follows from the truth.
func (c *Config) checkReLU(m *Mistakes) {
	m.Finite("relu-threshold", c.ReLUThreshold, true, "a number")
	if len(m.problems) > 0 { // the truth may be none
		return
	}
	truth, err := c.truth()
	if err != nil {
		m.Bad("rank", "%v", err)
		return
	}
	seen, err := sensing.ReLUMeasurements(c.Space(), truth, c.ReLUThreshold)
	switch {
	case err != nil:
		m.Bad("n", "%v", err)
	case seen == 0:
		m.Bad("relu-threshold", "no entry of the truth reaches relu-threshold %g: choose a smaller one",
			c.ReLUThreshold)
	case c.Given("measurements") && c.Measurements != seen:
		m.Bad("measurements", "relu-completion sees the entries of the truth that reach relu-threshold, "+
			"here %d, got %d: leave measurements out", seen, c.Measurements)
	}
	c.Measurements = seen
}

// checkEntries wants a number format that the entries may have, and fills one in.
func (c *Config) checkEntries(m *Mistakes) {
	var formats []string
	for _, f := range c.law().Formats {
		formats = append(formats, string(f))
	}
	if len(formats) == 0 {
		return
	}
	if c.Entries == "" || !c.Given("entries") && !slices.Contains(formats, c.Entries) {
		c.Entries = formats[0]
		if usual := Default().Entries; slices.Contains(formats, usual) {
			c.Entries = usual
		}
	}
	m.OneOf("entries", c.Entries, formats...)
}

// checkSigns fills in the one format of signs.
func (c *Config) checkSigns(m *Mistakes) {
	if c.Given("entries") && c.Entries != string(sensing.Signs) {
		m.Bad("entries", "rademacher entries are signs of one bit, got %q", c.Entries)
	}
	c.Entries = string(sensing.Signs)
}

// checkPauli wants qubits, as many words as there are, and symmetric matrices, and settles what Pauli words
// leave no choice of.
func (c *Config) checkPauli(m *Mistakes) {
	sym, symmetric := c.Space().(sensing.Sym)
	if !symmetric {
		m.Bad("parametrization", "Pauli words measure symmetric matrices: they go with parametrization psd "+
			"or indefinite, not %s", c.Parametrization)
		return
	}
	switch n := c.N; {
	case n < 1 || n > c.mostSide(): // said elsewhere
	case n < 2 || n&(n-1) != 0:
		m.Bad("n", "with ensemble pauli n is 2 to the power of the number of qubits, such as 32 or 64, got "+
			"%d", n)
	case !c.Given("measurements"):
		c.Measurements = min(c.Measurements, sym.K())
	case c.Measurements > sym.K():
		m.Bad("measurements", "there are n(n+1)/2 = %d different real Pauli words, and measurements is %d",
			sym.K(), c.Measurements)
	}
}
