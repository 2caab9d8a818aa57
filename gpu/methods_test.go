package gpu

import (
	"context"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestMethods: every method and every retraction of the catalog, but for custom and none, ends where it does
// on the host. Sums are in another order, and a step's errors grow by a small factor in the next: 1e-12 is
// thousands of roundings of numbers of size 1.
func TestMethods(t *testing.T) {
	t.Parallel()
	e, err := sensing.NewGaussian(sensing.Sym{N: 6}, 60, sensing.F32, 1)
	must(t, err)
	truth, err := sensing.NewTruth(6, 2, 2, 1)
	must(t, err)
	symmetric := &sensing.Problem{Ensemble: e, Truth: truth, Noise: 0.1, NoiseSeed: 5}
	e, err = sensing.NewGaussian(sensing.Rect{N1: 7, N2: 5}, 70, sensing.Q8, 1)
	must(t, err)
	truth, err = sensing.NewRectTruth(7, 5, 2, 2, 1)
	must(t, err)
	rectangular := &sensing.Problem{Ensemble: e, Truth: truth}
	batch := solver.MiniBatches{Size: 25, Seed: 1}
	const bound = 0.05 // of shifts
	met, tested := false, map[string]bool{"custom": true, "none": true}
	for _, m := range []solver.Method{
		solver.GD{StepSize: 0.1}, solver.ScaledGD{StepSize: 0.1}, solver.PrecGD{StepSize: 0.1},
		solver.ScaledGDLambda{StepSize: 0.1, Lambda: 0.2}, solver.ScaledSubgradient{StepSize: 0.5},
		solver.OPSA{StepSize: 0.5, Lambda: 0.2}, solver.APGD{StepSize: 0.1},
		solver.AltMin{Tolerance: 1e-6, Most: 4},
		solver.RGD{StepSize: 0.3, Retraction: solver.SecondOrderRetraction{}},
		solver.RGD{StepSize: 0.3, Retraction: solver.ProjectionRetraction{}},
		solver.RGD{StepSize: 0.3, Retraction: solver.ExponentialRetraction{}},
		solver.Momentum{StepSize: 0.1, Momentum: 0.5}, solver.RGD{StepSize: 0.3},
		solver.Nesterov{StepSize: 0.1, Momentum: 0.5}, solver.PolyakGD{StepSize: 0.5},
		solver.Adam{StepSize: 0.02, Beta1: 0.8, Beta2: 0.95, Epsilon: 1e-4},
		solver.ImbalancedGD{StepSize: 0.1, Scale: 0.8, Below: 10}, // the first step
		solver.WeightNormalization{StepSize: 0.3, MagnitudeStep: 1.5},
		solver.MirrorDescent{StepSize: 0.2},
		solver.SGD{StepSize: 0.1, Batch: batch}, solver.RSGD{StepSize: 0.1, Batch: batch},
		solver.SGD{StepSize: 0.1, Batch: solver.MiniBatches{Size: 200, Seed: 2}},
		solver.LabelNoiseGD{StepSize: 0.1, Noise: 0.3, Seed: 3},
		// A value's rounding of 1e-16 is divided by the radius.
		solver.ZerothOrder{StepSize: 0.05, Directions: 6, Radius: 0.1, Noise: 1e-3, Seed: 4},
		solver.ZerothOrderNewton{
			First:     solver.ZerothOrder{StepSize: 0.05, Directions: 6, Radius: 0.1, Noise: 1e-3, Seed: 4},
			Bootstrap: 3, HessianRadius: 0.3, LeastCurvature: 1,
		},
		solver.RGDA{StepSize: 0.2, AdversaryStep: 0.2, Weight: 1.5, Radius: bound},
		solver.RGDA{StepSize: 0.2, AdversaryStep: 0.2, Weight: 1.5, Radius: 10},
	} {
		for _, c := range []struct {
			par solver.Parametrization
			p   *sensing.Problem
		}{{solver.PSD{}, symmetric}, {solver.UV{}, rectangular}, {solver.Polar{}, symmetric}} {
			_, normalized := m.(solver.WeightNormalization)
			if _, polar := c.par.(solver.Polar); polar != normalized || solver.Suits(m, c.par) != nil {
				continue
			}
			tested[m.Name()] = true
			if rgd, ok := m.(solver.RGD); ok && rgd.Retraction != nil {
				tested[rgd.Retraction.Name()] = true
			}
			storages := []solver.Storage{solver.Memory, solver.Generated}
			if n := m.Needs(); !n.Draws && !n.Values { // gradients alone: one of the two for each problem
				storages = storages[:1]
				if c.par == (solver.UV{}) {
					storages[0] = solver.Generated
				}
			}
			for _, storage := range storages {
				rank := 2
				if _, mirror := m.(solver.MirrorDescent); mirror {
					rank = 6
				}
				end := func(b solver.Backend) (solver.Factor, solver.Trajectory) {
					var path solver.Trajectory
					res, err := solver.Solve(context.Background(), c.p, b, m, solver.Settings{
						Start: solver.Random{Alpha: 0.5, Seed: 1}, Parametrization: c.par, FactorRank: rank,
						Iterations: 4, MeasureEvery: 2, Recorder: &path})
					must(t, err)
					return res.Factor, path
				}
				got, path := end(emulated(t, emulator.Config{}, storage, solver.F64))
				want, hostPath := end(cpu.Backend{})
				for b := range want {
					if !mat.EqualApprox(got[b], want[b], 1e-12) {
						t.Errorf("%+v, %s, %s: matrix %d ends at\n%v\nnot at\n%v", m, c.par.Name(), storage, b,
							mat.Formatted(got[b]), mat.Formatted(want[b]))
					}
				}
				for i, s := range hostPath {
					met = met || math.Abs(s.Shift-bound) < 1e-12
					if !(math.Abs(path[i].Shift-s.Shift) <= 1e-12) && !math.IsNaN(s.Shift) ||
						math.IsNaN(s.Shift) != math.IsNaN(path[i].Shift) {
						t.Errorf("%+v: the shift is %v, not %v", m, path[i].Shift, s.Shift)
					}
				}
			}
		}
	}
	if !met {
		t.Error("no shift met its bound")
	}
	tested[solver.FactorRetraction{}.Name()] = true // where none is named
	for _, e := range config.Catalog() {
		if (e.Kind == "method" || e.Kind == "retraction") && !tested[e.Name] {
			t.Errorf("the %s %s is not tested", e.Kind, e.Name)
		}
	}
}

// TestBatchOfDraws: a run that draws has the same bits in a batch with runs of other methods and batch sizes
// as alone.
func TestBatchOfDraws(t *testing.T) {
	p := problem(t, 7, 60)
	methods := []solver.Method{
		solver.SGD{StepSize: 0.1, Batch: solver.MiniBatches{Size: 9, Seed: 1}},
		solver.ZerothOrder{StepSize: 0.05, Directions: 5, Radius: 0.1, Seed: 4},
		solver.RSGD{StepSize: 0.1, Batch: solver.MiniBatches{Size: 27, Seed: 1}},
		solver.GD{StepSize: 0.1},
		solver.LabelNoiseGD{StepSize: 0.1, Noise: 0.3, Seed: 3},
		solver.RGDA{StepSize: 0.2, AdversaryStep: 0.2, Weight: 1.5, Radius: 0.05},
	}
	b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
	var jobs []solver.Job
	for i, m := range methods {
		jobs = append(jobs, solver.Job{Method: m, Settings: solver.Settings{
			Start: solver.Random{Alpha: 0.5, Seed: uint64(i)}, FactorRank: 2 + i%3, Iterations: 3 + i%2}})
	}
	err := solver.SolveAll(context.Background(), p, b, 4, jobs, func(job int, r *solver.Result, err error) {
		must(t, err)
		alone, err := solver.Solve(context.Background(), p, b, methods[job], jobs[job].Settings)
		must(t, err)
		if !mat.Equal(r.Factor[0], alone.Factor[0]) {
			t.Errorf("%s has other bits in a batch", methods[job].Name())
		}
	})
	must(t, err)
}
