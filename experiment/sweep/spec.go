package sweep

import (
	"bytes"
	"math"
	"path/filepath"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/yamldoc"
)

const (
	// ManyRuns is the largest grid that is run without asking the user.
	ManyRuns = 100_000
	// MaxRuns is the largest grid.
	MaxRuns = 10_000_000
)

// Spec is the content of a sweep file.
type Spec struct {
	// Base is the configuration that all runs start from.
	Base config.Config
	// Axes are the dimensions of the grid, the slowest first.
	Axes []Axis
	// Seeds and StartSeeds are the numbers of replicas; 0 if the file asks for none.
	Seeds, StartSeeds int
	// Filter is the expression that picks runs; "" picks all.
	Filter string
	// Targets are test errors, in the order of the file.
	Targets []float64

	name     string            // the file's name in messages
	inBase   map[string]bool   // the keys that base gives
	places   map[string]string // the file and line of each axis, of replicas and of the filter
	selected *filter           // Filter, compiled; nil if there is none
}

// Axis is one dimension of the grid: one setting, or several that vary together.
type Axis struct {
	Keys []string
	// Values has a list for each key, all of one length, of values as files write them.
	Values [][]string
	// Log says that a logarithmic axis suits the first key: it has at least three numbers, all positive, and
	// their logarithms are spaced more evenly than the numbers.
	Log bool
}

// Len is the number of points on the axis.
func (a Axis) Len() int { return len(a.Values[0]) }

// Setting returns the axis's first setting that is not a seed, or "" if the axis varies seeds alone: its runs
// are replicas, as those of seeds and start-seeds are.
func (a Axis) Setting() string {
	for _, key := range a.Keys {
		if !isSeed(key) {
			return key
		}
	}
	return ""
}

// isSeed says whether runs that differ in this setting alone are replicas.
func isSeed(key string) bool { return key == "seed" || key == "start-seed" }

// Keys lists the settings that differ between runs, in the order of [Run.Values]: first the settings of the
// axes, then seed and start-seed if they have replicas.
func (s *Spec) Keys() []string {
	var keys []string
	for _, a := range s.Axes {
		keys = append(keys, a.Keys...)
	}
	if s.Seeds > 0 {
		keys = append(keys, "seed")
	}
	if s.StartSeeds > 0 {
		keys = append(keys, "start-seed")
	}
	return keys
}

// Count is the size of the grid before the filter, at most math.MaxInt. It does not expand the grid.
func (s *Spec) Count() int {
	count := 1
	times := func(n int) {
		if count > math.MaxInt/n {
			count = math.MaxInt
		} else {
			count *= n
		}
	}
	for _, a := range s.Axes {
		times(a.Len())
	}
	times(max(s.Seeds, 1))
	times(max(s.StartSeeds, 1))
	return count
}

// YAML writes the sweep file with every value spelled out. Parsed again, it gives the same runs.
func (s *Spec) YAML() []byte {
	root := yamldoc.Map()
	add := func(key string, value *yaml.Node) {
		root.Content = append(root.Content, yamldoc.Plain(key), value)
	}
	base := yamldoc.Map()
	for _, f := range s.Base.Fields() {
		if s.inBase[f.Key] {
			base.Content = append(base.Content, yamldoc.Plain(f.Key), f.YAML())
		}
	}
	if len(base.Content) > 0 {
		add("base", base)
	}
	axes := &yaml.Node{Kind: yaml.SequenceNode}
	for _, a := range s.Axes {
		axis := yamldoc.Map()
		for i, key := range a.Keys {
			write := yamldoc.Number
			if field(&s.Base, key).Type() == "string" {
				write = yamldoc.Word
			}
			axis.Content = append(axis.Content, yamldoc.Plain(key), list(a.Values[i], write))
		}
		axes.Content = append(axes.Content, axis)
	}
	if len(s.Axes) > 0 {
		add("axes", axes)
	}
	if s.Seeds > 0 {
		add("seeds", yamldoc.Number(strconv.Itoa(s.Seeds)))
	}
	if s.StartSeeds > 0 {
		add("start-seeds", yamldoc.Number(strconv.Itoa(s.StartSeeds)))
	}
	if s.Filter != "" {
		add("filter", yamldoc.Word(s.Filter))
	}
	var targets []string
	for _, t := range s.Targets {
		targets = append(targets, formatNumber(t))
	}
	add("targets", list(targets, yamldoc.Number))
	return yamldoc.Bytes(root)
}

// sameRuns says whether a resolved specification has the same runs, if data files that were moved or renamed
// count as the same, and devices of one kind do.
func (s *Spec) sameRuns(text []byte) bool {
	if bytes.Equal(text, s.YAML()) {
		return true
	}
	other, err := Parse(SpecFile, text)
	return err == nil && bytes.Equal(other.withoutPlaces().YAML(), s.withoutPlaces().YAML())
}

// otherKind returns the kind of device in the text of a sweep that differs from s by this kind alone; "" of
// any other text.
func (s *Spec) otherKind(text []byte) string {
	other, err := Parse(SpecFile, text)
	if err != nil {
		return ""
	}
	const same = "cpu"
	mine, err := s.On(same)
	if err != nil {
		return ""
	}
	theirs, err := other.On(same)
	if err != nil || !bytes.Equal(mine.withoutPlaces().YAML(), theirs.withoutPlaces().YAML()) {
		return ""
	}
	return config.DeviceKind(other.Base.Device)
}

// withoutPlaces returns the specification with another word in place of each path of a data file, and with
// the kind of its device.
func (s *Spec) withoutPlaces() *Spec {
	c := s.withPaths(func(string) string { return "file" })
	c.Base.Device = config.DeviceKind(c.Base.Device)
	return c
}

// In returns the specification as it is written to a directory: the paths of data files that lie in it are
// relative to it, so that the directory can be moved.
func (s *Spec) In(dir string) *Spec {
	return s.withPaths(func(path string) string {
		absolute, err := filepath.Abs(dir)
		if err != nil {
			return path
		}
		if inside, err := filepath.Rel(absolute, path); err == nil && filepath.IsLocal(inside) {
			return filepath.ToSlash(inside)
		}
		return path
	})
}

// dataPaths are the paths of all data files.
func (s *Spec) dataPaths() (paths []string) {
	s.withPaths(func(path string) string {
		paths = append(paths, path)
		return path
	})
	return paths
}

// withPaths returns the specification with other paths of data files.
func (s *Spec) withPaths(other func(path string) string) *Spec {
	c := *s
	for _, f := range c.Base.DataFiles() {
		if *f.Path != "" {
			*f.Path = other(*f.Path)
		}
	}
	c.Axes = slices.Clone(s.Axes)
	for i, a := range c.Axes {
		c.Axes[i].Values = slices.Clone(a.Values)
		for k, key := range a.Keys {
			if key != "init" && key != "init-right" {
				continue
			}
			values := slices.Clone(a.Values[k])
			for j, v := range values {
				if v != "" && config.IsStartFile(v) {
					values[j] = other(v)
				}
			}
			c.Axes[i].Values[k] = values
		}
	}
	return &c
}

// list returns a YAML list of values on one line.
func list(values []string, write func(string) *yaml.Node) *yaml.Node {
	node := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, v := range values {
		node.Content = append(node.Content, write(v))
	}
	return node
}
