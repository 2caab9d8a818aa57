// Package lockfile keeps two processes out of one directory.
package lockfile

import (
	"errors"
	"io/fs"
	"os"

	"github.com/gofrs/flock"
)

// Take takes a lock file. taken is false if another process has the lock. release removes the file and ends
// the lock. If the file system has no locks, Take returns true without a lock, and the caller goes on
// unprotected.
func Take(path string) (release func(), taken bool) {
	for {
		l := flock.New(path)
		taken, err := l.TryLock()
		if err == nil && !taken {
			return nil, false
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
		}, true
	}
}

// Held reports whether a process has the lock file.
func Held(path string) bool {
	release, taken := Take(path)
	if taken {
		release()
	}
	return !taken
}
