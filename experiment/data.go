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
		if f.key == "init" && c.deep() {
			c.readLayers(m)
			continue
		}
		shape, err := shapeOf(*f.path, isText(f.key))
		if err != nil {
			if f.key == "init" {
				err = fmt.Errorf("init is none of %s, and %w", strings.Join(namesOf(starts), ", "), err)
			}
			// A file that should not have been named need not be there.
			if !slices.ContainsFunc(m.problems, func(p string) bool { return strings.HasPrefix(p, c.at(f.key)+": ") }) {
				m.bad(f.key, "%v", err)
			}
			continue
		}
		c.shapes[f.key] = shape
	}
}

// shapeOf reads the shape of an array file. Of a file of text it only finds out whether it can be opened.
func shapeOf(path string, text bool) ([]int, error) {
	if text {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		return nil, f.Close()
	}
	r, err := npy.Open(path)
	if err != nil {
		return nil, err
	}
	r.Close()
	return r.Shape, nil
}

// checkShapes fills in the sizes that the data files imply, or compares them with what was given.
func (c *Config) checkShapes(m *mistakes) {
	if c.ownData() && !c.checkOwnShapes(m) {
		return
	}
	if slices.Contains(find(methods, c.Method).settings, "batch-size") {
		c.fillBatchSize()
	}
	if c.layers != nil {
		c.checkLayers(m)
	}
	n1, n2 := c.sides()
	right := "n2"
	if c.isSparse() || !c.rectangular() { // V is as large as U
		right, n2 = "n", n1
	}
	for _, f := range []struct {
		key, side string
		n         int
	}{{"init", "n", n1}, {"init-right", right, n2}} {
		u, ok := c.shapes[f.key]
		switch {
		case !ok:
		case !isTall(u) || u[0] != f.n:
			m.bad(f.key, "%s, and %s is %d: it must be (%d, r)", c.says(f.key), f.side, f.n, f.n)
		case f.key == "init":
			c.fill(m, "factor-rank", &c.FactorRank, columns(u), c.says(f.key))
		case columns(u) != c.FactorRank:
			m.bad(f.key, "%s, and factor-rank is %d: it must be (%d, %d)", c.says(f.key), c.FactorRank, f.n, c.FactorRank)
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
		sum, err := hashFiles(c.pathsOf(f))
		if err != nil {
			return nil, Usagef("%s: %v", c.at(f.key), err)
		}
		l.hashes[f.key] = sum
	}
	var err error
	if c.ownData() {
		err = l.loadOwn(c)
	} else {
		if l.problem.Ensemble, err = c.ensemble(); err == nil {
			l.problem.Truth, err = c.truth()
		}
		switch {
		case err != nil:
		case c.Ensemble == singleIndex:
			err = l.observeIndex(c)
		case c.Ensemble == multiIndex:
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
func (c *Config) start(truth *sensing.Truth) (solver.Start, error) {
	if s := startNamed(c.Init); s != nil {
		return s.make(c, truth)
	}
	var start solver.Factor
	for _, f := range []dataFile{{"init", &c.Init}, {"init-right", &c.InitRight}} {
		if *f.path == "" {
			continue
		}
		for _, path := range c.pathsOf(f) {
			u, err := loadMatrix(path)
			if err != nil {
				return nil, Usagef("%s: %v", c.at(f.key), err)
			}
			if !(solver.Factor{u}).Finite() {
				return nil, Usagef("%s: %s has elements that are NaN or infinite", c.at(f.key), path)
			}
			start = append(start, u)
		}
	}
	return solver.Given{Start: start}, nil
}

// truth draws the truth.
func (c *Config) truth() (*sensing.Truth, error) {
	switch {
	case c.isSparse():
		return sensing.NewSparseTruth(c.N, c.Sparsity, c.Kappa, c.Seed)
	case c.Negative > 0:
		return sensing.NewIndefiniteTruth(c.N, c.Rank, c.Negative, c.Kappa, c.Seed)
	case c.rectangular():
		return sensing.NewRectTruth(c.N, c.N2, c.Rank, c.Kappa, c.Seed)
	}
	return sensing.NewTruth(c.N, c.Rank, c.Kappa, c.Seed)
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

// hashFiles returns the SHA-256 of files, one after another.
func hashFiles(paths []string) (string, error) {
	h := sha256.New()
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		_, err = io.Copy(h, f)
		f.Close()
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
