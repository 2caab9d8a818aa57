package solver_test

import (
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// heldOutProblem has the noisy entries of a 12 × 12 matrix, of which a quarter are held out, and no truth.
func heldOutProblem(t *testing.T) *sensing.Problem {
	t.Helper()
	e, err := sensing.NewCompletion(sensing.Sym{N: 12}, 60, 1)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := sensing.NewTruth(12, 2, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	y := make([]float64, 60)
	e.Apply(y, truth.X(), truth.X())
	(&sensing.Problem{Noise: 0.5, NoiseSeed: 1}).AddNoise(y)
	rest, restY, held := sensing.HoldOut(e, y, 15, 1)
	return &sensing.Problem{Ensemble: rest, Observations: restY, HeldOut: held}
}

// TestKeptStates: every state that a run passes to Keep has the iterate with the least held-out RMSE of the
// samples so far, and a run that continues from any of them ends with the same result.
func TestKeptStates(t *testing.T) {
	var samples solver.Trajectory
	var states []solver.State
	settings := small(200)
	settings.MeasureEvery, settings.KeepBest, settings.Recorder = 1, true, &samples
	settings.KeepEvery = 1 // nanosecond: a state before each step
	settings.Keep = func(s solver.State) error {
		states = append(states, s)
		return nil
	}
	p := heldOutProblem(t)
	want := solve(t, p, descent, settings)
	for i, s := range states {
		least := math.Inf(1)
		at := 0
		for _, x := range samples[:s.Iteration+1] {
			if x.HeldOutRMSE < least {
				least, at = x.HeldOutRMSE, x.Iteration
			}
		}
		if s.Best.Error != least || s.Best.Iteration != at {
			t.Fatalf("the state at %d has the error %v at %d, not %v at %d", s.Iteration, s.Best.Error,
				s.Best.Iteration, least, at)
		}
		if got := p.HeldOut.RMSE(s.Best.Factor[0], s.Best.Factor[0]); got != least {
			t.Fatalf("the best iterate at %d has the error %v, not %v", s.Iteration, got, least)
		}
		if i%40 != 7 {
			continue
		}
		again := small(200)
		again.MeasureEvery, again.KeepBest, again.Resume = 1, true, &s
		got := solve(t, heldOutProblem(t), descent, again)
		if got.Iteration != want.Iteration || got.Steps != 200 || !mat.Equal(got.Factor[0], want.Factor[0]) {
			t.Errorf("from the state at %d the result is iterate %d, not %d, or has other bits", s.Iteration,
				got.Iteration, want.Iteration)
		}
	}
	if len(states) < 190 || want.Iteration == 0 || want.Iteration == 200 {
		t.Errorf("%d states, and the best iterate is %d", len(states), want.Iteration)
	}
}

// TestKeepBestRefuses: without an error to compare iterates by, or with a state that lacks the best iterate,
// there is nothing to keep.
func TestKeepBestRefuses(t *testing.T) {
	p := heldOutProblem(t)
	keep := small(3)
	keep.KeepBest = true
	patient := small(3)
	patient.Patience = 2
	negative := small(3)
	negative.Patience = -2
	var last solver.State
	plain := small(3)
	plain.Keep = func(s solver.State) error {
		last = s
		return nil
	}
	solve(t, p, descent, plain)
	resumed := keep
	resumed.Resume = &last
	alone := heldOutProblem(t)
	alone.HeldOut = nil
	for _, x := range []struct {
		p   *sensing.Problem
		s   solver.Settings
		say string
	}{
		{alone, keep, "needs held-out measurements or a truth"},
		{alone, patient, "needs held-out measurements or a truth"},
		{p, negative, "must not be negative, got -2"},
		{p, resumed, "the best iterate of the state to resume is []"},
	} {
		_, err := solver.Solve(background, x.p, cpu.Backend{}, descent, x.s)
		if err == nil || !strings.Contains(err.Error(), x.say) {
			t.Errorf("%v, not %q", err, x.say)
		}
	}
}
