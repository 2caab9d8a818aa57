package main

import (
	"debug/buildinfo"
	"strings"
	"testing"
)

// TestLicences: the text that the program prints has every module that is linked into it, in its version, and
// the licences that are not in the file of a module's root.
func TestLicences(t *testing.T) {
	text := must(t, exitDone, "licences").out
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Deps) < 20 {
		t.Fatalf("the program has %d modules", len(info.Deps))
	}
	for _, m := range info.Deps {
		if line := "\n" + m.Path + " " + m.Version + "\n"; !strings.Contains(text, line) {
			t.Errorf("no licence of %s %s (go generate ./cmd/matsense writes them)", m.Path, m.Version)
		}
	}
	for _, part := range []string{
		"\nthe Go standard library\n", "SIL OPEN FONT LICENSE", "The FreeType Project LICENSE",
		"Apache License",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("the text has no %q", part)
		}
	}
}
