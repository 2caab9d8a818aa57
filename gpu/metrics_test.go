package gpu

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// recorded is a recorder that calls a function.
type recorded func(s solver.Sample)

// Record implements solver.Recorder.
func (f recorded) Record(s solver.Sample) error {
	f(s)
	return nil
}

// batchFor returns the batch that SolveAll opens for jobs of gradient descent with the given factor ranks.
func batchFor(p *sensing.Problem, par solver.Parametrization, ranks ...int) solver.Batch {
	b := solver.Batch{Parametrization: par, Needs: solver.GD{}.Needs()}
	var measured []solver.Measured
	for range ranks {
		b.FactorRanks = append(b.FactorRanks, slices.Max(ranks))
	}
	for _, r := range ranks {
		measured = append(measured, solver.Measured{FactorRank: r, Rank: p.Truth.Rank()})
	}
	b.Metrics = solver.MetricsOf(p.Ensemble.Space(), par, true, measured...)
	return b
}

// descents are jobs of gradient descent, one for each factor rank.
func descents(par solver.Parametrization, iterations int, record func(job int, s solver.Sample), ranks ...int,
) (jobs []solver.Job) {
	for i, r := range ranks {
		jobs = append(jobs, solver.Job{Method: solver.GD{StepSize: 0.1}, Settings: solver.Settings{
			Start: solver.Random{Alpha: 1e-3, Seed: uint64(i)}, Parametrization: par, FactorRank: r,
			Iterations: iterations, MeasureEvery: 1,
			Recorder: recorded(func(s solver.Sample) { record(i, s) }),
		}})
	}
	return jobs
}

// solveAll carries out jobs together.
func solveAll(t *testing.T, p *sensing.Problem, b solver.Backend, jobs []solver.Job) {
	t.Helper()
	must(t, solver.SolveAll(context.Background(), p, b, len(jobs), jobs,
		func(_ int, _ *solver.Result, err error) { must(t, err) }))
}

// TestMetricMemory: while factors are measured, the device holds what the plan says to the byte: matrices of
// metrics if they are measured there, and nothing of metrics if the host measures them.
func TestMetricMemory(t *testing.T) {
	rank := func(p *sensing.Problem, r int) *sensing.Problem {
		n1, n2 := p.Ensemble.Space().Dims()
		truth, err := sensing.NewRectTruth(n1, n2, r, 1, 1)
		if _, symmetric := p.Ensemble.Space().(sensing.Sym); symmetric {
			truth, err = sensing.NewTruth(n1, r, 1, 1)
		}
		must(t, err)
		return &sensing.Problem{Ensemble: p.Ensemble, Truth: truth}
	}
	for _, c := range []struct {
		problem *sensing.Problem
		par     solver.Parametrization
		ranks   []int
		there   bool
	}{
		{rank(problem(t, 33, 120), 2), solver.PSD{}, []int{33}, true},
		{rank(problem(t, 33, 120), 1), solver.PSD{}, []int{40, 40}, true},
		{rank(rectProblem(t, 21, 30, 120), 2), solver.UV{}, []int{25}, true},
		{rank(problem(t, 25, 120), 2), solver.Indefinite{}, []int{11, 11}, true},
		{rank(problem(t, 33, 120), 2), solver.PSD{}, []int{7}, true},
		{rank(problem(t, 33, 120), 9), solver.PSD{}, []int{27}, false}, // few beside r*
		{rank(rectProblem(t, 5, 19, 70), 1), solver.Deep{Depth: 2}, []int{21}, false},
	} {
		title := fmt.Sprintf("%s/%v/rank=%d", c.par.Name(), c.ranks, c.problem.Truth.Rank())
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			batch := batchFor(c.problem, c.par, c.ranks...)
			if there := batch.Metrics.Width > 0; there != c.there {
				t.Fatalf("measured on the device: %v, want %v", there, c.there)
			}
			b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
			device := emulator.New(emulator.Config{})
			b.Connect = func() (driver.Device, error) { return device, nil }
			e, err := newEngine(b, c.problem.Ensemble, batch)
			must(t, err)
			want := e.metrics.Bytes(len(c.ranks))
			for _, buffer := range e.buffers() {
				want += float64(buffer.bytes)
			}
			if foretold, err := b.Memory(c.problem, batch); err != nil || foretold < want {
				t.Errorf("%.0f bytes are foretold and %.0f held: %v", foretold, want, err)
			}
			var last int64
			solveAll(t, c.problem, b, descents(c.par, 1, func(int, solver.Sample) { last = device.Live() },
				c.ranks...))
			if float64(last) != want {
				t.Errorf("%d bytes are held while measuring, and %.0f planned", last, want)
			}
		})
	}
}
