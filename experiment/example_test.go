package experiment_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// watcher counts samples.
type watcher struct{ samples int }

func (*watcher) Notice(string)          {}
func (*watcher) Begin(string, int, int) {}
func (w *watcher) Sample(solver.Sample) { w.samples++ }

// A plan is a configuration that was found sound. Run carries the plan out and writes a directory, which Open
// reads again.
func Example() {
	host := experiment.Host{
		Auto:    func() ([]string, string) { return []string{"cpu"}, "" },
		Backend: func(experiment.Place) (solver.Backend, error) { return cpu.Backend{}, nil },
		Memory:  func(solver.Backend) (float64, error) { return 1e9, nil },
	}
	c := config.Default()
	c.N, c.Rank, c.Iterations = 20, 2, 200
	plan, err := experiment.NewPlan(c, host)
	if err != nil {
		log.Fatal(err)
	}
	parent, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(parent)
	var w watcher
	dir := filepath.Join(parent, "run")
	out, err := plan.Run(context.Background(), experiment.Options{Dir: dir}, &w)
	if err != nil {
		log.Print(err)
		return
	}
	read, err := experiment.Open(dir)
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(*out.Summary.Recovered, w.samples, len(read.Trajectory))
	// Output: true 41 41
}
