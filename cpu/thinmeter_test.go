package cpu

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestMetricsWithoutDecompositions: over whole trajectories, from starts of every size, the metrics that come
// from products on the engine agree with those that come from decompositions of whole factors, to 1e-9
// relative and to what rounding errors of the factor's norm leave. Members of a batch, which are measured
// together, have the bits that they have alone.
func TestMetricsWithoutDecompositions(t *testing.T) {
	const n = 24
	for _, c := range []struct {
		par         solver.Parametrization
		rank, r     int
		alpha, step float64
	}{
		{solver.PSD{}, 2, 24, 1e-2, 0.25},
		{solver.PSD{}, 2, 24, 1e-6, 0.25},
		{solver.PSD{}, 2, 24, 1e-12, 0.25},
		{solver.PSD{}, 1, 40, 1e-6, 0.25},
		{solver.PSD{}, 3, 17, 1e-4, 0.25},
		{solver.UV{}, 2, 24, 1e-6, 0.5},
		{solver.Indefinite{}, 2, 20, 1e-6, 0.25},
	} {
		t.Run(fmt.Sprintf("%s/rank=%d/r=%d/α=%g", c.par.Name(), c.rank, c.r, c.alpha), func(t *testing.T) {
			var space sensing.Space = sensing.Sym{N: n}
			truth, err := sensing.NewTruth(n, c.rank, float64(c.rank), 3)
			if c.par == (solver.UV{}) {
				space = sensing.Rect{N1: n, N2: n - 3}
				truth, err = sensing.NewRectTruth(n, n-3, c.rank, float64(c.rank), 3)
			}
			if err != nil {
				t.Fatal(err)
			}
			e, err := sensing.NewGaussian(space, 12*n*c.rank, sensing.F64, 4)
			if err != nil {
				t.Fatal(err)
			}
			p := &sensing.Problem{Ensemble: e, Truth: truth}
			run := func(values, members int) solver.Trajectory {
				var jobs []solver.Job
				all := make([]solver.Trajectory, members)
				for i := range members {
					settings := solver.Settings{
						Start: solver.Random{Alpha: c.alpha, Seed: 5 + uint64(i)}, Iterations: 240,
						MeasureEvery: 6, Parametrization: c.par, FactorRank: c.r, Recorder: &all[i],
						SingularValues: values,
					}
					jobs = append(jobs, solver.Job{Method: solver.GD{StepSize: c.step}, Settings: settings})
				}
				err := solver.SolveAll(context.Background(), p, Backend{}, members, jobs,
					func(_ int, _ *solver.Result, err error) {
						if err != nil {
							t.Error(err)
						}
					})
				if err != nil {
					t.Fatal(err)
				}
				return all[0]
			}
			want, got, together := run(solver.AllSingularValues, 1), run(0, 1), run(0, 3)
			for i, a := range got {
				b := want[i]
				compareSamples(t, a, b, c.rank)
				for _, m := range solver.Metrics() {
					x, y := m.Of(&a), m.Of(&together[i])
					if !m.Clock && x != y && !(math.IsNaN(x) && math.IsNaN(y)) {
						t.Errorf("%s at iteration %d is %v alone and %v in a batch", m.Name, a.Iteration, x, y)
					}
				}
			}
		})
	}
}

// compareSamples compares what products on the engine give with what decompositions give.
func compareSamples(t *testing.T, got, want solver.Sample, rank int) {
	t.Helper()
	top := want.Sigma[0]
	const digits = 3e-14
	for _, c := range []struct {
		name             string
		got, want, floor float64
	}{
		{"train loss", got.TrainLoss, want.TrainLoss, 0},
		{"test error", got.TestError, want.TestError, digits * max(top*top, 1)},
		{"learned rank", got.Value("learned_rank"), want.Value("learned_rank"), 0},
		{"its error", got.Value("learned_rank_error"), want.Value("learned_rank_error"), 1e-7},
		{"signal", got.Signal, want.Signal, digits * top},
		{"noise", got.Noise, want.Noise, digits * top},
		{"angle", got.Angle, want.Angle, digits * top / want.Signal},
		{"spectral angle", got.SpectralAngle, want.SpectralAngle, digits * top / want.Sigma[rank-1]},
		{"imbalance", got.Imbalance, want.Imbalance, digits * top * top},
	} {
		if !(math.Abs(c.got-c.want) <= 1e-9*math.Abs(c.want)+c.floor) && !math.IsNaN(c.want) {
			t.Errorf("%s at iteration %d is %v, want %v", c.name, got.Iteration, c.got, c.want)
		}
	}
	if len(got.Sigma) != rank+1 {
		t.Fatalf("%d singular values, want %d", len(got.Sigma), rank+1)
	}
	for j, v := range got.Sigma {
		if !(math.Abs(v-want.Sigma[j]) <= 1e-9*want.Sigma[j]+digits*top) {
			t.Errorf("σ_%d at iteration %d is %v, want %v", j+1, got.Iteration, v, want.Sigma[j])
		}
	}
}
