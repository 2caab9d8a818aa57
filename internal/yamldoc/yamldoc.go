// Package yamldoc reads and writes what this module's YAML files are made of: one document, whose nodes know their lines,
// and single values.
package yamldoc

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// Root returns the root of a text's only document, nil where it says nothing.
func Root(text []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF): // nothing but comments
		return nil, nil
	case err != nil:
		return nil, err
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one YAML document")
	}
	if len(doc.Content) == 0 || IsNull(doc.Content[0]) {
		return nil, nil
	}
	return doc.Content[0], nil
}

// IsNull says whether a node is nothing, or "~" or "null".
func IsNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

// Text returns what a single value says.
func Text(scalar *yaml.Node) (string, error) {
	switch {
	case IsNull(scalar):
		return "", nil
	case scalar.Tag == "!!binary": // a path that is no UTF-8
		var text string
		err := scalar.Decode(&text)
		return text, err
	}
	return scalar.Value, nil
}

// Word returns a string as a node, quoted where it needs to be.
func Word(text string) *yaml.Node {
	var node yaml.Node
	node.SetString(text)
	return &node
}

// Plain returns a key or a number as a node, as it is given.
func Plain(text string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: text} }

// Map returns keys and their values, in turn, as a node.
func Map(content ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Content: content}
}

// Bytes writes a node.
func Bytes(root *yaml.Node) []byte {
	text, err := yaml.Marshal(root)
	if err != nil {
		panic(fmt.Sprintf("yamldoc: a node that cannot be written: %v", err))
	}
	return text
}
