package solver

// Stopper decides after each measurement whether the run has come far enough. It returns [Running] to go on. There is
// deliberately none that stops for lack of progress: a small start begins with a long plateau.
type Stopper interface {
	Stop(s Sample) Status
}

// LossBelow stops as [Converged] at a train loss of at most the value.
type LossBelow float64

// Stop implements [Stopper].
func (t LossBelow) Stop(s Sample) Status {
	if s.TrainLoss <= float64(t) {
		return Converged
	}
	return Running
}

// ErrorBelow stops as [Converged] at a test error of at most the value.
type ErrorBelow float64

// Stop implements [Stopper].
func (t ErrorBelow) Stop(s Sample) Status {
	if s.TestError <= float64(t) {
		return Converged
	}
	return Running
}

// FirstOf stops when the first of its stoppers does; those listed first are asked first.
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
