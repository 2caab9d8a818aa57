package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzConfig reads arbitrary text. It must not panic; a refusal is a list of single lines; what is accepted
// is written by YAML and read again as the same.
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
