package solver

// Stopper decides after each measurement whether to end the run, and returns [Running] to go on. No stopper
// here ends a run for lack of progress, because a small start begins with a long plateau.
type Stopper interface {
	Stop(s Sample) Status
}

// LossBelow stops as [Converged] when the train loss is at most this value.
type LossBelow float64

// Stop implements [Stopper].
func (t LossBelow) Stop(s Sample) Status {
	if s.TrainLoss <= float64(t) {
		return Converged
	}
	return Running
}

// ErrorBelow stops as [Converged] when the test error is at most this value.
type ErrorBelow float64

// Stop implements [Stopper].
func (t ErrorBelow) Stop(s Sample) Status {
	if s.TestError <= float64(t) {
		return Converged
	}
	return Running
}

// FirstOf stops when any of its stoppers does. It asks them in order.
type FirstOf []Stopper

// Stop implements [Stopper].
func (f FirstOf) Stop(s Sample) Status {
	for _, t := range f {
		if status := t.Stop(s); status != Running {
			return status
		}
	}
	return Running
}
