package solver

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/mat"
)

// run is one job on its way, in a seat of a batch.
type run struct {
	Settings
	*batch
	job       int
	method    Method
	member    int
	shapes    []Shape
	iteration int
	seconds   float64
	kept      time.Time
	meter     *meter
	zeroLoss  float64           // f(0)
	firstLoss float64           // f(U₀); 0 until it is measured
	measured  Factor            // the last one measured as good
	measuring Factor            // the one being measured
	goodAt    int               // the iteration of measured
	hasGood   bool              // measured was measured, when it was due
	spectral  *SpectralEstimate // the one asked for last; nil where none was
}

// newRun puts a job in a seat and sets its first iterate.
func (g *batch) newRun(ctx context.Context, job, member int) (*run, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := g.jobs[job].Settings
	shapes, err := s.Parametrization.Shapes(g.problem.Ensemble.Space(), s.FactorRank)
	if err != nil {
		return nil, err
	}
	if err := g.engine.Reset(member, Member{s.FactorRank}); err != nil {
		return nil, err
	}
	r := &run{Settings: s, batch: g, job: job, method: g.jobs[job].Method, member: member, shapes: shapes, kept: time.Now()}
	r.zeroLoss = lossOfZero(g.engine.Observations(member))
	r.measured, r.measuring = NewFactor(shapes), NewFactor(shapes)

	if s.Resume != nil {
		r.iteration, r.seconds, r.firstLoss = s.Resume.Iteration, s.Resume.Seconds, s.Resume.FirstLoss
		if err := r.restore(s.Resume); err != nil {
			return nil, err
		}
	} else {
		first, err := s.Start.Factor(shapes, r.estimate)
		if err != nil {
			return nil, ownError{err}
		}
		if err := g.engine.Set(member, Iterate, first); err != nil {
			return nil, err
		}
	}
	if s.Resume != nil && s.Resume.Good != nil {
		if !slices.Equal(s.Resume.Good.Shapes(), shapes) {
			return nil, fmt.Errorf("solver: the good iterate of the state to resume is %v, and the factor %v", s.Resume.Good.Shapes(), shapes)
		}
		r.measured.Copy(s.Resume.Good)
		r.goodAt, r.hasGood = s.Resume.GoodAt, true
	} else {
		if err := g.engine.Get(member, Iterate, r.measured); err != nil {
			return nil, err
		}
		r.goodAt = r.iteration
	}

	var top *mat.Dense
	if s.Rank > 0 && !isMetered(s.Parametrization) {
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

// advance takes a run whose gradient is there one step further, measuring first where it is due. At the run's end it
// returns the result.
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
	return nil, r.stepping(func() error { return r.method.Step(r.engine, r.member, r.iteration-1) }, r)
}

// isMeasured says whether the current iterate is to be measured.
func (r *run) isMeasured() bool {
	return r.iteration == r.Iterations || r.iteration%r.MeasureEvery == 0
}

// savedSlots lists the slots that a state holds, in its order.
func (r *run) savedSlots() []Slot {
	slots := []Slot{Iterate}
	for i := range r.method.Slots() {
		slots = append(slots, OwnSlot+Slot(i))
	}
	return slots
}

// isShifting says whether the method has a shift, which a state holds after the slots.
func (r *run) isShifting() bool {
	_, shifting := r.method.(Shifting)
	return shifting
}

func (r *run) restore(s *State) error {
	slots := r.savedSlots()
	want := len(slots)
	if r.isShifting() {
		want++
	}
	if len(s.Slots) != want {
		return fmt.Errorf("solver: the state to resume has %d slots and %s needs %d", len(s.Slots), r.method.Name(), want)
	}
	for i, slot := range slots {
		if err := r.engine.Set(r.member, slot, s.Slots[i]); err != nil {
			return err
		}
	}
	if r.isShifting() {
		shift, saved := r.engine.Shift(r.member), s.Slots[want-1]
		if have := saved.Shapes(); !slices.Equal(have, []Shape{{len(shift), 1}}) {
			return fmt.Errorf("solver: the state to resume has a shift that is %v, of %d observations", have, len(shift))
		}
		mat.Col(shift, 0, saved[0])
	}
	if s.Anchor == nil {
		return nil
	}
	e, ok := r.engine.(Anchored)
	if !ok {
		return fmt.Errorf("solver: the state to resume has an anchor, and the engine has none")
	}
	return e.SetAnchor(r.member, s.Anchor)
}

// divergence is how many times the loss of the zero factor and of the first iterate together a loss must reach to
// count as divergence. Descent does not climb; a step a little too large, where the loss may rise and come down
// again, climbs by far less.
const divergence = 1e4

// measure takes a sample of the current iterate, whose gradient is there, hands it to the recorder and asks the stopper.
func (r *run) measure() (Status, error) {
	if err := r.settle(); err != nil {
		return Running, err
	}
	var loss [1]float64
	if err := r.engine.Losses(loss[:], r.member); err != nil {
		return Running, err
	}
	if err := r.engine.Get(r.member, Iterate, r.measuring); err != nil {
		return Running, err
	}
	if r.firstLoss == 0 {
		r.firstLoss = loss[0]
	}
	bound := divergence * (r.zeroLoss + r.firstLoss)
	if !(loss[0] <= bound) || math.IsInf(loss[0], 1) || !r.measuring.Finite() {
		return Diverged, nil
	}
	s := NewSample(r.iteration)
	s.TrainLoss, s.Seconds = loss[0], r.seconds
	if r.isShifting() {
		s.Shift = rootMeanSquare(r.engine.Shift(r.member))
	}
	if e, ok := r.method.(Evaluator); ok {
		s.Evaluations = e.Evaluations(r.shapes, r.iteration)
	}
	if err := r.meter.measure(&s, r.measuring); err != nil {
		return Running, err
	}
	var err error
	if s.Flatness, err = flatness(r.engine, r.member, r.Parametrization, r.measuring); err != nil {
		return Running, err
	}
	if r.iteration%r.MeasureEvery == 0 { // not the last of a run that may be continued
		r.measured, r.measuring, r.goodAt, r.hasGood = r.measuring, r.measured, r.iteration, true
	}
	if r.Recorder != nil {
		if err := r.Recorder.Record(s); err != nil {
			return Running, ownError{err}
		}
	}
	if r.Stopper != nil {
		return r.Stopper.Stop(s), nil
	}
	return Running, nil
}

// lossOfZero is f(0) = 1/(4m) Σ y_i², the same bits on every machine, because it decides what counts as divergence.
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

// keep hands the current state to Keep.
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
	if e, ok := r.engine.(Anchored); ok {
		state.Anchor = e.Anchor(r.member)
	}
	for _, slot := range r.savedSlots() {
		f := NewFactor(r.shapes)
		if err := r.engine.Get(r.member, slot, f); err != nil {
			return err
		}
		state.Slots = append(state.Slots, f)
	}
	if r.isShifting() {
		shift := slices.Clone(r.engine.Shift(r.member))
		state.Slots = append(state.Slots, Factor{mat.NewDense(len(shift), 1, shift)})
	}
	err := r.Keep(state)
	r.kept = time.Now()
	if err != nil {
		return ownError{err}
	}
	return nil
}

// cancel measures the last iterate, if that was not due anyhow, and closes the account.
func (r *run) cancel() (*Result, error) {
	if r.iteration%r.MeasureEvery != 0 {
		if status, err := r.measure(); err != nil || status == Diverged {
			return r.end(status, err)
		}
	}
	return r.end(Canceled, nil)
}

// end closes the account.
func (r *run) end(status Status, err error) (*Result, error) {
	if err != nil {
		return nil, err
	}
	res := &Result{Status: status, Iteration: r.iteration, Seconds: r.seconds}
	if status == Diverged {
		res.Iteration, res.Factor = r.goodAt, r.measured
		if !isMetered(r.Parametrization) { // a vector has none
			if _, err := r.estimate(max(r.Rank, 1)); err != nil {
				return nil, err
			}
		}
	} else {
		res.Factor = NewFactor(r.shapes)
		if err := r.engine.Get(r.member, Iterate, res.Factor); err != nil {
			return nil, err
		}
		if err := r.keep(); err != nil {
			return nil, err
		}
	}
	res.Spectral = r.spectral
	return res, nil
}
