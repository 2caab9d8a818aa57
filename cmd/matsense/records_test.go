package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// recordFiles lists the files of a sweep's records.
func recordFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "runs", "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// recordLines returns the whole lines of a sweep's records, by run: each with its place.
func recordLines(t *testing.T, dir string) map[int]string {
	t.Helper()
	lines := map[int]string{}
	for _, path := range recordFiles(t, dir) {
		for i, line := range bytes.SplitAfter(read(t, path), []byte("\n")) {
			if !bytes.HasSuffix(line, []byte("\n")) { // being written, or the empty rest
				continue
			}
			run := int(parseJSON(t, line)["index"].(float64))
			if lines[run] != "" {
				t.Errorf("run %d is recorded twice", run)
			}
			lines[run] = fmt.Sprintf("%s:%d: %s", path, i, line)
		}
	}
	return lines
}

// recordOf returns a run's record.
func recordOf(t *testing.T, dir string, run int) object {
	t.Helper()
	_, line, _ := bytes.Cut([]byte(recordLines(t, dir)[run]), []byte(": "))
	return parseJSON(t, line)
}

// removeRecords removes the lines of some runs.
func removeRecords(t *testing.T, dir string, runs ...int) {
	t.Helper()
	for _, path := range recordFiles(t, dir) {
		var left []byte
		for line := range bytes.Lines(read(t, path)) {
			if !slices.Contains(runs, int(parseJSON(t, line)["index"].(float64))) {
				left = append(left, line...)
			}
		}
		if err := os.WriteFile(path, left, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
