package reproduce

import (
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/sweep"
)

// fallUntilTarget gives an observation a trajectory of each iteration up to the target, or of 200 if it is
// not reached, whose errors fall by a law of the share of these iterations.
func (o *observation) fallUntilTarget(fall func(share float64) float64) {
	last := 200
	if o.Targets[0] != nil {
		last = *o.Targets[0]
	}
	o.Trajectory = nil
	for j := range last + 1 {
		o.Trajectory = append(o.Trajectory, sweep.Point{
			Iteration: j, TestError: fall(float64(j) / float64(last)),
		})
	}
}

// methodGrid makes observations of some methods whose steps to the target follow a law; 0 steps mean that the
// target is not reached.
func methodGrid(kappas, alphas []float64, laws map[string]func(kappa, alpha float64) float64) []observation {
	var all []observation
	for method, law := range laws {
		for _, alpha := range alphas {
			all = slices.Concat(all, grid(kappas, func(o *observation, kappa, wobble float64) {
				o.Method, o.Kappa, o.Alpha = method, kappa, alpha
				steps := int(wobble * law(kappa, alpha))
				o.takes(steps)
			}))
		}
	}
	return all
}

// takes says after how many steps a run reaches its target; or, negative, after how many it ended without.
func (o *observation) takes(steps int) {
	if o.Targets = []*int{&steps}; steps <= 0 {
		o.Targets[0], o.Final.Iteration = nil, -steps
	}
}

type law = func(kappa, alpha float64) float64

// observe makes an observation. What change leaves alone has a value that no verdict objects to.
func observe(change func(o *observation)) observation {
	floor, align, saddle := 100, 10, 50
	recovered := true
	o := observation{config.Default(), &sweep.Record{
		Status: "budget-spent", Recovered: &recovered,
		FloorStart: &floor, AlignmentEnd: &align, SaddleEnd: &saddle,
		EstimateAngle: 0.2, ClosestAngle: 0.001, ClosestIteration: &saddle,
		Trajectory: []sweep.Point{
			{Iteration: 0, TrainLoss: 1, TestError: 1}, {Iteration: 10, TestError: 0.99},
			{Iteration: 100, TestError: 1e-6},
		},
		Final: sweep.Point{Iteration: 200, TrainLoss: 1e-12, TestError: 1e-6, SpectralAngle: 0.2},
	}}
	o.N, o.Rank, o.FactorRank, o.Measurements = 40, 2, 40, 800
	change(&o)
	return o
}

// through gives a run a point half-way, like that of its start, and a last one.
func (o *observation) through(steps int, halfway, end sweep.Point) {
	start := halfway
	halfway.Iteration, end.Iteration, o.Record.Iterations = steps/2, steps, steps
	o.Trajectory, o.Final = []sweep.Point{start, halfway, end}, end
}

// grid makes an observation for each value and each of four seeds, with a factor that differs a little from
// seed to seed.
func grid(values []float64, change func(o *observation, value, wobble float64)) []observation {
	var all []observation
	for seed := range 4 {
		for _, value := range values {
			all = append(all, observe(func(o *observation) {
				o.Seed, o.StartSeed = uint64(seed), uint64(seed)
				change(o, value, 1+0.01*float64(seed))
			}))
		}
	}
	return all
}

func expect(t *testing.T, what string, v Verdict, want Status) {
	t.Helper()
	if v.Status != want {
		t.Errorf("%s: %s, want %s\n%s", what, v.Status, want, strings.Join(v.Findings, "\n"))
	}
	if len(v.Findings) == 0 {
		t.Errorf("%s: a verdict without numbers", what)
	}
}

var alphas = []float64{1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3}
