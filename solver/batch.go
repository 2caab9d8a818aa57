package solver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/matsense/matsense/sensing"
)

// batch is jobs on one problem, with the engine whose seats they take in turn.
type batch struct {
	problem  *sensing.Problem
	engine   Engine
	jobs     []Job
	next     int                       // the first job that has no seat yet
	seats    []*run                    // nil where nobody sits
	spectral map[int]*SpectralEstimate // by how many pairs were asked for; 0 is all
}

// ownError is an error that concerns one job alone: of its recorder, its keeper or its start.
type ownError struct{ error }

// Unwrap returns the error itself.
func (e ownError) Unwrap() error { return e.error }

// openBatch checks all jobs and opens an engine with a seat for the largest of them in each place. Without jobs it
// returns nil.
func openBatch(ctx context.Context, p *sensing.Problem, b Backend, seats int, jobs []Job) (*batch, error) {
	if seats < 1 {
		return nil, fmt.Errorf("solver: jobs need at least one seat, got %d", seats)
	}
	if len(jobs) == 0 {
		return nil, nil
	}
	g := &batch{problem: p, seats: make([]*run, min(seats, len(jobs)))}
	var spec Batch
	largest := 0
	for i, j := range jobs {
		s, err := j.Settings.complete(p, b, j.Method)
		if err != nil {
			return nil, err
		}
		if i > 0 && s.Parametrization != spec.Parametrization {
			return nil, fmt.Errorf("solver: jobs that share an engine use one parametrization, not %s and %s",
				spec.Parametrization.Name(), s.Parametrization.Name())
		}
		if _, err := s.Parametrization.Shapes(p.Ensemble.Space(), s.FactorRank); err != nil {
			return nil, err
		}
		g.jobs = append(g.jobs, Job{j.Method, s})
		spec.Parametrization = s.Parametrization
		spec.Admit(j.Method)
		largest = max(largest, s.FactorRank)
	}
	for range g.seats {
		spec.Members = append(spec.Members, Member{largest})
	}
	var err error
	g.engine, err = b.Open(ctx, p, spec)
	return g, err
}

// fill gives empty seats to the next jobs, and tells done of those that cannot begin.
func (g *batch) fill(ctx context.Context, done func(job int, r *Result, err error)) error {
	for at := range g.seats {
		for g.seats[at] == nil && g.next < len(g.jobs) {
			r, err := g.newRun(ctx, g.next, at)
			if ctx.Err() != nil && len(g.runs()) > 0 {
				return nil // those under way come to their end first
			}
			if err != nil && !errors.As(err, new(ownError)) {
				return err
			}
			if g.next++; err != nil {
				done(g.next-1, nil, err)
				continue
			}
			g.seats[at] = r
		}
	}
	return nil
}

// runs lists those that have a seat.
func (g *batch) runs() (all []*run) {
	for _, r := range g.seats {
		if r != nil {
			all = append(all, r)
		}
	}
	return all
}

func (g *batch) leave(r *run) { g.seats[r.member] = nil }

// gradients computes the gradients of all runs in one pass over the rows. It is the next step's, and counts as stepping,
// where there is one. Methods that are [Partial] have a gradient computed for the measured loss alone.
func (g *batch) gradients(runs []*run) error {
	members := make([]int, 0, len(runs))
	stepping := make([]*run, 0, len(runs))
	for _, r := range runs {
		partial := IsPartial(r.method)
		if !partial || r.isMeasured() {
			members = append(members, r.member)
		}
		if !partial && r.iteration < r.Iterations {
			stepping = append(stepping, r)
		}
	}
	if len(members) == 0 {
		return nil
	}
	return g.stepping(func() error { return g.engine.Gradient(members...) }, stepping...)
}

// stepping does some work of steps, whose time the runs share.
func (g *batch) stepping(work func() error, runs ...*run) error {
	began := time.Now()
	err := work()
	seconds := time.Since(began).Seconds() / float64(max(len(runs), 1))
	for _, r := range runs {
		r.seconds += seconds
	}
	return err
}

// settle waits for what the device has not done yet, and counts that as stepping of all runs.
func (g *batch) settle() error { return g.stepping(g.engine.Wait, g.runs()...) }

// estimate makes the spectral estimate with k pairs on first use. It is the same for all runs, and for none a better one that
// another asked for: a run is, to the bit, what it is alone.
func (g *batch) estimate(k int) (*SpectralEstimate, error) {
	key := k
	if isDecomposed(g.problem.Ensemble, k) {
		key = 0 // however many are asked for, there are all
	}
	if have := g.spectral[key]; have != nil {
		return have, nil
	}
	estimate := NewSpectralEstimate
	if _, signed := g.jobs[0].Settings.Parametrization.(Indefinite); signed {
		estimate = NewSignedEstimate
	}
	made, err := estimate(g.problem.Ensemble, g.engine, 0, k)
	if err != nil {
		return nil, err
	}
	if g.spectral == nil {
		g.spectral = map[int]*SpectralEstimate{}
	}
	g.spectral[key] = made
	return made, nil
}
