// Package browsertest opens the reports of the built command in Chromium and compares what a reader sees with
// the files beside them. It is a module of its own, so that no user's module graph has the browser's driver:
//
//	cd internal/browsertest && go test -count=1 ./...
//
// Go's cache of test results does not know that the tests depend on the command's source; -count=1 bypasses
// it.
package browsertest

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// program is the command, built once for all tests.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "matsense-test-")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "matsense")
	build := exec.Command("go", "build", "-o", program, "./cmd/matsense")
	build.Dir = filepath.Join("..", "..")
	if text, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, text)
		os.RemoveAll(dir)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// matsense runs a command line, which must succeed, with a new directory for its results, which it returns.
func matsense(t *testing.T, args ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "out")
	if text, err := exec.Command(program, append(args, "--out", dir)...).CombinedOutput(); err != nil {
		t.Fatalf("matsense %q: %v\n%s", args, err, text)
	}
	return dir
}

// runSmall carries out a run that takes milliseconds, with more flags, and returns its directory.
func runSmall(t *testing.T, flags ...string) string {
	t.Helper()
	small := []string{"run", "--n", "10", "--rank", "2", "--measurements", "150", "--iterations", "60"}
	return matsense(t, slices.Concat(small, flags)...)
}

// sweep carries out the sweep that a text describes and returns its directory.
func sweep(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return matsense(t, "sweep", file)
}

func read(t *testing.T, path ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// table reads a file of comma-separated values: its header and its rows.
func table(t *testing.T, path ...string) (head []string, rows [][]string) {
	t.Helper()
	all, err := csv.NewReader(bytes.NewReader(read(t, path...))).ReadAll()
	if err != nil || len(all) == 0 {
		t.Fatalf("%s: %v", filepath.Join(path...), err)
	}
	return all[0], all[1:]
}

// parse reads a number.
func parse(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
