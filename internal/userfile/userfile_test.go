package userfile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("12345"), 0o644); err != nil {
		t.Fatal(err)
	}
	if text, err := Read(file, 5); string(text) != "12345" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	for path, want := range map[string]string{
		file:                          file + " is too large for what it is: it has more than 4 bytes",
		dir:                           "is a directory",
		filepath.Join(dir, "missing"): "no such file",
	} {
		if text, err := Read(path, 4); text != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q, %v, want %q", text, err, want)
		}
	}
}

// A file without blocks may have any size: it is refused without reading it.
func TestReadHuge(t *testing.T) {
	file := filepath.Join(t.TempDir(), "huge")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(10 << 30); err != nil {
		t.Skip(err)
	}
	f.Close()
	if _, err := Read(file, 1<<20); err == nil || !strings.Contains(err.Error(), "more than 1048576 bytes") {
		t.Error(err)
	}
}

// A pipe and a device without end are read up to the bound, and are no files to be read twice.
func TestNotRegular(t *testing.T) {
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := out.WriteString("n: 5\n"); err != nil {
		t.Fatal(err)
	}
	out.Close()
	pipe := fmt.Sprintf("/dev/fd/%d", in.Fd())
	if _, err := os.Stat(pipe); err != nil {
		t.Skip(err)
	}
	if err := CheckRegular(pipe); err == nil || !strings.Contains(err.Error(), "save it to a file") {
		t.Error(err)
	}
	if text, err := Read(pipe, 10); string(text) != "n: 5\n" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := Read("/dev/zero", 10); err == nil || !strings.Contains(err.Error(), "more than 10 bytes") {
		t.Error(err)
	}
	if err := CheckRegular("/dev/zero"); err == nil {
		t.Error("/dev/zero is a regular file")
	}
}
