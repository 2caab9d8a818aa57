package solver

import (
	"context"
	"fmt"
	"math"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// Settings say how a run goes, apart from problem, backend and method. The zero value of each optional field is
// useful.
type Settings struct {
	// Start makes the first iterate. It is required unless Resume is given.
	Start Start
	// Iterations is how many steps to take at most; at least 0.
	Iterations int
	// Parametrization says how factors make a matrix; nil is [PSD].
	Parametrization Parametrization
	// FactorRank is r; 0 is n.
	FactorRank int
	// MeasureEvery is the number of steps between measurements; 0 is 10. The first and the last iterate are always
	// measured.
	MeasureEvery int
	// Recorder is handed every sample; nil is nobody.
	Recorder Recorder
	// Stopper may end the run early; nil never does.
	Stopper Stopper
	// Rank is r* for the spectral angle where the problem has no truth; 0 leaves that angle out.
	Rank int
	// Keep is handed the state every KeepEvery of wall time, when the run is canceled, and at a good end; nil is
	// nobody.
	Keep func(State) error
	// KeepEvery is the time between two calls of Keep; 0 calls it at the end alone.
	KeepEvery time.Duration
	// Resume continues from a kept state instead of starting.
	Resume *State
}

// State is all that a run must remember to go on as if it had never stopped.
type State struct {
	// Iteration is the number of steps taken.
	Iteration int
	// Slots has the iterate and then the method's own slots.
	Slots []Factor
	// Seconds is the time spent stepping so far.
	Seconds float64
}

// Result is what a run came to.
type Result struct {
	Status Status
	// Iteration is the number of steps behind Factor.
	Iteration int
	// Factor is the last iterate; the last one measured as good where the run diverged.
	Factor Factor
	// Seconds is the time spent stepping.
	Seconds float64
	// Spectral is the spectral estimate, nil where nothing asked for it.
	Spectral *SpectralEstimate
}

// Solve runs a method on a problem until the iterations are spent, the stopper or divergence ends it, or ctx is done.
// Those are no errors: [Result.Status] tells them apart. A canceled run finishes its step and hands its state to
// Keep. An error says that something broke.
func Solve(ctx context.Context, p *sensing.Problem, b Backend, m Method, s Settings) (*Result, error) {
	s, err := s.complete(p)
	if err != nil {
		return nil, err
	}
	r, err := open(ctx, p, b, m, s)
	if err != nil {
		return nil, err
	}
	defer r.engine.Close()

	for ; ; r.iteration++ {
		last := r.iteration == s.Iterations
		if last || r.iteration%s.MeasureEvery == 0 {
			status, err := r.measure(last)
			if err != nil || status != Running {
				return r.end(status, err)
			}
		}
		if last {
			return r.end(BudgetSpent, nil)
		}
		if ctx.Err() != nil {
			return r.end(Canceled, nil)
		}
		if err := r.keepIfDue(); err != nil {
			return nil, err
		}
		if err := r.step(); err != nil {
			return nil, err
		}
	}
}

// complete fills in defaults and refuses what makes no sense.
func (s Settings) complete(p *sensing.Problem) (Settings, error) {
	if err := p.Validate(); err != nil {
		return s, err
	}
	n, _ := p.Ensemble.Space().Dims()
	if s.Parametrization == nil {
		s.Parametrization = PSD{}
	}
	if s.FactorRank == 0 {
		s.FactorRank = n
	}
	if s.MeasureEvery == 0 {
		s.MeasureEvery = 10
	}
	if p.Truth != nil {
		s.Rank = p.Truth.Rank()
	}
	switch {
	case s.Start == nil && s.Resume == nil:
		return s, fmt.Errorf("solver: Settings.Start is missing")
	case s.Iterations < 0:
		return s, fmt.Errorf("solver: Settings.Iterations must not be negative, got %d", s.Iterations)
	case s.MeasureEvery < 0:
		return s, fmt.Errorf("solver: Settings.MeasureEvery must not be negative, got %d", s.MeasureEvery)
	case s.Rank < 0 || s.Rank > n:
		return s, fmt.Errorf("solver: Settings.Rank goes from 0 to n = %d, got %d", n, s.Rank)
	case s.Resume != nil && s.Resume.Iteration > s.Iterations:
		return s, fmt.Errorf("solver: the state to resume has %d iterations, more than the %d asked for",
			s.Resume.Iteration, s.Iterations)
	}
	return s, nil
}

// run is one member of an engine's batch on its way.
type run struct {
	Settings
	problem   *sensing.Problem
	method    Method
	engine    Engine
	member    int
	shapes    []Shape
	iteration int
	seconds   float64
	kept      time.Time
	spectral  *SpectralEstimate
	meter     *meter
	bound     float64 // a loss above it is divergence
	measured  Factor  // the last one measured as good
	measuring Factor  // the one being measured
	goodAt    int     // the iteration of measured
}

// open opens an engine and sets the first iterate.
func open(ctx context.Context, p *sensing.Problem, b Backend, m Method, s Settings) (_ *run, err error) {
	shapes, err := s.Parametrization.Shapes(p.Ensemble.Space(), s.FactorRank)
	if err != nil {
		return nil, err
	}
	e, err := b.Open(ctx, p, Batch{s.Parametrization, []int{s.FactorRank}, m.Slots()})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			e.Close()
		}
	}()
	r := &run{Settings: s, problem: p, method: m, engine: e, shapes: shapes, kept: time.Now()}
	r.measured, r.measuring = NewFactor(shapes), NewFactor(shapes)

	if s.Resume != nil {
		r.iteration, r.seconds = s.Resume.Iteration, s.Resume.Seconds
		if err := r.restore(s.Resume.Slots); err != nil {
			return nil, err
		}
	} else {
		first, err := s.Start.Factor(shapes, r.estimate)
		if err != nil {
			return nil, err
		}
		if err := e.Set(r.member, Iterate, first); err != nil {
			return nil, err
		}
	}
	if err := e.Get(r.member, Iterate, r.measured); err != nil {
		return nil, err
	}
	r.goodAt = r.iteration

	var top *mat.Dense
	if s.Rank > 0 {
		est, err := r.estimate()
		if err != nil {
			return nil, err
		}
		top = est.Top(s.Rank)
	}
	r.meter = newMeter(s.Parametrization, p, top)
	return r, nil
}

// estimate makes the spectral estimate on first use.
func (r *run) estimate() (*SpectralEstimate, error) {
	if r.spectral != nil {
		return r.spectral, nil
	}
	var err error
	r.spectral, err = NewSpectralEstimate(r.problem.Ensemble.Space(), r.engine)
	return r.spectral, err
}

// savedSlots lists the slots that a state holds, in its order.
func (r *run) savedSlots() []Slot {
	slots := []Slot{Iterate}
	for i := range r.method.Slots() {
		slots = append(slots, OwnSlot+Slot(i))
	}
	return slots
}

func (r *run) restore(saved []Factor) error {
	slots := r.savedSlots()
	if len(saved) != len(slots) {
		return fmt.Errorf("solver: the state to resume has %d slots and %s needs %d", len(saved), r.method.Name(), len(slots))
	}
	for i, slot := range slots {
		if err := r.engine.Set(r.member, slot, saved[i]); err != nil {
			return err
		}
	}
	return nil
}

// divergence is how many times the loss of the zero factor and of the first iterate together a loss must reach to
// count as divergence. Descent does not climb; a step a little too large, where the loss may rise and come down
// again, climbs by far less.
const divergence = 1e4

// measure takes a sample of the current iterate, hands it to the recorder and asks the stopper. The gradient that
// gives the loss is the next step's too, and is counted as stepping unless there is no next step.
func (r *run) measure(last bool) (Status, error) {
	began := time.Now()
	if err := r.engine.Gradient(r.member); err != nil {
		return Running, err
	}
	if err := r.engine.Wait(); err != nil {
		return Running, err
	}
	if !last {
		r.seconds += time.Since(began).Seconds()
	}
	var loss [1]float64
	if err := r.engine.Losses(loss[:], r.member); err != nil {
		return Running, err
	}
	if err := r.engine.Get(r.member, Iterate, r.measuring); err != nil {
		return Running, err
	}
	if r.bound == 0 {
		r.bound = divergence * (lossOfZero(r.engine.Observations()) + loss[0])
	}
	if !(loss[0] <= r.bound) || !r.measuring.Finite() {
		return Diverged, nil
	}
	s := Sample{Iteration: r.iteration, TrainLoss: loss[0], Seconds: r.seconds}
	if err := r.meter.measure(&s, r.measuring); err != nil {
		return Running, err
	}
	r.measured, r.measuring, r.goodAt = r.measuring, r.measured, r.iteration
	if r.Recorder != nil {
		if err := r.Recorder.Record(s); err != nil {
			return Running, err
		}
	}
	if r.Stopper != nil {
		return r.Stopper.Stop(s), nil
	}
	return Running, nil
}

// lossOfZero is f(0) = 1/(4m) Σ y_i².
func lossOfZero(y []float64) float64 {
	var sum float64
	for _, v := range y {
		sum += v * v
	}
	return max(sum/(4*float64(len(y))), math.SmallestNonzeroFloat64)
}

func (r *run) step() error {
	began := time.Now()
	err := r.method.Step(r.engine, r.member, r.iteration)
	r.seconds += time.Since(began).Seconds()
	return err
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
	state := State{Iteration: r.iteration, Seconds: r.seconds}
	for _, slot := range r.savedSlots() {
		f := NewFactor(r.shapes)
		if err := r.engine.Get(r.member, slot, f); err != nil {
			return err
		}
		state.Slots = append(state.Slots, f)
	}
	err := r.Keep(state)
	r.kept = time.Now()
	return err
}

// end closes the account.
func (r *run) end(status Status, err error) (*Result, error) {
	if err != nil {
		return nil, err
	}
	res := &Result{Status: status, Iteration: r.iteration, Seconds: r.seconds}
	if status == Diverged {
		res.Iteration, res.Factor = r.goodAt, r.measured
		if _, err := r.estimate(); err != nil {
			return nil, err
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
