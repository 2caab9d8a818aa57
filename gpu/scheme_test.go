package gpu

import (
	"context"
	"math"
	"testing"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestParametrizations: with each parametrization, every method and start that suits it does the same on the
// device as on the host.
func TestParametrizations(t *testing.T) {
	t.Parallel()
	truths := map[string]*sensing.Truth{}
	for name, draw := range map[string]func() (*sensing.Truth, error){
		"psd":        func() (*sensing.Truth, error) { return sensing.NewTruth(7, 3, 2, 1) },
		"uv":         func() (*sensing.Truth, error) { return sensing.NewRectTruth(7, 5, 3, 2, 1) },
		"deep":       func() (*sensing.Truth, error) { return sensing.NewRectTruth(7, 5, 3, 2, 1) },
		"indefinite": func() (*sensing.Truth, error) { return sensing.NewIndefiniteTruth(7, 3, 1, 2, 1) },
		"sparse":     func() (*sensing.Truth, error) { return sensing.NewSparseTruth(19, 3, 2, 1) },
	} {
		truth, err := draw()
		must(t, err)
		truths[name] = truth
	}
	spaces := map[string]sensing.Space{
		"psd": sensing.Sym{N: 7}, "uv": sensing.Rect{N1: 7, N2: 5}, "deep": sensing.Rect{N1: 7, N2: 5},
		"indefinite": sensing.Sym{N: 7}, "sparse": sensing.Rect{N1: 19, N2: 1},
	}
	methods := []solver.Method{
		solver.GD{StepSize: 0.1}, solver.Momentum{StepSize: 0.1, Momentum: 0.5},
		solver.Nesterov{StepSize: 0.1, Momentum: 0.5}, solver.PolyakGD{StepSize: 0.5},
		solver.ScaledGD{StepSize: 0.2}, solver.ScaledGDLambda{StepSize: 0.2, Lambda: 0.1},
		solver.PrecGD{StepSize: 0.2},
	}
	for _, par := range []solver.Parametrization{
		solver.PSD{}, solver.UV{}, solver.Indefinite{}, solver.Sparse{}, solver.Deep{Depth: 2},
		solver.Deep{Depth: 4},
	} {
		truth := truths[par.Name()]
		e, err := sensing.NewGaussian(spaces[par.Name()], 60, sensing.F32, 1)
		must(t, err)
		p := &sensing.Problem{Ensemble: e, Truth: truth, Noise: 0.01}
		rank, starts := 2, []solver.Start{
			solver.Random{Alpha: 0.5, Seed: 1}, solver.Spectral{}, solver.Spectral{Skip: 1},
			solver.Saddle{Truth: truth, Alpha: 0.1, Seed: 1},
		}
		if par == (solver.Sparse{}) {
			rank, starts = 1, append(starts, solver.Ones{Alpha: 0.1})
		}
		for at, start := range starts {
			if solver.Suits(start, par) != nil {
				continue
			}
			for _, m := range methods {
				if solver.Suits(m, par) != nil {
					continue
				}
				if at > 0 && m != methods[0] { // a start is independent of the method
					break
				}
				var ends [2]solver.Factor
				var samples [2]solver.Trajectory
				for i, b := range []solver.Backend{
					emulated(t, emulator.Config{}, solver.Memory, solver.F64), cpu.Backend{},
				} {
					res, err := solver.Solve(context.Background(), p, b, m, solver.Settings{
						Start: start, FactorRank: rank, Parametrization: par, Iterations: 4, MeasureEvery: 2,
						Recorder: &samples[i],
					})
					must(t, err)
					ends[i] = res.Factor
				}
				title := par.Name() + ", " + m.Name()
				for i, u := range ends[1] {
					backendtest.Close(t, title, ends[0][i].RawMatrix().Data, u.RawMatrix().Data, 1e-10)
				}
				for i, want := range samples[1] {
					got := samples[0][i]
					backendtest.Close(t, title+": the loss", []float64{got.TrainLoss},
						[]float64{want.TrainLoss}, 1e-10)
					if _, layered := par.(solver.Layered); layered {
						backendtest.Close(t, title+": the flatness", []float64{got.Flatness},
							[]float64{want.Flatness}, 1e-10)
					} else if !math.IsNaN(got.Flatness) {
						t.Errorf("%s: the flatness is %v", title, got.Flatness)
					}
				}
			}
		}
	}
}

// TestUnpaired: a deep product has no pairs to precondition with.
func TestUnpaired(t *testing.T) {
	e := openDeep(t, emulated(t, emulator.Config{}, solver.Memory, solver.F64),
		backendtest.EnsemblesOn(t, sensing.Rect{N1: 5, N2: 3}, 7)["rademacher"], 2)
	const want = "gpu: the parametrization deep has no pairs to precondition with"
	err := e.Precondition(0, solver.MethodSlot, solver.Gradient, 0)
	if err == nil || err.Error() != want {
		t.Errorf("the error is %v", err)
	}
}

// TestStepsDoNotWait: with every parametrization, steps of a batch only queue work, except for the first
// step. After a reset that holds again.
func TestStepsDoNotWait(t *testing.T) {
	for _, c := range []struct {
		par     solver.Parametrization
		problem *sensing.Problem
	}{
		{solver.PSD{}, problem(t, 7, 20)}, {solver.UV{}, rectProblem(t, 7, 5, 20)},
		{solver.Indefinite{}, problem(t, 7, 20)}, {solver.Sparse{}, rectProblem(t, 19, 1, 20)},
		{solver.Deep{Depth: 2}, rectProblem(t, 7, 5, 20)}, {solver.Deep{Depth: 4}, rectProblem(t, 7, 5, 20)},
	} {
		b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
		bus := through(&b)
		ranks := []int{3, 2}
		if c.par == (solver.Sparse{}) {
			ranks = []int{1, 1}
		}
		e, err := b.Open(context.Background(), c.problem, batchOf(c.par, ranks...))
		must(t, err)
		for range 2 {
			must(t, e.Reset(0, 1))
			for i := range 4 {
				if i == 1 {
					bus.Reset()
				}
				for member := range ranks {
					must(t, e.Combine(member, solver.Iterate, 1, solver.Iterate, -0.1, solver.Gradient))
				}
				must(t, e.Gradient(0, 1))
			}
			if bus.Waits != 0 {
				t.Errorf("%s waits %d times in three steps", c.par.Name(), bus.Waits)
			}
		}
		must(t, e.Close())
	}
}

// TestSchemeTraffic compares what the kernels around a contraction move with the counts of docs/kernels.md: a
// gradient launches each as often, and moves as many bytes, as it says.
func TestSchemeTraffic(t *testing.T) {
	const n1, n2, d = 37, 21, 5
	type moved struct{ launches, loaded, stored int64 }
	for _, c := range []struct {
		par     solver.Parametrization
		problem *sensing.Problem
		rank    int
		want    map[string]moved
	}{
		{solver.PSD{}, problem(t, n1, 20), d, nil},
		{solver.Indefinite{}, problem(t, n1, 20), d, map[string]moved{
			"join_columns": {1, 16 * n1 * d, 32 * n1 * d}, "split_columns": {1, 16 * n1 * d, 16 * n1 * d},
		}},
		{solver.Sparse{}, rectProblem(t, n1, 1, 20), 1, map[string]moved{
			"square_difference": {1, 16 * n1, 8*n1 + 8}, "square_pullback": {1, 24 * n1, 16 * n1},
		}},
		{solver.Deep{Depth: 2}, rectProblem(t, n1, n2, 20), d, map[string]moved{
			"transpose":   {2, 16 * n2 * d, 16 * n2 * d},
			"multiply_nn": {}, "multiply_tn": {}, "multiply_nt": {},
		}},
		{solver.Deep{Depth: 5}, rectProblem(t, n1, n2, 20), d, map[string]moved{
			"transpose":   {2, 16 * n2 * d, 16 * n2 * d},
			"multiply_nn": {launches: 3}, "multiply_tn": {launches: 3}, "multiply_nt": {launches: 3},
		}},
	} {
		device := emulator.New(emulator.Config{})
		b := emulated(t, emulator.Config{}, solver.Memory, solver.F32)
		b.Connect = func() (driver.Device, error) { return device, nil }
		e, err := b.Open(context.Background(), c.problem, batchOf(c.par, c.rank))
		must(t, err)
		device.ResetTraffic()
		must(t, e.Gradient(0))
		for _, name := range []string{"join_columns", "split_columns", "square_difference", "square_pullback",
			"transpose", "multiply_nn", "multiply_tn", "multiply_nt"} {
			got, want := device.Traffic(name), c.want[name]
			if got.Launches != want.launches {
				t.Errorf("%s: %s is launched %d times, want %d", c.par.Name(), name, got.Launches,
					want.launches)
			}
			if want.loaded > 0 && (got.GlobalLoaded != want.loaded || got.GlobalStored != want.stored) {
				t.Errorf("%s: %s loads %d bytes and stores %d, want %d and %d", c.par.Name(), name,
					got.GlobalLoaded, got.GlobalStored, want.loaded, want.stored)
			}
		}
		must(t, e.Close())
	}
}
