package experiment

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/solver"
)

// noted collects a run's notices.
type noted struct{ notices []string }

func (n *noted) Notice(text string)     { n.notices = append(n.notices, text) }
func (n *noted) Begin(string, int, int) {}
func (n *noted) Sample(solver.Sample)   {}

// TestKeepNamesWhatFailed: if only trajectory.csv cannot be written, the checkpoint counts as written. Each
// fault is reported once, until all goes well again.
func TestKeepNamesWhatFailed(t *testing.T) {
	var said noted
	r := &running{plan: &Plan{}, dir: t.TempDir(), progress: &said, live: new(liveWriter)}
	if err := r.writeConfig(); err != nil { // without it, the directory would count as removed
		t.Fatal(err)
	}
	keep := func(iteration int, want ...string) {
		t.Helper()
		said.notices = nil
		if err := r.keep(solver.State{Iteration: iteration}); err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(said.notices, want, strings.Contains) {
			t.Errorf("at %d: %q, want %q", iteration, said.notices, want)
		}
	}
	blocked := filepath.Join(r.dir, trajectoryFile)
	if err := os.MkdirAll(filepath.Join(blocked, "in the way"), 0o755); err != nil {
		t.Fatal(err)
	}
	keep(10, blocked+" could not be written: file exists; the checkpoint at iteration 10 was written")
	keep(20)
	if r.kept != 20 || r.keepFailed != nil {
		t.Errorf("kept %d, %v", r.kept, r.keepFailed)
	}
	if err := os.RemoveAll(blocked); err != nil {
		t.Fatal(err)
	}
	keep(30)
	// A file where the checkpoints' folder should be.
	if err := os.RemoveAll(filepath.Join(r.dir, checkpointDir)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, checkpointDir), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	keep(40, "the checkpoint at iteration 40 could not be written, and there is none before it")
	if r.kept != 30 || r.keepFailed == nil {
		t.Errorf("kept %d, %v", r.kept, r.keepFailed)
	}
}
