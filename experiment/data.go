package experiment

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// check validates the configuration and compares it with its data files' headers. Every mistake is listed.
func (c *Config) check() error {
	m := &mistakes{c: c}
	var usage *UsageError
	if err := c.Validate(); errors.As(err, &usage) {
		m.problems = usage.Problems
	} else if err != nil {
		return err
	}
	c.readHeaders(m)
	if len(m.problems) == 0 {
		c.checkShapes(m)
	}
	if len(m.problems) > 0 {
		return &UsageError{m.problems}
	}
	return nil
}

// makePathsAbsolute makes the data files' paths mean the same from every folder.
func (c *Config) makePathsAbsolute() {
	for _, f := range c.dataFiles() {
		if absolute, err := filepath.Abs(*f.path); err == nil && *f.path != "" {
			*f.path = absolute
		}
	}
}

// readHeaders opens the data files and notes their shapes.
func (c *Config) readHeaders(m *mistakes) {
	c.makePathsAbsolute()
	c.shapes = map[string][]int{}
	for _, f := range c.dataFiles() {
		if *f.path == "" {
			continue
		}
		r, err := npy.Open(*f.path)
		if err != nil {
			if f.key == "init" {
				err = fmt.Errorf("init is neither random nor spectral, and %w", err)
			}
			// A file that should not have been named need not be there.
			if !slices.ContainsFunc(m.problems, func(p string) bool { return strings.HasPrefix(p, c.at(f.key)+": ") }) {
				m.bad(f.key, "%v", err)
			}
			continue
		}
		r.Close()
		c.shapes[f.key] = r.Shape
	}
}

// checkShapes fills in the sizes that the data files imply, or compares them with what was given.
func (c *Config) checkShapes(m *mistakes) {
	says := func(key string) string {
		f, _ := c.field(key)
		return fmt.Sprintf("%s %s has the shape %s", key, f.String(), npy.ShapeString(c.shapes[key]))
	}
	check := func(key string, value *int, size int, because string) {
		if c.given(key) && *value != size {
			m.bad(key, "%s is %d, and %s", key, *value, because)
		}
		*value = size
	}
	if a, ok := c.shapes["matrices"]; ok {
		switch {
		case len(a) != 3 || slices.Contains(a, 0) || a[1] != a[2] && !c.rectangular():
			must := "(m, n, n) with m and n at least 1"
			if c.rectangular() {
				must = "(m, n, n2) with each at least 1"
			} else if len(a) == 3 && !slices.Contains(a, 0) {
				must += "; matrices that are not square need parametrization uv"
			}
			m.bad("matrices", "%s; it must be %s", says("matrices"), must)
			return
		case c.rectangular():
			check("n2", &c.N2, a[2], says("matrices"))
		}
		check("measurements", &c.Measurements, a[0], says("matrices"))
		check("n", &c.N, a[1], says("matrices"))
		if y := c.shapes["observations"]; !isTall(y) || columns(y) != 1 || y[0] != a[0] {
			m.bad("observations", "%s and %s: the second must be (%d,)", says("matrices"), says("observations"), a[0])
		}
		if !c.given("rank") {
			c.Rank = 0
		}
		if x, ok := c.shapes["truth"]; ok {
			most := min(a[1], a[2])
			if !isTall(x) || x[0] != a[1] || columns(x) > most {
				m.bad("truth", "%s and %s: the second must be (%d, r*), r* at most %d", says("matrices"), says("truth"), a[1], most)
			} else {
				check("rank", &c.Rank, columns(x), says("truth"))
			}
			if y, ok := c.shapes["truth-right"]; ok && (!isTall(y) || y[0] != a[2] || columns(y) != columns(x)) {
				m.bad("truth-right", "%s, %s and %s: the last must be (%d, %d)", says("matrices"), says("truth"), says("truth-right"), a[2], columns(x))
			}
		}
		if n1, n2 := c.sides(); c.Rank < 0 || c.Rank > min(n1, n2) {
			c.badRank(m, true)
		}
		if c.FactorRank == 0 && c.startFile() == "" {
			c.FactorRank = min(a[1], a[2])
		}
	}
	n1, n2 := c.sides()
	for _, f := range []struct {
		key, side string
		n         int
	}{{"init", "n", n1}, {"init-right", "n2", n2}} {
		u, ok := c.shapes[f.key]
		switch {
		case !ok:
		case !isTall(u) || u[0] != f.n:
			m.bad(f.key, "%s, and %s is %d: it must be (%d, r)", says(f.key), f.side, f.n, f.n)
		case f.key == "init":
			check("factor-rank", &c.FactorRank, columns(u), says(f.key))
		case columns(u) != c.FactorRank:
			m.bad(f.key, "%s, and factor-rank is %d: it must be (%d, %d)", says(f.key), c.FactorRank, f.n, c.FactorRank)
		}
	}
}

// isTall says whether a shape is that of a factor: (n, r), or (n,) for a single column.
func isTall(shape []int) bool {
	return (len(shape) == 1 || len(shape) == 2) && !slices.Contains(shape, 0)
}

func columns(shape []int) int {
	if len(shape) == 1 {
		return 1
	}
	return shape[1]
}

// loaded is a plan with its data.
type loaded struct {
	problem *sensing.Problem
	hashes  map[string]string // SHA-256 of each data file, by key
	notices []string
}

// load reads the data files, or draws the truth. Mistakes in the files are the user's.
func (p *Plan) load() (*loaded, error) {
	c := &p.Config
	l := &loaded{problem: &sensing.Problem{Noise: c.Noise, NoiseSeed: c.Seed}, hashes: map[string]string{}}
	for _, f := range c.dataFiles() {
		if *f.path == "" {
			continue
		}
		sum, err := hashFile(*f.path)
		if err != nil {
			return nil, Usagef("%s: %v", c.at(f.key), err)
		}
		l.hashes[f.key] = sum
	}
	var err error
	if c.ownData() {
		err = l.readData(c)
	} else {
		if l.problem.Ensemble, err = c.ensemble(); err == nil {
			l.problem.Truth, err = c.truth()
		}
		if err == nil && c.Link != "" {
			l.problem.Observations, err = c.observeIndices(l.problem)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := l.problem.Validate(); err != nil {
		return nil, Usagef("%s: %v", c.at("observations"), err)
	}
	return l, nil
}

// start makes the start, or reads it. Mistakes in the file are the user's.
func (c *Config) start() (solver.Start, error) {
	switch c.Init {
	case "random":
		return solver.SmallRandom{Alpha: c.Alpha, Seed: c.StartSeed}, nil
	case "spectral":
		return solver.Spectral{}, nil
	}
	var start solver.Factor
	for _, f := range []dataFile{{"init", &c.Init}, {"init-right", &c.InitRight}} {
		if *f.path == "" {
			continue
		}
		u, err := loadMatrix(*f.path)
		if err != nil {
			return nil, Usagef("%s: %v", c.at(f.key), err)
		}
		if !(solver.Factor{u}).Finite() {
			return nil, Usagef("%s: %s has elements that are NaN or infinite", c.at(f.key), *f.path)
		}
		start = append(start, u)
	}
	return solver.Given{Start: start}, nil
}

// truth draws the truth.
func (c *Config) truth() (*sensing.Truth, error) {
	if c.rectangular() {
		return sensing.NewRectTruth(c.N, c.N2, c.Rank, c.Kappa, c.Seed)
	}
	return sensing.NewTruth(c.N, c.Rank, c.Kappa, c.Seed)
}

func (l *loaded) readData(c *Config) error {
	load := sensing.LoadDense
	if c.rectangular() {
		load = sensing.LoadRectDense
	}
	dense, err := load(c.Matrices)
	if err != nil {
		return Usagef("%s: %v", c.at("matrices"), err)
	}
	l.problem.Ensemble = dense
	if dense.Asymmetry > 0 {
		l.notices = append(l.notices, fmt.Sprintf(
			"the measurement matrices are not symmetric (A and Aᵀ differ by up to %.2g of the largest element): (A + Aᵀ)/2 is used, which changes no ⟨A, Z⟩ with a symmetric Z",
			dense.Asymmetry))
	}
	y, err := npy.Load(c.Observations)
	if err != nil {
		return Usagef("%s: %v", c.at("observations"), err)
	}
	l.problem.Observations = y.Data().([]float64)
	if c.Truth == "" {
		return nil
	}
	x, err := loadMatrix(c.Truth)
	if err != nil {
		return Usagef("%s: %s: %v", c.at("truth"), c.Truth, err)
	}
	if !c.rectangular() {
		l.problem.Truth, err = sensing.TruthOf(x)
	} else if y, failed := loadMatrix(c.TruthRight); failed != nil {
		return Usagef("%s: %s: %v", c.at("truth-right"), c.TruthRight, failed)
	} else {
		l.problem.Truth, err = sensing.RectTruthOf(x, y)
	}
	if err != nil {
		return Usagef("%s: %s: %v", c.at("truth"), c.Truth, err)
	}
	return nil
}

// loadMatrix reads a matrix, or a vector as a single column.
func loadMatrix(path string) (*mat.Dense, error) {
	a, err := npy.Load(path)
	if err != nil {
		return nil, err
	}
	shape := a.Shape()
	return mat.NewDense(shape[0], columns(shape), a.Data().([]float64)), nil
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
