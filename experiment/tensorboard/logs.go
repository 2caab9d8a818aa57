package tensorboard

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/internal/livefile"
	"github.com/matsense/matsense/internal/tfevents"
)

// Logs are the event files of the runs of one process, in folders below one directory. A nil *Logs writes
// nothing.
type Logs struct {
	dir    string
	notice func(text string)
	stop   func()

	mu     sync.Mutex
	open   []*Run // those that may have events to write
	failed error  // why events could not be written when it was tried last
	told   bool
}

// Check refuses a directory in which no event file can be written. It makes nothing.
func Check(dir string) error {
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if errors.Is(err, os.ErrNotExist) && at != filepath.Dir(at) {
			continue
		}
		if err == nil && !info.IsDir() {
			err = errors.New(at + " is a file")
		}
		if err == nil {
			err = atomicfile.CheckWritable(at)
		}
		if err != nil {
			return config.Usagef("--tensorboard %s cannot be written to: %v", dir, err)
		}
		return nil
	}
}

// CheckNew refuses to begin the log of a run whose folder has one.
func CheckNew(dir, name string) error {
	if folder := filepath.Join(dir, name); len(tfevents.Files(folder)) > 0 {
		return config.Usagef("--tensorboard: %s has the log of a run already: --resume goes on with it, "+
			"--force replaces it", folder)
	}
	return nil
}

// Open begins to write logs below a directory, until Close is called; dir "" writes none. notice hears once
// if events cannot be written.
func Open(dir string, notice func(text string)) *Logs {
	if dir == "" {
		return nil
	}
	l := &Logs{dir: dir, notice: notice}
	l.stop = livefile.Start(func(int) { l.flush() })
	return l
}

// Replace removes the event files in a run's folder, or in the folders of a sweep's runs.
func (l *Logs) Replace(name string) {
	if l == nil {
		return
	}
	folder := filepath.Join(l.dir, name)
	folders := []string{folder}
	entries, _ := os.ReadDir(folder) // what is not there need not be removed
	for _, e := range entries {
		if e.IsDir() {
			folders = append(folders, filepath.Join(folder, e.Name()))
		}
	}
	for _, folder := range slices.Backward(folders) {
		for _, name := range tfevents.Files(folder) {
			if err := os.Remove(filepath.Join(folder, name)); err != nil {
				l.notice(fmt.Sprintf("an old log for TensorBoard stays: %v", err))
			}
		}
		os.Remove(folder) // fails unless it is empty
	}
}

// Run begins the log of a run in the folder of the given name, or goes on with it from an iteration.
func (l *Logs) Run(name string, c *config.Config, from int) *Run {
	if l == nil {
		return nil
	}
	log := tfevents.NewLog(filepath.Join(l.dir, name), from)
	log.Settings(settingsOf(c))
	r := &Run{log: log}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = append(l.open, r)
	return r
}

// flush writes the events of all runs that are open.
func (l *Logs) flush() {
	l.mu.Lock()
	open := slices.Clone(l.open)
	l.mu.Unlock()
	var failed error
	done := map[*Run]bool{}
	for _, r := range open {
		ended := r.ended.Load() // before its last events are written
		err := r.log.Flush()
		done[r] = ended && err == nil
		failed = cmp.Or(failed, err)
	}
	l.mu.Lock()
	l.open = slices.DeleteFunc(l.open, func(r *Run) bool { return done[r] })
	tell := failed != nil && !l.told
	l.failed, l.told = failed, l.told || tell
	l.mu.Unlock()
	if tell {
		l.notice(fmt.Sprintf("%v; the run goes on, and writing is tried again every few seconds",
			l.unwritten(failed)))
	}
}

func (l *Logs) unwritten(err error) error {
	return &atomicfile.Unwritten{What: []string{"the log for TensorBoard in " + l.dir}, Err: err}
}

// Close writes what is left. The error says whether something could not be written.
func (l *Logs) Close() error {
	if l == nil {
		return nil
	}
	l.stop()
	l.flush()
	if l.failed == nil {
		return nil
	}
	return l.unwritten(l.failed)
}
