package solver

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/mat"
)

// run is one job that is under way, as a member of a batch.
type run struct {
	Settings
	*batch
	job       int
	method    Method
	number    int     // of the member
	member    *Member // what the method works with
	iteration int
	seconds   float64
	kept      time.Time
	meter     *meter
	thin      *thinMeter        // measures where the engine keeps the factor; nil if only the host can
	zeroLoss  float64           // f(0)
	firstLoss float64           // f(U₀); 0 until it is measured
	verdict   verdict           // of the last measurement
	goodAt    int               // the iteration of the Good slot
	hasGood   bool              // a measurement that was due has filled the Good slot
	spectral  *SpectralEstimate // the last one that was asked for; nil without one
}

// newRun gives a job a member and sets its first iterate.
func (g *batch) newRun(ctx context.Context, job, number int) (*run, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := g.jobs[job].Settings
	if s.Restore != nil {
		var err error
		if s.Resume, err = s.Restore(); err != nil {
			return nil, jobError{err}
		}
		if err := s.checkResume(); err != nil {
			return nil, jobError{err}
		}
	}
	member, err := NewMember(g.engine, number, g.problem.Ensemble.Space(), s.Parametrization, s.FactorRank)
	if err != nil {
		return nil, err
	}
	shapes := member.Shapes()
	r := &run{
		Settings: s, batch: g, job: job, method: g.jobs[job].Method,
		number: number, member: member, kept: time.Now(),
	}
	r.zeroLoss = lossOfZero(member.Observations())

	if s.Resume != nil {
		r.iteration, r.seconds, r.firstLoss = s.Resume.Iteration, s.Resume.Seconds, s.Resume.FirstLoss
		if err := r.restore(s.Resume); err != nil {
			return nil, err
		}
	} else {
		first, err := s.Start.Factor(shapes, r.estimate)
		if err != nil {
			return nil, jobError{err}
		}
		if err := member.Set(Iterate, first); err != nil {
			return nil, err
		}
	}
	if s.Resume != nil && s.Resume.Good != nil {
		if !slices.Equal(s.Resume.Good.Shapes(), shapes) {
			return nil, fmt.Errorf("solver: the good iterate of the state to resume is %v, and the factor %v",
				s.Resume.Good.Shapes(), shapes)
		}
		if err := member.Set(Good, s.Resume.Good); err != nil {
			return nil, err
		}
		r.goodAt, r.hasGood = s.Resume.GoodAt, true
	} else {
		if err := member.Combine(Good, 1, Iterate, 0, Iterate); err != nil {
			return nil, err
		}
		r.goodAt = r.iteration
	}

	var top *mat.Dense
	if s.Rank > 0 && !isSelfMeasuring(s.Parametrization) {
		est, err := r.estimate(s.Rank)
		if err != nil {
			return nil, err
		}
		top = est.Top(s.Rank)
	}
	r.Resume = nil // its memory is free from now on
	r.meter = newMeter(s.Parametrization, g.problem, top, s.SingularValues)
	r.thin, err = g.thinMeter(r, top)
	return r, err
}

// estimate returns the spectral estimate with k pairs.
func (r *run) estimate(k int) (est *SpectralEstimate, err error) {
	est, err = r.batch.estimate(k)
	r.spectral = est
	return est, err
}

// advance takes one step. The loop has computed the gradient and taken a sample before, if they are due. At
// the end of the run it returns the result.
func (r *run) advance() (*Result, error) {
	last := r.iteration == r.Iterations
	if r.isMeasured() && (r.verdict.err != nil || r.verdict.status != Running) {
		return r.end(r.verdict.status, r.verdict.err)
	}
	if last {
		return r.end(BudgetSpent, nil)
	}
	if err := r.keepIfDue(); err != nil {
		return nil, err
	}
	return nil, r.step()
}

// step takes one step whole or not at all. As long as the step has written nothing that is part of the state,
// an interruption ends it and leaves the state as it was. From the first such write on, the step goes on to
// its end, even if it goes over the measurements again.
func (r *run) step() error {
	needs := r.method.Needs()
	r.member.writing = func(slot Slot) {
		if needs.keeps(slot) {
			r.held.Store(true)
		}
	}
	defer func() {
		r.member.writing = nil
		r.held.Store(false)
	}()
	err := r.stepping(func() error { return r.method.Step(r.member, r.iteration) }, r)
	if err == nil {
		r.iteration++
	}
	return err
}

// isMeasured says whether a measurement of the current iterate is due.
func (r *run) isMeasured() bool {
	return r.iteration == r.Iterations || r.iteration%r.MeasureEvery == 0
}

// savedSlots lists the slots that a state holds, in the state's order.
func (r *run) savedSlots() []Slot {
	needs := r.method.Needs()
	slots := []Slot{Iterate}
	for i := range needs.Slots - needs.Scratch {
		slots = append(slots, MethodSlot+Slot(i))
	}
	for i := range needs.Vectors - needs.ScratchVectors {
		slots = append(slots, VectorSlot+Slot(i))
	}
	return slots
}

// restore writes a state to resume into the member.
func (r *run) restore(s *State) error {
	slots := r.savedSlots()
	if len(s.Slots) != len(slots) {
		return fmt.Errorf("solver: the state to resume has %d slots and %s needs %d",
			len(s.Slots), r.method.Name(), len(slots))
	}
	for i, slot := range slots {
		if err := r.member.Set(slot, s.Slots[i]); err != nil {
			return fmt.Errorf("solver: the state to resume does not fit: %w", err)
		}
	}
	if s.Anchor == nil {
		return nil
	}
	return r.member.SetAnchor(s.Anchor)
}

// lossOfZero is f(0) = 1/(4m) Σ y_i². It has the same bits on every machine, because it decides what counts
// as divergence.
func lossOfZero(y []float64) float64 {
	return max(sumOfSquares(y)/(4*float64(len(y))), math.SmallestNonzeroFloat64)
}

func (r *run) keepIfDue() error {
	if r.Keep == nil || r.KeepEvery <= 0 || time.Since(r.kept) < r.KeepEvery {
		return nil
	}
	return r.keep()
}

// keep passes the current state to Keep.
func (r *run) keep() error {
	if r.Keep == nil {
		return nil
	}
	if err := r.settle(); err != nil {
		return err
	}
	state := State{Iteration: r.iteration, Seconds: r.seconds, FirstLoss: r.firstLoss}
	if r.hasGood {
		state.Good, state.GoodAt = NewFactor(r.member.Shapes()), r.goodAt
		if err := r.member.Get(Good, state.Good); err != nil {
			return err
		}
	}
	state.Anchor = r.member.Anchor()
	for _, slot := range r.savedSlots() {
		f := NewFactor(r.member.ShapesOf(slot))
		if err := r.member.Get(slot, f); err != nil {
			return err
		}
		state.Slots = append(state.Slots, f)
	}
	err := r.Keep(state)
	r.kept = time.Now()
	if err != nil {
		return jobError{err}
	}
	return nil
}

// end returns the result of a run that ends with a status, or err.
func (r *run) end(status Status, err error) (*Result, error) {
	if err != nil {
		return nil, err
	}
	res := &Result{
		Status: status, Iteration: r.iteration, Seconds: r.seconds, Factor: NewFactor(r.member.Shapes()),
	}
	if status == Diverged {
		res.Iteration = r.goodAt
		if err := r.member.Get(Good, res.Factor); err != nil {
			return nil, err
		}
		if !isSelfMeasuring(r.Parametrization) { // a vector has no spectral estimate
			if _, err := r.estimate(max(r.Rank, 1)); err != nil {
				return nil, err
			}
		}
	} else {
		if err := r.member.Get(Iterate, res.Factor); err != nil {
			return nil, err
		}
		if status == Canceled || !r.KeepUnfinished {
			if err := r.keep(); err != nil {
				return nil, err
			}
		}
	}
	res.Spectral = r.spectral
	return res, nil
}
