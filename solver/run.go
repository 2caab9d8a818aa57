package solver

import (
	"context"
	"fmt"
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
	lastLoss  float64           // of the last measurement
	spectral  *SpectralEstimate // the last one that was asked for; nil without one

	trainUnits float64 // Σ Unit² of the measurements; NaN if there is no train RMSE
	copied     Factor  // memory of the host for an iterate; nil until it is needed
	best       *Best   // of the iterates whose measurement was due; nil if there is none yet
	endsBest   bool    // the last iterate, whose measurement was not due, is better than best
	opened     Opening // what was known before the first step
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
	if e, ok := g.engine.(LossEngine); ok { // others have the squared loss alone
		if err := e.SetLoss(number, s.Loss); err != nil {
			return nil, err
		}
	}
	shapes := member.Shapes()
	r := &run{
		Settings: s, batch: g, job: job, method: g.jobs[job].Method,
		number: number, member: member, kept: time.Now(),
		trainUnits: trainUnits(g.problem, s.Loss),
	}
	r.zeroLoss = LossOfZero(s.Loss, member.Observations())
	if a, ok := aimingOf(r.method); ok {
		switch e, known := g.problem.Errors(); {
		case known:
			member.truthLoss = lossOfTruth(s.Loss, e)
		case a.aimsAtTruth():
			return nil, jobError{fmt.Errorf("solver: %s takes f at the truth, which is known of observations "+
				"alone that are made from the truth", r.method.Name())}
		}
	}
	defer func() { r.watch(Stepping, r.iteration) }()

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

	if s.Resume != nil {
		if err := r.resumeBest(s.Resume.Best); err != nil {
			return nil, err
		}
	}

	var top *mat.Dense
	if s.Rank > 0 && !isSelfMeasuring(s.Parametrization) {
		est, err := r.estimate(r.pairs())
		if err != nil {
			return nil, err
		}
		top = est.Top(s.Rank)
	}
	r.Resume = nil // its memory is free from now on
	r.meter = newMeter(s.Parametrization, g.problem, top, s.SingularValues)
	if r.thin, err = g.thinMeter(r, top); err != nil {
		return nil, err
	}
	if r.opened, err = r.opening(); err != nil {
		return nil, err
	}
	if s.Opened != nil {
		s.Opened(r.opened)
	}
	return r, nil
}

// pairs is how many pairs the spectral estimate has whose top r* vectors the metrics use: those of a spectral
// start, if they are enough, because that estimate is made already. They do not depend on whether the run was
// resumed.
func (r *run) pairs() int {
	start, spectral := r.Start.(Spectral)
	if !spectral {
		return r.Rank
	}
	return max(r.Rank, start.pairs(r.member.Shapes()))
}

// estimate returns the spectral estimate with k pairs.
func (r *run) estimate(k int) (est *SpectralEstimate, err error) {
	r.watch(Estimating, r.iteration)
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
	err := r.step()
	r.watch(Stepping, r.iteration)
	return nil, err
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
	for i := range needs.HostSlots {
		slots = append(slots, HostSlot+Slot(i))
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
	state.Best = r.best.clone()
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
		Status: status, Iteration: r.iteration, Steps: r.iteration, Seconds: r.seconds,
		Factor: NewFactor(r.member.Shapes()), Opening: r.opened,
	}
	if status == Diverged {
		res.Iteration = r.goodAt
		if err := r.member.Get(Good, res.Factor); err != nil {
			return nil, err
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
	if best := r.keptBest(); best != nil {
		res.Factor, res.Iteration = best.Factor, best.Iteration
	}
	// A vector has no spectral estimate. One that cannot be found costs the advice, and not the run.
	if r.failed(status) && !isSelfMeasuring(r.Parametrization) {
		before := r.spectral
		if _, err := r.estimate(max(r.pairs(), 1)); err != nil {
			if interrupted := r.interrupted(); interrupted != nil {
				return nil, interrupted // the run ends in the same way when it is resumed
			}
			r.spectral = before
		}
	}
	res.Spectral = r.spectral
	_, estimates := r.method.(None)
	start, spectral := r.Start.(Spectral)
	if estimates && spectral && start.Skip == 0 && status != Canceled {
		if res.Estimate, err = r.batch.estimate(r.FactorRank); err != nil { // again, if the run was resumed
			return nil, err
		}
	}
	return res, nil
}

// Unexplained is the part of f(0) above which the last loss of a run says that its factor does not explain
// the observations: they are of no matrix of this parametrization, or noisy, or the settings do not suit
// them.
const Unexplained = 0.01

// failed says whether a run ended without a factor that explains the observations.
func (r *run) failed(status Status) bool {
	return status == Diverged ||
		status == BudgetSpent && r.Iterations > 0 && r.lastLoss > Unexplained*r.zeroLoss
}
