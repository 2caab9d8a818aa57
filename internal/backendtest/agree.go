package backendtest

import (
	"context"
	"math"
	"testing"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Agree runs whole trajectories on two backends, of UUᵀ for every ensemble and of the other parametrizations
// for one ensemble of each kind, and compares each sample and the last factor to 1e-10 relative. The runs go
// from a small random start through alignment, the saddle and well into refinement. Later, when the loss
// nears the square of the rounding, the two could not agree.
func Agree(t *testing.T, b, reference solver.Backend) {
	agreeOnVectors(t, b, reference)
	truth, err := sensing.NewTruth(7, 2, 1.5, 3)
	must(t, err)
	all := plainly(Ensembles(t, 7, 67))
	c, err := sensing.NewCompletion(sensing.Sym{N: 7}, 26, 7)
	must(t, err)
	all["completion"] = c
	agree(t, b, reference, solver.PSD{}, all, truth, 9, 0.3, 1e-3)
	truth, err = sensing.NewRectTruth(7, 4, 2, 1.5, 3)
	must(t, err)
	agree(t, b, reference, solver.UV{}, oneOfEach(t, sensing.Rect{N1: 7, N2: 4}, 100, 26, 300), truth, 5,
		0.6, 1e-3)
	agree(t, b, reference, solver.Deep{Depth: 3}, oneOfEach(t, sensing.Rect{N1: 7, N2: 4}, 100, 26, 0),
		truth, 5, 0.4, 0.3)
	truth, err = sensing.NewIndefiniteTruth(7, 2, 1, 1.5, 3)
	must(t, err)
	agree(t, b, reference, solver.Indefinite{}, oneOfEach(t, sensing.Sym{N: 7}, 67, 26, 0), truth, 4,
		0.3, 1e-3)
	truth, err = sensing.NewSparseTruth(31, 3, 1.5, 3)
	must(t, err)
	agree(t, b, reference, solver.Sparse{}, oneOfEach(t, sensing.Rect{N1: 31, N2: 1}, 29, 28, 0), truth, 1,
		0.3, 1e-3)
	truth, err = sensing.NewTruth(16, 2, 1.5, 3)
	must(t, err)
	words := map[string]sensing.Ensemble{"pauli": pauliOn(t, sensing.Sym{N: 16}, 100)}
	agree(t, b, reference, solver.PSD{}, words, truth, 7, 0.3, 1e-3)
}

// AgreeGenerated does the same for one ensemble of each kind that can be generated anew at each use, of UUᵀ:
// for a backend that gives the same bits with generated and with stored measurements.
func AgreeGenerated(t *testing.T, b, reference solver.Backend) {
	agreeOnVectors(t, b, reference)
	truth, err := sensing.NewTruth(7, 2, 1.5, 3)
	must(t, err)
	rows := map[string]sensing.Ensemble{"gaussian-f32": Ensembles(t, 7, 67)["gaussian-f32"]}
	agree(t, b, reference, solver.PSD{}, rows, truth, 9, 0.3, 1e-3)
}

// agreeOnVectors compares the backends for rank-one measurements of UUᵀ, whose f has up to four times the
// curvature.
func agreeOnVectors(t *testing.T, b, reference solver.Backend) {
	truth, err := sensing.NewTruth(7, 2, 1.5, 3)
	must(t, err)
	vectors, err := sensing.NewRankOne(sensing.Sym{N: 7}, 250, 7)
	must(t, err)
	agree(t, b, reference, solver.PSD{}, map[string]sensing.Ensemble{"rank-one": vectors}, truth, 2,
		0.12, 1e-3)
}

// oneOfEach returns an ensemble of m rows, and one of each kind without rows, of fewer measurements, except
// that rank-one measurements are as many as vectors says, and left out if it says 0. The format of the
// entries matters only to the contraction, which does not depend on the space: one format suffices.
func oneOfEach(
	t *testing.T, space sensing.Space, m, fewer, vectors int,
) map[string]sensing.Ensemble {
	all := structured(t, space, fewer, max(vectors, 1))
	if vectors == 0 {
		delete(all, "rank-one")
	}
	all["gaussian-f32"] = EnsemblesOn(t, space, m)["gaussian-f32"]
	return all
}

// structured returns one ensemble of each kind without rows, with m measurements. Rank-one measurements vary
// more, and are more.
func structured(
	t *testing.T, space sensing.Space, m, vectors int,
) map[string]sensing.Ensemble {
	all := structuredOn(t, space, m)
	v, err := sensing.NewRankOne(space, vectors, 7)
	must(t, err)
	all["rank-one"] = v
	return all
}

// agree compares the backends for one parametrization.
func agree(t *testing.T, b, reference solver.Backend, par solver.Parametrization,
	ensembles map[string]sensing.Ensemble,
	truth *sensing.Truth, factorRank int, step, alpha float64,
) {
	const iterations = 90
	for name, e := range ensembles {
		t.Run(par.Name()+"/"+name, func(t *testing.T) {
			solve := func(b solver.Backend) (solver.Trajectory, *solver.Result) {
				var samples solver.Trajectory
				res, err := solver.Solve(context.Background(), &sensing.Problem{Ensemble: e, Truth: truth}, b,
					solver.GD{StepSize: step}, solver.Settings{
						Start: solver.Random{Alpha: alpha, Seed: 4}, Iterations: iterations,
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
					if c.name == "spectral angle" && par == (solver.Sparse{}) { // vectors have none
						continue
					}
					if !(math.Abs(c.got-c.want) <= 1e-10*math.Abs(c.want)) {
						t.Errorf("iteration %d: %s is %v, want %v", w.Iteration, c.name, c.got, c.want)
					}
				}
			}
			Close(t, "the last factor", flat(gotEnd.Factor), flat(wantEnd.Factor), 1e-10)
		})
	}
}
