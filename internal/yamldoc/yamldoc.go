// Package yamldoc reads and writes the parts of this module's YAML files: one document, whose nodes know
// their lines, and single values.
package yamldoc

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// Root returns the root of a text's only document, or nil if the document is empty.
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

// IsNull reports whether a node is empty, "~" or "null".
func IsNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

// Text returns the text of a single value.
func Text(scalar *yaml.Node) (string, error) {
	switch {
	case IsNull(scalar):
		return "", nil
	case scalar.Tag == "!!binary": // a path that is not UTF-8
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

// Plain returns a key or a number as a node, unquoted.
func Plain(text string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: text} }

// Map returns a mapping as a node, of keys and values in turn.
func Map(content ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Content: content}
}

// Bytes returns a node as YAML text.
func Bytes(root *yaml.Node) []byte {
	text, err := yaml.Marshal(root)
	if err != nil {
		panic(fmt.Sprintf("yamldoc: a node that cannot be written: %v", err))
	}
	return text
}
