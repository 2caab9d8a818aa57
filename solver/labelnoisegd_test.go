package solver_test

import (
	"math"
	"testing"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestLabelNoiseGDSigns: a step is a step of gradient descent on observations shifted by the stream's signs.
func TestLabelNoiseGDSigns(t *testing.T) {
	const sigma, seed = 0.3, 1<<40 + 5
	p := problem(t, 0)
	var y []float64
	e := memberOf(t, p, solver.PSD{}, 4)
	y = e.Observations()
	start := solver.Random{Alpha: 0.5, Seed: 2}
	for iteration := range 2 {
		f, err := start.Factor([]solver.Shape{{Rows: 17, Cols: 4}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Set(solver.Iterate, f); err != nil {
			t.Fatal(err)
		}
		m := solver.LabelNoiseGD{StepSize: 0.2, Noise: sigma, Seed: seed}
		if err := m.Step(e, iteration); err != nil {
			t.Fatal(err)
		}
		got := f.Clone()
		if err := e.Get(solver.Iterate, got); err != nil {
			t.Fatal(err)
		}

		shifted, plus := make([]float64, len(y)), 0
		stream := sensing.NewStream(seed, sensing.LabelStream)
		for i := range shifted {
			sign := 1.0
			if word := stream.Word(uint64(iteration), uint64(i/64)); word>>(i%64)&1 == 1 {
				sign = -1
			} else {
				plus++
			}
			shifted[i] = y[i] + sigma*sign
		}
		if z := math.Abs(float64(2*plus-len(y))) / math.Sqrt(float64(len(y))); z > 4 {
			t.Errorf("%d of %d signs are positive", plus, len(y))
		}
		want := solve(t, &sensing.Problem{Ensemble: p.Ensemble, Observations: shifted},
			solver.GD{StepSize: 0.2},
			solver.Settings{Start: solver.Given{Start: f}, FactorRank: 4, Iterations: 1}).Factor
		for i, x := range want[0].RawMatrix().Data {
			if g := got[0].RawMatrix().Data[i]; math.Abs(g-x) > 1e-14 {
				t.Fatalf("step %d: element %d is %v, want %v", iteration, i, g, x)
			}
		}
	}
}

// TestLabelNoiseGDFlattens: from a solution of high rank, the noise takes a deep product to a flatter
// solution, closer to the truth; gradient descent stays at the first one. f settles where the noise balances
// the descent, at about μσ²/(8m)·tr ∇²f.
func TestLabelNoiseGDFlattens(t *testing.T) {
	const mu, sigma, m = 0.2, 0.5, 30
	e, err := sensing.NewGaussian(sensing.Rect{N1: 8, N2: 6}, m, sensing.F32, 2)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := sensing.NewRectTruth(8, 6, 1, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	p := &sensing.Problem{Ensemble: e, Truth: truth}
	run := func(method solver.Method) (last solver.Sample, loss float64) {
		var trajectory solver.Trajectory
		solve(t, p, method, solver.Settings{Parametrization: solver.Deep{Depth: 3},
			Start: solver.Random{Alpha: 1, Seed: 2}, FactorRank: 6,
			Iterations: 8000, MeasureEvery: 100, Recorder: &trajectory})
		tail := trajectory[len(trajectory)/2:]
		for _, s := range tail {
			loss += s.TrainLoss / float64(len(tail))
		}
		return trajectory[len(trajectory)-1], loss
	}
	still, _ := run(solver.GD{StepSize: mu})
	noisy, loss := run(solver.LabelNoiseGD{StepSize: mu, Noise: sigma, Seed: 3})
	if !(still.TrainLoss < 1e-12 && still.TestError > 0.2) {
		t.Errorf("gradient descent ends at %+v: this test shows too little", still)
	}
	if !(noisy.Flatness < still.Flatness/2 && noisy.TestError < still.TestError/2) {
		t.Errorf("with noise: flatness %g, test error %g; without: %g, %g",
			noisy.Flatness, noisy.TestError, still.Flatness, still.TestError)
	}
	if want := mu * sigma * sigma / (8 * m) * noisy.Flatness; !(loss > want/2 && loss < 2*want) {
		t.Errorf("the loss settles at %g, want about %g", loss, want)
	}
}

// TestLabelNoiseGDKeepsBits: for any parametrization, other runs in the batch, the number of workers and a
// resume change no bit of a run.
func TestLabelNoiseGDKeepsBits(t *testing.T) {
	keepsBits(t, solver.LabelNoiseGD{StepSize: 0.1, Noise: 0.2, Seed: 9})
}

func equalBits(a, b []float64) bool {
	for i, x := range a {
		if math.Float64bits(x) != math.Float64bits(b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}
