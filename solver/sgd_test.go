package solver_test

import (
	"math/big"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestMiniBatches: the rows are ⌊w_k·m/2⁶⁴⌋ of the step's row of the stream, in whole numbers of any size,
// sorted. Another step or another seed gives other rows, and each measurement comes about equally often.
func TestMiniBatches(t *testing.T) {
	const m, size = 1000, 37
	b := solver.MiniBatches{Size: size, Seed: 1<<40 + 17}
	var want []int
	stream := sensing.NewStream(b.Seed, 5)
	for k := range uint64(size) {
		block := stream.Block(9, uint32(k/2))
		word := new(big.Int).SetUint64(uint64(block[2*(k%2)]) + uint64(block[2*(k%2)+1])<<32)
		word.Mul(word, big.NewInt(m))
		want = append(want, int(word.Rsh(word, 64).Int64()))
	}
	slices.Sort(want)
	if got := b.Rows(9, m); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if slices.Equal(b.Rows(10, m), want) ||
		slices.Equal(solver.MiniBatches{Size: size, Seed: 17}.Rows(9, m), want) {
		t.Error("another step or another seed draws the same")
	}
	var counts [5]float64
	const steps = 4000
	for step := range uint64(steps) {
		for _, i := range b.Rows(step, len(counts)) {
			counts[i]++
		}
	}
	// χ² of 4 degrees of freedom is below 23.5 but for one seed in ten thousand.
	var chi2 float64
	expected := float64(steps*size) / float64(len(counts))
	for _, c := range counts {
		chi2 += sq(c-expected) / expected
	}
	if chi2 > 23.5 {
		t.Errorf("drawn %v times: χ² is %.1f", counts, chi2)
	}
}

// TestSGDStep: a step follows the mean of the gradients of the drawn measurements, each computed by itself,
// for UUᵀ and for UVᵀ.
func TestSGDStep(t *testing.T) {
	rect, err := sensing.NewGaussian(sensing.Rect{N1: 6, N2: 4}, 90, sensing.F32, 1)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := sensing.NewRectTruth(6, 4, 2, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		p   *sensing.Problem
		par solver.Parametrization
	}{{problem(t, 0.1), solver.PSD{}}, {&sensing.Problem{Ensemble: rect, Truth: truth}, solver.UV{}}} {
		e := memberOf(t, c.p, c.par, 3)
		shapes, err := c.par.Shapes(c.p.Ensemble.Space(), 3)
		if err != nil {
			t.Fatal(err)
		}
		start, err := solver.Random{Alpha: 1, Seed: 2}.Factor(shapes, nil)
		if err != nil {
			t.Fatal(err)
		}
		d := solver.SGD{StepSize: 0.1, Batch: solver.MiniBatches{Size: 30, Seed: 3}}
		want, g := start.Clone(), start.Clone()
		if err := e.Set(solver.Iterate, start); err != nil {
			t.Fatal(err)
		}
		for _, i := range d.Batch.Rows(7, c.p.Ensemble.Measurements()) {
			if err := e.DrawGradient(solver.Draw{Rows: []int{i}}); err != nil {
				t.Fatal(err)
			}
			if err := e.Get(solver.Gradient, g); err != nil {
				t.Fatal(err)
			}
			want.Combine(1, want, -d.StepSize/30, g)
		}
		if err := d.Step(e, 7); err != nil {
			t.Fatal(err)
		}
		if err := e.Get(solver.Iterate, g); err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if !mat.EqualApprox(g[i], want[i], 1e-13) { // thirty sums of numbers of size 1
				t.Errorf("%s: matrix %d differs from the mean over the measurements", c.par.Name(), i)
			}
		}
	}
}

// stochastic lists the methods that draw measurements.
var stochastic = []solver.Method{
	solver.SGD{StepSize: 0.1, Batch: solver.MiniBatches{Size: 85, Seed: 3}},
	solver.RSGD{StepSize: 0.2, Batch: solver.MiniBatches{Size: 200, Seed: 3}},
}

// TestStochasticBits: a run on mini-batches has the same bits with any number of workers, from either
// storage, alone and in a batch.
func TestStochasticBits(t *testing.T) {
	for _, m := range stochastic {
		settings := func(t *solver.Trajectory) solver.Settings {
			return solver.Settings{Start: solver.Random{Alpha: 0.5, Seed: 1}, FactorRank: 2, Iterations: 30,
				MeasureEvery: 7, Recorder: t}
		}
		var want solver.Trajectory
		end := solve(t, problem(t, 0.01), m, settings(&want))
		for _, b := range []cpu.Backend{{Workers: 1}, {Workers: 3}, {Workers: 2, Storage: solver.Generated}} {
			got := make([]solver.Trajectory, 3)
			jobs := []solver.Job{{m, settings(&got[0])}, {descent, settings(&got[1])}, {m, settings(&got[2])}}
			err := solver.SolveAll(background, problem(t, 0.01), b, 2, jobs,
				func(i int, r *solver.Result, err error) {
					if err != nil {
						t.Fatal(err)
					}
					if i != 1 && !mat.Equal(r.Factor[0], end.Factor[0]) {
						t.Errorf("%s, job %d: other bits with %+v", m.Name(), i, b)
					}
				})
			if err != nil || !sameSamples(got[0], want) || !sameSamples(got[2], want) ||
				sameSamples(got[1], want) {
				t.Errorf("%s: other samples with %+v (%v)", m.Name(), b, err)
			}
		}
	}
	if _, err := solver.Solve(background, problem(t, 0), cpu.Backend{Precision: solver.Mixed}, stochastic[0],
		small(1)); err == nil {
		t.Error("mixed precision was taken")
	}
}

// TestSGDRecovers: from a small start and exact observations, a constant step size converges to the truth.
// With noise on the observations it stays further away than the full gradient does.
func TestSGDRecovers(t *testing.T) {
	last := func(noise float64, m solver.Method) float64 {
		var trajectory solver.Trajectory
		solve(t, problem(t, noise), m,
			solver.Settings{Start: solver.Random{Alpha: 1e-6, Seed: 1}, Iterations: 1500, MeasureEvery: 500,
				Recorder: &trajectory, FactorRank: 4})
		return trajectory[len(trajectory)-1].TestError
	}
	if got := last(0, stochastic[0]); !(got < 1e-6) {
		t.Errorf("without noise the test error is %.2g", got)
	}
	tiny := solver.SGD{StepSize: 0.1, Batch: solver.MiniBatches{Size: 10, Seed: 3}}
	if got, full := last(0.1, tiny), last(0.1, solver.GD{StepSize: 0.1}); !(got > 1.2*full) {
		t.Errorf("with noise the test error is %.2g, with the full gradient %.2g", got, full)
	}
}
