package watch

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/internal/userfile"
)

// kind is what a directory holds.
type kind int

const (
	neither kind = iota
	aRun
	aSweep
)

const (
	maxDepth   = 12     // of folders below the directory that are looked into
	maxFolders = 50_000 // that are looked into
)

// errLink is the error of a path with a symbolic link below the directory: it might lead out of it.
var errLink = errors.New("is a symbolic link, which is not followed")

// place is a run or a sweep below the directory.
type place struct {
	rel  string // with slashes; "." is the directory itself
	kind kind
}

// kindOf says what the entries of a directory make of it. A file sweep.yaml alone is the user's, and so is a
// config.yaml of another program.
func kindOf(dir string, entries []fs.DirEntry) kind {
	has := map[string]bool{}
	live := false
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink != 0 {
			continue
		}
		has[e.Name()] = true
		live = live || strings.HasPrefix(e.Name(), ".live") || strings.HasPrefix(e.Name(), ".lock")
	}
	switch {
	case has[sweep.SpecFile] && (live || has["checkpoint"] || has["runs.csv"] || has["parts.json"] ||
		hasRecords(dir)):
		return aSweep
	case has["config.yaml"] && (live || has["checkpoint"] || has["trajectory.csv"] || has["summary.json"] ||
		isOurs(filepath.Join(dir, "config.yaml"))):
		return aRun
	}
	return neither
}

// hasRecords says whether a directory has records of a sweep.
func hasRecords(dir string) bool {
	entries, _ := os.ReadDir(filepath.Join(dir, "runs")) // what cannot be read has none
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return e.Type().IsRegular() && strings.HasSuffix(e.Name(), ".jsonl")
	})
}

// isOurs says whether a configuration begins as those of runs do.
func isOurs(path string) bool {
	if regular(path) != nil {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	begin := make([]byte, len("# matsense "))
	n, _ := f.Read(begin)
	return string(begin[:n]) == "# matsense "
}

// find lists the runs and sweeps under a directory, and says in notes what was left out.
func find(dir string) (places []place, notes []string, err error) {
	folders := 0
	var walk func(rel string, depth int) error
	walk = func(rel string, depth int) error {
		here := filepath.Join(dir, filepath.FromSlash(rel))
		entries, err := os.ReadDir(here)
		if err != nil {
			return err
		}
		k := kindOf(here, entries)
		if k != neither {
			places = append(places, place{rel, k})
		}
		if k == aRun {
			return nil
		}
		for _, e := range entries {
			name := e.Name()
			if !e.IsDir() || strings.HasPrefix(name, ".") ||
				k == aSweep && (name == "runs" || name == "checkpoint") {
				continue
			}
			if folders++; folders > maxFolders || depth == maxDepth {
				continue
			}
			if err := walk(path.Join(rel, name), depth+1); errors.Is(err, fs.ErrPermission) {
				notes = append(notes, fmt.Sprintf("%s may not be read.", shown(path.Join(rel, name))))
			} // else it was removed meanwhile
		}
		return nil
	}
	err = walk(".", 0)
	if folders > maxFolders {
		notes = append(notes, fmt.Sprintf("Only the first %d folders were looked into.", maxFolders))
	}
	return places, notes, err
}

// regular returns an error unless a file is a regular one and no symbolic link.
func regular(path string) error {
	info, err := os.Lstat(path)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("%s %w", filepath.Base(path), errLink)
	}
	if err != nil {
		return err
	}
	return userfile.CheckRegular(path)
}

// locate finds out what the directory has at a relative path, which may come from anywhere. It follows no
// symbolic link.
func locate(dir, rel string) (place, error) {
	if !filepath.IsLocal(filepath.FromSlash(rel)) || strings.ContainsAny(rel, "\x00") ||
		filepath.Separator != '/' && strings.ContainsRune(rel, filepath.Separator) {
		return place{}, fs.ErrNotExist
	}
	here := dir
	if rel != "." {
		for _, name := range strings.Split(rel, "/") {
			here = filepath.Join(here, name)
			info, err := os.Lstat(here)
			if err != nil {
				return place{}, err
			}
			if !info.IsDir() || strings.HasPrefix(name, ".") { // a link is no directory here
				return place{}, fs.ErrNotExist
			}
		}
	}
	entries, err := os.ReadDir(here)
	if err != nil {
		return place{}, err
	}
	return place{rel, kindOf(here, entries)}, nil
}

// runFiles are what the page of a run is made of.
var runFiles = []string{"config.yaml", "summary.json", "trajectory.csv", experiment.LiveFile, ".live.csv"}

// stamp tells the states of files apart, by their sizes and times of modification.
func stamp(dir string, names []string) (text string, changed time.Time, err error) {
	var b strings.Builder
	for _, name := range names {
		info, err := os.Lstat(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			b.WriteString("-;")
			continue
		}
		if err != nil {
			return "", changed, err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			return "", changed, fmt.Errorf("%s %w", name, errLink)
		}
		if info.ModTime().After(changed) {
			changed = info.ModTime()
		}
		fmt.Fprintf(&b, "%d %d;", info.Size(), info.ModTime().UnixNano())
	}
	return b.String(), changed, nil
}

// shown writes a path for people, which may have bytes that are no text.
func shown(rel string) string { return strings.ToValidUTF8(rel, "�") }

// byName compares places by their paths.
func byName(a, b place) int { return cmp.Compare(a.rel, b.rel) }
