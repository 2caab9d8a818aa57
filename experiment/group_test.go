package experiment

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// cpuHost is a machine with the given memory and no GPU.
func cpuHost(memory float64) Host {
	return Host{
		Auto: func() ([]string, string) { return []string{"cpu"}, "" },
		Backend: func(p Place) (solver.Backend, error) {
			return cpu.Backend{Storage: solver.Storage(p.Storage), Precision: solver.Precision(p.Precision),
				Workers: p.Workers}, nil
		},
		Memory: func(solver.Backend) (float64, error) { return memory, nil },
	}
}

// members are configurations that share one problem.
func members(t *testing.T) []config.Config {
	var configs []config.Config
	for _, own := range []string{
		"alpha=1e-6", "alpha=1e-3 factor-rank=3", "alpha=1e-3 start-seed=7", "init=spectral",
		"step=0.1 iterations=17 measure-every=3",
		"step=90 alpha=1", "target-loss=1e-4 iterations=600",
	} {
		c := configOf(t, append(strings.Fields("n=12 rank=2 measurements=300 entries=q8 precision=auto "+
			"storage=memory noise=0.01 iterations=60"), strings.Fields(own)...)...)
		configs = append(configs, c)
	}
	return configs
}

// TestGroup: each member of a group gives the results of a run in its own directory, including the summary,
// apart from times and memory.
func TestGroup(t *testing.T) {
	host := cpuHost(1e9)
	for _, together := range []int{0, 1, 3} {
		g, err := PlanGroup(members(t), together, host)
		if err != nil {
			t.Fatal(err)
		}
		if together == 0 && g.Together != len(g.Configs) {
			t.Errorf("%d runs go together, and there is memory for all %d", g.Together, len(g.Configs))
		}
		told := 0
		err = g.Run(context.Background(), nil, nil, func(i int, got *Run, err error) {
			told++
			if err != nil {
				t.Fatal(err)
			}
			plan, err := NewPlan(members(t)[i], host)
			if err != nil {
				t.Fatal(err)
			}
			want, err := plan.Run(context.Background(), Options{Dir: filepath.Join(t.TempDir(), "run")},
				silent{})
			if err != nil {
				t.Fatal(err)
			}
			if a, b := string(got.Config.YAML()), string(want.Config.YAML()); a != b {
				t.Errorf("member %d is\n%s, alone\n%s", i, a, b)
			}
			for _, s := range []*Summary{got.Summary, want.Summary} {
				s.SecondsTotal, s.SecondsStepping, s.MemoryPlanned, s.Final.Seconds = 0, 0, 0, 0
				for _, m := range []*Metrics{s.Phases.AlignmentEnd, s.Phases.SaddleEnd, s.Phases.FloorStart} {
					if m != nil {
						m.Seconds = 0
					}
				}
			}
			var a, b bytes.Buffer
			if err := errors.Join(got.Summary.write(&a), want.Summary.write(&b)); err != nil {
				t.Fatal(err)
			}
			if a.String() != b.String() {
				t.Errorf("member %d comes to\n%s, alone to\n%s", i, &a, &b)
			}
			if len(got.Trajectory) != len(want.Trajectory) {
				t.Fatalf("member %d has %d samples, alone %d", i, len(got.Trajectory), len(want.Trajectory))
			}
			for j, s := range got.Trajectory {
				if w := want.Trajectory[j]; s.TrainLoss != w.TrainLoss || s.TestError != w.TestError ||
					s.Angle != w.Angle {
					t.Fatalf("member %d differs at iteration %d", i, s.Iteration)
				}
			}
		})
		if err != nil || told != len(g.Configs) {
			t.Errorf("with %d together %d of %d members ended: %v", together, told, len(g.Configs), err)
		}
	}
}

// TestTogether: as many runs go together as the memory allows, and more are refused when asked for.
func TestTogether(t *testing.T) {
	all, err := PlanGroup(members(t), 0, cpuHost(1e9))
	if err != nil {
		t.Fatal(err)
	}
	one, err := PlanGroup(members(t), 1, cpuHost(1e9))
	if err != nil {
		t.Fatal(err)
	}
	tight := (one.Plan.Bytes + (all.Plan.Bytes-one.Plan.Bytes)/2) / usableFraction
	some, err := PlanGroup(members(t), 0, cpuHost(tight))
	if err != nil || some.Together < 2 || some.Together >= all.Together ||
		some.Plan.Bytes > usableFraction*tight {
		t.Errorf("%d runs go together, and there is memory for half: %v", some.Together, err)
	}
	if _, err := PlanGroup(members(t), all.Together, cpuHost(tight)); err == nil {
		t.Error("more runs than there is memory for go together")
	}
	other := members(t)
	other[3] = configOf(t, "n=13", "rank=2")
	if _, err := PlanGroup(other, 0, cpuHost(1e9)); err == nil {
		t.Error("another problem was taken into the group")
	}
}

// Symptom: sweeps of user data failed, because the sizes in the files' headers were compared with settings
// that were not given.
func TestGroupOfUserData(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "t.csv")
	if err := os.WriteFile(path, []byte("0,0,1\n0,1,0.5\n1,1,0.25\n2,2,1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	first, second := configOf(t, "triplets="+path, "factor-rank=1"), configOf(t, "triplets="+path,
		"factor-rank=2")
	g, err := PlanGroup([]config.Config{first, second}, 0, cpuHost(1e9))
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Configs) != 2 || g.Configs[0].N != 3 || g.Configs[1].Measurements != 4 {
		t.Errorf("%+v", g.Configs)
	}
}

// TestStochasticGroup: a stochastic method gives the same bits alone and in a group with methods that draw
// nothing.
func TestStochasticGroup(t *testing.T) {
	h := Host{
		Auto: func() ([]string, string) { return []string{"cpu"}, "" },
		Backend: func(p Place) (solver.Backend, error) {
			return cpu.Backend{Storage: solver.Storage(p.Storage), Precision: solver.Precision(p.Precision),
				Workers: 2}, nil
		},
		Memory: func(solver.Backend) (float64, error) { return 1e9, nil },
	}
	var all []config.Config
	for _, settings := range []string{"method=sgd batch-size=20", "method=gd",
		"method=rsgd batch-size=90 alpha=0.5 factor-rank=2", "method=sgd batch-size=20 method-seed=4",
		"method=rgd alpha=0.5 factor-rank=2"} {
		c := configOf(t, append(strings.Fields(settings), "n=10", "rank=2", "iterations=20", "device=cpu",
			"storage=memory")...)
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	ends := func(configs []config.Config, together int) (losses []float64) {
		g, err := PlanGroup(configs, together, h)
		if err != nil {
			t.Fatal(err)
		}
		losses = make([]float64, len(configs))
		err = g.Run(context.Background(), nil, nil, func(i int, r *Run, err error) {
			if err != nil {
				t.Fatal(err)
			}
			losses[i] = float64(r.Summary.Final.TrainLoss)
		})
		if err != nil {
			t.Fatal(err)
		}
		return losses
	}
	together, alone := ends(all, 3), []float64{}
	for _, c := range all {
		alone = append(alone, ends([]config.Config{c}, 1)...)
	}
	if !slices.Equal(together, alone) || together[0] == together[3] {
		t.Errorf("together %v, alone %v", together, alone)
	}
}

// Symptom: runs with different losses shared no measurements in a sweep, because the loss was the engine's.
func TestGroupOfLosses(t *testing.T) {
	var all []config.Config
	for _, settings := range []string{
		"loss=l1 method=scaled-subgradient optimal-value=0.01", "loss=squared", "loss=huber method=polyak-gd",
		"loss=huber huber-threshold=0.5", "loss=l1 step=0.01 step-decay=geometric:0.9", "method=scaled-gd",
	} {
		all = append(all, configOf(t, append(strings.Fields("n=10 rank=2 factor-rank=2 measurements=150 "+
			"outliers=0.1 iterations=25 init=spectral"), strings.Fields(settings)...)...))
	}
	for _, together := range []int{0, 2} { // with 2, a member gets another loss when a run ends
		g, err := PlanGroup(slices.Clone(all), together, cpuHost(1e9))
		if err != nil {
			t.Fatal(err)
		}
		err = g.Run(context.Background(), nil, nil, func(i int, got *Run, err error) {
			if err != nil {
				t.Fatal(err)
			}
			plan, err := NewPlan(all[i], cpuHost(1e9))
			if err != nil {
				t.Fatal(err)
			}
			want, err := plan.Run(context.Background(), Options{Dir: filepath.Join(t.TempDir(), "run")},
				silent{})
			if err != nil {
				t.Fatal(err)
			}
			a, b := got.Summary.Final, want.Summary.Final
			if a.TrainLoss != b.TrainLoss || a.TestError != b.TestError ||
				got.Summary.Status != want.Summary.Status {
				t.Errorf("run %d ends with f %v and error %v, and with %v and %v alone", i, a.TrainLoss,
					a.TestError, b.TrainLoss, b.TestError)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	mixed := configOf(t, strings.Fields("n=10 rank=2 loss=squared precision=mixed")...)
	other := configOf(t, strings.Fields("n=10 rank=2 loss=l1 precision=auto")...)
	if _, err := PlanGroup([]config.Config{mixed, other}, 0, cpuHost(1e9)); err == nil {
		t.Error("runs in mixed precision share an engine with runs whose loss has none")
	}
}
