package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSweepReportOfPart: merge writes the report of what is there, which says that it is not all.
func TestSweepReportOfPart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	must(t, exitDone, "sweep", sweepFile(t, smallSweep), "--out", dir, "--shard", "1/2")
	if exists(dir, "report.html") {
		t.Error("a part has a report of its own")
	}
	must(t, exitFailed, "sweep", "merge", dir)
	page := string(read(t, dir, "report.html"))
	for _, want := range []string{"Not complete.", "6 not there yet", "6 of 12"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "sweep-test_error-vs-alpha.svg")); err != nil {
		t.Error(err)
	}
}
