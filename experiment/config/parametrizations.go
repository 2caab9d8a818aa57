package config

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Parametrization is a way to make a matrix of factors that a configuration can name.
type Parametrization struct {
	Entry
	// Rectangular: the matrix is n × n2, and so is the truth XYᵀ. Otherwise the matrix is symmetric.
	Rectangular bool
	// Vector: the unknown is a vector of n numbers, a matrix of one column.
	Vector bool
	// Layers: the factor has as many matrices as depth says, and a start from files has one file for each.
	Layers bool
	// Spectral: the pairs of the spectral estimate make a factor.
	Spectral bool
	// Caption is what captions call the matrix; "" if its sizes say enough.
	Caption string
	// Truth draws a truth.
	Truth func(c *Config) (*sensing.Truth, error)
	// UserTruth makes a truth of the user's files: truth, and truth-right, which may be nil.
	UserTruth func(x, y *mat.Dense) (*sensing.Truth, error)
	// Make makes the parametrization of a configuration that was found valid.
	Make func(c *Config) solver.Parametrization
	// Advise says if the data are of matrices that the parametrization does not make; nil if it makes all.
	Advise func(c *Config, f Facts, a *Advice)
}

// parametrizations are all parametrizations, as matsense list shows them.
var parametrizations []Parametrization

func init() {
	parametrizations = []Parametrization{
		{
			Entry: Entry{
				Name:       "psd",
				About:      "UUᵀ: symmetric positive semidefinite matrices",
				References: []Reference{burer2003},
				Settings:   []string{"spectrum", "singular-vectors"},
			},
			Spectral:  true,
			Truth:     (*Config).drawTruth,
			UserTruth: func(x, _ *mat.Dense) (*sensing.Truth, error) { return sensing.TruthOf(x) },
			Make:      func(*Config) solver.Parametrization { return solver.PSD{} },
			Advise:    (*Config).adviseSemidefinite,
		},
		{
			Entry: Entry{
				Name:       "uv",
				About:      "UVᵀ: matrices of any shape, without a balancing term",
				References: []Reference{soltanolkotabi2023},
				Settings:   []string{"spectrum", "singular-vectors", "n2", "truth-right", "init-right"},
				Check:      (*Config).checkSides,
			},
			Rectangular: true,
			Spectral:    true,
			Truth:       (*Config).drawTruth,
			UserTruth:   sensing.RectTruthOf,
			Make:        func(*Config) solver.Parametrization { return solver.UV{} },
		},
		{
			Entry: Entry{
				Name:       "deep",
				About:      "W_L⋯W_2·W_1: products of depth L, with the flatness of f as a metric",
				References: []Reference{gatmiry2023},
				Settings:   []string{"spectrum", "singular-vectors", "n2", "truth-right", "depth"},
				Check:      (*Config).checkDeep,
			},
			Rectangular: true,
			Layers:      true,
			Truth:       (*Config).drawTruth,
			UserTruth:   sensing.RectTruthOf,
			Make:        func(c *Config) solver.Parametrization { return solver.Deep{Depth: c.Depth} },
		},
		{
			Entry: Entry{
				Name:       "indefinite",
				About:      "UUᵀ − VVᵀ: symmetric matrices with eigenvalues of both signs",
				References: []Reference{fan2023},
				Settings:   []string{"spectrum", "singular-vectors", "negative", "truth-right", "init-right"},
				Check:      (*Config).checkIndefinite,
			},
			Spectral:  true,
			Caption:   "indefinite",
			Truth:     (*Config).drawTruth,
			UserTruth: sensing.IndefiniteTruthOf,
			Make:      func(*Config) solver.Parametrization { return solver.Indefinite{} },
		},
		{
			Entry: Entry{
				Name:       "polar",
				About:      "XΘXᵀ: symmetric matrices by directions X and magnitudes Θ",
				References: []Reference{wei2025},
				Settings:   []string{"spectrum", "singular-vectors", "init-right"},
				Check:      (*Config).checkPolar,
			},
			Truth:     (*Config).drawTruth,
			UserTruth: func(x, _ *mat.Dense) (*sensing.Truth, error) { return sensing.TruthOf(x) },
			Make:      func(*Config) solver.Parametrization { return solver.Polar{} },
		},
		{
			Entry: Entry{
				Name:       "sparse",
				About:      "u∘u − v∘v: sparse vectors",
				References: []Reference{vaskevicius2019, fan2023},
				Settings:   []string{"sparsity", "n2", "init-right"},
				Check:      (*Config).checkSparse,
			},
			Rectangular: true,
			Vector:      true,
			Truth: func(c *Config) (*sensing.Truth, error) {
				return sensing.NewSparseTruth(c.N, c.Sparsity, c.Kappa, c.Seed)
			},
			UserTruth: func(x, _ *mat.Dense) (*sensing.Truth, error) { return sensing.SparseTruthOf(x) },
			Make:      func(*Config) solver.Parametrization { return solver.Sparse{} },
		},
	}
}

// ChosenParametrization returns the parametrization that the configuration names; an empty one if there is
// none of that name.
func (c *Config) ChosenParametrization() Parametrization {
	if p := find(parametrizations, c.Parametrization); p != nil {
		return *p
	}
	return Parametrization{}
}

// NewParametrization makes the parametrization of a configuration that was found valid.
func (c *Config) NewParametrization() solver.Parametrization {
	return find(parametrizations, c.Parametrization).Make(c)
}

// drawTruth draws a truth XXᵀ, X S Xᵀ or XYᵀ.
func (c *Config) drawTruth() (*sensing.Truth, error) {
	vectors := sensing.Vectors(cmp.Or(c.SingularVectors, string(sensing.UniformVectors)))
	switch {
	case c.hasSpectrum() || vectors != sensing.UniformVectors:
		return sensing.DrawTruth(c.Space(), c.Singular(), c.Negative, vectors, c.Seed)
	case c.ChosenParametrization().Rectangular:
		return sensing.NewRectTruth(c.N, c.N2, c.Rank, c.Kappa, c.Seed)
	case c.Negative > 0:
		return sensing.NewIndefiniteTruth(c.N, c.Rank, c.Negative, c.Kappa, c.Seed)
	}
	return sensing.NewTruth(c.N, c.Rank, c.Kappa, c.Seed)
}

// checkSides wants what belongs to two factors to be there for both.
func (c *Config) checkSides(m *Mistakes) {
	c.checkRectangle(m)
	if (c.InitRight == "") != (c.StartFile() == "") {
		m.Bad("init", "a start from files needs both init and init-right with parametrization uv")
	}
}

// checkRectangle fills in n2, and wants both sides of a truth XYᵀ.
func (c *Config) checkRectangle(m *Mistakes) {
	if (c.TruthRight == "") != (c.Truth == "") {
		m.Bad("truth", "a truth XYᵀ needs both truth and truth-right")
	}
	if c.N2 == 0 && !c.Given("n2") && !c.HasUserData() {
		c.N2 = c.N
	}
	if most := c.mostSide(); (c.N2 != 0 || !c.HasUserData()) && (c.N2 < 1 || c.N2 > most) {
		m.Bad("n2", "n2 goes from 1 to %d, got %d", most, c.N2)
	}
}

// checkIndefinite fills in how many eigenvalues of the truth are negative, and wants what belongs to two
// factors to be there for both.
func (c *Config) checkIndefinite(m *Mistakes) {
	if (c.TruthRight == "") != (c.Truth == "") {
		m.Bad("truth", "a truth X S Xᵀ, S = diag(±1), needs both truth, X, and truth-right, X S")
	}
	if (c.InitRight == "") != (c.StartFile() == "") {
		m.Bad("init", "a start from files needs both init and init-right with parametrization indefinite")
	}
	switch {
	case !c.drawsTruth() && c.Negative != 0:
		m.Bad("negative", "negative is for a truth that is drawn, not for a user's")
	case !c.drawsTruth():
	case !c.Given("negative"):
		c.Negative = max(c.Rank, 0) / 2
	case c.Negative < 0 || c.Negative > c.Rank:
		m.Bad("negative", "of the truth's eigenvalues from 0 to rank = %d are negative, got %d", c.Rank,
			c.Negative)
	}
}

// checkPolar wants a start from files to have both matrices.
func (c *Config) checkPolar(m *Mistakes) {
	if (c.InitRight == "") != (c.StartFile() == "") {
		m.Bad("init", "a start from files needs both init, X₀, and init-right, Θ₀, with parametrization polar")
	}
}

// checkSparse fills in the sizes of a vector: one column, as the truth and the factors have, and the
// measurements that its observation model says for s elements that are not zero.
func (c *Config) checkSparse(m *Mistakes) {
	one := func(key string, value *int) {
		if !c.Given(key) {
			*value = 1
		} else if *value != 1 && (*value != 0 || !c.HasUserData()) {
			m.Bad(key, "%s is 1 with parametrization sparse, whose unknown is a vector, got %d", key, *value)
		}
	}
	one("n2", &c.N2)
	if !c.Given("rank") {
		c.Rank = 1
	}
	one("factor-rank", &c.FactorRank)
	if !c.Given("init") {
		c.Init = ones
	}
	if (c.InitRight == "") != (c.StartFile() == "") {
		m.Bad("init", "a start from files needs both init, u₀, and init-right, v₀, with parametrization "+
			"sparse")
	}
	if c.HasUserData() {
		if c.Sparsity != 0 {
			m.Bad("sparsity", "sparsity is for a truth that is drawn, not for user data")
		}
		return
	}
	if !c.Given("sparsity") && c.drawsTruth() {
		c.Sparsity = 3
	}
	if c.drawsTruth() && (c.Sparsity < 1 || c.Sparsity > c.N && c.N >= 1) {
		m.Bad("sparsity", "sparsity goes from 1 to n = %d, got %d", c.N, c.Sparsity)
	} else if c.Measurements == 0 && !c.Given("measurements") && c.N >= 1 {
		each := c.observation().PerSparse
		c.Measurements = int(math.Ceil(each * float64(c.Sparsity) * math.Log(float64(max(c.N, 2)))))
	}
}

// A deep product has as many matrices as depth says, W_1 first. What starts from files names all of them by a
// pattern.
const (
	defaultDepth = 3
	MostDepth    = 16
	defaultLayer = 0.1  // size of a random start's matrices: steps to leave zero grow like 1/α^(L−2)
	layerNumber  = "%d" // in the pattern
)

// checkDeep fills in the depth, and the size of a random start, and wants files of a start to be told apart.
func (c *Config) checkDeep(m *Mistakes) {
	c.checkRectangle(m)
	file := c.StartFile()
	if file != "" && strings.Count(file, layerNumber) != 1 {
		m.Bad("init", "a start of a deep product has a file for each matrix: name them by a pattern with "+
			"one %s for the number, as W%s.npy, got %q",
			layerNumber, layerNumber, file)
	}
	if c.Depth == 0 && !c.Given("depth") && file == "" {
		c.Depth = defaultDepth
	}
	if (c.Given("depth") || file == "") && (c.Depth < 2 || c.Depth > MostDepth) {
		m.Bad("depth", "depth goes from 2 to %d, got %d", MostDepth, c.Depth)
	}
	if c.Init == random && !c.Given("alpha") {
		c.Alpha = defaultLayer
	}
}

// readLayers opens the files of the start, as many as there are, and notes their shapes.
func (c *Config) readLayers(m *Mistakes) {
	c.layers = nil
	if strings.Count(c.Init, layerNumber) != 1 { // said already
		return
	}
	for j := 1; j <= MostDepth+1; j++ {
		path := layerPath(c.Init, j)
		if _, err := os.Stat(path); j > 1 && os.IsNotExist(err) {
			break
		}
		shape, err := shapeOf(path, false)
		if err != nil {
			m.Bad("init", "%v", err)
			return
		}
		c.layers = append(c.layers, shape)
	}
	depth := len(c.layers)
	switch {
	case c.Depth != 0 && c.Depth != depth:
		m.Bad("depth", "depth is %d, and init %s has %d files in a row from 1 on", c.Depth, c.Init, depth)
	case depth < 2 || depth > MostDepth:
		m.Bad("init", "init %s has %d files in a row from 1 on: a deep product has 2 to %d matrices", c.Init,
			depth, MostDepth)
	}
	c.Depth = depth
}

// checkLayers compares the shapes of the start's files with the sizes of the problem and with each other.
func (c *Config) checkLayers(m *Mistakes) {
	if isTall(c.layers[0]) {
		c.fill(m, "factor-rank", &c.FactorRank, c.layers[0][0], fmt.Sprintf("init %s has the shape %s",
			layerPath(c.Init, 1), npy.ShapeString(c.layers[0])))
	}
	shapes, err := solver.Deep{Depth: c.Depth}.Shapes(c.Space(), c.FactorRank)
	if err != nil {
		m.Bad("init", "init %s has the shape %s: it must be (width, n2)", layerPath(c.Init, 1),
			npy.ShapeString(c.layers[0]))
		return
	}
	for j, have := range c.layers {
		want := []int{shapes[j].Rows, shapes[j].Cols}
		if !isTall(have) || !slices.Equal([]int{have[0], columns(have)}, want) {
			n1, n2 := c.Sides()
			m.Bad("init", "init %s has the shape %s, and with n %d, n2 %d, depth %d and width %d "+
				"it must be %s",
				layerPath(c.Init, j+1), npy.ShapeString(have), n1, n2, c.Depth, c.FactorRank,
				npy.ShapeString(want))
			return
		}
	}
}

// pathsOf lists the files that a setting names: one, or those of all matrices of a deep product's start. If
// the depth is not known yet, these are the files that are there, and at least the first.
func (c *Config) pathsOf(f DataFile) []string {
	if f.Key != "init" || !c.ChosenParametrization().Layers {
		return []string{*f.Path}
	}
	paths := []string{layerPath(*f.Path, 1)}
	for j := 2; j <= MostDepth; j++ {
		path := layerPath(*f.Path, j)
		if _, err := os.Stat(path); c.Depth > 0 && j > c.Depth || c.Depth == 0 && err != nil {
			break
		}
		paths = append(paths, path)
	}
	return paths
}

func layerPath(pattern string, j int) string {
	return strings.Replace(pattern, layerNumber, fmt.Sprint(j), 1)
}
