package experiment

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/solver"
)

// TestMethodSettings: settings of momentum, mini-batches and the planted saddle are filled in, and mistakes in them are told with a word
// of what is right.
func TestMethodSettings(t *testing.T) {
	for _, c := range []struct{ settings, want string }{ // want is part of the one problem; "" is none
		{"method=momentum", ""},
		{"method=momentum momentum=0", ""},
		{"method=momentum momentum=1", "momentum must be at least 0 and less than 1, got 1"},
		{"method=momentum momentum=NaN", "and finite"},
		{"momentum=0.5", "momentum is for method momentum, and this is gd"},
		{"method=sgd", ""},
		{"method=sgd batch-size=100000", ""}, // with replacement there may be more than measurements
		{"method=sgd batch-size=0", "batch-size goes from 1"},
		{"method=momentum batch-size=3", "batch-size is for method sgd or rsgd, and this is momentum"},
		{"method=rgd method-seed=3", "and this is rgd"},
		{"method=sgd precision=mixed", "method sgd takes its steps in f64"},
		{"method=sgd precision=f32", "method sgd takes its steps in f64"},
		{"method=sgd parametrization=uv", ""},
		{"method=rgd parametrization=uv", "method rgd goes with parametrization psd, not uv"},
		{"method=rsgd parametrization=uv", "method rsgd goes with parametrization psd, not uv"},
		{"init=saddle factor-rank=2", ""},
		{"init=saddle factor-rank=2 alpha=0", ""},
		{"init=saddle factor-rank=2 alpha=-1", "alpha must be zero or positive, got -1"},
		{"init=saddle factor-rank=2 start-seed=7 parametrization=uv", ""},
		{"init=saddle factor-rank=3", "needs a factor-rank below rank, which is 3, got 3"},
		{"init=saddle", "got 100"},
		{"init=saddle matrices=A.npy observations=y.npy factor-rank=1", "add truth"},
		{"method=sgd matrices=A.npy observations=y.npy", ""},
		{"init=saddle rank=1 factor-rank=1", "needs rank 2 or more, got 1"},
	} {
		config := configOf(t, strings.Fields(c.settings)...)
		switch problems := problemsOf(t, config.Validate()); {
		case c.want == "" && problems != nil:
			t.Errorf("%s: %q", c.settings, problems)
		case c.want != "" && (len(problems) != 1 || !strings.Contains(problems[0], c.want)):
			t.Errorf("%s: %q, want … %s …", c.settings, problems, c.want)
		}
	}
	c := configOf(t, "method=rsgd", "factor-rank=3", "measurements=1234", "seed=9", "precision=auto")
	if err := c.Validate(); err != nil || c.BatchSize != 123 || c.MethodSeed != 9 || c.Momentum != 0 || c.Precision != "f64" {
		t.Errorf("filled in: batch-size %d, method-seed %d, momentum %v, precision %s (%v)", c.BatchSize, c.MethodSeed, c.Momentum, c.Precision, err)
	}
	c = configOf(t, "method=momentum")
	if err := c.Validate(); err != nil || c.Momentum != 0.9 || c.BatchSize != 0 || c.MethodSeed != 0 {
		t.Errorf("filled in: momentum %v, batch-size %d, method-seed %d (%v)", c.Momentum, c.BatchSize, c.MethodSeed, err)
	}
}

// TestPlantedStart: the start of init saddle is the truth without its largest column, and own data's truth is checked when it is there.
func TestPlantedStart(t *testing.T) {
	c := configOf(t, "n=9", "rank=3", "kappa=2", "factor-rank=2", "init=saddle", "alpha=0")
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	truth, err := c.truth()
	if err != nil {
		t.Fatal(err)
	}
	start, err := c.start(truth)
	if err != nil {
		t.Fatal(err)
	}
	f, err := start.Factor([]solver.Shape{{Rows: 9, Cols: 2}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for j := range 2 {
		for i := range 9 {
			if f[0].At(i, j) != truth.X().At(i, 1+j) {
				t.Fatalf("element (%d, %d) is %v, want %v", i, j, f[0].At(i, j), truth.X().At(i, 1+j))
			}
		}
	}
	c.FactorRank = 3
	if _, err := c.start(truth); len(problemsOf(t, err)) != 1 {
		t.Error("a saddle that misses nothing was planted")
	}
}

// TestStochasticGroup: runs of a group that draw are, to the bit, what each is alone, beside others that do not draw.
func TestStochasticGroup(t *testing.T) {
	h := Host{
		Auto: func() ([]string, string) { return []string{"cpu"}, "" },
		Backend: func(p Place) (solver.Backend, error) {
			return cpu.Backend{Storage: cpu.Storage(p.Storage), Precision: cpu.Precision(p.Precision), Workers: 2}, nil
		},
		Memory: func(solver.Backend) (float64, error) { return 1e9, nil },
	}
	var all []Config
	for _, settings := range []string{"method=sgd batch-size=20", "method=gd", "method=rsgd batch-size=90 alpha=0.5 factor-rank=2", "method=sgd batch-size=20 method-seed=4", "method=rgd alpha=0.5 factor-rank=2"} {
		c := configOf(t, append(strings.Fields(settings), "n=10", "rank=2", "iterations=20", "device=cpu", "storage=memory")...)
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	ends := func(configs []Config, seats int) (losses []float64) {
		g, err := PlanGroup(configs, seats, h)
		if err != nil {
			t.Fatal(err)
		}
		losses = make([]float64, len(configs))
		err = g.Run(context.Background(), func(i int, r *Run, err error) {
			if err != nil {
				t.Fatal(err)
			}
			losses[i] = r.Summary.Final.TrainLoss
		})
		if err != nil {
			t.Fatal(err)
		}
		return losses
	}
	together, alone := ends(all, 3), []float64{}
	for _, c := range all {
		alone = append(alone, ends([]Config{c}, 1)...)
	}
	if !slices.Equal(together, alone) || together[0] == together[3] {
		t.Errorf("together %v, alone %v", together, alone)
	}
}
