// Package lockfile keeps two processes out of one directory.
package lockfile

import (
	"errors"
	"io/fs"
	"os"

	"github.com/gofrs/flock"
)

// Take takes a lock file until release is called, which removes it; taken is false where another process has it. Where the
// file system knows no locks, Take gives none and says that it was taken: the caller goes on without.
func Take(path string) (release func(), taken bool) {
	for {
		l := flock.New(path)
		taken, err := l.TryLock()
		if err == nil && !taken {
			return nil, false
		}
		mine, err1 := l.Stat()
		there, err2 := os.Stat(path)
		if err == nil && err1 == nil && (errors.Is(err2, fs.ErrNotExist) || err2 == nil && !os.SameFile(mine, there)) {
			_ = l.Unlock() // the one who had it removed it between the opening here and the locking
			continue
		}
		return func() {
			os.Remove(path) // while it is held: nobody else's
			_ = l.Unlock()
		}, true
	}
}

// Held says whether a process has the lock file.
func Held(path string) bool {
	release, taken := Take(path)
	if taken {
		release()
	}
	return !taken
}
