package solver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/matsense/matsense/sensing"
)

// batch is a list of jobs on one problem, and the engine whose members carry them out in turn.
type batch struct {
	problem  *sensing.Problem
	engine   Engine
	jobs     []Job
	next     int                       // the first job that has not begun
	members  []*run                    // nil if the member has no run
	first    int                       // the number in the engine of the first of them
	spectral map[int]*SpectralEstimate // by the number of pairs; 0 means all
	meters   map[int]*thinMeter        // by r*: those of runs that are measured on the engine
	works    map[int]*thinWork         // by the number of the member
	fit      *Fit                      // of the truth; nil until it is asked for

	// interrupted returns ctx's error if ctx is done, unless the batch is held: a step that has begun to
	// write what is kept goes on to its end.
	interrupted func() error
	held        atomic.Bool
}

// jobError is an error that concerns one job only: of its recorder, its keeper or its start.
type jobError struct{ error }

// Unwrap returns the error itself.
func (e jobError) Unwrap() error { return e.error }

// openBatch checks all jobs and opens an engine with the given number of members, each large enough for the
// largest job. Without jobs it returns nil.
func openBatch(ctx context.Context, p *sensing.Problem, b Backend, members int, jobs []Job) (*batch, error) {
	if members < 1 {
		return nil, fmt.Errorf("solver: jobs need at least one member of a batch, got %d", members)
	}
	if len(jobs) == 0 {
		return nil, nil
	}
	g := &batch{problem: p}
	members = min(members, len(jobs))
	spec, err := g.take(ctx, b, members, jobs)
	if err != nil {
		return nil, err
	}
	spec.Interrupted = g.interrupted
	if err := Supports(b, spec); err != nil {
		return nil, err
	}
	g.jobs[0].Settings.watch(Preparing, 0)
	g.engine, err = b.Open(ctx, p, spec)
	return g, err
}

// take checks jobs for the given number of members, makes them the batch's own, and returns what they need of
// an engine.
func (g *batch) take(ctx context.Context, b Backend, members int, jobs []Job) (spec Batch, err error) {
	p := g.problem
	g.jobs, g.next, g.members = nil, 0, make([]*run, members)
	largest := 0
	var measured []Measured
	for i, j := range jobs {
		s, err := j.Settings.complete(p, b, j.Method)
		if err != nil {
			return spec, err
		}
		if i > 0 && s.Parametrization != spec.Parametrization {
			return spec, fmt.Errorf("solver: jobs that share an engine use one parametrization, not %s and %s",
				spec.Parametrization.Name(), s.Parametrization.Name())
		}
		if _, err := s.Parametrization.Shapes(p.Ensemble.Space(), s.FactorRank); err != nil {
			return spec, err
		}
		g.jobs = append(g.jobs, Job{j.Method, s})
		spec.Parametrization, spec.Losses = s.Parametrization, append(spec.Losses, s.Loss)
		spec.Needs = spec.Needs.And(j.Method.Needs())
		largest = max(largest, s.FactorRank)
		measured = append(measured, Measured{s.FactorRank, s.Rank, s.SingularValues})
	}
	g.interrupted = func() error {
		if g.held.Load() {
			return nil
		}
		return ctx.Err()
	}
	spec.Metrics = MetricsOf(p.Ensemble.Space(), spec.Parametrization, p.Truth != nil, measured...)
	spec.FactorRanks = slices.Repeat([]int{largest}, members)
	return spec, nil
}

// fill gives free members to the next jobs, and calls done for jobs that cannot begin.
func (g *batch) fill(ctx context.Context, done func(job int, r *Result, err error)) error {
	for i := range g.members {
		for g.members[i] == nil && g.next < len(g.jobs) {
			r, err := g.newRun(ctx, g.next, g.first+i)
			if ctx.Err() != nil {
				if len(g.runs()) > 0 {
					return nil // jobs under way end first
				}
				return ctx.Err()
			}
			if err != nil && !errors.As(err, new(jobError)) {
				return err
			}
			if g.next++; err != nil {
				done(g.next-1, nil, err)
				continue
			}
			g.members[i] = r
		}
	}
	return nil
}

// runs lists the runs under way.
func (g *batch) runs() (all []*run) {
	for _, r := range g.members {
		if r != nil {
			all = append(all, r)
		}
	}
	return all
}

// leave frees a run's member.
func (g *batch) leave(r *run) { g.members[r.number-g.first] = nil }

// gradients computes gradients in one pass over the measurements, of two kinds of runs: those whose methods
// step along the gradient, and those whose loss is measured now. The time counts as stepping of the first
// kind, unless such a run has ended.
func (g *batch) gradients(runs []*run) error {
	numbers := make([]int, 0, len(runs))
	stepping := make([]*run, 0, len(runs))
	for _, r := range runs {
		steps := r.method.Needs().Gradient
		if steps || r.isMeasured() {
			numbers = append(numbers, r.number)
		}
		if steps && r.iteration < r.Iterations {
			stepping = append(stepping, r)
		}
	}
	if len(numbers) == 0 {
		return nil
	}
	return g.stepping(func() error { return g.engine.Gradient(numbers...) }, stepping...)
}

// stepping does work that belongs to steps; the runs share its time equally.
func (g *batch) stepping(work func() error, runs ...*run) error {
	began := time.Now()
	if err := work(); err != nil {
		return err // an interrupted step will be taken, and counted, when the run is resumed
	}
	seconds := time.Since(began).Seconds() / float64(max(len(runs), 1))
	for _, r := range runs {
		r.seconds += seconds
	}
	return nil
}

// undivided does work that cannot be ended between its parts, such as a decomposition of a large matrix. If
// it is interrupted, the work goes on alone: nobody may use its results, or change what it reads. It must not
// use the engine.
func undivided(interrupted func() error, work func() error) error {
	if interrupted == nil {
		return work()
	}
	const moment = 20 * time.Millisecond
	done := make(chan error, 1)
	go func() { done <- work() }()
	for {
		select {
		case err := <-done:
			return err
		case <-time.After(moment):
			if err := interrupted(); err != nil {
				return err
			}
		}
	}
}

// settle waits for the device, and counts the time as stepping of all runs.
func (g *batch) settle() error { return g.stepping(g.engine.Wait, g.runs()...) }

// estimate makes the spectral estimate with k pairs on first use. A run never gets a more exact one that
// another run asked for: its bits are the same as alone.
func (g *batch) estimate(k int) (*SpectralEstimate, error) {
	key := k
	if isDecomposed(g.problem.Ensemble, k) {
		key = 0 // the estimate has all pairs, whatever k is
	}
	if have := g.spectral[key]; have != nil {
		return have, nil
	}
	engine, ok := g.engine.(ProductEngine)
	if !ok {
		return nil, Unsupportedf("the spectral estimate needs products with the measurements, and the " +
			"device has none")
	}
	s := newAdjoint(g.problem.Ensemble, engine)
	s.interrupted = g.interrupted
	estimate := s.estimate
	switch g.jobs[0].Settings.Parametrization.(type) {
	case Indefinite, Polar:
		estimate = s.signedEstimate
	}
	made, err := estimate(k)
	if err != nil {
		return nil, err
	}
	if g.spectral == nil {
		g.spectral = map[int]*SpectralEstimate{}
	}
	g.spectral[key] = made
	return made, nil
}
