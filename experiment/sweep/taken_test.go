package sweep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/solver"
)

// quiet is a progress that nobody sees.
type quiet struct{}

func (quiet) Begin(int, int)                 {}
func (quiet) Group(*experiment.Group, []Run) {}
func (quiet) Notice(string)                  {}
func (quiet) Ended(*Record)                  {}

// TestDeviceTakenMeanwhile: if another process takes the device while a sweep goes on, the sweep ends with
// the reason. The runs that were to come are not recorded as failed.
func TestDeviceTakenMeanwhile(t *testing.T) {
	taken := false
	h := experiment.Host{
		Auto:    func() ([]string, string) { return []string{"cpu"}, "" },
		Backend: func(experiment.Place) (solver.Backend, error) { return cpu.Backend{Workers: 1}, nil },
		Memory: func(solver.Backend) (float64, error) {
			if taken {
				return 0, fmt.Errorf("in exclusive mode: %w", experiment.ErrUnavailable)
			}
			return 1e9, nil
		},
	}
	s := mustParse(t, "base: {n: 5, rank: 2, iterations: 2}\naxes: [kappa: [1, 2]]\n")
	p, err := NewPlan(context.Background(), s, Options{}, h)
	if err != nil {
		t.Fatal(err)
	}
	taken = true
	dir := filepath.Join(t.TempDir(), "sweep")
	_, failures, err := p.Run(context.Background(), Where{Dir: dir}, quiet{})
	if !errors.Is(err, experiment.ErrUnavailable) || failures != 0 {
		t.Errorf("%d failures, %v", failures, err)
	}
	if r, err := Load(dir); err != nil || len(r.Records) != 0 {
		t.Errorf("records of runs that were not begun: %v, %v", r, err)
	}
	taken = false
	if r, failures, err := p.Run(context.Background(), Where{Dir: dir, Resume: true}, quiet{}); err != nil ||
		failures != 0 || len(r.Records) != 2 {
		t.Errorf("resumed: %d failures, %v", failures, err)
	}
}

// TestForceKilled: while --force removes the old results, the directory holds a sweep all the time, so that
// the same command replaces it after its process was killed.
func TestForceKilled(t *testing.T) {
	dir := t.TempDir()
	old := mustParse(t, "base: {n: 5, rank: 2, iterations: 2}\n")
	for name, text := range map[string]string{SpecFile: string(old.YAML()), "report.html": "", "runs.csv": "",
		FigurePrefix + "a.svg": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := removeResults(dir); err != nil { // and here the process is killed
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 || !Holds(dir) {
		t.Errorf("there are %v: %v", entries, err)
	}
	p, err := NewPlan(context.Background(), mustParse(t, "base: {n: 6, rank: 2, iterations: 2}\n"), Options{},
		onHost())
	if err != nil {
		t.Fatal(err)
	}
	r, failures, err := p.Run(context.Background(), Where{Dir: dir, Force: true}, quiet{})
	if err != nil || failures != 0 || len(r.Records) != 1 {
		t.Errorf("%v, %d failures, %v", r, failures, err)
	}
}

// TestLeftoversAreRemoved: the whole sweep removes what a killed process has left of files; a part does not,
// since others may be writing them.
func TestLeftoversAreRemoved(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, recordsDir), 0o755); err != nil {
		t.Fatal(err)
	}
	s := mustParse(t, "base: {n: 5, rank: 2, iterations: 2}\nseeds: 2\n")
	left := []string{".tmp-sweep.yaml-1", ".tmp-sweep-a.png-2", recordsDir + "/.tmp-3"}
	for _, name := range append(left, SpecFile) {
		if err := os.WriteFile(filepath.Join(dir, name), s.YAML(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, shards := range []int{2, 1} {
		want := shards == 2
		p, err := NewPlan(context.Background(), s, Options{NamedPart: NamedPart{Shards: shards, By: ByFlag}},
			onHost())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, _, err = p.Run(ctx, Where{Dir: dir, Resume: true}, quiet{})
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		for _, name := range left {
			if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != want {
				t.Errorf("%d parts: %s: %v", shards, name, err)
			}
		}
	}
}
