package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

func put(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

func check(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	} else if string(got) != want {
		t.Errorf("the file holds %.60q (%d bytes), want %.60q (%d bytes)", got, len(got), want, len(want))
	}
}

// checkDir fails unless a folder contains exactly the given names, so that no temporary file is left.
func checkDir(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("the folder holds %q, want %q", got, want)
	}
}

func TestWrite(t *testing.T) {
	t.Run("new", func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "a.txt")
		if err := Write(path, put("hello\n")); err != nil {
			t.Fatal(err)
		}
		check(t, path, "hello\n")
		checkDir(t, dir, "a.txt")
	})
	t.Run("empty", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "a.txt")
		if err := Write(path, func(io.Writer) error { return nil }); err != nil {
			t.Fatal(err)
		}
		check(t, path, "")
	})
	t.Run("over a longer one", func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "a.txt")
		if err := os.WriteFile(path, []byte(strings.Repeat("old", 1000)), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := Write(path, put("new")); err != nil {
			t.Fatal(err)
		}
		check(t, path, "new")
		checkDir(t, dir, "a.txt")
	})
	t.Run("in many pieces", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "a.txt")
		var want bytes.Buffer
		err := Write(path, func(w io.Writer) error {
			for i := range 20_000 {
				fmt.Fprintf(&want, "line %d\n", i)
				if _, err := fmt.Fprintf(w, "line %d\n", i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		check(t, path, want.String())
	})
	t.Run("relative path", func(t *testing.T) {
		dir := t.TempDir()
		t.Chdir(dir)
		if err := Write("a.txt", put("here")); err != nil {
			t.Fatal(err)
		}
		check(t, filepath.Join(dir, "a.txt"), "here")
		checkDir(t, dir, "a.txt")
	})
	t.Run("star in the name", func(t *testing.T) {
		// In the pattern of os.CreateTemp a star has a meaning.
		dir := t.TempDir()
		if err := Write(filepath.Join(dir, "a*b.txt"), put("here")); err != nil {
			t.Fatal(err)
		}
		checkDir(t, dir, "a*b.txt")
	})
	t.Run("permissions", func(t *testing.T) {
		if runtime.GOOS == "windows" {
			t.Skip("Windows keeps no permission bits")
		}
		path := filepath.Join(t.TempDir(), "a.txt")
		for range 2 { // a new file, then over it
			if err := Write(path, put("x")); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			// A temporary file has the mode 0600, but others must be able to read a result.
			if got := info.Mode().Perm(); got != 0o644 {
				t.Errorf("the permissions are %o, want 644", got)
			}
		}
	})
}

// Until fill has returned, the path holds the old file. The new file is in the same folder, so that a rename
// is one step.
func TestOldFileUntilTheEnd(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	if err := Write(path, put("old")); err != nil {
		t.Fatal(err)
	}
	err := Write(path, func(w io.Writer) error {
		if _, err := io.WriteString(w, "new"); err != nil {
			return err
		}
		check(t, path, "old")
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		if len(entries) != 2 || !strings.HasPrefix(entries[0].Name(), ".tmp-a.txt-") {
			t.Errorf("while it is written, the folder holds %v, want a temporary file beside a.txt", entries)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	check(t, path, "new")
}

func TestFailureLeavesTheOldFile(t *testing.T) {
	errFill := errors.New("fill failed")
	fills := map[string]func(io.Writer) error{
		"at once": func(io.Writer) error { return errFill },
		"after writing": func(w io.Writer) error {
			io.WriteString(w, strings.Repeat("half of the new contents", 10_000))
			return errFill
		},
	}
	for name, fill := range fills {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "a.txt")
			if err := Write(path, fill); !errors.Is(err, errFill) {
				t.Errorf("error %v, want fill's", err)
			}
			checkDir(t, dir) // there was no old file, so there is none now

			if err := Write(path, put("old")); err != nil {
				t.Fatal(err)
			}
			if err := Write(path, fill); !errors.Is(err, errFill) {
				t.Errorf("error %v, want fill's", err)
			}
			check(t, path, "old")
			checkDir(t, dir, "a.txt")
		})
	}
	t.Run("after fill", func(t *testing.T) {
		// The file cannot be synchronized because fill closed it. This stands for a disk that fails late.
		dir := t.TempDir()
		path := filepath.Join(dir, "a.txt")
		if err := Write(path, put("old")); err != nil {
			t.Fatal(err)
		}
		err := Write(path, func(w io.Writer) error {
			io.WriteString(w, "new")
			return w.(io.Closer).Close()
		})
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("error %v, want one of a closed file", err)
		}
		check(t, path, "old")
		checkDir(t, dir, "a.txt")
	})
	t.Run("fill panics", func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "a.txt")
		if err := Write(path, put("old")); err != nil {
			t.Fatal(err)
		}
		func() {
			defer func() {
				if r := recover(); r != "boom" {
					t.Errorf("recovered %v, want fill's panic", r)
				}
			}()
			Write(path, func(w io.Writer) error {
				io.WriteString(w, "new")
				panic("boom")
			})
		}()
		check(t, path, "old")
		checkDir(t, dir, "a.txt")
	})
}

func TestFailingFolder(t *testing.T) {
	never := func(io.Writer) error { return errors.New("fill was called") }
	t.Run("absent", func(t *testing.T) {
		dir := t.TempDir()
		if err := Write(filepath.Join(dir, "none", "a.txt"), never); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("error %v, want one of a folder that is not there", err)
		}
		checkDir(t, dir)
	})
	t.Run("a file", func(t *testing.T) {
		dir := t.TempDir()
		parent := filepath.Join(dir, "file")
		if err := os.WriteFile(parent, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
		var path *fs.PathError
		if err := Write(filepath.Join(parent, "a.txt"), never); !errors.As(err, &path) {
			t.Errorf("error %v, want one that names the path", err)
		}
		check(t, parent, "x")
		checkDir(t, dir, "file")
	})
	t.Run("the path is a folder", func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "a")
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(path, "inside"), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := Write(path, put("new")); err == nil {
			t.Error("a folder was replaced by a file")
		}
		checkDir(t, dir, "a")
		checkDir(t, path, "inside")
	})
	t.Run("read-only", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		if f, err := os.CreateTemp(dir, ""); err == nil {
			f.Close()
			t.Skip("permissions do not bind this user")
		}
		if err := Write(filepath.Join(dir, "a.txt"), never); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("error %v, want one of permission", err)
		}
	})
}

// If several write at the same time, the file is complete and from one of them.
func TestConcurrentWriters(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	text := func(i int) string { return strings.Repeat(string(rune('a'+i)), 100_000) }
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			if err := Write(path, put(text(i))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) == 0 || string(got) != text(int(got[0]-'a')) {
		t.Errorf("the file holds %d bytes from more than one writer", len(got))
	}
	checkDir(t, dir, "a.txt")
}
