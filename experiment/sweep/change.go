package sweep

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/yamldoc"
)

// Changed returns the text of a sweep file with some of its values replaced. A change is KEY=VALUE. The key
// is a part of the file, such as seeds, or a setting: its VALUE takes the place of the one on an axis or in
// base, or is added to base. VALUE is written as in the file: a list or a spacing for an axis. The result may
// have mistakes, which [Parse] finds. The error is a [config.UsageError].
func Changed(text []byte, changes []string) ([]byte, error) {
	root, err := yamldoc.Root(text)
	if err != nil || root == nil || root.Kind != yaml.MappingNode {
		return nil, config.Usagef("the sweep file to be changed has no keys: %v", err)
	}
	var problems []string
	for _, change := range changes {
		if problem := replace(root, change); problem != "" {
			problems = append(problems, "--set "+change+": "+problem)
		}
	}
	if len(problems) > 0 {
		return nil, &config.UsageError{Problems: problems}
	}
	return yamldoc.Bytes(root), nil
}

// replace makes one change, and says what is wrong with it.
func replace(root *yaml.Node, change string) (problem string) {
	key, text, found := strings.Cut(change, "=")
	key = strings.TrimSpace(key)
	if !found || key == "" || strings.TrimSpace(text) == "" {
		return "a change is KEY=VALUE"
	}
	value, err := yamldoc.Root([]byte(text))
	if err != nil || value == nil {
		return "the value is not one of YAML, such as 3 or [1, 2]"
	}
	if slices.Contains(parts, key) {
		if key == "base" || key == "axes" {
			return "change the settings in " + key + " one by one, or take --sweep FILE"
		}
		setMember(root, key, value)
		return ""
	}
	if !slices.Contains(config.Keys(), key) {
		return "there is no setting " + key + "; did you mean " +
			config.Nearest(key, slices.Concat(config.Keys(), parts[2:])) + "?"
	}
	if axes := member(root, "axes"); axes != nil {
		for _, axis := range axes.Content {
			if member(axis, key) != nil {
				if value.Kind == yaml.ScalarNode {
					return key + " is an axis of this experiment: give a list, such as [" + text + "]"
				}
				setMember(axis, key, value)
				return ""
			}
		}
	}
	if value.Kind != yaml.ScalarNode {
		return key + " is no axis of this experiment: give one value, or take --sweep FILE"
	}
	base := member(root, "base")
	if base == nil {
		base = &yaml.Node{Kind: yaml.MappingNode}
		setMember(root, "base", base)
	}
	setMember(base, key, value)
	return ""
}

// member returns the value of a key of a mapping; nil if there is none.
func member(mapping *yaml.Node, key string) *yaml.Node {
	if mapping.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

// setMember sets the value of a key of a mapping.
func setMember(mapping *yaml.Node, key string, value *yaml.Node) {
	value.Line, value.Column = 0, 0
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content[i+1] = value
			return
		}
	}
	mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
}
