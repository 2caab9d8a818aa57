package solver

import (
	"context"
	"errors"
	"fmt"
	"time"

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
	// Slots has the iterate, the method's slots, and its vectors as columns of m numbers.
	Slots []Factor
	// Anchor is where an [AnchorEngine]'s anchor was put last; nil where it was not, and for other engines.
	Anchor Factor
	// Seconds is the time spent stepping so far.
	Seconds float64
	// FirstLoss is f(U₀), against which divergence is told; 0 where it was not measured yet.
	FirstLoss float64
	// Good is the last iterate that was measured when it was due and found good, at iteration GoodAt: what a run that
	// diverges comes back to. Nil where none was measured yet.
	Good   Factor
	GoodAt int
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

// Job is one run of several on the same problem.
type Job struct {
	Method   Method
	Settings Settings
}

// Solve runs a method on a problem until the iterations are spent, the stopper or divergence ends it, or ctx is done.
// Those are no errors: [Result.Status] tells them apart. A canceled run finishes its step and hands its state to
// Keep; one that is canceled before its first step returns ctx's error. An error says that something broke.
func Solve(ctx context.Context, p *sensing.Problem, b Backend, m Method, s Settings) (result *Result, err error) {
	broken := SolveAll(ctx, p, b, 1, []Job{{m, s}}, func(_ int, r *Result, failed error) { result, err = r, failed })
	if broken != nil {
		return nil, broken
	}
	return result, err
}

// SolveAll carries out jobs on one problem, as many at a time as the batch has members, in one pass over the
// measurements for all of them. All use one parametrization. When a job ends, the next takes its place. A job's result
// is, to the bit, its result alone. done is told each job's result when it ends, or the error of its recorder, keeper
// or start that ended it; the others go on. If ctx is done, the jobs under way end as in [Solve], and SolveAll returns
// ctx's error if some were not begun. Another error says that the engine broke, or that a job makes no sense, before
// any was begun.
func SolveAll(ctx context.Context, p *sensing.Problem, b Backend, members int, jobs []Job,
	done func(job int, r *Result, err error),
) error {
	g, err := openBatch(ctx, p, b, members, jobs)
	if g == nil || err != nil {
		return err
	}
	defer g.engine.Close()

	for {
		if err := g.fill(ctx, done); err != nil {
			return err
		}
		runs := g.runs()
		if len(runs) == 0 {
			return nil
		}
		if err := g.gradients(runs); err != nil {
			return err
		}
		for _, r := range runs {
			result, err := r.advance(ctx)
			if err != nil && !errors.As(err, new(jobError)) {
				return err
			}
			if result != nil || err != nil {
				g.leave(r)
				done(r.job, result, err)
			}
		}
	}
}

// complete fills in defaults and refuses what makes no sense.
func (s Settings) complete(p *sensing.Problem, b Backend, m Method) (Settings, error) {
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
	case s.Rank < 0 || s.Rank > n:
		return s, fmt.Errorf("solver: Settings.Rank goes from 0 to n = %d, got %d", n, s.Rank)
	case s.Resume != nil && s.Resume.Iteration > s.Iterations:
		return s, fmt.Errorf("solver: the state to resume has %d iterations, more than the %d asked for",
			s.Resume.Iteration, s.Iterations)
	}
	if err := Suits(s.Start, s.Parametrization); err != nil {
		return s, err
	}
	return s, Suits(m, s.Parametrization)
}
