package config

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/internal/userfile"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// DataFile is a setting that names a file.
type DataFile struct {
	Key  string
	Path *string
}

// DataFiles lists the settings that name data files; a path that is "" is no file.
func (c *Config) DataFiles() []DataFile {
	files := c.userFiles()
	if c.StartFile() != "" {
		files = append(files, DataFile{"init", &c.Init}, DataFile{"init-right", &c.InitRight})
	}
	return files
}

// Check validates the configuration and compares it with its data files' headers. Every mistake is listed.
func (c *Config) Check() error {
	m := &Mistakes{c: c}
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
	c.checkProgram(m)
	return m.err()
}

// MakePathsAbsolute makes the data files' paths mean the same from every folder.
func (c *Config) MakePathsAbsolute() {
	for _, f := range c.DataFiles() {
		if *f.Path == "" || filepath.IsAbs(*f.Path) {
			continue
		}
		if absolute, err := filepath.Abs(*f.Path); err == nil {
			*f.Path = absolute
		}
	}
}

// readHeaders opens the data files and notes their shapes.
func (c *Config) readHeaders(m *Mistakes) {
	c.MakePathsAbsolute()
	c.shapes, c.complexVectors = map[string][]int{}, false
	for _, f := range c.DataFiles() {
		c.readHeader(m, f)
	}
}

// readHeader opens a data file and notes its shape.
func (c *Config) readHeader(m *Mistakes, f DataFile) {
	if *f.Path == "" {
		return
	}
	if f.Key == "init" && c.ChosenParametrization().Layers {
		c.readLayers(m)
		return
	}
	shape, err := shapeOf(*f.Path, isText(f.Key))
	if errors.Is(err, npy.ErrComplex) {
		shape, err = c.complexShape(f, err)
	}
	if err != nil {
		if f.Key == "init" {
			err = fmt.Errorf("init is none of %s, and %w", strings.Join(namesOf(starts), ", "), err)
		}
		// A file that should not have been named need not be there.
		told := func(problem string) bool { return isAt(problem, c.At(f.Key)) }
		if !slices.ContainsFunc(m.problems, told) {
			m.Bad(f.Key, "%v", err)
		}
		return
	}
	c.shapes[f.Key] = shape
}

// shapes are those of array files.
var shapes cache[[]int]

// shapeOf reads the shape of an array file. Of a file of text it only finds out whether it can be opened.
func shapeOf(path string, text bool) ([]int, error) {
	if err := userfile.CheckRegular(npy.File(path)); err != nil {
		return nil, cmp.Or(checkArrayIn(path, text), err)
	}
	if err := checkFormat(path, text); err != nil || text {
		return nil, err
	}
	return shapes.of([]string{path}, "", func() ([]int, error) {
		r, err := npy.Open(path)
		if err != nil {
			return nil, err
		}
		r.Close()
		return r.Shape, nil
	})
}

// checkShapes fills in the sizes that the data files imply, or compares them with what was given.
func (c *Config) checkShapes(m *Mistakes) {
	if c.HasUserData() && !c.checkUserShapes(m) {
		return
	}
	c.checkHeldOutSize(m)
	c.fillStep()
	c.completeLoss()
	c.completeMethod()
	c.checkStartShapes(m)
	c.checkFit(m)
}

// checkStartShapes compares the start's files with the sizes of the problem, and fills in the factor rank.
func (c *Config) checkStartShapes(m *Mistakes) {
	if c.layers != nil {
		c.checkLayers(m)
	}
	n1, n2 := c.Sides()
	right := "n2"
	if c.ChosenParametrization().Vector || !c.ChosenParametrization().Rectangular { // V is as large as U
		right, n2 = "n", n1
	}
	if u, ok := c.shapes["init"]; ok && c.Parametrization == (solver.Polar{}).Name() { // Θ is r × r
		right, n2 = "factor-rank", columns(u)
	}
	for _, f := range []struct {
		key, side string
		n         int
	}{{"init", "n", n1}, {"init-right", right, n2}} {
		u, ok := c.shapes[f.key]
		switch {
		case !ok:
		case !isTall(u) || u[0] != f.n:
			m.Bad(f.key, "%s, and %s is %d: it must be (%d, r)", c.says(f.key), f.side, f.n, f.n)
		case f.key == "init":
			c.fill(m, "factor-rank", &c.FactorRank, columns(u), c.says(f.key))
		case columns(u) != c.FactorRank:
			m.Bad(f.key, "%s, and factor-rank is %d: it must be (%d, %d)", c.says(f.key), c.FactorRank, f.n,
				c.FactorRank)
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

// Data is what a configuration measures: its problem, drawn or read from files.
type Data struct {
	Problem *sensing.Problem
	// Hashes has the SHA-256 of each data file, by key.
	Hashes map[string]string
	// Notices are what a user should know of the files.
	Notices []string
}

// Load reads the data files, or draws the truth. The configuration was found sound by [Config.Check].
// Mistakes in the files are a [UsageError].
func (c *Config) Load() (*Data, error) {
	hashes, err := c.Hashes()
	if err != nil {
		return nil, err
	}
	d := &Data{
		Problem: &sensing.Problem{Noise: c.Noise, NoiseRatio: c.noiseRatio(), NoiseSeed: c.Seed},
		Hashes:  hashes,
	}
	load := d.draw
	if c.HasUserData() {
		load = d.loadUserData
	}
	if err := load(c); err != nil {
		return nil, err
	}
	if err := d.Problem.Validate(); err != nil {
		return nil, Usagef("%s: %v", c.At("observations"), err)
	}
	if c.HoldOut > 0 {
		if err := d.holdOut(c); err != nil {
			return nil, err
		}
	}
	d.noticePolyak(c)
	return d, nil
}

// draw draws the measurements and the truth.
func (d *Data) draw(c *Config) (err error) {
	p := d.Problem
	if p.Ensemble, err = c.NewEnsemble(); err != nil {
		return err
	}
	if p.Truth, err = c.truth(); err != nil {
		return err
	}
	p.Outliers = c.outliers(p.Ensemble.Measurements())
	if observe := c.observation().Observe; observe != nil {
		err = observe(c, p)
	}
	return err
}

// truth draws the truth, or reads the user's.
func (c *Config) truth() (*sensing.Truth, error) {
	if c.Truth != "" {
		return c.userTruth()
	}
	return c.ChosenParametrization().Truth(c)
}
