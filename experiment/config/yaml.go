package config

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/agnivade/levenshtein"
	"go.yaml.in/yaml/v3"

	"github.com/matsense/matsense/internal/userfile"
	"github.com/matsense/matsense/internal/yamldoc"
)

// ReadConfig sets what a YAML file says in c, whose other settings stay. Every mistake is listed with its
// line: keys that are not known, with the nearest one that is; keys given twice; values of the wrong kind.
// Files that the configuration names are taken relative to its folder.
func ReadConfig(path string, c *Config) error {
	text, err := userfile.Read(path, MaxFile)
	if err != nil {
		return Usagef("the config cannot be read: %v", err)
	}
	if len(bytes.TrimSpace(text)) == 0 { // nothing but comments is no mistake
		return Usagef("%s is empty: a configuration is a list of lines like \"alpha: 1e-6\"", path)
	}
	if err := parseConfig(text, path, c); err != nil {
		return err
	}
	c.PathsFrom(filepath.Dir(path))
	return nil
}

// ReadResolved reads the config.yaml of a run. A setting that the file leaves out because it has no meaning
// for the run is zero, as it was.
func ReadResolved(path string) (Config, error) {
	c := Default()
	if err := ReadConfig(path, &c); err != nil {
		return c, err
	}
	c.clearUnused()
	return c, nil
}

// clearUnused makes settings zero that have no meaning for the configuration and were not given.
func (c *Config) clearUnused() {
	for _, f := range c.Fields() {
		if !c.Given(f.Key) && !f.isUsed() {
			f.clear()
		}
	}
}

// PathsFrom takes the data files that were given as relative to a folder.
func (c *Config) PathsFrom(dir string) {
	for _, f := range c.DataFiles() {
		if *f.Path != "" && !filepath.IsAbs(*f.Path) && c.Given(f.Key) {
			*f.Path = filepath.Join(dir, *f.Path)
		}
	}
}

// MaxFile bounds the bytes of a configuration's file: a resolved one has about 1 KB.
const MaxFile = 1 << 20

func parseConfig(text []byte, name string, c *Config) error {
	root, err := yamldoc.Root(text)
	if err != nil {
		return Usagef("%s: %v", name, err)
	}
	if root == nil {
		return nil
	}
	return c.SetYAML(name, root)
}

// SetYAML sets what a node of the named file says in c, and lists every mistake.
func (c *Config) SetYAML(name string, root *yaml.Node) error {
	if root.Kind != yaml.MappingNode {
		return Usagef("%s:%d: a configuration is a list of lines like \"alpha: 1e-6\"", name, root.Line)
	}
	var problems []string
	bad := func(line int, format string, args ...any) {
		problems = append(problems, fmt.Sprintf("%s:%d: ", name, line)+fmt.Sprintf(format, args...))
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		field, known := c.Field(key.Value)
		switch first, twice := seen[key.Value]; {
		case key.Kind != yaml.ScalarNode || !known:
			bad(key.Line, "unknown key %q; did you mean %q?", key.Value, Nearest(key.Value, Keys()))
			continue
		case twice:
			bad(key.Line, "%s is given again, after line %d", key.Value, first)
			continue
		case value.Kind != yaml.ScalarNode:
			bad(value.Line, "%s takes a single value", key.Value)
			continue
		}
		seen[key.Value] = key.Line
		text, err := yamldoc.Text(value)
		if err != nil {
			bad(value.Line, "%s: %v", key.Value, err)
		}
		if err := field.Set(text, fmt.Sprintf("%s:%d", name, value.Line)); err != nil {
			bad(value.Line, "%v", err)
		}
	}
	if len(problems) > 0 {
		return &UsageError{problems}
	}
	return nil
}

// renamed has settings of earlier versions, and those that do the same now.
var renamed = map[string]string{"step-ratio": "step-decay"}

// Nearest returns the word that the fewest edits make of s; among several, one with more of the same letters,
// as two letters that changed places leave it. If s is what an earlier version called one of the words, it is
// that one.
func Nearest(s string, words []string) string {
	if now := renamed[s]; slices.Contains(words, now) {
		return now
	}
	sorted := func(s string) string {
		letters := []rune(s)
		slices.Sort(letters)
		return string(letters)
	}
	distance := func(w string) int {
		return 100*levenshtein.ComputeDistance(s, w) + levenshtein.ComputeDistance(sorted(s), sorted(w))
	}
	return slices.MinFunc(words, func(a, b string) int { return distance(a) - distance(b) })
}

// YAML writes the configuration: every setting that has a meaning for it, in order.
func (c *Config) YAML() []byte {
	root := yamldoc.Map()
	for _, f := range c.Applied() {
		root.Content = append(root.Content, yamldoc.Plain(f.Key), f.YAML())
	}
	return yamldoc.Bytes(root)
}

// YAML returns the value as a node.
func (f Field) YAML() *yaml.Node {
	if f.Type() == "string" {
		return yamldoc.Word(f.String())
	}
	return yamldoc.Number(f.String())
}
