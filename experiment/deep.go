package experiment

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/solver"
)

// A deep product has as many matrices as depth says, W_1 first. What starts from files names all of them by a pattern.
const (
	defaultDepth = 3
	mostDepth    = 16
	defaultLayer = 0.1  // size of a random start's matrices: steps to leave zero grow like 1/α^(L−2)
	layerNumber  = "%d" // in the pattern
)

// deep says whether the parametrization is a deep product.
func (c *Config) deep() bool { return c.Parametrization == (solver.Deep{}).Name() }

// checkDeep fills in the depth, and the size of a random start, and wants files of a start to be told apart.
func (c *Config) checkDeep(m *mistakes) {
	c.checkRectangle(m)
	file := c.startFile()
	if file != "" && strings.Count(file, layerNumber) != 1 {
		m.bad("init", "a start of a deep product has a file for each matrix: name them by a pattern with one %s for the number, as W%s.npy, got %q",
			layerNumber, layerNumber, file)
	}
	if c.Depth == 0 && !c.given("depth") && file == "" {
		c.Depth = defaultDepth
	}
	if (c.given("depth") || file == "") && (c.Depth < 2 || c.Depth > mostDepth) {
		m.bad("depth", "depth goes from 2 to %d, got %d", mostDepth, c.Depth)
	}
	if c.Init == random && !c.given("alpha") {
		c.Alpha = defaultLayer
	}
}

// readLayers opens the files of the start, as many as there are, and notes their shapes.
func (c *Config) readLayers(m *mistakes) {
	c.layers = nil
	if strings.Count(c.Init, layerNumber) != 1 { // said already
		return
	}
	for j := 1; j <= mostDepth+1; j++ {
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
	case depth < 2 || depth > mostDepth:
		m.bad("init", "init %s has %d files in a row from 1 on: a deep product has 2 to %d matrices", c.Init, depth, mostDepth)
	}
	c.Depth = depth
}

// checkLayers compares the shapes of the start's files with the sizes of the problem and with each other.
func (c *Config) checkLayers(m *mistakes) {
	if isTall(c.layers[0]) {
		c.fill(m, "factor-rank", &c.FactorRank, c.layers[0][0], fmt.Sprintf("init %s has the shape %s", layerPath(c.Init, 1), npy.ShapeString(c.layers[0])))
	}
	shapes, err := solver.Deep{Depth: c.Depth}.Shapes(c.space(), c.FactorRank)
	if err != nil {
		m.bad("init", "init %s has the shape %s: it must be (width, n2)", layerPath(c.Init, 1), npy.ShapeString(c.layers[0]))
		return
	}
	for j, have := range c.layers {
		if want := []int{shapes[j].Rows, shapes[j].Cols}; !isTall(have) || !slices.Equal([]int{have[0], columns(have)}, want) {
			n1, n2 := c.sides()
			m.bad("init", "init %s has the shape %s, and with n %d, n2 %d, depth %d and width %d it must be %s",
				layerPath(c.Init, j+1), npy.ShapeString(have), n1, n2, c.Depth, c.FactorRank, npy.ShapeString(want))
			return
		}
	}
}

// pathsOf lists the files that a setting names: one, or those of all matrices of a deep product's start.
func (c *Config) pathsOf(f dataFile) []string {
	if f.key != "init" || !c.deep() {
		return []string{*f.path}
	}
	var paths []string
	for j := range c.Depth {
		paths = append(paths, layerPath(*f.path, j+1))
	}
	return paths
}

func layerPath(pattern string, j int) string {
	return strings.Replace(pattern, layerNumber, fmt.Sprint(j), 1)
}

// factorFiles names the files of the last iterate's matrices.
func (c *Config) factorFiles() []string {
	if c.deep() {
		return layerFiles(c.Depth)
	}
	return []string{factorFile, rightFile}
}

// layerFiles names those of a deep product.
func layerFiles(depth int) []string {
	var names []string
	for j := range depth {
		names = append(names, fmt.Sprintf("factor-%d.npy", j+1))
	}
	return names
}
