// Package atomicfile writes files whole or not at all.
package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Leftover begins the names of files and folders that are being written. They stay if the process is killed.
const Leftover = ".tmp-"

// Write replaces the file at path by the bytes that fill writes, or leaves the old file as it was. It writes
// a temporary file in the same folder, synchronizes and renames it, and synchronizes the folder.
func Write(path string, fill func(io.Writer) error) error {
	if err := replace(path, fill, (*os.File).Sync); err != nil {
		return err
	}
	SyncDir(filepath.Dir(path))
	return nil
}

// WriteFleeting is Write for a file that is worth nothing after the process: it waits for no disk. Readers
// still find it whole, the old one or the new one.
func WriteFleeting(path string, fill func(io.Writer) error) error {
	return replace(path, fill, func(*os.File) error { return nil })
}

// replace writes a temporary file in the same folder, and renames it when its bytes are as safe as sync makes
// them.
func replace(path string, fill func(io.Writer) error, sync func(*os.File) error) (err error) {
	dir := filepath.Dir(path)
	f, err := begin(dir, Leftover+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	done := false
	defer func() {
		if !done { // an error, or a panic of fill
			f.Close()
			os.Remove(f.Name())
		}
		end(f)
	}()
	if err = fill(f); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = sync(f); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	done = true
	return nil
}

// CheckWritable returns an error if no file can be made in a folder.
func CheckWritable(dir string) error {
	f, err := begin(dir, Leftover+"*")
	if err != nil {
		return err
	}
	defer end(f)
	f.Close()
	return os.Remove(f.Name())
}

// unfinished has the names of the temporary files that are being written.
var unfinished = struct {
	sync.Mutex
	names map[string]bool
}{names: map[string]bool{}}

// begin makes a temporary file.
func begin(dir, pattern string) (*os.File, error) {
	unfinished.Lock()
	defer unfinished.Unlock()
	f, err := os.CreateTemp(dir, pattern)
	if err == nil {
		unfinished.names[f.Name()] = true
	}
	return f, err
}

// end says that a temporary file has its name, or is removed.
func end(f *os.File) {
	unfinished.Lock()
	defer unfinished.Unlock()
	delete(unfinished.names, f.Name())
}

// Abandon removes the files that are being written, before the process ends in the middle of it. No file can
// be written after it. It does not wait for a file system that does not answer.
func Abandon() {
	if !unfinished.TryLock() {
		return
	}
	for name := range unfinished.names {
		os.Remove(name)
	}
}

// RemoveLeftovers removes the unfinished files and folders that a killed process left in a folder, which need
// not exist.
func RemoveLeftovers(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), Leftover) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// MakeDirs makes a folder and its parents, as os.MkdirAll does, and synchronizes the folders that got a new
// entry.
func MakeDirs(path string) error {
	var grew []string
	for dir := filepath.Clean(path); ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			break
		}
		grew = append(grew, filepath.Dir(dir))
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	for _, dir := range grew {
		SyncDir(dir)
	}
	return nil
}

// SyncDir asks the system to keep a folder's entries through a power failure. It does nothing on systems that
// cannot synchronize folders.
func SyncDir(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	_ = d.Sync()
	d.Close()
}
