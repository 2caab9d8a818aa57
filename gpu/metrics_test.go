package gpu

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/drivertest"
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

// rank returns a problem with the measurements of another and a truth of rank r.
func rank(t *testing.T, p *sensing.Problem, r int) *sensing.Problem {
	t.Helper()
	n1, n2 := p.Ensemble.Space().Dims()
	truth, err := sensing.NewRectTruth(n1, n2, r, 1, 1)
	if _, symmetric := p.Ensemble.Space().(sensing.Sym); symmetric {
		truth, err = sensing.NewTruth(n1, r, 1, 1)
	}
	must(t, err)
	return &sensing.Problem{Ensemble: p.Ensemble, Truth: truth}
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
	for _, c := range []struct {
		problem *sensing.Problem
		par     solver.Parametrization
		ranks   []int
		there   bool
	}{
		{rank(t, problem(t, 33, 120), 2), solver.PSD{}, []int{33}, true},
		{rank(t, problem(t, 33, 120), 1), solver.PSD{}, []int{40, 40}, true},
		{rank(t, rectProblem(t, 21, 30, 120), 2), solver.UV{}, []int{25}, true},
		{rank(t, problem(t, 25, 120), 2), solver.Indefinite{}, []int{11, 11}, true},
		{rank(t, problem(t, 33, 120), 2), solver.PSD{}, []int{7}, true},
		{rank(t, problem(t, 33, 120), 9), solver.PSD{}, []int{27}, false}, // few beside r*
		{rank(t, rectProblem(t, 5, 19, 70), 1), solver.Deep{Depth: 2}, []int{21}, false},
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
			var jobs []solver.Job
			for i, r := range c.ranks {
				jobs = append(jobs, solver.Job{Method: solver.GD{StepSize: 0.1}, Settings: solver.Settings{
					Start: solver.Random{Alpha: 1e-3, Seed: uint64(i)}, Parametrization: c.par, FactorRank: r,
					Iterations: 1, MeasureEvery: 1,
					Recorder: recorded(func(solver.Sample) { last = device.Live() }),
				}})
			}
			solveAll(t, c.problem, b, jobs)
			if float64(last) != want {
				t.Errorf("%d bytes are held while measuring, and %.0f planned", last, want)
			}
		})
	}
}

// watched is gradient descent that holds the loop to its promise: from one step to the next nothing moves
// between host and device, unless a sample was taken.
type watched struct {
	solver.GD
	t     *testing.T
	bus   *drivertest.Bus
	every int
	last  *drivertest.Bus // what was counted when a last step had been taken
}

func (w watched) Step(m *solver.Member, k int) error {
	if moved := w.bus.Since(*w.last).Moved(); k > 1 && k%w.every != 0 && moved != 0 {
		w.t.Errorf("%d bytes are moved before step %d", moved, k) // the first step uploads lists
	}
	before := *w.bus
	err := w.GD.Step(m, k)
	if moved := w.bus.Since(before).Moved(); moved != 0 {
		w.t.Errorf("%d bytes are moved in step %d", moved, k)
	}
	*w.last = *w.bus
	return err
}

// TestMetricsOnDevice: samples of factors that are measured on the device agree with those of the CPU, member
// by member of a batch; a step moves nothing; and a sample moves few bytes after the first one, which uploads
// the truth and most lists. The bound is 3·n·r* + 10·r*² numbers for each member, with n the rows of W = U or
// W = [L; R]/√2: lists, dot products and losses count too.
func TestMetricsOnDevice(t *testing.T) {
	t.Parallel()
	completion := func(n, m int) *sensing.Problem {
		e, err := sensing.NewCompletion(sensing.Sym{N: n}, m, 1)
		must(t, err)
		return &sensing.Problem{Ensemble: e}
	}
	for _, c := range []struct {
		problem       *sensing.Problem
		par           solver.Parametrization
		ranks         []int
		alpha         float64
		every, rounds int
	}{
		{rank(t, completion(40, 700), 2), solver.PSD{}, []int{40}, 1e-6, 20, 7},
		{rank(t, completion(40, 700), 3), solver.PSD{}, []int{40, 37}, 1e-6, 20, 5},
		{rank(t, problem(t, 20, 150), 1), solver.PSD{}, []int{20}, 1e-3, 10, 3}, // too small for the bound
		{rank(t, rectProblem(t, 20, 17, 200), 2), solver.UV{}, []int{18, 20}, 1e-3, 10, 3},
		{rank(t, problem(t, 24, 120), 2), solver.Indefinite{}, []int{12, 11}, 1e-3, 10, 3},
	} {
		p := c.problem
		title := fmt.Sprintf("%s/%s/%v/rank=%d", p.Ensemble.Name(), c.par.Name(), c.ranks, p.Truth.Rank())
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
			counts := through(&b)
			n, n2 := p.Ensemble.Space().Dims()
			if c.par != (solver.PSD{}) {
				n += n2
			}
			r := p.Truth.Rank()
			most := int64(len(c.ranks) * 8 * (3*n*r + 10*r*r))
			run := func(b solver.Backend, device bool) []solver.Trajectory {
				all := make([]solver.Trajectory, len(c.ranks))
				var jobs []solver.Job
				var last drivertest.Bus
				for i, factorRank := range c.ranks {
					method := solver.Method(solver.GD{StepSize: 0.25})
					if device {
						method = watched{solver.GD{StepSize: 0.25}, t, counts, c.every, &last}
					}
					jobs = append(jobs, solver.Job{Method: method, Settings: solver.Settings{
						Start: solver.Random{Alpha: c.alpha, Seed: 5 + uint64(i)}, Parametrization: c.par,
						FactorRank: factorRank, Iterations: c.every * c.rounds, MeasureEvery: c.every,
						Recorder: recorded(func(s solver.Sample) {
							must(t, all[i].Record(s))
							if i > 0 || !device {
								return
							}
							sample := counts.Since(last)
							t.Logf("the sample at %d and the gradient move %d bytes, of %d; %d launches, %d waits",
								s.Iteration, sample.Moved(), most, sample.Launches, sample.Waits)
							if s.Iteration > 0 && sample.Moved() > most && n > 30 {
								t.Errorf("the sample at %d moves %d bytes, more than %d", s.Iteration,
									sample.Moved(), most)
							}
						}),
					}})
				}
				solveAll(t, p, b, jobs)
				return all
			}
			got, want := run(b, true), run(cpu.Backend{}, false)
			for i := range want {
				for j, s := range want[i] {
					compareSamples(t, got[i][j], s, r)
				}
			}
		})
	}
}

// compareSamples compares samples to 1e-9, and to rounding errors of the factor's norm.
func compareSamples(t *testing.T, got, want solver.Sample, rank int) {
	t.Helper()
	const digits = 3e-14
	top := want.Sigma[0]
	near := func(name string, got, want, floor float64) {
		t.Helper()
		if !(math.Abs(got-want) <= 1e-9*math.Abs(want)+floor) && !(math.IsNaN(want) && math.IsNaN(got)) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	near("train loss", got.TrainLoss, want.TrainLoss, 0)
	near("test error", got.TestError, want.TestError, digits*max(top*top, 1))
	near("learned rank", got.Value("learned_rank"), want.Value("learned_rank"), 0)
	near("its error", got.Value("learned_rank_error"), want.Value("learned_rank_error"), 1e-7)
	near("signal", got.Signal, want.Signal, digits*top)
	near("noise", got.Noise, want.Noise, digits*top)
	near("angle", got.Angle, want.Angle, digits*top/want.Signal)
	near("spectral angle", got.SpectralAngle, want.SpectralAngle, digits*top/want.Sigma[rank-1])
	near("imbalance", got.Imbalance, want.Imbalance, digits*top*top)
	if got.Iteration != want.Iteration || len(got.Sigma) != len(want.Sigma) {
		t.Fatalf("%d singular values at iteration %d, want %d at %d", len(got.Sigma), got.Iteration,
			len(want.Sigma), want.Iteration)
	}
	for j, v := range got.Sigma {
		near(fmt.Sprintf("σ_%d", j+1), v, want.Sigma[j], digits*top)
	}
}
