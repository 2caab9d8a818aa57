package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// A full disk is told once, whatever could not be written to it; other causes have lines of their own.
func TestJoin(t *testing.T) {
	full := func(what string) error {
		err := &fs.PathError{Op: "write", Path: ".tmp-" + what, Err: syscall.ENOSPC}
		return &Unwritten{[]string{what}, err}
	}
	denied := &Unwritten{[]string{"d"}, &fs.PathError{Op: "open", Path: "d", Err: syscall.EACCES}}
	other := errors.New("the run diverged")
	got := Join(nil, Join(full("a"), other, full("b")), denied, full("c"))
	const want = "a, b and c could not be written: no space left on device\n" +
		"the run diverged\nd could not be written: permission denied"
	if got.Error() != want {
		t.Errorf("%q, want %q", got, want)
	}
	if !errors.Is(got, syscall.ENOSPC) || !errors.Is(got, syscall.EACCES) || !errors.Is(got, other) {
		t.Error("the causes are lost")
	}
	if err := Join(nil, Join()); err != nil {
		t.Error(err)
	}
	if err := Join(fmt.Errorf("in a sweep: %w", full("a"))); err.Error() !=
		"in a sweep: a could not be written: no space left on device" {
		t.Error(err)
	}
}

func TestMakeDirs(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a", "b", "c")
	for range 2 {
		if err := MakeDirs(path); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		t.Error(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := MakeDirs(filepath.Join(file, "d")); err == nil {
		t.Error("a folder was made in a file")
	}
}

// TestAbandon: the files that are being written are removed.
func TestAbandon(t *testing.T) {
	if os.Getenv("ATOMICFILE_ABANDON") == "" {
		dir := t.TempDir()
		abandon(t, dir)
		checkDir(t, dir, "old")
		return
	}
	dir := os.Getenv("ATOMICFILE_ABANDON")
	for _, name := range []string{"old", "new"} {
		_ = Write(filepath.Join(dir, name), func(w io.Writer) error {
			if name == "new" {
				Abandon()
				os.Exit(0)
			}
			return nil
		})
	}
}

// abandon runs TestAbandon in a process of its own, which can write no file any more.
func abandon(t *testing.T, dir string) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run", "^TestAbandon$")
	c.Env = append(os.Environ(), "ATOMICFILE_ABANDON="+dir)
	if text, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}
