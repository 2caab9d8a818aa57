package experiment

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/matsense/matsense/solver"
)

// meddler is a Progress that does something to the run's directory at the iteration 20.
type meddler struct {
	silent
	notices []string
	do      func() error
	failed  error
}

func (m *meddler) Notice(text string) { m.notices = append(m.notices, text) }
func (m *meddler) Sample(s solver.Sample) {
	if s.Iteration == 20 {
		m.failed = errors.Join(m.failed, m.do())
	}
}

// removeAll removes a folder in which another goroutine may be making a file.
func removeAll(dir string) (err error) {
	for range 100 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return err
}

// Symptom: a run whose directory was removed while it went on left a directory without config.yaml, and
// ended with the exit code 0.
func TestDirectoryVanishes(t *testing.T) {
	c := configOf(t, "n=8", "rank=1", "measurements=60", "iterations=40", "checkpoint-every=1e-9")
	carryOut := func(dir string, do func() error) (*meddler, error) {
		t.Helper()
		p, err := NewPlan(c, cpuHost(1e9))
		if err != nil {
			t.Fatal(err)
		}
		m := &meddler{do: do}
		_, err = p.Run(t.Context(), Options{Dir: dir}, m)
		if m.failed != nil {
			t.Fatal(m.failed)
		}
		return m, err
	}
	// files has the contents of those files that a second run gives again.
	files := func(dir string) map[string]string {
		found := map[string]string{}
		for _, name := range []string{configFile, factorFile, trajectoryFile, summaryFile} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if name == summaryFile { // it has times
				text = nil
			}
			found[name] = string(text)
		}
		return found
	}
	whole := filepath.Join(t.TempDir(), "whole")
	if _, err := carryOut(whole, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	want := files(whole)

	for name, remove := range map[string]func(dir string) error{
		"the directory":  removeAll,
		"its parent too": func(dir string) error { return removeAll(filepath.Dir(dir)) },
		"config.yaml":    func(dir string) error { return os.Remove(filepath.Join(dir, configFile)) },
		"replaced by an empty one": func(dir string) error {
			return errors.Join(os.Rename(dir, dir+"-moved"), os.Mkdir(dir, 0o755))
		},
	} {
		dir := filepath.Join(t.TempDir(), "parent", "run")
		m, err := carryOut(dir, func() error { return remove(dir) })
		if err != nil || !maps.Equal(files(dir), want) {
			t.Errorf("%s: %v, or other files", name, err)
		}
		if len(m.notices) != 1 || !strings.Contains(m.notices[0], "was removed while the run went on") {
			t.Errorf("%s: it says %q", name, m.notices)
		}
		if entries, err := os.ReadDir(dir); err != nil ||
			slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == lockFile }) {
			t.Errorf("%s: %v, or the lock was left behind: %v", name, err, entries)
		}
	}

	// Another run that took the place is left alone.
	dir := filepath.Join(t.TempDir(), "run")
	var theirs map[string]string
	_, err := carryOut(dir, func() error {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		p, err := NewPlan(configOf(t, "n=6", "rank=1", "iterations=10"), cpuHost(1e9))
		if err != nil {
			return err
		}
		_, err = p.Run(t.Context(), Options{Dir: dir}, silent{})
		theirs = files(dir)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "holds another run now") ||
		!maps.Equal(files(dir), theirs) {
		t.Errorf("%v, or the other run's files have changed", err)
	}
}
