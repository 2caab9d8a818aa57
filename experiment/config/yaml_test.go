package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzConfig reads arbitrary text. It must not panic; a refusal is a list of single lines; what is accepted
// is written by YAML and read again as the same, what is left out as zero.
func FuzzConfig(f *testing.F) {
	resolved := Default()
	if err := resolved.Validate(); err != nil {
		f.Fatal(err)
	}
	f.Add(resolved.YAML())
	for _, text := range []string{
		"", "# nothing\n", "~", "n: 10\nrank: 2\nalpha: 1e-6\n", "n: 10\nn: 11\n", "alhpa: 1\n", "n: [1]\n",
		"n: {a: 1}\n",
		"- 1\n", "ten", "n: 10\n---\nn: 11\n", "n: &a 10\nrank: *a\n", "<<: {n: 1}\n", "? [a]\n: 1\n", "n:\n",
		"n: ~\n",
		"alpha: nan\nstep: inf\nnoise: -0\n", "alpha: 0x1p-20\n", "matrices: |\n  two\n  lines\n",
		"matrices: \"a\\tb\\u2028\\0\"\n",
		"init: !!binary aGVsbG8=\n", "init: !!str 1\n", "truth: '  spaces  '\n",
		"ensemble: \"null\"\nentries: 'yes'\n", "init: 1e-6\n",
		"\ufeffn: 10\n", "n: 10\r\nrank: 2\r\n", "%YAML 1.1\n---\nn: 1\n", "observations: \"\\x85\\xa0\"\n",
		"device: ''\n", "n: \"10\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c := Default()
		if err := parseConfig(text, "config.yaml", &c); err != nil {
			for _, p := range problemsOf(t, err) {
				if !strings.HasPrefix(p, "config.yaml:") {
					t.Errorf("a problem without its place: %q", p)
				}
			}
			return
		}
		written := c.YAML()
		again := Default()
		if err := parseConfig(written, "config.yaml", &again); err != nil {
			t.Fatalf("%v\n%s", err, written)
		}
		again.clearUnused()
		second := again.Fields()
		for i, f := range c.Fields() {
			if f.String() != second[i].String() {
				t.Errorf("%s is %q, and %q when read again from\n%s", f.Key, f.String(), second[i].String(),
					written)
			}
		}
		if err := c.Validate(); err != nil {
			problemsOf(t, err)
			return
		}
		if c.FactorRank > 0 { // otherwise a file has the last word
			acceptedAgain(t, &c)
		}
	})
}

func TestReadConfigMakesPathsRelativeToItsFolder(t *testing.T) {
	dir := t.TempDir()
	absolute := filepath.Join(dir, "else", "X.npy")
	c := Default()
	given, _ := c.Field("matrices")
	if err := given.Set("flag.npy", "--matrices"); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("observations: data/y.npy\ntruth: %s\ninit: U0.npy\n", absolute)
	path := filepath.Join(dir, "c.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := ReadConfig(path, &c); err != nil {
		t.Fatal(err)
	}
	if c.Observations != filepath.Join(dir, "data", "y.npy") || c.Truth != absolute ||
		c.Init != filepath.Join(dir, "U0.npy") {
		t.Errorf("observations %q, truth %q, init %q", c.Observations, c.Truth, c.Init)
	}

	for _, word := range []string{"random", "spectral"} { // no files
		c := Default()
		if err := os.WriteFile(path, []byte("init: "+word+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := ReadConfig(path, &c); err != nil || c.Init != word {
			t.Errorf("init is %q, %v", c.Init, err)
		}
	}
}

// TestYAMLHoldsWhatApplies: settings without a meaning for the run are left out, and a config.yaml of an
// older version, which has them as zeros, reads as the same.
func TestYAMLHoldsWhatApplies(t *testing.T) {
	for _, x := range []struct{ settings, without, with string }{
		{"", "n2 negative link truth init-right depth momentum method-seed",
			"noise target-loss alpha entries"},
		{"init=spectral factor-rank=2", "alpha start-seed", "init"},
		{"method=none", "step iterations target-loss alpha", "rank"},
		{"method=sgd", "momentum", "batch-size method-seed"},
		{"parametrization=deep", "init-right sparsity", "n2 depth"},
		{"observation=single-index parametrization=indefinite", "entries preprocessing",
			"link link-scale negative"},
		{"ensemble=completion n=9", "entries", "kappa"},
	} {
		c := configOf(t, strings.Fields(x.settings)...)
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		text := "\n" + string(c.YAML())
		for _, key := range strings.Fields(x.without) {
			if strings.Contains(text, "\n"+key+": ") {
				t.Errorf("%s: %s is there:%s", x.settings, key, text)
			}
		}
		for _, key := range strings.Fields(x.with) {
			if !strings.Contains(text, "\n"+key+": ") {
				t.Errorf("%s: %s is not there:%s", x.settings, key, text)
			}
		}
		var old strings.Builder
		for _, f := range c.Fields() {
			fmt.Fprintf(&old, "%s: %q\n", f.Key, f.String())
		}
		again := Default()
		if err := parseConfig([]byte(old.String()), "config.yaml", &again); err != nil {
			t.Fatal(err)
		}
		if err := again.Validate(); err != nil {
			t.Error(err)
		}
		for i, f := range again.Fields() {
			if want := c.Fields()[i]; f.String() != want.String() {
				t.Errorf("%s: %s is %s, want %s", x.settings, f.Key, f.String(), want.String())
			}
		}
		if got := "\n" + string(again.YAML()); got != text {
			t.Errorf("%s: from an older file comes\n%s, want\n%s", x.settings, got, text)
		}
	}
}

// Python's usual YAML reader knows only YAML 1.1, for which 1e-06 is a string.
func TestNumbersOfAConfigurationAreNumbersInYAML11(t *testing.T) {
	c := Default()
	c.Alpha, c.Step = 1e-6, 2.5e-7
	text := string(c.YAML())
	for _, line := range []string{"alpha: 1.0e-06\n", "step: 2.5e-07\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("no line %q in\n%s", line, text)
		}
	}
	// PyYAML writes the string 1e-06 with quotes or without them; both set the number.
	for _, written := range []string{"alpha: '1e-06'\n", "alpha: 1e-06\n", text} {
		read := Default()
		if err := parseConfig([]byte(written), "config.yaml", &read); err != nil || read.Alpha != 1e-6 {
			t.Errorf("alpha is %v, %v when read from %q", read.Alpha, err, written)
		}
	}
}
