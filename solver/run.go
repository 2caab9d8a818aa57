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
	zeroLoss  float64           // f(0)
	firstLoss float64           // f(U₀); 0 until it is measured
	measured  Factor            // the last iterate that was measured as good
	measuring Factor            // the iterate that is being measured
	goodAt    int               // the iteration of measured
	hasGood   bool              // a measurement that was due has filled measured
	spectral  *SpectralEstimate // the last one that was asked for; nil without one
}

// newRun gives a job a member and sets its first iterate.
func (g *batch) newRun(ctx context.Context, job, number int) (*run, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := g.jobs[job].Settings
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
	r.measured, r.measuring = NewFactor(shapes), NewFactor(shapes)

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
		r.measured.Copy(s.Resume.Good)
		r.goodAt, r.hasGood = s.Resume.GoodAt, true
	} else {
		if err := member.Get(Iterate, r.measured); err != nil {
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
	if err := ctx.Err(); err != nil { // each stage before may have taken a while
		return nil, err
	}
	r.meter = newMeter(s.Parametrization, g.problem, top)
	return r, nil
}

// estimate returns the spectral estimate with k pairs.
func (r *run) estimate(k int) (est *SpectralEstimate, err error) {
	est, err = r.batch.estimate(k)
	r.spectral = est
	return est, err
}

// advance measures, if a measurement is due, and takes one step. The loop has computed the gradient before.
// At the end of the run it returns the result.
func (r *run) advance(ctx context.Context) (*Result, error) {
	last := r.iteration == r.Iterations
	if r.isMeasured() {
		status, err := r.measure()
		if err != nil || status != Running {
			return r.end(status, err)
		}
	}
	if last {
		return r.end(BudgetSpent, nil)
	}
	if ctx.Err() != nil {
		return r.cancel()
	}
	if err := r.keepIfDue(); err != nil {
		return nil, err
	}
	r.iteration++
	return nil, r.stepping(func() error { return r.method.Step(r.member, r.iteration-1) }, r)
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

// divergence is the factor that defines divergence: a run has diverged if its loss exceeds divergence·(f(0) +
// f(U₀)). Descent does not increase the loss. A step that is a little too large may increase it for a while,
// but by far less than this factor.
const divergence = 1e4

// measure takes a sample of the current iterate, passes it to the recorder and asks the stopper. The gradient
// is already there.
func (r *run) measure() (Status, error) {
	if err := r.settle(); err != nil {
		return Running, err
	}
	loss, err := r.member.Loss()
	if err != nil {
		return Running, err
	}
	if err := r.member.Get(Iterate, r.measuring); err != nil {
		return Running, err
	}
	if r.firstLoss == 0 {
		r.firstLoss = loss
	}
	bound := divergence * (r.zeroLoss + r.firstLoss)
	if !(loss <= bound) || math.IsInf(loss, 1) || !r.measuring.Finite() {
		return Diverged, nil
	}
	s := NewSample(r.iteration)
	s.TrainLoss, s.Seconds = loss, r.seconds
	if m, ok := r.method.(Measuring); ok {
		if err := m.Measure(&s, r.member); err != nil {
			return Running, err
		}
	}
	if err := r.meter.measure(&s, r.measuring); err != nil {
		return Running, err
	}
	if s.Flatness, err = flatness(r.engine, r.Parametrization, r.measuring); err != nil {
		return Running, err
	}
	if r.iteration%r.MeasureEvery == 0 { // not at a last iterate off the grid: the run may be continued
		r.measured, r.measuring, r.goodAt, r.hasGood = r.measuring, r.measured, r.iteration, true
	}
	if r.Recorder != nil {
		if err := r.Recorder.Record(s); err != nil {
			return Running, jobError{err}
		}
	}
	if r.Stopper != nil {
		return r.Stopper.Stop(s), nil
	}
	return Running, nil
}

// lossOfZero is f(0) = 1/(4m) Σ y_i². It has the same bits on every machine, because it decides what counts
// as divergence.
func lossOfZero(y []float64) float64 {
	var sum float64
	for _, v := range y {
		sum += float64(v * v)
	}
	return max(sum/(4*float64(len(y))), math.SmallestNonzeroFloat64)
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
		state.Good, state.GoodAt = r.measured.Clone(), r.goodAt
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

// cancel measures the last iterate, unless advance has just done so, and ends the run.
func (r *run) cancel() (*Result, error) {
	if r.iteration%r.MeasureEvery != 0 {
		if status, err := r.measure(); err != nil || status == Diverged {
			return r.end(status, err)
		}
	}
	return r.end(Canceled, nil)
}

// end returns the result of a run that ends with a status, or err.
func (r *run) end(status Status, err error) (*Result, error) {
	if err != nil {
		return nil, err
	}
	res := &Result{Status: status, Iteration: r.iteration, Seconds: r.seconds}
	if status == Diverged {
		res.Iteration, res.Factor = r.goodAt, r.measured
		if !isSelfMeasuring(r.Parametrization) { // a vector has no spectral estimate
			if _, err := r.estimate(max(r.Rank, 1)); err != nil {
				return nil, err
			}
		}
	} else {
		res.Factor = NewFactor(r.member.Shapes())
		if err := r.member.Get(Iterate, res.Factor); err != nil {
			return nil, err
		}
		if err := r.keep(); err != nil {
			return nil, err
		}
	}
	res.Spectral = r.spectral
	return res, nil
}
