package sweep

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/userfile"
	"github.com/matsense/matsense/internal/yamldoc"
)

const (
	// maxText is the largest length of a sweep file in bytes.
	maxText = 16 << 20
	// maxValues is the largest number of values on all axes together.
	maxValues = 100_000
)

// parts are the keys of a sweep file.
var parts = []string{"base", "axes", "seeds", "start-seeds", "filter", "targets"}

// spacings are the ways to write the values of an axis, for messages.
const spacings = "a list, or {logspace: [first, last, count]}, or {linspace: [first, last, count]}"

// machineKeys are settings that hold for a whole sweep, because runs share a device and a pass over the rows.
var machineKeys = []string{"device", "storage", "precision", "workers", "simd", "checkpoint-every"}

// Read reads a sweep file. The data files that it names are relative to its folder.
func Read(path string) (*Spec, error) {
	text, err := Text(path)
	if err != nil {
		return nil, err
	}
	if root, err := yamldoc.Root(text); root == nil && err == nil {
		return nil, config.Usagef("%s is empty: a sweep has %s", path, strings.Join(parts, ", "))
	}
	return ParseIn(filepath.Dir(path), path, text)
}

// Text reads the text of a sweep file.
func Text(path string) ([]byte, error) {
	text, err := userfile.Read(path, maxText)
	if err != nil {
		return nil, config.Usagef("the sweep cannot be read: %v", err)
	}
	return text, nil
}

// ParseIn is [Parse] of a file whose data files are relative to a folder.
func ParseIn(folder, name string, text []byte) (*Spec, error) {
	dir, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	return parse(name, text, dir)
}

// Parse reads the text of a sweep file; name stands for the file in messages. The paths of data files stay as
// they are.
func Parse(name string, text []byte) (*Spec, error) { return parse(name, text, "") }

func parse(name string, text []byte, dir string) (*Spec, error) {
	p := &parser{dir: dir, lines: map[string]int{}, Spec: &Spec{
		Base: config.Default(), Targets: []float64{1e-2, 1e-4, 1e-6, 1e-8},
		name: name, inBase: map[string]bool{}, places: map[string]string{},
	}}
	p.document(text)
	if len(p.problems) > 0 {
		return nil, &config.UsageError{Problems: p.problems}
	}
	return p.Spec, nil
}

// parser fills in a Spec and collects mistakes.
type parser struct {
	*Spec
	dir      string         // the folder that data files are relative to; "" leaves their paths as they are
	lines    map[string]int // the line that gives each setting, in base or as an axis
	values   int            // the number of values on all axes so far
	problems []string
}

// bad notes a mistake on a line.
func (p *parser) bad(line int, format string, args ...any) {
	p.problems = append(p.problems, p.place(line)+": "+fmt.Sprintf(format, args...))
}

// place names a line of the file.
func (p *parser) place(line int) string { return fmt.Sprintf("%s:%d", p.name, line) }

// document reads the whole file.
func (p *parser) document(text []byte) {
	if len(text) > maxText {
		p.problems = append(p.problems,
			fmt.Sprintf("%s: %d bytes long, more than %d", p.name, len(text), maxText))
		return
	}
	root, err := yamldoc.Root(text)
	switch {
	case err != nil:
		p.problems = append(p.problems, fmt.Sprintf("%s: %v", p.name, err))
		return
	case root == nil:
		return
	case root.Kind != yaml.MappingNode:
		p.bad(root.Line, "a sweep has %s", strings.Join(parts, ", "))
		return
	}
	given := map[string]*yaml.Node{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		switch first, twice := given[key.Value]; {
		case key.Kind == yaml.ScalarNode && slices.Contains(config.Keys(), key.Value):
			p.bad(key.Line, "%s is a setting: it belongs in base or axes", key.Value)
		case key.Kind != yaml.ScalarNode || !slices.Contains(parts, key.Value):
			p.bad(key.Line, "unknown key %q; did you mean %q?", key.Value, config.Nearest(key.Value, parts))
		case twice:
			p.bad(key.Line, "%s is given again, after line %d", key.Value, first.Line)
		default:
			given[key.Value] = value
		}
	}
	// The order matters: replicas and the filter depend on base and axes.
	for _, part := range parts {
		value := given[part]
		if value == nil || yamldoc.IsNull(value) {
			continue
		}
		switch part {
		case "base":
			p.base(value)
		case "axes":
			p.axes(value)
		case "seeds":
			p.Seeds = p.replicas(part, "seed", value)
		case "start-seeds":
			p.StartSeeds = p.replicas(part, "start-seed", value)
		case "filter":
			p.filter(value)
		case "targets":
			p.targets(value)
		}
	}
	if count := p.Count(); count > MaxRuns {
		size := strconv.Itoa(count)
		if count == math.MaxInt {
			size = "more than " + size
		}
		p.problems = append(p.problems,
			fmt.Sprintf("%s: the grid has %s runs, and a sweep has at most %d", p.name, size, MaxRuns))
	}
}

// base reads the settings of every run.
func (p *parser) base(node *yaml.Node) {
	var usage *config.UsageError
	if err := p.Base.SetYAML(p.name, node); errors.As(err, &usage) {
		p.problems = append(p.problems, usage.Problems...)
	}
	if node.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i].Value
		p.inBase[key] = true
		p.lines[key] = node.Content[i].Line
	}
	if p.dir != "" {
		p.Base.PathsFrom(p.dir)
	}
}

// axes reads the list of axes.
func (p *parser) axes(node *yaml.Node) {
	switch {
	case node.Kind != yaml.SequenceNode:
		p.bad(node.Line, "axes is a list: each axis begins with \"- \"")
		return
	case len(node.Content) == 0:
		p.bad(node.Line, "axes is empty")
		return
	}
	for _, item := range node.Content {
		if item.Kind != yaml.MappingNode || len(item.Content) == 0 {
			p.bad(item.Line, "an axis is a setting with its values, like \"alpha: [1e-6, 1e-3]\"")
			continue
		}
		p.axis(item)
	}
}

// axis reads one axis: its settings, with values of one number, and no point twice.
func (p *parser) axis(node *yaml.Node) {
	var a Axis
	var lines []int // of the keys
	good := true
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if !p.axisKey(key) {
			good = false
			continue
		}
		values, ok := p.axisValues(key.Value, value)
		if !ok {
			good = false
			continue
		}
		a.Keys = append(a.Keys, key.Value)
		a.Values = append(a.Values, values)
		lines = append(lines, key.Line)
	}
	for i, key := range a.Keys {
		if n := len(a.Values[i]); n != a.Len() {
			p.bad(lines[i], "%s has %d values and %s has %d: settings of one axis go together",
				key, n, a.Keys[0], a.Len())
			good = false
		}
	}
	if !good {
		return
	}
	seen := map[string]bool{}
	for i := range a.Len() {
		var point []string
		for _, values := range a.Values {
			point = append(point, values[i])
		}
		text := describe(a.Keys, point)
		if seen[text] {
			p.bad(lines[0], "%s is on the axis twice", text)
			return
		}
		seen[text] = true
	}
	a.Log = isLog(a.Values[0])
	p.Axes = append(p.Axes, a)
}

// axisKey checks that a setting may be an axis.
func (p *parser) axisKey(key *yaml.Node) bool {
	switch line, twice := p.lines[key.Value]; {
	case key.Kind != yaml.ScalarNode || !slices.Contains(config.Keys(), key.Value):
		allowed := slices.DeleteFunc(config.Keys(), func(k string) bool {
			return slices.Contains(machineKeys, k) || slices.Contains(config.UserDataKeys(), k)
		})
		p.bad(key.Line, "unknown key %q; did you mean %q?", key.Value, config.Nearest(key.Value, allowed))
	case slices.Contains(machineKeys, key.Value) || slices.Contains(config.UserDataKeys(), key.Value):
		p.bad(key.Line, "%s holds for the whole sweep: give it in base, not as an axis", key.Value)
	case p.inBase[key.Value]:
		p.bad(key.Line, "%s is an axis, and is in base on line %d", key.Value, line)
	case twice:
		p.bad(key.Line, "%s is an axis again, after line %d", key.Value, line)
	default:
		p.lines[key.Value] = key.Line
		p.places[key.Value] = p.place(key.Line)
		return true
	}
	return false
}

// axisValues reads the values of a setting: a list or a spacing.
func (p *parser) axisValues(key string, node *yaml.Node) ([]string, bool) {
	if node.Kind == yaml.MappingNode {
		return p.spacing(key, node)
	}
	switch {
	case node.Kind != yaml.SequenceNode:
		p.bad(node.Line, "%s takes %s", key, spacings)
		return nil, false
	case len(node.Content) == 0:
		p.bad(node.Line, "%s has no values", key)
		return nil, false
	case !p.fits(node.Line, len(node.Content)):
		return nil, false
	}
	set := p.setter(key)
	var values []string
	for _, item := range node.Content {
		if item.Kind != yaml.ScalarNode {
			p.bad(item.Line, "%s takes a list of single values", key)
			continue
		}
		text, err := yamldoc.Text(item)
		if err == nil {
			text, err = set(text)
		}
		if err != nil {
			p.bad(item.Line, "%v", err)
			continue
		}
		values = append(values, text)
	}
	return values, len(values) == len(node.Content)
}

// fits adds n to the number of values so far, and refuses too many.
func (p *parser) fits(line, n int) bool {
	if n > maxValues-p.values {
		p.bad(line, "the axes have more than %d values", maxValues)
		return false
	}
	p.values += n
	return true
}

// setter returns a function that checks a value of a setting and returns it as files write it.
func (p *parser) setter(key string) func(text string) (string, error) {
	var c config.Config
	f := field(&c, key)
	return func(text string) (string, error) {
		if err := f.Set(text, key); err != nil {
			return "", err
		}
		if p.dir != "" {
			c.PathsFrom(p.dir) // the value of init may be a file
		}
		return f.String(), nil
	}
}

// spacing reads {logspace: [first, last, count]} or {linspace: [first, last, count]}.
func (p *parser) spacing(key string, node *yaml.Node) ([]string, bool) {
	word := ""
	if len(node.Content) == 2 {
		word = node.Content[0].Value
	}
	if word != "logspace" && word != "linspace" {
		p.bad(node.Line, "%s takes %s", key, spacings)
		return nil, false
	}
	kind := field(&config.Config{}, key).Type()
	if kind == "string" {
		p.bad(node.Line, "%s takes words, which have no %s", key, word)
		return nil, false
	}
	first, last, count, err := spacingArguments(node.Content[1])
	switch {
	case err != nil:
		p.bad(node.Line, "%s takes [first, last, count]: %v", word, err)
	case count < 1:
		p.bad(node.Line, "%s needs a count of at least 1, got %d", word, count)
	case count == 1 && first != last:
		p.bad(node.Line, "%s has one value, which cannot be both %v and %v", word, first, last)
	case word == "logspace" && (first <= 0 || last <= 0):
		p.bad(node.Line, "logspace needs positive ends, got %v and %v", first, last)
	case p.fits(node.Line, count):
		return p.spacedValues(key, node.Line, kind, map[string]func(float64, float64, int) []float64{
			"logspace": logspace, "linspace": linspace,
		}[word](first, last, count))
	}
	return nil, false
}

// spacingArguments reads [first, last, count].
func spacingArguments(node *yaml.Node) (first, last float64, count int, err error) {
	if node.Kind != yaml.SequenceNode || len(node.Content) != 3 {
		return 0, 0, 0, errors.New("two numbers and a whole one")
	}
	var ends [2]float64
	for i := range ends {
		text := node.Content[i].Value
		ends[i], err = strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(ends[i]) || math.IsInf(ends[i], 0) {
			return 0, 0, 0, fmt.Errorf("%q is no number", text)
		}
	}
	text := node.Content[2].Value
	if count, err = strconv.Atoi(text); err != nil {
		return 0, 0, 0, fmt.Errorf("%q is no count", text)
	}
	return ends[0], ends[1], count, nil
}

// spacedValues writes numbers as values of a setting. If the setting takes whole numbers, they are rounded,
// and duplicates after rounding are dropped.
func (p *parser) spacedValues(key string, line int, kind string, numbers []float64) ([]string, bool) {
	set := p.setter(key)
	var values []string
	for _, x := range numbers {
		text := formatNumber(x)
		if kind == "int" {
			text = strconv.FormatFloat(math.Round(x), 'f', 0, 64)
		}
		text, err := set(text)
		if err != nil {
			p.bad(line, "%v", err)
			return nil, false
		}
		if len(values) == 0 || text != values[len(values)-1] {
			values = append(values, text)
		}
	}
	return values, true
}

// replicas reads seeds or start-seeds: a number of replicas, whose seeds count up from a setting.
func (p *parser) replicas(part, key string, node *yaml.Node) int {
	n, err := strconv.Atoi(node.Value)
	if node.Kind != yaml.ScalarNode || err != nil || n < 1 {
		p.bad(node.Line, "%s takes a whole number from 1, got %q", part, node.Value)
		return 0
	}
	if line, given := p.lines[key]; given && !p.inBase[key] {
		p.bad(node.Line, "%s counts up from %s, which is an axis on line %d", part, key, line)
		return 0
	}
	varied := func(key string) bool { return p.places[key] != "" }
	switch random := config.IsRandomStart(p.Base.Init); {
	case key != "start-seed" || p.Base.HasRandomStart() || varied("init"):
	case !random:
		p.bad(node.Line, "start-seeds repeats a random start, and init is %q", p.Base.Init)
	case !slices.ContainsFunc([]string{"method", "alpha", "alpha-right", "parametrization"}, varied):
		p.bad(node.Line, "start-seeds repeats a random start, and method %s does not have one by default",
			p.Base.Method)
	}
	p.places[key] = p.place(node.Line)
	return n
}

// filter reads the expression that picks runs.
func (p *parser) filter(node *yaml.Node) {
	if node.Kind != yaml.ScalarNode {
		p.bad(node.Line, "filter takes an expression, like \"factor_rank >= rank\"")
		return
	}
	text, err := yamldoc.Text(node)
	if text = strings.TrimSpace(text); err == nil && text == "" {
		return
	}
	var f *filter
	if err == nil {
		f, err = newFilter(text)
	}
	if err != nil {
		p.bad(node.Line, "filter: %v", err)
		return
	}
	for _, key := range f.keys {
		if p.lines[key] == 0 && slices.Contains(p.fileKeys(), key) {
			p.bad(node.Line, "filter: %s comes from a data file, which the filter does not read: "+
				"give it in base as well", key)
		}
	}
	p.Filter, p.selected = text, f
	p.places["filter"] = p.place(node.Line)
}

// fileKeys lists the settings that follow from data files.
func (p *parser) fileKeys() []string {
	if p.Base.UserMeasurements() != "" {
		return config.Following()
	}
	inits := []string{p.Base.Init}
	for _, a := range p.Axes {
		if i := slices.Index(a.Keys, "init"); i >= 0 {
			inits = a.Values[i]
		}
	}
	for _, init := range inits {
		if config.IsStartFile(init) {
			return []string{"factor-rank"}
		}
	}
	return nil
}

// targets reads the list of test errors.
func (p *parser) targets(node *yaml.Node) {
	if node.Kind != yaml.SequenceNode {
		p.bad(node.Line, "targets is a list of test errors, like [1e-2, 1e-4]")
		return
	}
	p.Targets = nil
	for _, item := range node.Content {
		x, err := strconv.ParseFloat(item.Value, 64)
		switch {
		case item.Kind != yaml.ScalarNode || err != nil || !(x > 0) || math.IsInf(x, 1):
			p.bad(item.Line, "a target is a positive number, got %q", item.Value)
		case slices.Contains(p.Targets, x):
			p.bad(item.Line, "the target %v is given again", x)
		default:
			p.Targets = append(p.Targets, x)
		}
	}
}
