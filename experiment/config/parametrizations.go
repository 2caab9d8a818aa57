package config

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/solver"
)

// parametrization is a way to make a matrix that a configuration can name.
type parametrization struct {
	entry
	own
	// rectangular: the matrix is n × n2, and so is the truth XYᵀ; else it is symmetric.
	rectangular bool
	make        func(c *Config) solver.Parametrization
}

var parametrizations = []parametrization{
	{entry{"psd", "UUᵀ: symmetric positive semidefinite matrices", "Burer and Monteiro, Mathematical Programming 95 (2003)"}, own{}, false,
		func(*Config) solver.Parametrization { return solver.PSD{} }},
	{entry{"uv", "UVᵀ: matrices of any shape, without a balancing term", "Soltanolkotabi, Stöger and Xie, arXiv 2303.14244"},
		own{[]string{"n2", "truth-right", "init-right"}, (*Config).checkSides}, true,
		func(*Config) solver.Parametrization { return solver.UV{} }},
	{entry{"deep", "W_L⋯W_2·W_1: products of depth L, with the flatness of f as a metric", "Gatmiry et al., arXiv 2306.13239"},
		own{[]string{"n2", "truth-right", "depth"}, (*Config).checkDeep}, true,
		func(c *Config) solver.Parametrization { return solver.Deep{Depth: c.Depth} }},
	{entry{"indefinite", "UUᵀ − VVᵀ: symmetric matrices with eigenvalues of both signs", overIndex},
		own{[]string{"negative", "truth-right", "init-right"}, (*Config).checkIndefinite}, false,
		func(*Config) solver.Parametrization { return solver.Indefinite{} }},
	{entry{"sparse", "u∘u − v∘v: sparse vectors", "Vaškevičius, Kanade and Rebeschini, arXiv 1909.05122; " + overIndex},
		own{[]string{"sparsity", "n2", "init-right"}, (*Config).checkSparse}, true,
		func(*Config) solver.Parametrization { return solver.Sparse{} }},
}

// overIndex is where single index models were solved with more parameters than they have.
const overIndex = "Fan, Yang and Yu, arXiv 2007.08322"

// NewParametrization returns that of a configuration that was found valid.
func (c *Config) NewParametrization() solver.Parametrization {
	return find(parametrizations, c.Parametrization).make(c)
}

// checkSides wants what belongs to two factors to be there for both.
func (c *Config) checkSides(m *mistakes) {
	c.checkRectangle(m)
	if (c.InitRight == "") != (c.StartFile() == "") {
		m.bad("init", "a start from files needs both init and init-right with parametrization uv")
	}
}

// checkRectangle fills in n2, and wants both sides of a truth XYᵀ.
func (c *Config) checkRectangle(m *mistakes) {
	if (c.TruthRight == "") != (c.Truth == "") && c.HasUserData() {
		m.bad("truth", "a truth XYᵀ needs both truth and truth-right")
	}
	if c.N2 == 0 && !c.Given("n2") && !c.HasUserData() {
		c.N2 = c.N
	}
	if most := c.mostSide(); (c.N2 != 0 || !c.HasUserData()) && (c.N2 < 1 || c.N2 > most) {
		m.bad("n2", "n2 goes from 1 to %d, got %d", most, c.N2)
	}
}

// rectangular says whether the unknown matrix is n × n2.
func (c *Config) rectangular() bool {
	return slices.ContainsFunc(parametrizations, func(p parametrization) bool { return p.name == c.Parametrization && p.rectangular })
}

// checkIndefinite fills in how many eigenvalues of the truth are negative, and wants what belongs to two factors to be there for
// both.
func (c *Config) checkIndefinite(m *mistakes) {
	if (c.TruthRight == "") != (c.Truth == "") && c.HasUserData() {
		m.bad("truth", "a truth X S Xᵀ, S = diag(±1), needs both truth, X, and truth-right, X S")
	}
	if (c.InitRight == "") != (c.StartFile() == "") {
		m.bad("init", "a start from files needs both init and init-right with parametrization indefinite")
	}
	switch {
	case c.HasUserData() && c.Negative != 0:
		m.bad("negative", "negative is for a truth that is drawn, not for own data")
	case c.HasUserData():
	case !c.Given("negative"):
		c.Negative = max(c.Rank, 0) / 2
	case c.Negative < 0 || c.Negative > c.Rank:
		m.bad("negative", "of the truth's eigenvalues from 0 to rank = %d are negative, got %d", c.Rank, c.Negative)
	}
}

// isSparse says whether the unknown is a vector.
func (c *Config) isSparse() bool { return c.Parametrization == solver.Sparse{}.Name() }

// checkSparse fills in the sizes of a vector: one column, as the truth and the factors have. Where nobody says more there are 4·s·ln n
// measurements for s elements that are not zero, a few times as many as it takes to find them, and of a single index model 100 times
// s·ln n samples.
func (c *Config) checkSparse(m *mistakes) {
	one := func(key string, value *int) {
		if !c.Given(key) {
			*value = 1
		} else if *value != 1 && (*value != 0 || !c.HasUserData()) {
			m.bad(key, "%s is 1 with parametrization sparse, whose unknown is a vector, got %d", key, *value)
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
		m.bad("init", "a start from files needs both init, u₀, and init-right, v₀, with parametrization sparse")
	}
	if c.HasUserData() {
		if c.Sparsity != 0 {
			m.bad("sparsity", "sparsity is for a truth that is drawn, not for own data")
		}
		return
	}
	if !c.Given("sparsity") {
		c.Sparsity = 3
	}
	if c.Sparsity < 1 || c.Sparsity > c.N && c.N >= 1 {
		m.bad("sparsity", "sparsity goes from 1 to n = %d, got %d", c.N, c.Sparsity)
	} else if c.Measurements == 0 && !c.Given("measurements") && c.N >= 1 {
		each := 4.0
		if c.Ensemble == singleIndex {
			each = 100
		}
		c.Measurements = int(math.Ceil(each * float64(c.Sparsity) * math.Log(float64(max(c.N, 2)))))
	}
}

// A deep product has as many matrices as depth says, W_1 first. What starts from files names all of them by a pattern.
const (
	defaultDepth = 3
	MostDepth    = 16
	defaultLayer = 0.1  // size of a random start's matrices: steps to leave zero grow like 1/α^(L−2)
	layerNumber  = "%d" // in the pattern
)

// deep says whether the parametrization is a deep product.
func (c *Config) deep() bool { return c.Parametrization == (solver.Deep{}).Name() }

// checkDeep fills in the depth, and the size of a random start, and wants files of a start to be told apart.
func (c *Config) checkDeep(m *mistakes) {
	c.checkRectangle(m)
	file := c.StartFile()
	if file != "" && strings.Count(file, layerNumber) != 1 {
		m.bad("init", "a start of a deep product has a file for each matrix: name them by a pattern with one %s for the number, as W%s.npy, got %q",
			layerNumber, layerNumber, file)
	}
	if c.Depth == 0 && !c.Given("depth") && file == "" {
		c.Depth = defaultDepth
	}
	if (c.Given("depth") || file == "") && (c.Depth < 2 || c.Depth > MostDepth) {
		m.bad("depth", "depth goes from 2 to %d, got %d", MostDepth, c.Depth)
	}
	if c.Init == random && !c.Given("alpha") {
		c.Alpha = defaultLayer
	}
}

// readLayers opens the files of the start, as many as there are, and notes their shapes.
func (c *Config) readLayers(m *mistakes) {
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
			m.bad("init", "%v", err)
			return
		}
		c.layers = append(c.layers, shape)
	}
	depth := len(c.layers)
	switch {
	case c.Depth != 0 && c.Depth != depth:
		m.bad("depth", "depth is %d, and init %s has %d files in a row from 1 on", c.Depth, c.Init, depth)
	case depth < 2 || depth > MostDepth:
		m.bad("init", "init %s has %d files in a row from 1 on: a deep product has 2 to %d matrices", c.Init, depth, MostDepth)
	}
	c.Depth = depth
}

// checkLayers compares the shapes of the start's files with the sizes of the problem and with each other.
func (c *Config) checkLayers(m *mistakes) {
	if isTall(c.layers[0]) {
		c.fill(m, "factor-rank", &c.FactorRank, c.layers[0][0], fmt.Sprintf("init %s has the shape %s", layerPath(c.Init, 1), npy.ShapeString(c.layers[0])))
	}
	shapes, err := solver.Deep{Depth: c.Depth}.Shapes(c.Space(), c.FactorRank)
	if err != nil {
		m.bad("init", "init %s has the shape %s: it must be (width, n2)", layerPath(c.Init, 1), npy.ShapeString(c.layers[0]))
		return
	}
	for j, have := range c.layers {
		if want := []int{shapes[j].Rows, shapes[j].Cols}; !isTall(have) || !slices.Equal([]int{have[0], columns(have)}, want) {
			n1, n2 := c.Sides()
			m.bad("init", "init %s has the shape %s, and with n %d, n2 %d, depth %d and width %d it must be %s",
				layerPath(c.Init, j+1), npy.ShapeString(have), n1, n2, c.Depth, c.FactorRank, npy.ShapeString(want))
			return
		}
	}
}

// pathsOf lists the files that a setting names: one, or those of all matrices of a deep product's start.
func (c *Config) pathsOf(f DataFile) []string {
	if f.Key != "init" || !c.deep() {
		return []string{*f.Path}
	}
	var paths []string
	for j := range c.Depth {
		paths = append(paths, layerPath(*f.Path, j+1))
	}
	return paths
}

func layerPath(pattern string, j int) string {
	return strings.Replace(pattern, layerNumber, fmt.Sprint(j), 1)
}
