package backendtest

import (
	"context"
	"math"
	"testing"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Agree runs whole trajectories on two backends, for every ensemble, and compares each sample and the last factor to
// 1e-10 relative. The runs go from a small random start through alignment, the saddle and well into refinement; past
// that, where the loss nears the square of the rounding, nothing of it would agree.
func Agree(t *testing.T, b, reference solver.Backend) {
	const n, rank, factorRank, m, iterations = 11, 2, 13, 130, 90
	for name, e := range Ensembles(t, n, m) {
		t.Run(name, func(t *testing.T) {
			truth, err := sensing.NewTruth(n, rank, 1.5, 3)
			if err != nil {
				t.Fatal(err)
			}
			solve := func(b solver.Backend) (solver.Trajectory, *solver.Result) {
				var samples solver.Trajectory
				res, err := solver.Solve(context.Background(), &sensing.Problem{Ensemble: e, Truth: truth}, b,
					solver.GradientDescent{StepSize: 0.3}, solver.Settings{
						Start: solver.SmallRandom{Alpha: 1e-3, Seed: 4}, Iterations: iterations, FactorRank: factorRank,
						MeasureEvery: 15, Recorder: &samples,
					})
				if err != nil {
					t.Fatal(err)
				}
				return samples, res
			}
			got, gotEnd := solve(b)
			want, wantEnd := solve(reference)
			if len(got) != len(want) || len(want) != iterations/15+1 {
				t.Fatalf("%d and %d samples", len(got), len(want))
			}
			if last := want[len(want)-1]; !(last.TestError < 0.1) {
				t.Fatalf("the trajectory ends at a test error of %v: it says nothing about refinement", last.TestError)
			}
			for i, w := range want {
				g := got[i]
				for _, c := range []struct {
					name      string
					got, want float64
				}{
					{"train loss", g.TrainLoss, w.TrainLoss}, {"test error", g.TestError, w.TestError},
					{"signal", g.Signal, w.Signal}, {"noise", g.Noise, w.Noise}, {"angle", g.Angle, w.Angle},
					{"spectral angle", g.SpectralAngle, w.SpectralAngle},
				} {
					if !(math.Abs(c.got-c.want) <= 1e-10*math.Abs(c.want)) {
						t.Errorf("iteration %d: %s is %v, want %v", w.Iteration, c.name, c.got, c.want)
					}
				}
			}
			Close(t, "the last factor", gotEnd.Factor[0].RawMatrix().Data, wantEnd.Factor[0].RawMatrix().Data, 1e-10)
		})
	}
}
