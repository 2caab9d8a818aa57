package tfevents

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// prefix begins the names of event files. TensorBoard reads the files of a folder in the order of their
// names, which go on with the time in seconds.
const prefix = "events.out.tfevents."

// Log is an event file that a run writes while it goes on. Events wait in memory for Flush, so that a slow
// disk does not keep the run waiting. The file is open only while Flush writes to it: a sweep may have
// thousands.
type Log struct {
	dir string

	mu      sync.Mutex
	pending []byte // whole records that are not on disk

	flushing sync.Mutex
	path     string // of the file; empty before it is made
	size     int64  // of its whole records
}

// NewLog begins a log in a folder, and tells that the run begins with a step, or goes on with it. Flush makes
// the folder and the file.
func NewLog(dir string, step int) *Log {
	l := &Log{dir: dir}
	now := time.Now()
	l.add(versionEvent(now))
	l.add(startEvent(now, step))
	return l
}

// Scalars adds numbers that belong to one step.
func (l *Log) Scalars(step int, scalars []Scalar) { l.add(scalarsEvent(time.Now(), step, scalars)) }

// Settings adds the settings of the run.
func (l *Log) Settings(settings []Setting) { l.add(settingsEvent(time.Now(), settings)) }

// End adds how the run has ended.
func (l *Log) End(failed bool) { l.add(endEvent(time.Now(), failed)) }

func (l *Log) add(message []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = appendRecord(l.pending, message)
}

// Flush writes the events that wait. If that fails, they go on waiting, and the next call tries again.
func (l *Log) Flush() error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	l.mu.Lock()
	pending := l.pending
	l.pending = nil
	l.mu.Unlock()
	if len(pending) == 0 {
		return nil
	}
	err := l.write(pending)
	if err != nil {
		l.mu.Lock()
		l.pending = append(pending, l.pending...)
		l.mu.Unlock()
	}
	return err
}

// write appends records to the file. What an earlier call could write of them is written over with the same
// bytes.
func (l *Log) write(records []byte) error {
	f, err := l.open()
	if err != nil {
		return err
	}
	_, err = f.WriteAt(records, l.size)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	l.size += int64(len(records))
	return nil
}

// open opens the file, and makes it first if it is not there yet.
func (l *Log) open() (*os.File, error) {
	if l.path != "" {
		return os.OpenFile(l.path, os.O_WRONLY, 0)
	}
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	for second := max(time.Now().Unix(), last(l.dir)+1); ; second++ {
		name := fmt.Sprintf("%s%010d.%s.%d", prefix, second, host, os.Getpid())
		path := filepath.Join(l.dir, name)
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err == nil {
			l.path = path
		}
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// last is the time in seconds in the last name of an event file in a folder; 0 if there is none.
func last(dir string) (second int64) {
	for _, name := range Files(dir) {
		var s int64
		if _, err := fmt.Sscanf(strings.TrimPrefix(name, prefix), "%d.", &s); err == nil {
			second = max(second, s)
		}
	}
	return second
}

// Files lists the names of the event files in a folder.
func Files(dir string) (names []string) {
	entries, _ := os.ReadDir(dir) // what cannot be read has none
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) && e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names
}
