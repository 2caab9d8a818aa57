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
	maps.Copy(all, suite.structured(t, sensing.Sym{N: 11}, 60, 400))
	if vectors, ok := all["rank-one"]; ok { // f has up to four times the curvature
		delete(all, "rank-one")
		agree(t, b, reference, solver.PSD{}, map[string]sensing.Ensemble{"rank-one": vectors}, truth, 2, 0.12)
	}
	agree(t, b, reference, solver.PSD{}, all, truth, 13, 0.3)
	truth, err = sensing.NewRectTruth(7, 4, 2, 1.5, 3)
	must(t, err)
	// The format of the entries matters only to the contraction, which does not depend on the space: one
	// format suffices.
	rect := suite.structured(t, sensing.Rect{N1: 7, N2: 4}, 26, 300)
	rect["gaussian-f32"] = EnsemblesOn(t, sensing.Rect{N1: 7, N2: 4}, 100)["gaussian-f32"]
	agree(t, b, reference, solver.UV{}, rect, truth, 5, 0.6)
}

// structured returns those ensembles without rows that the backend has, with m measurements. Rank-one
// measurements vary more, and are more.
func (suite Suite) structured(
	t *testing.T, space sensing.Space, m, vectors int,
) map[string]sensing.Ensemble {
	all := structuredOn(t, space, m)
	v, err := sensing.NewRankOne(space, vectors, 7)
	must(t, err)
	all["rank-one"] = v
	maps.DeleteFunc(all, func(name string, e sensing.Ensemble) bool { return !suite.has(name, e) })
	return all
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
