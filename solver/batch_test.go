package solver_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/solver"
)

// mixture returns jobs that differ in everything that may differ within a batch. They end at different times:
// some at once, one diverged, one stopped.
func mixture(recorders []solver.Trajectory) []solver.Job {
	jobs := []solver.Job{
		{descent, solver.Settings{Start: solver.Random{Alpha: 1e-3, Seed: 1}, Iterations: 40}},
		{momentum, solver.Settings{Start: solver.Random{Alpha: 1e-6, Seed: 2}, Iterations: 25,
			FactorRank: 3}},
		{descent, solver.Settings{Start: solver.Random{Alpha: 1e-2, Seed: 3}, Iterations: 0}},
		{solver.GD{StepSize: 9},
			solver.Settings{Start: solver.Random{Alpha: 1, Seed: 4}, Iterations: 60, FactorRank: 20}},
		{descent, solver.Settings{Start: solver.Spectral{}, Iterations: 31, FactorRank: 2}},
		{descent, solver.Settings{Start: solver.Random{Alpha: 0.1, Seed: 1}, Iterations: 500,
			Stopper: solver.LossBelow(1e-3)}},
		{solver.GD{StepSize: 0.1},
			solver.Settings{Start: solver.Random{Alpha: 1e-3, Seed: 1}, Iterations: 33, FactorRank: 4}},
	}
	for i := range jobs {
		jobs[i].Settings.MeasureEvery = 3 + i
		jobs[i].Settings.Recorder = &recorders[i]
	}
	return jobs
}

// TestSolveAll: with any number of members, and in every precision, each job gives the bits that it gives
// alone.
func TestSolveAll(t *testing.T) {
	for _, precision := range []solver.Precision{solver.F64, solver.Mixed, solver.F32} {
		t.Run(string(precision), func(t *testing.T) {
			p, b := problem(t, 0.01), cpu.Backend{Precision: precision}
			want := make([]solver.Trajectory, 7)
			var results []*solver.Result
			for _, j := range mixture(want) {
				r, err := solver.Solve(background, p, b, j.Method, j.Settings)
				if err != nil {
					t.Fatal(err)
				}
				results = append(results, r)
			}
			if s := []solver.Status{results[3].Status, results[5].Status}; !slices.Equal(s,
				[]solver.Status{solver.Diverged, solver.Converged}) {
				t.Fatalf("the ends are %v: this test shows too little", s)
			}
			for _, members := range []int{1, 2, 5, 7, 100} {
				got := make([]solver.Trajectory, 7)
				ended := 0
				err := solver.SolveAll(background, p, b, members, mixture(got),
					func(i int, r *solver.Result, err error) {
						ended++
						if err != nil {
							t.Fatal(err)
						}
						if w := results[i]; r.Status != w.Status || r.Iteration != w.Iteration ||
							!mat.Equal(r.Factor[0], w.Factor[0]) {
							t.Errorf("with %d members job %d ends as %v at %d, alone as %v at %d, or with"+
								" other bits", members, i, r.Status, r.Iteration, w.Status, w.Iteration)
						}
						if !sameSamples(got[i], want[i]) {
							t.Errorf("with %d members job %d has other samples than alone", members, i)
						}
					})
				if err != nil || ended != 7 {
					t.Errorf("with %d members %d of 7 jobs ended: %v", members, ended, err)
				}
			}
		})
	}
}

// TestSolveAllGoesOn: an error of one job, from its recorder, its keeper or its start, is reported and does
// not stop the others.
func TestSolveAllGoesOn(t *testing.T) {
	var jobs []solver.Job
	for range 5 {
		jobs = append(jobs, solver.Job{Method: descent, Settings: small(6)})
	}
	jobs[0].Settings.Recorder = broken{}
	jobs[1].Settings.Keep = func(solver.State) error { return errBroken }
	jobs[3].Settings.Start = solver.Given{Start: solver.Factor{mat.NewDense(3, 1, nil)}}
	told := map[int]string{}
	err := solver.SolveAll(background, problem(t, 0), cpu.Backend{}, 2, jobs,
		func(i int, r *solver.Result, err error) {
			told[i] = fmt.Sprint(err, r != nil)
		})
	if err != nil {
		t.Fatal(err)
	}
	want := map[int]string{0: "brokenfalse", 1: "brokenfalse", 2: "<nil>true",
		3: "solver: the start is 3 × 1 and the factor is 17 × 17false", 4: "<nil>true"}
	for i, w := range want {
		if got := strings.ReplaceAll(told[i], " ", ""); got != strings.ReplaceAll(w, " ", "") {
			t.Errorf("job %d is told as %q, want %q", i, told[i], w)
		}
	}
}

// TestSolveAllIsCanceled: jobs under way keep their state; jobs that were not begun are not reported. A step
// whose gradient is there is finished.
func TestSolveAllIsCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	kept := map[int]int{}
	var jobs []solver.Job
	for i := range 5 {
		s := small(50)
		s.Keep = func(s solver.State) error { kept[i] = s.Iteration; return nil }
		jobs = append(jobs, solver.Job{Method: descent, Settings: s})
	}
	jobs[0].Settings.Iterations = 4 // its member is free when the context ends
	jobs[2].Method = cancelAfter{descent, 3, cancel}
	told := map[int]solver.Status{}
	err := solver.SolveAll(ctx, problem(t, 0), cpu.Backend{}, 2, jobs,
		func(i int, r *solver.Result, err error) {
			if err != nil {
				t.Error(err)
				return
			}
			told[i] = r.Status
		})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v, and jobs were not begun", err)
	}
	if len(told) != 3 || told[0] != solver.BudgetSpent || told[1] != solver.Canceled ||
		told[2] != solver.Canceled {
		t.Errorf("told of %v", told)
	}
	if kept[1] == 0 || kept[2] != 4 {
		t.Errorf("kept the states %v", kept)
	}
}

// TestSolveAllRefuses: a job that makes no sense is refused before any job is begun.
func TestSolveAllRefuses(t *testing.T) {
	never := func(int, *solver.Result, error) { t.Error("a job was begun") }
	bad := small(5)
	bad.FactorRank = -2
	two := []solver.Job{{Method: descent, Settings: small(5)}, {Method: descent, Settings: bad}}
	if err := solver.SolveAll(background, problem(t, 0), cpu.Backend{}, 2, two, never); err == nil {
		t.Error("a negative factor rank was accepted")
	}
	if err := solver.SolveAll(background, problem(t, 0), cpu.Backend{}, 0, two[:1], never); err == nil {
		t.Error("no members were accepted")
	}
	if err := solver.SolveAll(background, problem(t, 0), cpu.Backend{}, 2, nil, never); err != nil {
		t.Errorf("no jobs: %v", err)
	}
}
