package sweep

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/solver"
)

// onHost is a machine with one device, the cpu.
func onHost() experiment.Host {
	return experiment.Host{
		Auto:    func() ([]string, string) { return []string{"cpu"}, "" },
		Backend: func(experiment.Place) (solver.Backend, error) { return cpu.Backend{}, nil },
		Memory:  func(solver.Backend) (float64, error) { return 1e9, nil },
	}
}

// TestInterruptedPlan: an interruption while the speed is measured ends the plan.
func TestInterruptedPlan(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := NewPlan(ctx, mustParse(t, "base: {n: 8, rank: 1}\nseeds: 2\n"), Options{}, onHost())
	if !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
}

// TestSaved: the runs of the part that have a checkpoint are counted; --force removes the checkpoints.
func TestSaved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "swept")
	checkpoints := filepath.Join(dir, checkpointDir)
	if err := os.MkdirAll(checkpoints, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"000000-000000007.zip", "000003-000000002.zip", "000009-000000001.zip"} {
		if err := os.WriteFile(filepath.Join(checkpoints, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := mustParse(t, "base: {n: 8, rank: 1}\nseeds: 4\n")
	p, err := NewPlan(context.Background(), s, Options{}, onHost())
	if err != nil {
		t.Fatal(err)
	}
	if saved, err := p.Saved(dir); err != nil || saved != 2 {
		t.Errorf("%d of runs 0 to 3 are saved, and there are 0, 3 and another's: %v", saved, err)
	}
	if err := os.WriteFile(filepath.Join(dir, SpecFile), s.YAML(), 0o644); err != nil {
		t.Fatal(err)
	}
	release, err := p.take(Where{Dir: dir, Force: true})
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if _, err := os.Stat(checkpoints); err == nil {
		t.Error("--force leaves the checkpoints of the sweep before")
	}
}
