package tfevents

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// steps returns the steps of the events in a folder's only file.
func steps(t *testing.T, dir string) (all []uint64) {
	t.Helper()
	files := Files(dir)
	if len(files) != 1 {
		t.Fatalf("the folder has the event files %v", files)
	}
	b, err := os.ReadFile(filepath.Join(dir, files[0]))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages(t, b) {
		numbers, _ := fields(t, m)
		all = append(all, numbers[2])
	}
	return all
}

func TestLog(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	l := NewLog(dir, 40)
	l.Scalars(40, []Scalar{{"x", 1}})
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder is there before anything is to be written")
	}
	for range 2 { // the second time nothing is left to write
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	l.Scalars(50, []Scalar{{"x", 2}})
	l.End(false)
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	// The version, the start, two steps, the end.
	if got := steps(t, dir); !slices.Equal(got, []uint64{0, 40, 40, 50, 0}) {
		t.Errorf("the steps are %v", got)
	}
}

// TestFlushAgain: if a file cannot be written to its end, the records that it lacks are written later.
func TestFlushAgain(t *testing.T) {
	dir := t.TempDir()
	l := NewLog(dir, 0)
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	path, elsewhere := filepath.Join(dir, Files(dir)[0]), filepath.Join(dir, "elsewhere")
	if err := os.Rename(path, elsewhere); err != nil {
		t.Fatal(err)
	}
	for step := range 3 {
		l.Scalars(step, []Scalar{{"x", 1}})
		if err := l.Flush(); err == nil {
			t.Fatal("a file that is not there was written to")
		}
	}
	// Half a record, as a full disk leaves it.
	whole, err := os.ReadFile(elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(whole, l.pending[:10]...), 0o644); err != nil {
		t.Fatal(err)
	}
	l.Scalars(3, []Scalar{{"x", 1}})
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := steps(t, dir); !slices.Equal(got, []uint64{0, 0, 0, 1, 2, 3}) {
		t.Errorf("the steps are %v", got)
	}
}

// TestOrder: TensorBoard reads a folder's files in the order of their names, so that a log that goes on has a
// later name, even within a second or on a machine whose clock is behind.
func TestOrder(t *testing.T) {
	dir := t.TempDir()
	future := prefix + "9999999990.z.1"
	for _, name := range []string{future, "notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if err := NewLog(dir, 0).Flush(); err != nil {
			t.Fatal(err)
		}
	}
	files := Files(dir)
	if len(files) != 4 || files[0] != future {
		t.Fatalf("the files in their order are %v", files)
	}
	for i, second := range []string{"9999999991", "9999999992", "9999999993"} {
		if !strings.HasPrefix(files[1+i], prefix+second+".") {
			t.Errorf("file %d is %s, want second %s", 1+i, files[1+i], second)
		}
	}
	fresh := t.TempDir()
	before := time.Now().Unix()
	if err := NewLog(fresh, 0).Flush(); err != nil {
		t.Fatal(err)
	}
	if second := last(fresh); second < before || second > time.Now().Unix() {
		t.Errorf("a new log has the second %d", second)
	}
}
