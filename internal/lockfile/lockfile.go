// Package lockfile keeps two processes out of one directory.
package lockfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/gofrs/flock"
)

// ErrHeld is the error of a lock file that another process has.
var ErrHeld = errors.New("another process has the lock")

// Take takes a lock file. release removes the file and ends the lock. The error is [ErrHeld], or says that
// something else has the path. If the file system has no locks, Take succeeds without a lock, and the caller
// goes on unprotected.
func Take(path string) (release func(), err error) {
	// To open a pipe would wait for whoever writes to it.
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		what := "a pipe or a device"
		if info.IsDir() {
			what = "a directory"
		}
		return nil, fmt.Errorf("%s is %s, and is to be a file that locks its folder: remove it", path, what)
	}
	for {
		l := flock.New(path)
		taken, err := l.TryLock()
		if err == nil && !taken {
			return nil, ErrHeld
		}
		mine, err1 := l.Stat()
		there, err2 := os.Stat(path)
		removed := errors.Is(err2, fs.ErrNotExist) || err2 == nil && !os.SameFile(mine, there)
		if err == nil && err1 == nil && removed {
			_ = l.Unlock() // its last owner removed the file between New and TryLock
			continue
		}
		return func() {
			// The file is removed while the lock is held, so that it is not another process's; unless its
			// folder was removed and made again.
			if now, err := os.Stat(path); err1 != nil || err == nil && os.SameFile(mine, now) {
				os.Remove(path)
			}
			_ = l.Unlock()
		}, nil
	}
}

// Held reports whether a process has the lock file.
func Held(path string) bool {
	release, err := Take(path)
	if err == nil {
		release()
	}
	return errors.Is(err, ErrHeld)
}
