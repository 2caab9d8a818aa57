package main

import (
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersionOf(t *testing.T) {
	vcs := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{
			{Key: "vcs", Value: "git"},
			{Key: "vcs.revision", Value: "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"},
			{Key: "vcs.modified", Value: modified},
		}
	}
	for _, c := range []struct {
		release, module string
		settings        []debug.BuildSetting
		want            string
	}{
		{"v1.2.3", "(devel)", vcs("true"), "v1.2.3"},
		{"", "v1.2.2", nil, "v1.2.2"}, // go install …@v1.2.2, or a build at the tag
		{"", "v1.2.2+dirty", vcs("true"), "v1.2.2+dirty"},
		{"", "(devel)", nil, "v2.0.0-devel"},
		{"", "(devel)", vcs("false"), "v2.0.0-devel+1a2b3c4d5e6f"},
		{"", "(devel)", vcs("true"), "v2.0.0-devel+1a2b3c4d5e6f.dirty"},
		{"", "v0.0.0-20261128173639-1a2b3c4d5e6f", vcs("false"), "v2.0.0-devel+1a2b3c4d5e6f"},
		{"", "v1.2.4-0.20261128173639-1a2b3c4d5e6f+dirty", nil, "v2.0.0-devel+1a2b3c4d5e6f.dirty"},
	} {
		info := &debug.BuildInfo{Main: debug.Module{Version: c.module}, Settings: c.settings}
		if got := versionOf(c.release, "v2.0.0", info); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	if got := versionOf("", "v2.0.0", nil); got != "v2.0.0-devel" {
		t.Errorf("without build information: %s", got)
	}
}

// TestOneVersion: CITATION.cff has the version of version.txt.
func TestOneVersion(t *testing.T) {
	want := strings.TrimSpace(nextVersion)
	if !regexp.MustCompile(`^v\d+\.\d+\.\d+$`).MatchString(want) {
		t.Fatalf("version.txt has %q", want)
	}
	m := regexp.MustCompile(`(?m)^version: (.*)$`).FindSubmatch(read(t, "../../CITATION.cff"))
	if m == nil || "v"+string(m[1]) != want {
		t.Errorf("CITATION.cff has the version %q, and version.txt %s", m, want)
	}
}
