package tensorboard

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/internal/livefile"
	"github.com/matsense/matsense/internal/tfevents"
)

// logs are the event files of the runs of one process, in folders below one directory. A nil *logs writes
// nothing.
type logs struct {
	dir    string
	notice func(text string)
	stop   func()

	mu     sync.Mutex
	open   []*runLog // those that may have events to write
	failed error     // why events could not be written when it was tried last
	told   bool
}

// check refuses a directory in which no event file can be written, and folders below it that have some.
func check(dir string, folders ...string) error {
	if dir == "" {
		return nil
	}
	if err := writable(filepath.Clean(dir)); err != nil {
		return config.Usagef("--tensorboard %s cannot be written to: %v", dir, err)
	}
	for _, name := range folders {
		if folder := filepath.Join(dir, name); len(tfevents.Files(folder)) > 0 {
			return config.Usagef("--tensorboard: %s has the log of a run already: --resume goes on with it, "+
				"--force replaces it", folder)
		}
	}
	return nil
}

// writable returns an error if a directory cannot be written to, or cannot be made. It makes nothing.
func writable(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir):
		return writable(filepath.Dir(dir))
	case err != nil:
		return err
	case !info.IsDir():
		return errors.New(dir + " is a file")
	}
	return atomicfile.CheckWritable(dir)
}

// open begins to write logs below a directory, until close is called; dir "" writes none. notice hears once
// if events cannot be written.
func open(dir string, notice func(text string)) *logs {
	if dir == "" {
		return nil
	}
	l := &logs{dir: dir, notice: notice}
	l.stop = livefile.Start(func(int) { l.flush() })
	return l
}

// remove removes the event files in a run's folder, or in the folders of a sweep's runs.
func (l *logs) remove(name string) {
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

// begin begins the log of a run in the folder of the given name, or goes on with it from an iteration.
func (l *logs) begin(name string, c *config.Config, from int) *runLog {
	if l == nil {
		return nil
	}
	log := tfevents.NewLog(filepath.Join(l.dir, name), from)
	log.Settings(settingsOf(c))
	r := &runLog{log: log}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = append(l.open, r)
	return r
}

// flush writes the events of all runs that are open.
func (l *logs) flush() {
	l.mu.Lock()
	open := slices.Clone(l.open)
	l.mu.Unlock()
	var failed error
	done := map[*runLog]bool{}
	for _, r := range open {
		ended := r.ended.Load() // before its last events are written
		err := r.log.Flush()
		done[r] = ended && err == nil
		failed = cmp.Or(failed, err)
	}
	l.mu.Lock()
	l.open = slices.DeleteFunc(l.open, func(r *runLog) bool { return done[r] })
	tell := failed != nil && !l.told
	l.failed, l.told = failed, l.told || tell
	l.mu.Unlock()
	if tell {
		l.notice(fmt.Sprintf("%v; the run goes on, and writing is tried again every few seconds",
			l.unwritten(failed)))
	}
}

func (l *logs) unwritten(err error) error {
	return &atomicfile.Unwritten{What: []string{"the log for TensorBoard in " + l.dir}, Err: err}
}

// close writes what is left. The error says whether something could not be written.
func (l *logs) close() error {
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
