package main

import (
	_ "embed"
	"fmt"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/matsense/matsense/gpu/cuda"
)

// nextVersion is the version that this source is, or becomes when it is released. No other file of the
// program names it; a test compares CITATION.cff with it, and the Python package reads it here.
//
//go:embed version.txt
var nextVersion string

// release is the version of a release build without the repository, as in an image:
//
//	go build -ldflags '-X main.release=v0.1.0'
var release string

// version returns the program's version: that of the release or of the module, or between releases the next
// version with the revision.
func version() string {
	info, _ := debug.ReadBuildInfo()
	return versionOf(release, strings.TrimSpace(nextVersion), info)
}

// pseudo is the end of a version that Go makes of a revision.
var pseudo = regexp.MustCompile(`\d{14}-([0-9a-f]{12})(\+dirty)?$`)

// versionOf is version for some build.
func versionOf(release, next string, info *debug.BuildInfo) string {
	if release != "" {
		return release
	}
	if info == nil {
		return next + "-devel"
	}
	revision, modified := "", false
	switch v := info.Main.Version; {
	case v == "", v == "(devel)":
	case !pseudo.MatchString(v):
		return v
	default:
		m := pseudo.FindStringSubmatch(v)
		revision, modified = m[1], m[2] != ""
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case "vcs.modified":
			modified = s.Value == "true"
		}
	}
	text := next + "-devel"
	if revision != "" {
		text += "+" + revision
	}
	if modified {
		text += ".dirty"
	}
	return text
}

// versionPage is what --version prints. Its first line has the version as the last word.
func versionPage() string {
	with := "without CUDA"
	if cuda.Built {
		with = "with CUDA"
	}
	return fmt.Sprintf("matsense version %s\n%s %s/%s, %s\n", versionOnce(), runtime.Version(), runtime.GOOS,
		runtime.GOARCH, with)
}
