package solver

import (
	"fmt"
	"math"
	"slices"

	"github.com/matsense/matsense/sensing"
)

// hasError says whether the iterates of a problem have an error by which they can be compared.
func hasError(p *sensing.Problem) bool { return p.HeldOut != nil || p.Truth != nil }

// errorOf returns the error by which the run's iterates are compared; NaN if there is none.
func (r *run) errorOf(s *Sample) float64 {
	if r.problem.HeldOut != nil {
		return s.HeldOutRMSE
	}
	return s.TestError
}

// trainUnits returns Σ Unit_k² of the measurements ([sensing.UnitSquares]), which makes the loss a root mean
// square in the data's unit. It is NaN for a problem that has no such unit or has no use for it: if the
// measurements are no entries, the truth is known and nothing is held out; and for every loss but the squared
// one, which says nothing of squares.
func trainUnits(p *sensing.Problem, l Loss) float64 {
	_, entries := p.Ensemble.(*sensing.Completion)
	if !IsSquared(l) || !entries && p.Truth != nil && p.HeldOut == nil {
		return math.NaN()
	}
	return sensing.UnitSquares(p.Ensemble)
}

// trainRMSE returns the root mean square of the residuals in the data's unit, from f = 1/(4m) Σ res².
func (r *run) trainRMSE(loss float64) float64 {
	return math.Sqrt(4 * loss * float64(r.problem.Ensemble.Measurements()) / r.trainUnits)
}

// measureHeldOut measures the error on held-out measurements, on the host.
func (r *run) measureHeldOut(s *Sample) error {
	if r.problem.HeldOut == nil {
		return nil
	}
	f, err := r.copyIterate()
	if err != nil {
		return err
	}
	left, right := r.Parametrization.Thin(f)
	s.HeldOutRMSE = r.problem.HeldOut.RMSE(left, right)
	return nil
}

// copyIterate returns the iterate in memory of the host, which the next call uses again.
func (r *run) copyIterate() (Factor, error) {
	if r.copied == nil {
		r.copied = NewFactor(r.member.Shapes())
	}
	return r.copied, r.member.Get(Iterate, r.copied)
}

// compare notes a measured iterate if its error is less than that of all before it. A last iterate off the
// grid of measurements is only noted as the end of this run: if the run is continued, it does not measure
// that iterate.
func (r *run) compare(s *Sample) error {
	e := r.errorOf(s)
	if r.best != nil && !(e < r.best.Error) || math.IsNaN(e) {
		return nil
	}
	if r.iteration%r.MeasureEvery != 0 {
		r.endsBest = true
		return nil
	}
	if r.best == nil {
		r.best = &Best{}
	}
	r.best.Error, r.best.Iteration = e, r.iteration
	if !r.KeepBest {
		return nil
	}
	f, err := r.copyIterate()
	if err != nil {
		return err
	}
	r.best.Factor, r.copied = f, r.best.Factor
	return nil
}

// patienceEnded says whether the error has not fallen for so long that the run is to stop.
func (r *run) patienceEnded() bool {
	return r.Patience > 0 && r.best != nil && r.iteration%r.MeasureEvery == 0 &&
		r.iteration-r.best.Iteration >= r.Patience
}

// keptBest returns the iterate to keep in place of the last one; nil if the last one is to be kept.
func (r *run) keptBest() *Best {
	if !r.KeepBest || r.endsBest {
		return nil
	}
	return r.best
}

// clone returns a copy.
func (b *Best) clone() *Best {
	if b == nil {
		return nil
	}
	c := *b
	if b.Factor != nil {
		c.Factor = b.Factor.Clone()
	}
	return &c
}

// resumeBest takes the best iterate of a state to resume.
func (r *run) resumeBest(b *Best) error {
	if b != nil && r.KeepBest && !slices.Equal(b.Factor.Shapes(), r.member.Shapes()) {
		return fmt.Errorf("solver: the best iterate of the state to resume is %v, and the factor %v",
			b.Factor.Shapes(), r.member.Shapes())
	}
	r.best = b.clone()
	return nil
}

// checkError refuses settings that compare iterates by an error, if the problem has none.
func (s *Settings) checkError(p *sensing.Problem) error {
	switch {
	case s.Patience < 0:
		return fmt.Errorf("solver: Settings.Patience must not be negative, got %d", s.Patience)
	case (s.KeepBest || s.Patience > 0) && !hasError(p):
		return fmt.Errorf("solver: Settings.KeepBest and Settings.Patience compare iterates by an error, " +
			"which needs held-out measurements or a truth")
	}
	return nil
}
