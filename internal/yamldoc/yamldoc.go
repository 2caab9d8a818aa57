// Package yamldoc reads and writes the parts of this module's YAML files: one document, whose nodes know
// their lines, and single values.
package yamldoc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

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
	case scalar.Tag == "!!float" && scalar.Style == 0:
		// YAML begins infinity and NaN with a dot, and strconv does not know that.
		switch text := strings.ToLower(scalar.Value); text {
		case ".inf", "+.inf", "-.inf", ".nan":
			return strings.Replace(text, ".", "", 1), nil
		}
	}
	return scalar.Value, nil
}

// Word returns a string as a node. It is quoted if a reader of YAML 1.1 or 1.2 could take it for something
// else. All that is not a string for one of them begins with a digit or a sign, or is one of a few words.
func Word(text string) *yaml.Node {
	var node yaml.Node
	node.SetString(text)
	if node.Tag == "!!str" && node.Style == 0 && !isPlain(text) {
		node.Style = yaml.DoubleQuotedStyle
	}
	return &node
}

// isPlain says whether a text begins as a name or an absolute path does, and is none of the words that only
// YAML 1.1 takes for true and false. The encoder itself quotes the other words of this kind.
func isPlain(text string) bool {
	first, _ := utf8.DecodeRuneInString(text)
	switch strings.ToLower(text) {
	case "y", "yes", "on", "n", "no", "off":
		return false
	}
	return unicode.IsLetter(first) || first == '/'
}

// Number returns a number as a node, given as [strconv] writes it. YAML 1.1 takes 1e-06 for a string, since
// its numbers with an exponent have a point and a sign: they are written as 1.0e-06, which YAML 1.2 reads as
// well.
func Number(text string) *yaml.Node {
	switch text {
	case "+Inf":
		return Plain(".inf")
	case "-Inf":
		return Plain("-.inf")
	case "NaN":
		return Plain(".nan")
	}
	digits, exponent, found := strings.Cut(text, "e")
	if found && !strings.Contains(digits, ".") {
		text = digits + ".0e" + exponent
	}
	return Plain(text)
}

// Plain returns a key as a node, unquoted.
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
