package solver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/matsense/matsense/sensing"
)

// Opened is an engine that stays open from one run to the next, so that a program can work on the
// measurements between runs and during them. Runs take the last member; the others are the program's own. An
// Opened is used from one goroutine at a time.
type Opened struct {
	batch   *batch
	backend Backend
	spec    Batch
	ask     atomic.Pointer[func() error] // what may interrupt the engine's operations now
}

// Open opens an engine for a problem and a batch. Its operations ask batch.Interrupted, and during a run the
// run's context in its place. The error wraps [ErrUnsupported] if another backend may suit.
func Open(ctx context.Context, p *sensing.Problem, b Backend, spec Batch) (*Opened, error) {
	if len(spec.FactorRanks) == 0 {
		return nil, errors.New("solver: an engine for runs has a member")
	}
	if err := Supports(b, spec); err != nil {
		return nil, err
	}
	o := &Opened{batch: &batch{problem: p, first: len(spec.FactorRanks) - 1}, backend: b, spec: spec}
	o.interruptedBy(spec.Interrupted)
	spec.Interrupted = func() error { return (*o.ask.Load())() }
	engine, err := b.Open(ctx, p, spec)
	if err != nil {
		return nil, err
	}
	o.batch.engine = engine
	return o, nil
}

// interruptedBy sets what the engine's operations ask.
func (o *Opened) interruptedBy(ask func() error) {
	if ask == nil {
		ask = func() error { return nil }
	}
	o.ask.Store(&ask)
}

// Engine returns the engine, whose last member is for runs. It may be used between runs, and in the steps of
// a run's method.
func (o *Opened) Engine() Engine { return o.batch.engine }

// Solve runs a method on the engine, as the function [Solve] does on one of its own, to the same bits. The
// method needs no more of the engine than the batch that was opened has; slots in the host's memory are free.
// What does not depend on the run, such as the spectral estimate, is computed once.
func (o *Opened) Solve(ctx context.Context, m Method, s Settings) (result *Result, err error) {
	g := o.batch
	spec, err := g.take(ctx, o.backend, 1, []Job{{m, s}})
	if err != nil {
		return nil, err
	}
	if err := o.suits(spec); err != nil {
		return nil, err
	}
	o.interruptedBy(g.interrupted)
	defer func() {
		o.interruptedBy(o.spec.Interrupted)
		g.jobs, g.members = nil, nil // the run's memory is free
	}()
	broken := g.carryOut(ctx, func(_ int, r *Result, failed error) { result, err = r, failed })
	if broken != nil {
		return nil, broken
	}
	return result, err
}

// suits refuses a run that needs more than the engine has.
func (o *Opened) suits(spec Batch) error {
	n, has := spec.Needs, o.spec.Needs
	missing := n.Missing(has)
	switch {
	case spec.Parametrization != o.spec.Parametrization:
		return fmt.Errorf("solver: the engine was opened for %s, and the run is of %s",
			o.spec.Parametrization.Name(), spec.Parametrization.Name())
	case !slices.Contains(o.spec.EachLoss(), spec.Losses[0]):
		return fmt.Errorf("solver: the engine was not opened for the loss %s, which the run has",
			spec.Losses[0].Name())
	case spec.FactorRanks[0] > o.spec.FactorRanks[o.batch.first]:
		return fmt.Errorf("solver: the engine was opened for the factor rank %d, and the run has %d",
			o.spec.FactorRanks[o.batch.first], spec.FactorRanks[0])
	case n.Slots > has.Slots || n.Vectors > has.Vectors:
		return fmt.Errorf("solver: the engine was opened with %d slots and %d vectors, and the run needs %d "+
			"and %d", has.Slots, has.Vectors, n.Slots, n.Vectors)
	case len(missing) > 0:
		return fmt.Errorf("solver: the engine was opened without %s, which the run needs", missing[0])
	}
	return nil
}

// Close closes the engine.
func (o *Opened) Close() error { return o.batch.engine.Close() }
