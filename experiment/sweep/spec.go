package sweep

import (
	"math"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/yamldoc"
)

const (
	// ManyRuns is the size of a grid past which a user should be asked before it is run.
	ManyRuns = 100_000
	// MaxRuns is the size of a grid past which it is refused.
	MaxRuns = 10_000_000
)

// Spec is what a sweep file says.
type Spec struct {
	// Base is the configuration that all runs start from.
	Base config.Config
	Axes []Axis
	// Seeds and StartSeeds count the replicas; 0 where none were asked for.
	Seeds, StartSeeds int
	// Filter is the expression that picks runs, "" for all.
	Filter string
	// Targets are test errors, in the order given.
	Targets []float64

	name     string          // of the file, in messages
	inBase   map[string]bool // the keys that base gives
	places   map[string]string
	selected *filter
}

// Axis is one dimension of the grid: one setting, or several that go together.
type Axis struct {
	Keys []string
	// Values has a list for each key, all of one length, of values as they are written in files.
	Values [][]string
	// Log says that the first key has at least three positive numbers, spaced more evenly in their logarithms than as they
	// are.
	Log bool
}

// Len is the number of points on the axis.
func (a Axis) Len() int { return len(a.Values[0]) }

// Keys lists the settings that differ between runs, in the order of [Run.Values]: those of the axes, then seed and
// start-seed where they have replicas.
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

// Count is the size of the grid, of which a filter leaves a part; math.MaxInt where it is that or more. It takes no time.
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

// YAML writes the sweep with every value spelled out. It reads as the same runs.
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
			write := yamldoc.Plain
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
		add("seeds", yamldoc.Plain(strconv.Itoa(s.Seeds)))
	}
	if s.StartSeeds > 0 {
		add("start-seeds", yamldoc.Plain(strconv.Itoa(s.StartSeeds)))
	}
	if s.Filter != "" {
		add("filter", yamldoc.Word(s.Filter))
	}
	var targets []string
	for _, t := range s.Targets {
		targets = append(targets, formatNumber(t))
	}
	add("targets", list(targets, yamldoc.Plain))
	return yamldoc.Bytes(root)
}

// list returns values as a node on one line.
func list(values []string, write func(string) *yaml.Node) *yaml.Node {
	node := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, v := range values {
		node.Content = append(node.Content, write(v))
	}
	return node
}

// field returns the setting with a key that is known to exist.
func field(c *config.Config, key string) config.Field {
	fields := c.Fields()
	return fields[slices.IndexFunc(fields, func(f config.Field) bool { return f.Key == key })]
}

func formatNumber(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
