package solver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/matsense/matsense/sensing"
)

// Settings say how a run goes, apart from problem, backend and method. An optional field may be left at its
// zero value.
type Settings struct {
	// Start makes the first iterate. It is required unless Resume is given.
	Start Start
	// Iterations is the largest number of steps; at least 0.
	Iterations int
	// Parametrization says how factors make a matrix; nil is [PSD].
	Parametrization Parametrization
	// Loss is the loss of the residuals; nil is [Squared].
	Loss Loss
	// FactorRank is r; 0 is n.
	FactorRank int
	// MeasureEvery is the number of steps between measurements; 0 is 10. The first and the last iterate are
	// always measured.
	MeasureEvery int
	// Recorder receives every sample; nil for none.
	Recorder Recorder
	// Stopper may end the run early; nil never does.
	Stopper Stopper
	// KeepBest makes [Result.Factor] the measured iterate with the least error ([Best]), not the last one.
	KeepBest bool
	// Patience ends the run as [Stalled] when that error has not fallen for so many steps; 0 never does.
	Patience int
	// Rank is r* for the spectral angle if the problem has no truth; 0 leaves that angle out.
	Rank int
	// SingularValues is how many singular values a sample has, the largest ones; 0 is r* + 1, or 10 if r* is
	// not known. AllSingularValues copies the factor to the host at each sample.
	SingularValues int
	// Watch hears of each activity when it begins, with the iteration, and of each step that was taken; nil
	// for none. A device may be some steps behind. Of several jobs, the first hears of Opening.
	Watch func(a Activity, iteration int)
	// Keep receives the state every KeepEvery of wall time, when the run is canceled, and at the end of a run
	// that has not diverged; nil for none.
	Keep func(State) error
	// KeepEvery is the time between two calls of Keep; 0 calls it only at the end.
	KeepEvery time.Duration
	// KeepUnfinished leaves out the call of Keep at the end of a run that was not canceled.
	KeepUnfinished bool
	// Resume continues from a state that Keep received, in place of Start.
	Resume *State
	// Restore, if it is not nil, is called when the run begins, and returns what is to take the place of
	// Resume; nil begins with Start. The states of jobs that wait for their turn need not be in memory.
	Restore func() (*State, error)
	// Opened receives what is known of the problem before the run's first step; nil for none.
	Opened func(Opening)
}

// AllSingularValues asks for all singular values of the factor in [Settings].
const AllSingularValues = -1

// State is all that a run needs to continue as if it had never stopped.
type State struct {
	// Iteration is the number of steps taken.
	Iteration int
	// Slots has the iterate, the method's slots, the method's vectors as columns of m numbers, and its slots
	// in the host's memory, without those that are scratch ([Needs]).
	Slots []Factor
	// Anchor is where an [AnchorEngine]'s anchor was put last; nil if it never was, and for other engines.
	Anchor Factor
	// Seconds is the time spent stepping so far.
	Seconds float64
	// FirstLoss is f(U₀), which the test for divergence uses; 0 if it was not measured yet.
	FirstLoss float64
	// Good is the last iterate whose measurement was due and found no divergence, and GoodAt is its
	// iteration. A run that diverges returns it. Nil if there is none yet.
	Good   Factor
	GoodAt int
	// Best is the iterate with the least error of those whose measurement was due. Nil if there is none yet.
	Best *Best
}

// Best is the iterate with the least error so far: on the problem's held-out measurements if there are any,
// else the test error.
type Best struct {
	// Error is the least error, and Iteration the first one that had it.
	Error     float64
	Iteration int
	// Factor is the iterate; nil unless [Settings.KeepBest] is set.
	Factor Factor
}

// Result is the outcome of a run.
type Result struct {
	Status Status
	// Iteration is the number of steps that led to Factor.
	Iteration int
	// Steps is the number of steps that the run took.
	Steps int
	// Factor is the last iterate. If the run diverged, it is the last iterate that was measured as good. With
	// [Settings.KeepBest] it is the measured iterate with the least error.
	Factor Factor
	// Seconds is the time spent stepping.
	Seconds float64
	// Spectral is the spectral estimate; nil if nothing asked for it. A run that diverged, or ended with a
	// loss of more than [Unexplained] times f(0), asks for it.
	Spectral *SpectralEstimate
	// Estimate is the spectral estimate that the factor was made of, with its pairs, if the method is [None]
	// and the start [Spectral] with nothing to skip; else nil.
	Estimate *SpectralEstimate
	// Opening is what was known before the first step.
	Opening Opening
}

// Job is one run of several on the same problem.
type Job struct {
	Method   Method
	Settings Settings
}

// Solve runs a method on a problem until the iterations are spent, the stopper or divergence ends it, or ctx
// is done. These endings are not errors: [Result.Status] tells them apart. A canceled run does not finish the
// pass over the measurements, the measurement or the step that is under way. It passes the state before them
// to Keep, which leads to the same bits. A run that is canceled before it has a first iterate returns ctx's
// error. An error says that something broke.
func Solve(ctx context.Context, p *sensing.Problem, b Backend, m Method, s Settings,
) (result *Result, err error) {
	done := func(_ int, r *Result, failed error) { result, err = r, failed }
	broken := SolveAll(ctx, p, b, 1, []Job{{m, s}}, done)
	if broken != nil {
		return nil, broken
	}
	return result, err
}

// SolveAll carries out jobs on one problem. The batch has the given number of members, each of which works on
// one job at a time; one pass over the measurements serves all members. When a job ends, the next takes its
// place. All jobs use one parametrization; their losses may differ. Each result is bit-identical to the job's
// result alone.
//
// SolveAll calls done when a job ends: with its result, or with the error of its recorder, keeper or start.
// The other jobs go on. If ctx is done, the jobs under way end as in [Solve], and SolveAll returns ctx's
// error if some jobs were not begun. Any other error says that the engine broke or, before any job begins,
// that a job makes no sense.
func SolveAll(ctx context.Context, p *sensing.Problem, b Backend, members int, jobs []Job,
	done func(job int, r *Result, err error),
) error {
	g, err := openBatch(ctx, p, b, members, jobs)
	if g == nil || err != nil {
		return err
	}
	defer g.engine.Close()
	return g.carryOut(ctx, done)
}

// carryOut carries out the jobs of a batch whose engine is open.
func (g *batch) carryOut(ctx context.Context, done func(job int, r *Result, err error)) error {
	for {
		if err := g.fill(ctx, done); err != nil {
			return err
		}
		runs := g.runs()
		if len(runs) == 0 {
			return nil
		}
		err := ctx.Err()
		if err == nil {
			err = g.gradients(runs)
		}
		if err == nil {
			err = g.measure(due(runs))
		}
		if err != nil && !isInterruption(ctx, err) {
			return err
		}
		for _, r := range runs {
			result, failed := (*Result)(nil), err
			if err == nil {
				// One member's step may be over before another's goes over the measurements: the work that
				// is done already is kept.
				result, failed = r.advance()
			}
			if isInterruption(ctx, failed) {
				result, failed = r.end(Canceled, nil)
			}
			if failed != nil && !errors.As(failed, new(jobError)) {
				return failed
			}
			if result != nil || failed != nil {
				g.leave(r)
				done(r.job, result, failed)
			}
		}
	}
}

// isInterruption says whether an error comes from an operation that ended early because ctx is done.
func isInterruption(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) && !errors.As(err, new(jobError))
}

// complete fills in defaults and refuses settings that make no sense.
func (s Settings) complete(p *sensing.Problem, b Backend, m Method) (Settings, error) {
	if err := p.Validate(); err != nil {
		return s, err
	}
	n, _ := p.Ensemble.Space().Dims()
	if s.Parametrization == nil {
		s.Parametrization = PSD{}
	}
	s.Loss = lossOf(s.Loss)
	if s.FactorRank == 0 {
		s.FactorRank = n
	}
	if s.MeasureEvery == 0 {
		s.MeasureEvery = 10
	}
	if p.Truth != nil {
		s.Rank = p.Truth.Rank()
	}
	s.SingularValues = wantedValues(s.SingularValues, s.Rank)
	switch {
	case b == nil:
		return s, fmt.Errorf("solver: the backend is missing")
	case m == nil:
		return s, fmt.Errorf("solver: the method is missing")
	case s.Start == nil && s.Resume == nil:
		return s, fmt.Errorf("solver: Settings.Start is missing")
	case s.Iterations < 0:
		return s, fmt.Errorf("solver: Settings.Iterations must not be negative, got %d", s.Iterations)
	case s.MeasureEvery < 0:
		return s, fmt.Errorf("solver: Settings.MeasureEvery must not be negative, got %d", s.MeasureEvery)
	case s.SingularValues < AllSingularValues:
		return s, fmt.Errorf("solver: Settings.SingularValues must not be negative, got %d", s.SingularValues)
	case s.Rank < 0 || s.Rank > n:
		return s, fmt.Errorf("solver: Settings.Rank goes from 0 to n = %d, got %d", n, s.Rank)
	}
	if err := checkLoss(s.Loss); err != nil {
		return s, err
	}
	if err := SuitsLoss(m, s.Loss); err != nil {
		return s, err
	}
	if err := s.checkResume(); err != nil {
		return s, err
	}
	if err := s.checkError(p); err != nil {
		return s, err
	}
	if err := Suits(s.Start, s.Parametrization); err != nil {
		return s, err
	}
	return s, Suits(m, s.Parametrization)
}

// checkResume refuses a state to resume that is past the last iteration.
func (s Settings) checkResume() error {
	if s.Resume != nil && s.Resume.Iteration > s.Iterations {
		return fmt.Errorf("solver: the state to resume has %d iterations, more than the %d asked for",
			s.Resume.Iteration, s.Iterations)
	}
	return nil
}
