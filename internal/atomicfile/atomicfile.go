// Package atomicfile writes files whole or not at all.
package atomicfile

import (
	"io"
	"os"
	"path/filepath"
)

// Write makes the file at path hold what fill writes, or leaves what was there before: a temporary file beside it is
// written, synchronized and renamed, and the folder synchronized.
func Write(path string, fill func(io.Writer) error) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".tmp-"+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	done := false
	defer func() {
		if !done { // an error, or fill panics
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err = fill(f); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	done = true
	SyncDir(dir)
	return nil
}

// SyncDir asks the system to keep a folder's entries through a power failure. Some systems cannot synchronize
// folders; there it does nothing.
func SyncDir(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	_ = d.Sync()
	d.Close()
}
