package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// keysIn lists the keys of BibTeX entries, each with the line before it.
func keysIn(text string) (list []string) {
	for _, m := range regexp.MustCompile(`(?m)^% (.*)\n@\w+\{([\w-]+),$`).FindAllStringSubmatch(text, -1) {
		list = append(list, m[2]+": "+m[1])
	}
	return list
}

// TestCite: a run's citations are those of what it used, each once, with the version that made it.
func TestCite(t *testing.T) {
	if got := keysIn(must(t, exitDone, "cite").out); !slices.Equal(got, []string{"matsense: software"}) {
		t.Errorf("alone: %q", got)
	}
	dir := runSmall(t, "--method", "rsgd", "--factor-rank", "2", "--init", "spectral")
	edit(t, filepath.Join(dir, "config.yaml"), func(b []byte) []byte {
		return regexp.MustCompile(`^# matsense .*\n`).ReplaceAll(b, []byte("# matsense v0.0.9\n"))
	})
	out := must(t, exitDone, "cite", dir).out
	want := []string{
		"matsense: software", "hsieh2023riemannian: method rsgd", "burer2003nonlinear: parametrization psd",
		"recht2010guaranteed: ensemble gaussian, observation linear", "keshavan2010matrix: start spectral",
	}
	if got := keysIn(out); !slices.Equal(got, want) || !strings.Contains(out, "{Version v0.0.9}") {
		t.Errorf("got %q, want %q\n%s", got, want, out)
	}
	lines := events(jsonLines(t, must(t, exitDone, "cite", dir, "--json").out), "reference")
	if len(lines) != 5 || lines[1]["arxiv"] != "2311.02374" ||
		fmt.Sprint(lines[1]["for"]) != "[method rsgd]" {
		t.Errorf("%v", lines)
	}
}

// TestCiteSweep: a sweep cites what any of its runs uses.
func TestCiteSweep(t *testing.T) {
	dir := swept(t, sweepFile(t, "base: {n: 6, rank: 1, measurements: 60, iterations: 5}\n"+
		"axes:\n  - method: [gd, nesterov]\n  - ensemble: [gaussian, rademacher]\n"))
	want := []string{
		"matsense: software", "stoeger2021small: method gd, start random",
		"burer2003nonlinear: parametrization psd",
		"recht2010guaranteed: ensemble gaussian, observation linear, ensemble rademacher",
		"nesterov2004introductory: method nesterov",
	}
	if got := keysIn(must(t, exitDone, "cite", dir).out); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, args := range [][]string{{"cite", t.TempDir()}, {"cite", dir, dir}} {
		if m := mistakes(t, must(t, exitUsage, args...)); len(m) != 1 {
			t.Errorf("%v: %q", args, m)
		}
	}
}
