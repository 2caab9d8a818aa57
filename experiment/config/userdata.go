package config

import (
	"errors"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/internal/triplets"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// userData is a way to bring one's own measurements: a file that says what they are.
type userData struct {
	// key is the setting that names the file.
	key string
	// files are that setting and those of more files that belong to it.
	files func(c *Config) []DataFile
	// ensemble is what the measurements are called.
	ensemble string
	// entries is the number format of their rows; "" where they are not rows of entries.
	entries sensing.Entries
	// text: its files are text, and no arrays.
	text bool
	// observed: the file has the observations too; else they come in a file of their own.
	observed bool
	// standIn is an ensemble of the same size that is drawn: memory and time are asked of it before the file is read.
	standIn string
	// size reads as much of the file as it takes to say how large the problem is, of matrices that are symmetric or of any shape.
	size func(c *Config, rectangular bool) (userSize, error)
	// load reads the file into the problem, on its space.
	load func(d *Data, c *Config, space sensing.Space) error
}

// userSize is the size of a user's own problem.
type userSize struct {
	m, n1, n2 int
	// says is what the file says of it, in words.
	says string
}

var userDataKinds = []userData{
	{
		key: "matrices", files: func(c *Config) []DataFile { return []DataFile{{"matrices", &c.Matrices}} },
		ensemble: dense, entries: sensing.F64, standIn: "gaussian", size: (*Config).matricesSize, load: (*Data).loadMatrices,
	},
	{
		key: "triplets", files: func(c *Config) []DataFile { return []DataFile{{"triplets", &c.Triplets}} }, text: true, observed: true,
		ensemble: "completion", standIn: "completion", size: (*Config).tripletsSize, load: (*Data).loadTriplets,
	},
	{
		key: "vectors", files: func(c *Config) []DataFile {
			return []DataFile{{"vectors", &c.Vectors}, {"vectors-right", &c.VectorsRight}}
		},
		ensemble: "rank-one", standIn: "rank-one", size: (*Config).vectorsSize, load: (*Data).loadVectors,
	},
	{
		key: "paulis", files: func(c *Config) []DataFile { return []DataFile{{"paulis", &c.Paulis}} }, text: true,
		ensemble: "pauli", standIn: "pauli", size: (*Config).paulisSize, load: (*Data).loadPaulis,
	},
}

// userData is the way in which a configuration brings its measurements; nil where they are drawn.
func (c *Config) userData() *userData {
	for i := range userDataKinds {
		if *userDataKinds[i].files(c)[0].Path != "" {
			return &userDataKinds[i]
		}
	}
	return nil
}

// HasUserData says whether the measurements are a user's.
func (c *Config) HasUserData() bool { return c.userData() != nil }

// UserMeasurements names the file that the measurements come from; "" where they are drawn.
func (c *Config) UserMeasurements() string {
	if way := c.userData(); way != nil {
		return *way.files(c)[0].Path
	}
	return ""
}

// userFiles lists the settings that name files of a user's own problem; a path that is "" is no file.
func (c *Config) userFiles() (files []DataFile) {
	for _, way := range userDataKinds {
		files = append(files, way.files(c)...)
	}
	return append(files, DataFile{"observations", &c.Observations}, DataFile{"truth", &c.Truth}, DataFile{"truth-right", &c.TruthRight})
}

// UserDataKeys lists the settings that name files of a user's own problem.
func UserDataKeys() (keys []string) {
	var c Config
	for _, f := range c.userFiles() {
		keys = append(keys, f.Key)
	}
	return keys
}

// isText says whether a setting names a file that is text.
func isText(key string) bool {
	var c Config
	return slices.ContainsFunc(userDataKinds, func(w userData) bool {
		return w.text && slices.ContainsFunc(w.files(&c), func(f DataFile) bool { return f.Key == key })
	})
}

// checkNoUserData refuses what belongs to own measurements where there are none.
func (c *Config) checkNoUserData(m *mistakes) {
	for _, f := range c.userFiles() {
		if *f.Path == "" {
			continue
		}
		var ways []string // to which it could belong
		for _, w := range userDataKinds {
			its := slices.ContainsFunc(w.files(c), func(x DataFile) bool { return x.Key == f.Key })
			if its || f.Key == "observations" && !w.observed || f.Key == "truth" || f.Key == "truth-right" {
				ways = append(ways, w.key)
			}
		}
		m.bad(f.Key, "%s belongs to own data, which needs %s as well", f.Key, orList(ways))
	}
}

// checkUserData checks a configuration with own measurements, as far as that goes without the files.
func (c *Config) checkUserData(m *mistakes) {
	way := c.userData()
	for _, other := range userDataKinds {
		for _, f := range other.files(c) {
			if other.key != way.key && *f.Path != "" {
				m.bad(f.Key, "%s and %s are two ways to bring measurements: give one of them", way.key, f.Key)
			}
		}
	}
	switch {
	case way.observed && c.Observations != "":
		m.bad("observations", "%s hold the observations themselves", way.key)
	case !way.observed && c.Observations == "":
		m.bad(way.key, "own %s need own observations as well: add observations, a .npy file of shape (m,)", way.key)
	}
	// A resolved configuration repeats what the files say; checkShapes compares the two.
	for _, key := range []string{"kappa", "noise"} {
		if f, _ := c.Field(key); c.Given(key) && f.value.Float() != 0 {
			m.bad(key, "%s is for a truth that is drawn, not for own data", key)
		}
	}
	if c.Given("ensemble") && c.Ensemble != way.ensemble {
		m.bad("ensemble", "own %s are the %s ensemble, got %q", way.key, way.ensemble, c.Ensemble)
	}
	if c.Given("entries") && c.Entries != string(way.entries) {
		if way.entries == "" {
			m.bad("entries", "own %s are no rows of entries, and have no number format, got %q", way.key, c.Entries)
		} else {
			m.bad("entries", "own %s are used as they are, in %s, got %q", way.key, way.entries, c.Entries)
		}
	}
	for _, key := range settingsOfLaws() {
		if f, _ := c.Field(key); key != "entries" && c.Given(key) && !f.value.IsZero() {
			m.bad(key, "%s is for measurements that are drawn, not for own data", key)
		}
	}
	c.Ensemble, c.Entries, c.Kappa, c.Noise = way.ensemble, string(way.entries), 0, 0
	if way.entries == "" {
		c.checkStructured(m)
	} else if c.Given("storage") && c.Storage == "generated" {
		m.bad("storage", "own %s lie in memory and cannot be generated", way.key)
	}
}

// checkUserShapes fills in the sizes that the files of own data imply, or compares them with what was given. It says whether
// they could be found out.
func (c *Config) checkUserShapes(m *mistakes) (sized bool) {
	way := c.userData()
	size, err := way.size(c, c.rectangular())
	if err != nil {
		m.bad(way.key, "%v", err)
		return false
	}
	if c.rectangular() {
		c.fill(m, "n2", &c.N2, size.n2, size.says)
	}
	c.fill(m, "measurements", &c.Measurements, size.m, size.says)
	c.fill(m, "n", &c.N, size.n1, size.says)
	if y := c.shapes["observations"]; !way.observed && (!isTall(y) || columns(y) != 1 || y[0] != size.m) {
		m.bad("observations", "%s and %s: the second must be (%d,)", size.says, c.says("observations"), size.m)
	}
	if !c.Given("rank") {
		c.Rank = 0
	}
	if x, ok := c.shapes["truth"]; ok {
		most := min(size.n1, size.n2)
		if !isTall(x) || x[0] != size.n1 || columns(x) > most {
			m.bad("truth", "%s and %s: the second must be (%d, r*), r* at most %d", size.says, c.says("truth"), size.n1, most)
		} else {
			c.fill(m, "rank", &c.Rank, columns(x), c.says("truth"))
		}
		if y, ok := c.shapes["truth-right"]; ok && (!isTall(y) || y[0] != size.n2 || columns(y) != columns(x)) {
			m.bad("truth-right", "%s, %s and %s: the last must be (%d, %d)", size.says, c.says("truth"), c.says("truth-right"), size.n2, columns(x))
		}
	}
	if n1, n2 := c.Sides(); c.Rank < 0 || c.Rank > min(n1, n2) {
		c.badRank(m, true)
	}
	if c.FactorRank == 0 && c.StartFile() == "" {
		c.FactorRank = min(size.n1, size.n2)
	}
	if way.key == "vectors" {
		c.fillVectorStep()
	}
	return true
}

// fill sets a setting that a file implies, and refuses another that was given.
func (c *Config) fill(m *mistakes, key string, value *int, size int, because string) {
	if c.Given(key) && *value != size {
		m.bad(key, "%s is %d, and %s", key, *value, because)
	}
	*value = size
}

// says tells what shape a data file has.
func (c *Config) says(key string) string {
	f, _ := c.Field(key)
	return fmt.Sprintf("%s %s has the shape %s", key, f.String(), npy.ShapeString(c.shapes[key]))
}

// loadUserData reads a user's own problem.
func (d *Data) loadUserData(c *Config) error {
	way := c.userData()
	if err := way.load(d, c, c.Space()); err != nil {
		return Usagef("%s: %v", c.At(way.key), err)
	}
	if !way.observed {
		y, err := npy.Load(c.Observations)
		if err != nil {
			return Usagef("%s: %v", c.At("observations"), err)
		}
		d.Problem.Observations = y.Data().([]float64)
	}
	if c.Truth == "" {
		return nil
	}
	var err error
	d.Problem.Truth, err = c.userTruth()
	return err
}

// userTruth reads a user's truth.
func (c *Config) userTruth() (*sensing.Truth, error) {
	x, err := npy.LoadMatrix(c.Truth)
	if err != nil {
		return nil, Usagef("%s: %s: %v", c.At("truth"), c.Truth, err)
	}
	var t *sensing.Truth
	switch c.Parametrization {
	case solver.PSD{}.Name():
		t, err = sensing.TruthOf(x)
	case solver.Sparse{}.Name():
		t, err = sensing.SparseTruthOf(x)
	default:
		y, failed := npy.LoadMatrix(c.TruthRight)
		if failed != nil {
			return nil, Usagef("%s: %s: %v", c.At("truth-right"), c.TruthRight, failed)
		}
		if c.rectangular() {
			t, err = sensing.RectTruthOf(x, y)
		} else {
			t, err = sensing.IndefiniteTruthOf(x, y)
		}
	}
	if err != nil {
		return nil, Usagef("%s: %s: %v", c.At("truth"), c.Truth, err)
	}
	return t, nil
}

// matricesSize reads the header of dense matrices.
func (c *Config) matricesSize(rectangular bool) (userSize, error) {
	a, says := c.shapes["matrices"], c.says("matrices")
	if len(a) != 3 || slices.Contains(a, 0) || a[1] != a[2] && !rectangular {
		must := "(m, n, n) with m and n at least 1"
		if rectangular {
			must = "(m, n, n2) with each at least 1"
		} else if len(a) == 3 && !slices.Contains(a, 0) {
			must += "; matrices that are not square need parametrization uv"
		}
		return userSize{}, fmt.Errorf("%s; it must be %s", says, must)
	}
	if c.isSparse() && a[2] != 1 {
		return userSize{}, fmt.Errorf("%s: with parametrization sparse the measurements are vectors: it must be (m, n, 1)", says)
	}
	return userSize{a[0], a[1], a[2], says}, nil
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
			"the measurement matrices are not symmetric (A and Aᵀ differ by up to %.2g of the largest element): (A + Aᵀ)/2 is used, which changes no ⟨A, Z⟩ with a symmetric Z",
			matrices.Asymmetry))
	}
	return nil
}

// tripletsSize inspects observed entries. Where the file does not state the matrix's size, n and n2 do, or else its largest
// indices.
func (c *Config) tripletsSize(rectangular bool) (userSize, error) {
	h, err := triplets.Inspect(c.Triplets)
	if err != nil {
		return userSize{}, err
	}
	size := userSize{h.Count, h.Rows, h.Cols, fmt.Sprintf("triplets %s has %d entries of a %d × %d matrix", c.Triplets, h.Count, h.Rows, h.Cols)}
	switch {
	case h.Stated && !rectangular && h.Rows != h.Cols:
		return size, fmt.Errorf("%s; matrices that are not square need parametrization uv", size.says)
	case h.Symmetric && rectangular:
		return size, fmt.Errorf("%s is symmetric: parametrization psd takes it; for uv list both triangles in a general file", c.Triplets)
	case c.isSparse() && h.Cols != 1:
		return size, fmt.Errorf("%s; with parametrization sparse the unknown is a vector, and all entries are in column 0", size.says)
	case h.Stated:
		return size, nil
	case !rectangular:
		size.n1 = max(h.Rows, h.Cols)
		size.n2 = size.n1
	}
	for _, side := range []struct {
		key         string
		given, size *int
	}{{"n", &c.N, &size.n1}, {"n2", &c.N2, &size.n2}} {
		if !c.Given(side.key) || side.key == "n2" && !rectangular { // a resolved configuration says 0 of it
			continue
		}
		if *side.given < *side.size {
			return size, fmt.Errorf("%s lists number %d, counted from 0, and %s is %d", c.Triplets, *side.size-1, side.key, *side.given)
		}
		*side.size = min(*side.given, sensing.MaxSide)
	}
	if !rectangular {
		size.n2 = size.n1
	}
	return size, nil
}

// loadTriplets reads observed entries with their values.
func (d *Data) loadTriplets(c *Config, space sensing.Space) error {
	list, err := triplets.Load(c.Triplets)
	if err != nil {
		return err
	}
	e, y, err := sensing.CompletionOf(space, list.Row, list.Col, list.Value)
	if repeated := (*sensing.Repeated)(nil); errors.As(err, &repeated) {
		return fmt.Errorf("%s: line %d: the entry (%d, %d) is given again, after line %d", c.Triplets,
			list.Line[repeated.Second], repeated.Row, repeated.Col, list.Line[repeated.First])
	}
	if err != nil {
		return err
	}
	d.Problem.Ensemble, d.Problem.Observations = e, y
	if twice := list.Count - e.Measurements(); twice > 0 {
		d.Notices = append(d.Notices, fmt.Sprintf("%d entries are listed on both sides of the diagonal: each counts as one of %d measurements", twice, e.Measurements()))
	}
	return nil
}

// vectorsSize reads the headers of the vectors of rank-one measurements.
func (c *Config) vectorsSize(rectangular bool) (userSize, error) {
	a, b, says := c.shapes["vectors"], c.shapes["vectors-right"], c.says("vectors")
	switch {
	case len(a) != 2 || slices.Contains(a, 0):
		return userSize{}, fmt.Errorf("%s; it must be (m, n) with both at least 1", says)
	case !rectangular && b != nil:
		return userSize{}, fmt.Errorf("vectors-right is for rectangular matrices, of parametrization uv, say; symmetric ones have the same vector on both sides")
	case !rectangular:
		return userSize{a[0], a[1], a[1], says}, nil
	case len(b) != 2 || slices.Contains(b, 0) || b[0] != a[0]:
		return userSize{}, fmt.Errorf("%s, and rectangular matrices need vectors-right of the shape (%d, n2)", says, a[0])
	}
	return userSize{a[0], a[1], b[1], says + " and " + c.says("vectors-right")}, nil
}

// loadVectors reads the vectors of rank-one measurements.
func (d *Data) loadVectors(c *Config, space sensing.Space) error {
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

// paulisSize reads the words: they are few bytes each.
func (c *Config) paulisSize(rectangular bool) (userSize, error) {
	words, err := sensing.LoadPaulis(c.Paulis)
	switch {
	case err != nil:
		return userSize{}, fmt.Errorf("%s: %w", c.Paulis, err)
	case rectangular:
		return userSize{}, fmt.Errorf("own Pauli words measure symmetric matrices: they go with parametrization psd or indefinite, not %s", c.Parametrization)
	}
	n, _ := words.Space().Dims()
	return userSize{words.Measurements(), n, n, fmt.Sprintf("paulis %s has %d words of %d letters", c.Paulis, words.Measurements(), len(words.Word(0)))}, nil
}

// loadPaulis reads the words.
func (d *Data) loadPaulis(c *Config, _ sensing.Space) error {
	words, err := sensing.LoadPaulis(c.Paulis)
	d.Problem.Ensemble = words
	return err
}

// StandIn returns an ensemble of the size of a configuration's own, which takes as much memory, and costs nothing to make.
func (c *Config) StandIn() (sensing.Ensemble, error) {
	like := *c
	if way := c.userData(); way != nil {
		like.Ensemble = way.standIn
	}
	switch like.Ensemble {
	case "relu-completion":
		like.Ensemble = "completion"
		fallthrough
	case "completion", "pauli": // of which there are so many different ones
		like.Measurements = min(like.Measurements, like.Space().K())
	}
	return like.NewEnsemble()
}
