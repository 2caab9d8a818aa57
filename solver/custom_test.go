package solver_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/solver"
)

// heavyBall is [solver.Momentum] as another program takes its steps: on the host, with V in a host slot.
func heavyBall(m *solver.Member, _ int) error {
	u, v, g := solver.NewFactor(m.Shapes()), solver.NewFactor(m.Shapes()), solver.NewFactor(m.Shapes())
	if err := errors.Join(m.Get(solver.Iterate, u), m.Get(solver.HostSlot, v),
		m.Get(solver.Gradient, g)); err != nil {
		return err
	}
	v.Combine(momentum.Momentum, v, -momentum.StepSize, g)
	u.Combine(1, u, 1, v)
	return errors.Join(m.Set(solver.HostSlot, v), m.Set(solver.Iterate, u))
}

var custom = solver.Custom{Slots: 1, Program: heavyBall}

// sameFactor says whether two factors have the same numbers.
func sameFactor(a, b solver.Factor) bool { return slices.Equal(numbers(a), numbers(b)) }

// numbers lists the numbers of a factor.
func numbers(f solver.Factor) (all []float64) {
	for _, u := range f {
		all = append(all, u.RawMatrix().Data...)
	}
	return all
}

// TestCustom: steps that a program takes on the host, with a slot there, give the bits of the built-in
// method, whole or resumed. An engine that stays open gives the same bits in each of its runs.
func TestCustom(t *testing.T) {
	p := problem(t, 0)
	want := solve(t, p, momentum, small(40)).Factor
	if got := solve(t, p, custom, small(40)).Factor; !sameFactor(got, want) {
		t.Error("the program's steps differ from the method's")
	}
	var state solver.State
	part := small(17)
	part.Keep = func(s solver.State) error { state = s; return nil }
	solve(t, p, custom, part)
	rest := small(40)
	rest.Resume = &state
	if got := solve(t, p, custom, rest).Factor; len(state.Slots) != 2 || !sameFactor(got, want) {
		t.Errorf("resumed with %d slots, the bits differ", len(state.Slots))
	}

	open, err := solver.Open(background, p, cpu.Backend{}, solver.Batch{Parametrization: solver.PSD{},
		FactorRanks: []int{17, 17}, Needs: solver.Needs{Gradient: true, Products: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	var trajectories [2]solver.Trajectory
	for i := range trajectories {
		s := small(40)
		s.Recorder = &trajectories[i]
		method := custom
		method.Program = func(m *solver.Member, iteration int) error {
			// The program's own member does not disturb the run.
			u := solver.NewFactor(m.Shapes())
			if err := errors.Join(m.Get(solver.Iterate, u), open.Engine().Set(0, solver.Iterate, u),
				open.Engine().Combine(0, solver.Iterate, 2, solver.Iterate, 0, solver.Iterate),
				open.Engine().Gradient(0)); err != nil {
				return err
			}
			return heavyBall(m, iteration)
		}
		res, err := open.Solve(background, method, s)
		if err != nil {
			t.Fatal(err)
		}
		if !sameFactor(res.Factor, want) {
			t.Errorf("run %d on an open engine differs", i+1)
		}
	}
	for i := range trajectories[1] {
		if a, b := trajectories[0][i], trajectories[1][i]; a.TestError != b.TestError || a.Angle != b.Angle {
			t.Errorf("sample %d of the second run is %v, and of the first %v", i, b, a)
		}
	}
}

// TestCustomInterrupted: a program that waits is interrupted before it has written anything; the state before
// the step is kept. What an open engine does between runs is not interrupted by the context of a run.
func TestCustomInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	open, err := solver.Open(background, problem(t, 0), cpu.Backend{}, solver.Batch{
		Parametrization: solver.PSD{}, FactorRanks: []int{17},
		Needs: solver.Needs{Gradient: true, Products: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	kept := -1
	s := small(40)
	s.Keep = func(state solver.State) error { kept = state.Iteration; return nil }
	waiting := custom
	waiting.Program = func(m *solver.Member, iteration int) error {
		if iteration < 7 {
			return heavyBall(m, iteration)
		}
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}
	res, err := open.Solve(ctx, waiting, s)
	if err != nil || res.Status != solver.Canceled || kept != 7 {
		t.Fatalf("interrupted in step 7, it kept %d and ended with %v, %v", kept, res, err)
	}
	if _, err := open.Solve(background, custom, small(5)); err != nil {
		t.Errorf("the next run: %v", err)
	}
}

// TestHostSlots: only Set and Get reach a slot in the host's memory, and sizes are checked.
func TestHostSlots(t *testing.T) {
	m := memberOf(t, problem(t, 0), solver.PSD{}, 17)
	u := solver.NewFactor(m.Shapes())
	u[0].Set(3, 4, 5)
	if err := m.Get(solver.HostSlot, u); err != nil || u[0].At(3, 4) != 0 {
		t.Errorf("a slot that was not written has %v, %v", u[0].At(3, 4), err)
	}
	if m.Combine(solver.Iterate, 1, solver.HostSlot, 0, solver.Iterate) == nil {
		t.Error("a host slot was combined")
	}
	if _, err := m.Dot(solver.HostSlot, solver.HostSlot); err == nil {
		t.Error("a host slot was multiplied")
	}
	if m.Set(solver.HostSlot, solver.NewFactor([]solver.Shape{{Rows: 3, Cols: 3}})) == nil {
		t.Error("a factor of another size was taken")
	}
}

// TestOpenRefuses: a run that needs more than an open engine has is refused.
func TestOpenRefuses(t *testing.T) {
	open, err := solver.Open(background, problem(t, 0), cpu.Backend{}, solver.Batch{
		Parametrization: solver.PSD{}, FactorRanks: []int{5}, Needs: solver.Needs{Gradient: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	five := small(3)
	five.FactorRank = 5
	for name, c := range map[string]struct {
		method solver.Method
		more   func(s *solver.Settings)
	}{
		"a larger factor": {descent, func(s *solver.Settings) { s.FactorRank = 6 }},
		"another parametrization": {descent, func(s *solver.Settings) {
			s.Parametrization = solver.Indefinite{}
		}},
		"a slot":                    {momentum, nil},
		"draws of the measurements": {solver.SGD{StepSize: 0.1, Batch: solver.MiniBatches{Size: 4}}, nil},
	} {
		s := five
		if c.more != nil {
			c.more(&s)
		}
		if _, err := open.Solve(background, c.method, s); err == nil {
			t.Errorf("%s was not refused", name)
		}
	}
	if _, err := open.Solve(background, descent, five); err != nil {
		t.Error(err)
	}
}
