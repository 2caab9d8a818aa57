// Command usermethod adds a method to matsense from outside its module, and uses it like one that comes with
// matsense: in a run directory, in a run that goes on, and in a sweep over the method's setting.
//
//	go mod tidy && go run .
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/solver"
)

// decaying is gradient descent with steps that get shorter, U ← U − μ/(1 + decay·k)·∇f(U) at iteration k.
type decaying struct{ step, decay float64 }

func (decaying) Name() string        { return "decaying-gd" }
func (decaying) Needs() solver.Needs { return solver.Needs{Gradient: true} }

func (d decaying) Step(m *solver.Member, iteration int) error {
	if err := m.Gradient(); err != nil {
		return err
	}
	mu := d.step / (1 + d.decay*float64(iteration))
	return m.Combine(solver.Iterate, 1, solver.Iterate, -mu, solver.Gradient)
}

// entry is what the catalog says of the method.
var entry = config.Method{
	Entry: config.Entry{
		Name:     "decaying-gd",
		About:    "U ← U − μ/(1 + decay·k)·∇f(U): gradient descent with steps that get shorter",
		Declared: []config.Setting{{Key: "decay", Help: "how fast steps get shorter", Default: 0.001}},
		Check: func(c *config.Config, m *config.Mistakes) {
			decay := c.Float("decay")
			m.Finite("decay", decay, decay >= 0, "zero or positive")
		},
	},
	Make: func(c *config.Config) solver.Method { return decaying{step: c.Step, decay: c.Float("decay")} },
}

// host is this machine: one device, the processor.
var host = experiment.Host{
	Auto:    func() ([]string, string) { return []string{"cpu"}, "" },
	Backend: func(experiment.Place) (solver.Backend, error) { return cpu.Backend{}, nil },
	Memory:  func(solver.Backend) (float64, error) { return 1e9, nil },
}

// quiet watches runs and sweeps, and says nothing.
type quiet struct{}

func (quiet) Notice(string)                        {}
func (quiet) Sample(solver.Sample)                 {}
func (quiet) Group(*experiment.Group, []sweep.Run) {}
func (quiet) Ended(*sweep.Record)                  {}

// watchedRun and watchedSweep are told how far a run and a sweep go.
type (
	watchedRun   struct{ quiet }
	watchedSweep struct{ quiet }
)

func (watchedRun) Begin(string, int, int) {}
func (watchedSweep) Begin(int, int)       {}

func main() {
	if err := config.RegisterMethod(entry); err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "usermethod-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := use(context.Background(), dir); err != nil {
		log.Print(err)
	}
}

// use runs the method, goes on with the run, and sweeps over the method's setting.
func use(ctx context.Context, dir string) error {
	c := config.Default()
	run := filepath.Join(dir, "run")
	for _, o := range []struct {
		options    experiment.Options
		iterations string
	}{
		{experiment.Options{Dir: run}, "100"},
		{experiment.Options{Dir: run, Resume: true}, "300"},
	} {
		for _, setting := range [][2]string{
			{"n", "20"}, {"rank", "2"}, {"method", "decaying-gd"}, {"decay", "0.0001"},
			{"iterations", o.iterations},
		} {
			f, known := c.Field(setting[0])
			if !known {
				return fmt.Errorf("there is no setting %s", setting[0])
			}
			if err := f.Set(setting[1], setting[0]); err != nil {
				return err
			}
		}
		plan, err := experiment.NewPlan(c, host)
		if err != nil {
			return err
		}
		out, err := plan.Run(ctx, o.options, watchedRun{})
		if err != nil {
			return err
		}
		s := out.Summary
		fmt.Printf("%s, decay %g: test error %.1e after %d iterations\n",
			out.Config.Method, out.Config.Float("decay"), float64(s.Final.TestError), s.Iterations)
	}

	spec, err := sweep.Parse("sweep.yaml",
		[]byte("base: {n: 20, rank: 2, method: decaying-gd}\naxes: [{decay: [0, 0.001, 0.1]}]\n"))
	if err != nil {
		return err
	}
	plan, err := sweep.NewPlan(ctx, spec, sweep.Options{}, host)
	if err != nil {
		return err
	}
	results, _, err := plan.Run(ctx, sweep.Where{Dir: filepath.Join(dir, "sweep")}, watchedSweep{})
	if err != nil {
		return err
	}
	for _, r := range results.Records {
		fmt.Printf("sweep, decay %s: test error %.1e\n", r.Values[0], float64(r.Final.TestError))
	}
	return nil
}
