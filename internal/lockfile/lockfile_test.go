package lockfile_test

import (
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/matsense/matsense/internal/lockfile"
)

// Symptom: the lock's file was removed after it was unlocked, and so the file of another process was removed.
func TestOneHasTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var inside, times atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 300 {
				release, err := lockfile.Take(path)
				if err != nil {
					runtime.Gosched()
					continue
				}
				if inside.Add(1) != 1 {
					t.Error("two have the lock")
				}
				times.Add(1)
				runtime.Gosched()
				inside.Add(-1)
				release()
			}
		})
	}
	all.Wait()
	if times.Load() == 0 {
		t.Error("nobody had the lock")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the lock is still there")
	}
}

func TestHeld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	release, err := lockfile.Take(path)
	if err != nil || !lockfile.Held(path) {
		t.Error("who has the lock is not told of")
	}
	release()
	if lockfile.Held(path) {
		t.Error("a lock that was released is told of")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("to ask leaves a lock behind")
	}
}

// Symptom: a process whose folder had been removed and made again took away the lock of the process that ran
// there now.
func TestReleaseLeavesAnothersLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "folder")
	path := filepath.Join(dir, "lock")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	first, err := lockfile.Take(path)
	if err != nil {
		t.Fatal(err)
	}
	moved := dir + "-moved"
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	second, err := lockfile.Take(path)
	if err != nil {
		t.Fatal(err)
	}
	first()
	if !lockfile.Held(path) {
		t.Error("the second process has lost its lock")
	}
	second()
}
