package config

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/sensing"
)

// UserData is a file from which a user's measurements are read.
type UserData struct {
	// Keys are the settings that name the file, and more files that belong to it.
	Keys []string
	// Text: its files are text, and no arrays.
	Text bool
	// Observed: the file has the observations too. Otherwise they come in a file of their own.
	Observed bool
	// MayObserve: the file may have the observations or not, which Size finds out, and expectations may take
	// their place.
	MayObserve bool
	// Check finds mistakes in the ensemble's settings that go with the file, before it is opened; nil if
	// there are none.
	Check func(c *Config, m *Mistakes)
	// Size reads as much of the file as it takes to say how large the problem is, of matrices that are
	// symmetric or of any shape.
	Size func(c *Config, rectangular bool) (DataSize, error)
	// Observe returns the observations, in their scale, if no file of observations is named. It is nil if
	// there must be one.
	Observe func(c *Config) ([]float64, error)
	// Load reads the file into the problem, on its space.
	Load func(d *Data, c *Config, space sensing.Space) error
}

// DataSize is the size of a user's problem.
type DataSize struct {
	// M, N1 and N2: the file has M measurements of matrices that are N1 × N2.
	M, N1, N2 int
	// First is the number from which a list of entries counts rows and columns.
	First int
	// Says is what the file says about the size, in words.
	Says string
}

// key is the setting that names the file.
func (u *UserData) key() string { return u.Keys[0] }

// userDataKinds are the kinds of user data, in the order of the settings that name their files.
func userDataKinds() (kinds []*UserData) {
	for _, e := range schema().sources {
		kinds = append(kinds, e.UserData)
	}
	return kinds
}

// file is a setting that names a file.
func (c *Config) file(key string) DataFile {
	f, _ := c.Field(key)
	return DataFile{key, f.at(c).(*string)}
}

// files are the settings that name the files of user data.
func (u *UserData) files(c *Config) (files []DataFile) {
	for _, key := range u.Keys {
		files = append(files, c.file(key))
	}
	return files
}

// userEnsemble is the ensemble of the user's measurements; nil if they are drawn. If more than one is named,
// it is the one whose setting comes first.
func (c *Config) userEnsemble() *Ensemble {
	for _, e := range schema().sources {
		if *c.file(e.UserData.key()).Path != "" {
			return e
		}
	}
	return nil
}

// HasUserData says whether the measurements are a user's.
func (c *Config) HasUserData() bool { return c.userEnsemble() != nil }

// Following lists the settings that follow from the files of user data unless they are given.
func Following() []string {
	return []string{
		"n", "n2", "rank", "measurements", "factor-rank", "step", "adversary-step", "huber-threshold",
	}
}

// Follows says whether a setting follows from the files of user data, and is not known because they have not
// been read: [Config.Check] reads them.
func (c *Config) Follows(key string) bool {
	return c.HasUserData() && c.shapes == nil && !c.Given(key) && slices.Contains(Following(), key)
}

// UserMeasurements names the file that the measurements come from; "" where they are drawn.
func (c *Config) UserMeasurements() string {
	if e := c.userEnsemble(); e != nil {
		return *c.file(e.UserData.key()).Path
	}
	return ""
}

// userFiles lists the settings that name files of a user's problem; a path that is "" is no file.
func (c *Config) userFiles() (files []DataFile) {
	for _, way := range userDataKinds() {
		files = append(files, way.files(c)...)
	}
	return append(files, DataFile{"observations", &c.Observations}, DataFile{"expectations", &c.Expectations},
		DataFile{"truth", &c.Truth}, DataFile{"truth-right", &c.TruthRight})
}

// UserDataKeys lists the settings of a user's problem: those that name its files, and say how they are read.
func UserDataKeys() (keys []string) {
	for _, s := range schema().settings {
		if s.Group == userDataGroup {
			keys = append(keys, s.Key)
		}
	}
	return keys
}

// isText says whether a setting names a file that is text.
func isText(key string) bool {
	var c Config
	return slices.ContainsFunc(userDataKinds(), func(w *UserData) bool {
		return w.Text && slices.ContainsFunc(w.files(&c), func(f DataFile) bool { return f.Key == key })
	})
}

// checkNoUserData refuses what belongs to user measurements where there are none.
func (c *Config) checkNoUserData(m *Mistakes) {
	for _, f := range c.userFiles() {
		if *f.Path == "" || f.Key == "truth" || f.Key == "truth-right" { // measurements of it can be drawn
			continue
		}
		var ways []string // to which it could belong
		for _, w := range userDataKinds() {
			its := slices.ContainsFunc(w.files(c), func(x DataFile) bool { return x.Key == f.Key })
			if its || f.Key == "observations" && !w.Observed || f.Key == "expectations" && w.MayObserve {
				ways = append(ways, w.key())
			}
		}
		m.Bad(f.Key, "%s belongs to user data, which needs %s as well", f.Key, orList(ways))
	}
}

// checkUserData checks a configuration with user measurements, as far as that goes without the files.
func (c *Config) checkUserData(m *Mistakes) {
	e := c.userEnsemble()
	way, format := e.UserData, ""
	if len(e.Formats) > 0 {
		format = string(e.Formats[0])
	}
	for _, other := range userDataKinds() {
		for _, f := range other.files(c) {
			switch {
			case other.key() == way.key() || *f.Path == "":
			case f.Key != other.key() && *c.file(other.key()).Path == "":
				m.Bad(f.Key, "%s belongs to %s, and the measurements come from %s", f.Key, other.key(),
					way.key())
			default:
				m.Bad(f.Key, "%s and %s are two ways to bring measurements: give one of them", way.key(),
					f.Key)
			}
		}
	}
	switch {
	case way.Observed && c.Observations != "":
		m.Bad("observations", "%s hold the observations themselves", way.key())
	case !way.Observed && !way.MayObserve && c.Observations == "":
		m.Bad(way.key(), "user %s need observations as well: add observations, a .npy file of shape (m,)",
			way.key())
	}
	if c.Expectations != "" && !way.MayObserve {
		m.Bad("expectations", "expectations are those of user paulis, not of user %s", way.key())
	}
	// A resolved configuration repeats what the files say; checkShapes compares the two.
	for _, key := range []string{
		"kappa", "spectrum", "singular-vectors", "noise", "snr", "outliers", "outlier-size",
	} {
		if f, _ := c.Field(key); c.Given(key) && !f.isZero() {
			m.Bad(key, "%s is for a truth that is drawn, not for user data", key)
		}
	}
	if c.Given("ensemble") && c.Ensemble != e.Name {
		m.Bad("ensemble", "user %s are the %s ensemble, got %q", way.key(), e.Name, c.Ensemble)
	}
	if c.Given("entries") && c.Entries != format {
		if format == "" {
			m.Bad("entries", "user %s are no rows of entries, and have no number format, got %q", way.key(),
				c.Entries)
		} else {
			m.Bad("entries", "user %s are used as they are, in %s, got %q", way.key(), format, c.Entries)
		}
	}
	for _, key := range slices.Concat(settingsOf(ensembles), settingsOf(observations)) {
		f, _ := c.Field(key)
		switch {
		case key == "entries" || slices.Contains(e.Settings, key) || !c.Given(key) || f.isZero():
		case f.Group == userDataGroup:
			m.Bad(key, "%s is for the %s ensemble, not for user %s", key, orList(usersOf(ensembles, key)),
				way.key())
		default:
			m.Bad(key, "%s is for measurements that are drawn, not for user data", key)
		}
	}
	if way.Check != nil {
		way.Check(c, m)
	}
	if c.Given("observation") && c.Observation != linear {
		m.Bad("observation", "observation %s is for observations that are drawn, not for user data",
			c.Observation)
	}
	c.Observation = linear
	c.Ensemble, c.Entries, c.Kappa, c.Noise, c.SNR = e.Name, format, 0, 0, math.Inf(1)
	c.Outliers, c.OutlierSize = 0, 0
	if format == "" {
		c.checkLaw(m)
	} else if c.Given("storage") && c.Storage == "generated" {
		m.Bad("storage", "user %s lie in memory and cannot be generated", way.key())
	}
}

// checkUserShapes fills in the sizes that the files of user data imply, or compares them with what was given.
// It says whether they could be found out.
func (c *Config) checkUserShapes(m *Mistakes) (sized bool) {
	way := c.userEnsemble().UserData
	size, err := c.sizeOf(way)
	if err != nil {
		m.Bad(way.key(), "%v", err)
		return false
	}
	c.TripletsBase = size.First
	if c.ChosenParametrization().Rectangular {
		c.fill(m, "n2", &c.N2, size.N2, size.Says)
	}
	c.fill(m, "measurements", &c.Measurements, size.M, size.Says)
	c.fill(m, "n", &c.N, size.N1, size.Says)
	for _, key := range []string{"observations", "expectations"} {
		if y, ok := c.shapes[key]; ok && (!isTall(y) || columns(y) != 1 || y[0] != size.M) {
			m.Bad(key, "%s and %s: the second must be (%d,)", size.Says, c.says(key), size.M)
		}
	}
	if !c.Given("rank") {
		c.Rank = 0
	}
	if x, ok := c.shapes["truth"]; ok {
		most := min(size.N1, size.N2)
		if !isTall(x) || x[0] != size.N1 || columns(x) > most {
			m.Bad("truth", "%s and %s: the second must be (%d, r*), r* at most %d", size.Says,
				c.says("truth"), size.N1, most)
		} else {
			c.fill(m, "rank", &c.Rank, columns(x), c.says("truth"))
		}
		if y, ok := c.shapes["truth-right"]; ok && (!isTall(y) || y[0] != size.N2 ||
			columns(y) != columns(x)) {
			m.Bad("truth-right", "%s, %s and %s: the last must be (%d, %d)", size.Says, c.says("truth"),
				c.says("truth-right"), size.N2, columns(x))
		}
	}
	if n1, n2 := c.Sides(); c.Rank < 0 || c.Rank > min(n1, n2) {
		c.badRank(m, true)
	}
	c.fillFactorRank(m, size.N1, size.N2)
	return true
}

// observedSizes are root mean squares of users' observations.
var observedSizes cache[float64]

// observedSize returns the root mean square of a user's observations, whose shapes have been checked.
func (c *Config) observedSize() (float64, error) {
	way := c.userEnsemble().UserData
	var paths []string
	for _, f := range append(way.files(c), c.file("observations"), c.file("expectations")) {
		if *f.Path != "" {
			paths = append(paths, *f.Path)
		}
	}
	key := fmt.Sprint(c.N, c.N2, c.TripletsBase, c.Parametrization)
	return observedSizes.of(paths, key, func() (float64, error) {
		y, err := c.observations(way)
		if err != nil {
			return 0, err
		}
		return floats.Norm(y, 2) / math.Sqrt(float64(len(y))), nil
	})
}

// observations reads a user's observations.
func (c *Config) observations(way *UserData) ([]float64, error) {
	if c.Observations == "" && way.Observe != nil {
		return way.Observe(c)
	}
	y, err := npy.Load(c.Observations)
	if err != nil {
		return nil, err
	}
	return y.Data().([]float64), nil
}

// sizes are those of user data.
var sizes cache[DataSize]

// sizeOf returns the size of user data, for which a text file is read from its beginning to its end.
func (c *Config) sizeOf(way *UserData) (DataSize, error) {
	var paths []string
	for _, f := range way.files(c) {
		if *f.Path != "" {
			paths = append(paths, *f.Path)
		}
	}
	// Settings that decide the measurements may decide the size as well, if they are given.
	key := fmt.Sprint(c.ProblemKey(), c.Given("n"), c.Given("n2"))
	return sizes.of(paths, key, func() (DataSize, error) {
		return way.Size(c, c.ChosenParametrization().Rectangular)
	})
}

// fill sets a setting that a file implies, and refuses another that was given.
func (c *Config) fill(m *Mistakes, key string, value *int, size int, because string) {
	if c.Given(key) && *value != size {
		m.Bad(key, "%s is %d, and %s", key, *value, because)
	}
	*value = size
}

// says tells what shape a data file has.
func (c *Config) says(key string) string {
	f, _ := c.Field(key)
	return fmt.Sprintf("%s %s has the shape %s", key, f.String(), npy.ShapeString(c.shapes[key]))
}

// loadUserData reads a user's problem.
func (d *Data) loadUserData(c *Config) error {
	way := c.userEnsemble().UserData
	if c.Observations != "" {
		y, err := c.observations(way)
		if err != nil {
			return Usagef("%s: %v", c.At("observations"), err)
		}
		d.Problem.Observations = y
	}
	if err := way.Load(d, c, c.Space()); errors.As(err, new(*UsageError)) {
		return err
	} else if err != nil {
		return Usagef("%s: %v", c.At(way.key()), err)
	}
	if c.Truth == "" {
		return nil
	}
	var err error
	d.Problem.Truth, err = c.userTruth()
	return err
}

// FactorInNumPy is the line of NumPy that makes X of M = XXᵀ.
const FactorInNumPy = "w, V = np.linalg.eigh(M); X = (V * np.sqrt(w.clip(0)))[:, w > 1e-9 * w[-1]]"

// truths are those of users' files: all runs of a sweep have the same.
var truths cache[*sensing.Truth]

// userTruth reads a user's truth.
func (c *Config) userTruth() (*sensing.Truth, error) {
	paths := []string{c.Truth}
	if c.TruthRight != "" {
		paths = append(paths, c.TruthRight)
	}
	return truths.of(paths, c.Parametrization, c.readTruth)
}

// readTruth reads and decomposes a user's truth.
func (c *Config) readTruth() (*sensing.Truth, error) {
	x, err := npy.LoadMatrix(c.Truth)
	if err != nil {
		return nil, Usagef("%s: %s: %v", c.At("truth"), c.Truth, err)
	}
	var y *mat.Dense
	if c.TruthRight != "" {
		if y, err = npy.LoadMatrix(c.TruthRight); err != nil {
			return nil, Usagef("%s: %s: %v", c.At("truth-right"), c.TruthRight, err)
		}
	}
	t, err := c.ChosenParametrization().UserTruth(x, y)
	if rows, columns := x.Dims(); err != nil && y == nil && rows == columns && rows > 1 {
		return nil, Usagef("%s: %s: %v. If it is M* itself, X is, in NumPy: %s", c.At("truth"), c.Truth, err,
			FactorInNumPy)
	}
	if err != nil {
		return nil, Usagef("%s: %s: %v", c.At("truth"), c.Truth, err)
	}
	return t, nil
}

// matricesSize reads the header of dense matrices.
func (c *Config) matricesSize(rectangular bool) (DataSize, error) {
	a, says := c.shapes["matrices"], c.says("matrices")
	if len(a) != 3 || slices.Contains(a, 0) || a[1] != a[2] && !rectangular {
		must := "(m, n, n) with m and n at least 1"
		if rectangular {
			must = "(m, n, n2) with each at least 1"
		} else if len(a) == 3 && !slices.Contains(a, 0) {
			must += "; matrices that are not square need parametrization uv"
			if a[0] == a[1] {
				must += ". MATLAB's order (n, n, m) becomes (m, n, n) in NumPy: numpy.moveaxis(A, 2, 0)"
			}
		}
		return DataSize{}, fmt.Errorf("%s; it must be %s", says, must)
	}
	if c.ChosenParametrization().Vector && a[2] != 1 {
		return DataSize{}, fmt.Errorf("%s: with parametrization sparse the measurements are vectors: it "+
			"must be (m, n, 1)", says)
	}
	return DataSize{M: a[0], N1: a[1], N2: a[2], Says: says}, nil
}

// loadMatrices reads dense matrices.
func (d *Data) loadMatrices(c *Config, space sensing.Space) error {
	load := sensing.LoadDense
	if _, rectangular := space.(sensing.Rect); rectangular {
		load = sensing.LoadRectDense
	}
	matrices, err := load(c.Matrices)
	if err != nil {
		return err
	}
	d.Problem.Ensemble = matrices
	if matrices.Asymmetry > 0 {
		d.Notices = append(d.Notices, fmt.Sprintf(
			"the measurement matrices are not symmetric (A and Aᵀ differ by up to %.2g of the largest "+
				"element): (A + Aᵀ)/2 is used, which changes no ⟨A, Z⟩ with a symmetric Z",
			matrices.Asymmetry))
	}
	return nil
}

// vectorsSize reads the headers of the vectors of rank-one measurements.
func (c *Config) vectorsSize(rectangular bool) (DataSize, error) {
	if c.complexVectors {
		return c.complexVectorsSize(rectangular)
	}
	a, b, says := c.shapes["vectors"], c.shapes["vectors-right"], c.says("vectors")
	switch {
	case len(a) != 2 || slices.Contains(a, 0):
		return DataSize{}, fmt.Errorf("%s; it must be (m, n) with both at least 1", says)
	case !rectangular && b != nil:
		return DataSize{}, fmt.Errorf("vectors-right is for rectangular matrices, of parametrization uv, " +
			"say; symmetric ones have the same vector on both sides")
	case !rectangular:
		return DataSize{M: a[0], N1: a[1], N2: a[1], Says: says}, nil
	case len(b) != 2 || slices.Contains(b, 0) || b[0] != a[0]:
		return DataSize{}, fmt.Errorf("%s, and rectangular matrices need vectors-right of the shape (%d, n2)",
			says, a[0])
	}
	return DataSize{M: a[0], N1: a[1], N2: b[1], Says: says + " and " + c.says("vectors-right")}, nil
}

// loadVectors reads the vectors of rank-one measurements.
func (d *Data) loadVectors(c *Config, space sensing.Space) error {
	if c.complexVectors {
		return d.loadComplexVectors(c)
	}
	var sides [2]*mat.Dense
	for i, path := range []string{c.Vectors, c.VectorsRight} {
		if path == "" {
			continue
		}
		var err error
		if sides[i], err = npy.LoadMatrix(path); err != nil {
			return err
		}
	}
	e, err := sensing.RankOneOf(space, sides[0], sides[1])
	d.Problem.Ensemble = e
	return err
}
