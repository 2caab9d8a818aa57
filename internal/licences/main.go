// Command licences writes the licences of all modules that builds of matsense contain, for every system and
// with and without CUDA. The command has the text in it and prints it, so that images and wheels carry it
// wherever the binary goes.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// builds are the builds that are shipped: the system, the architecture and the tags.
var builds = [][3]string{
	{"linux", "amd64", ""}, {"linux", "arm64", ""}, {"darwin", "amd64", ""}, {"darwin", "arm64", ""},
	{"windows", "amd64", ""}, {"linux", "amd64", "cuda"},
}

// licenceFile matches the names of files that a licence asks to pass on, and licenceFolder those of folders
// that have such files alone.
var (
	licenceFile   = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|copyright|patents|ofl)([-_.].*)?$`)
	licenceFolder = regexp.MustCompile(`(?i)^licen[cs]es$`)
)

// text is a licence, and whose it is.
type text struct {
	of   []string // modules with their versions
	body string
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("licences: ")
	out := flag.String("out", "", "`file` to write")
	flag.Parse()
	texts, err := collect("github.com/matsense/matsense/cmd/matsense")
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*out, written(texts), 0o644); err != nil {
		log.Fatal(err)
	}
}

// collect gathers the texts of all modules that the package's builds contain.
func collect(pkg string) ([]text, error) {
	found := map[string][]string{} // by text
	var add func(dir, owner string) error
	add = func(dir, owner string) error {
		entries, err := os.ReadDir(dir)
		for _, e := range entries {
			if e.IsDir() && licenceFolder.MatchString(e.Name()) {
				if err := add(filepath.Join(dir, e.Name()), owner); err != nil {
					return err
				}
			}
			all := licenceFolder.MatchString(filepath.Base(dir))
			if e.IsDir() || !all && !licenceFile.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") {
				continue
			}
			body, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				return err
			}
			words := strings.ReplaceAll(strings.TrimSpace(string(body)), "\r\n", "\n")
			if !slices.Contains(found[words], owner) {
				found[words] = append(found[words], owner)
			}
		}
		return err
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	if err := add(strings.TrimSpace(string(root)), "the Go standard library"); err != nil {
		return nil, err
	}
	for _, b := range builds {
		packages, err := list(b, pkg)
		if err != nil {
			return nil, err
		}
		for _, p := range packages {
			if p.Module == nil || p.Module.Main { // the standard library, and ours
				continue
			}
			owner := p.Module.Path + " " + p.Module.Version
			// A folder within a module may have a licence of its own, as fonts have.
			for dir := p.Dir; ; dir = filepath.Dir(dir) {
				if err := add(dir, owner); err != nil {
					return nil, err
				}
				if dir == p.Module.Dir {
					break
				}
			}
			has := func(owners []string) bool { return slices.Contains(owners, owner) }
			if !slices.ContainsFunc(slices.Collect(maps.Values(found)), has) {
				return nil, fmt.Errorf("%s has no licence file", owner)
			}
		}
	}
	var texts []text
	for body, owners := range found {
		slices.Sort(owners)
		texts = append(texts, text{owners, body})
	}
	slices.SortFunc(texts, func(a, b text) int {
		return strings.Compare(strings.Join(a.of, "\n")+a.body, strings.Join(b.of, "\n")+b.body)
	})
	return texts, nil
}

// goPackage is what go list says of a package.
type goPackage struct {
	Dir    string
	Module *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// list lists the packages of a build.
func list(build [3]string, pkg string) (packages []goPackage, err error) {
	c := exec.Command("go", "list", "-deps", "-json=Dir,Module", "-tags", build[2], pkg)
	c.Env = append(os.Environ(), "GOOS="+build[0], "GOARCH="+build[1], "CGO_ENABLED=0")
	if build[2] != "" {
		c.Env = append(c.Env, "CGO_ENABLED=1")
	}
	var errs bytes.Buffer
	c.Stderr = &errs
	output, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("go list for %v: %w\n%s", build, err, errs.String())
	}
	decoder := json.NewDecoder(bytes.NewReader(output))
	for {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
}

// written is the text of all licences, each with the modules that it is of.
func written(texts []text) []byte {
	var b bytes.Buffer
	b.WriteString("matsense contains the following modules, under the licences below. matsense itself is " +
		"under the\nApache License 2.0. go generate ./cmd/matsense writes this file.\n")
	for _, t := range texts {
		fmt.Fprintf(&b, "\n%s\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(t.of, "\n"),
			strings.Repeat("=", 80), t.body)
	}
	return b.Bytes()
}
