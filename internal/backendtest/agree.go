package backendtest

import (
	"context"
	"maps"
	"math"
	"testing"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Agree runs whole trajectories on two backends, of UUᵀ for every ensemble and of UVᵀ for one of each kind,
// and compares each sample and the last factor to 1e-10 relative. The runs go from a small random start
// through alignment, the saddle and well into refinement. Later, when the loss nears the square of the
// rounding, the two could not agree.
func (suite Suite) Agree(t *testing.T, b, reference solver.Backend) {
	truth, err := sensing.NewTruth(11, 2, 1.5, 3)
	must(t, err)
	all := plainly(Ensembles(t, 11, 130))
	if !suite.RowsOnly {
		maps.Copy(all, structuredOn(t, sensing.Sym{N: 11}, 60))
	}
	agree(t, b, reference, solver.PSD{}, all, truth, 13, 0.3)
	truth, err = sensing.NewRectTruth(7, 4, 2, 1.5, 3)
	must(t, err)
	// The format of the entries matters only to the contraction, which does not depend on the space: one
	// format suffices.
	rect := map[string]sensing.Ensemble{}
	if !suite.RowsOnly {
		rect = structuredOn(t, sensing.Rect{N1: 7, N2: 4}, 26)
	}
	rect["gaussian-f32"] = EnsemblesOn(t, sensing.Rect{N1: 7, N2: 4}, 100)["gaussian-f32"]
	agree(t, b, reference, solver.UV{}, rect, truth, 5, 0.6)
	if words := pauliOn(t, sensing.Sym{N: 16}, 100); suite.has("pauli", words) {
		truth, err = sensing.NewTruth(16, 2, 1.5, 3)
		must(t, err)
		agree(t, b, reference, solver.PSD{}, map[string]sensing.Ensemble{"pauli": words}, truth, 7, 0.3)
	}
}

// agree compares the backends for one parametrization.
func agree(t *testing.T, b, reference solver.Backend, par solver.Parametrization,
	ensembles map[string]sensing.Ensemble,
	truth *sensing.Truth, factorRank int, step float64,
) {
	const iterations = 90
	for name, e := range ensembles {
		t.Run(par.Name()+"/"+name, func(t *testing.T) {
			solve := func(b solver.Backend) (solver.Trajectory, *solver.Result) {
				var samples solver.Trajectory
				res, err := solver.Solve(context.Background(), &sensing.Problem{Ensemble: e, Truth: truth}, b,
					solver.GD{StepSize: step}, solver.Settings{
						Start: solver.Random{Alpha: 1e-3, Seed: 4}, Iterations: iterations,
						FactorRank: factorRank, Parametrization: par, MeasureEvery: 15, Recorder: &samples,
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
				t.Fatalf("the trajectory ends at a test error of %v: it says nothing about refinement",
					last.TestError)
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
			Close(t, "the last factor", flat(gotEnd.Factor), flat(wantEnd.Factor), 1e-10)
		})
	}
}
