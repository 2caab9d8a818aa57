package sweep

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/matsense/matsense/experiment"
)

// hushed is the progress of a sweep that nobody follows.
type hushed struct{}

func (hushed) Begin(int, int)                 {}
func (hushed) Group(*experiment.Group, []Run) {}
func (hushed) Notice(string)                  {}
func (hushed) Ended(*Record)                  {}

// TestTally: the counts are those of the records, also while a line is being written, after a run that failed
// was repeated, and when the records were replaced.
func TestTally(t *testing.T) {
	dir := t.TempDir()
	s := mustParse(t, "base: {n: 8, rank: 1, measurements: 60, iterations: 20}\naxes: [{step: [0.25, 40]}]\nseeds: 3\n")
	p, err := NewPlan(t.Context(), s, Options{}, onHost())
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := p.Run(t.Context(), Where{Dir: dir}, hushed{})
	if err != nil {
		t.Fatal(err)
	}
	if left := LiveFiles(dir); len(left) > 0 {
		t.Errorf("the sweep leaves %q", left)
	}
	diverged := 0
	for _, rec := range r.Records {
		if rec.Diverged() {
			diverged++
		}
	}
	var tally Tally
	check := func(what string, recorded, failed, diverged int) {
		t.Helper()
		if err := tally.Update(dir); err != nil {
			t.Fatal(err)
		}
		if a, b, c := tally.Counts(); a != recorded || b != failed || c != diverged {
			t.Errorf("%s: %d records, %d failed, %d diverged, want %d, %d and %d", what, a, b, c, recorded, failed,
				diverged)
		}
	}
	if diverged != 3 {
		t.Fatalf("%d runs diverge", diverged)
	}
	check("at the end", 6, 0, 3)
	check("again", 6, 0, 3)

	file := filepath.Join(dir, recordsDir, "000006-0123456789abcdef.jsonl")
	failure := newFailure(Run{Index: 6, Values: []string{`,"status":"diverged"`, "x", "y"}}, os.ErrClosed)
	line, err := failure.line()
	if err != nil {
		t.Fatal(err)
	}
	write := func(text []byte) {
		t.Helper()
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(line[:len(line)/2])
	check("with half a line", 6, 0, 3)
	write(line)
	check("with a run that failed", 7, 1, 3)
	again := *r.Records[0]
	again.Index = 6
	more, err := again.line()
	if err != nil {
		t.Fatal(err)
	}
	write(slices.Concat(line, more))
	check("with that run repeated", 7, 0, 3)
	write(line)
	check("with a file that is shorter", 7, 1, 3)
	if err := os.RemoveAll(filepath.Join(dir, recordsDir)); err != nil {
		t.Fatal(err)
	}
	check("without records", 0, 0, 0)
}

// TestLiveFilesOfParts: a part replaces its own file and removes those of other divisions, of which no
// process can be at work, but not those of the parts beside it.
func TestLiveFilesOfParts(t *testing.T) {
	dir := t.TempDir()
	s := mustParse(t, "base: {n: 8, rank: 1}\nseeds: 4\n")
	p, err := NewPlan(t.Context(), s, Options{NamedPart: NamedPart{Shard: 1, Shards: 2}}, onHost())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		".live.json", ".live-1-of-2.json", ".live-2-of-2.json", ".live-2-of-3.json",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.writeSpec(dir); err != nil {
		t.Fatal(err)
	}
	w := p.beginLive(dir, 0)
	w.stop() // after the first beat
	names := func() (names []string) {
		for _, path := range LiveFiles(dir) {
			names = append(names, filepath.Base(path))
		}
		return names
	}
	if got := names(); !slices.Equal(got, []string{".live-1-of-2.json", ".live-2-of-2.json"}) {
		t.Errorf("the files are %q", got)
	}
	l, err := ReadLive(filepath.Join(dir, ".live-2-of-2.json"))
	if err != nil || l.Part != 2 || l.Parts != 2 || l.Runs != p.Count() || l.PID != os.Getpid() {
		t.Errorf("the part tells %+v, %v", l, err)
	}
	w.end()
	if got := names(); !slices.Equal(got, []string{".live-1-of-2.json"}) {
		t.Errorf("after the end the files are %q", got)
	}
}
