package yamldoc

import (
	"math"
	"regexp"
	"strconv"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The forms that YAML 1.1 resolves to something other than a string, from its type repository
// (yaml.org/type: float, int, bool, null, timestamp, merge, value), as PyYAML implements them.
var (
	float11 = regexp.MustCompile(`^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?` +
		`|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*` +
		`|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$`)
	int11 = regexp.MustCompile(`^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)` +
		`|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$`)
	other11 = regexp.MustCompile(`^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE` +
		`|on|On|ON|off|Off|OFF|~|null|Null|NULL||<<|=` +
		`|[0-9]{4}-[0-9][0-9]-[0-9][0-9]|[0-9]{4}-[0-9][0-9]?-[0-9][0-9]?(?:[Tt]|[ \t]+)[0-9].*)$`)
)

// Numbers are numbers in YAML 1.1, which wants a point and a sign of the exponent, and in YAML 1.2, and keep
// their value.
func TestNumber(t *testing.T) {
	for _, x := range []float64{
		1e-6, -1e-6, 2.5e-7, 1e21, 1e300, -3e100, math.SmallestNonzeroFloat64, math.MaxFloat64, 0.25, 0, 1,
		1000, 123456789, 1e6, math.Inf(1), math.Inf(-1),
	} {
		node := Number(strconv.FormatFloat(x, 'g', -1, 64))
		if !float11.MatchString(node.Value) && !int11.MatchString(node.Value) {
			t.Errorf("%v is written as %s, which YAML 1.1 takes for a string", x, node.Value)
		}
		root, err := Root(Bytes(node))
		if err != nil {
			t.Fatal(err)
		}
		var read float64
		if err := root.Decode(&read); err != nil || read != x {
			t.Errorf("%v is read again as %v, %v", x, read, err)
		}
		text, err := Text(root)
		if again, _ := strconv.ParseFloat(text, 64); err != nil || again != x {
			t.Errorf("%v has the text %q, %v", x, text, err)
		}
	}
	if got := Number("1e-06").Value; got != "1.0e-06" {
		t.Errorf("1e-06 is written as %s", got)
	}
	if got := Number("NaN").Value; !float11.MatchString(got) {
		t.Errorf("NaN is written as %s", got)
	}
}

// A string that YAML 1.1 or 1.2 would take for something else is quoted, and is read again as it was.
func TestWord(t *testing.T) {
	for _, text := range []string{
		"1e-06", "1.0e-06", "12", "012", "0o14", "0x1F", "1_000", "1:30", "190:20:30.15", ".5", ".inf",
		"-.INF", ".nan", "yes", "No", "on", "OFF", "y", "true", "null", "~", "", "=", "<<", "2026-11-28",
		"2026-99-99",
		"2001-1-1 1:2:3", "-1", "+1", "gaussian", "/data/A.npy", "./A.npy", "data/1e-06", "ünder",
		"a: b", "#x", " padded ", "two\nlines",
	} {
		written := Bytes(Word(text))
		root, err := Root(written)
		if err != nil {
			t.Fatal(err)
		}
		if root == nil || root.Tag != "!!str" || root.Value != text {
			t.Errorf("%q is written as %s", text, written)
			continue
		}
		special := float11.MatchString(text) || int11.MatchString(text) || other11.MatchString(text)
		const quoted = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle
		if special && root.Style&quoted == 0 {
			t.Errorf("%q is not quoted", text)
		}
	}
	for _, text := range []string{"gaussian", "/data/A.npy", "nyquist"} {
		if got := string(Bytes(Word(text))); got != text+"\n" {
			t.Errorf("%q is written as %q: nothing needs quotes", text, got)
		}
	}
}
