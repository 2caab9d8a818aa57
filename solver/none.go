package solver

import "errors"

// None takes no steps: a run makes the start, measures it and reports it as an estimate without descent. It
// needs [Settings].Iterations 0.
type None struct{}

var _ Method = None{}

// Name implements [Method].
func (None) Name() string { return "none" }

// Needs implements [Method].
func (None) Needs() Needs { return Needs{} }

// Step implements [Method]. It returns an error.
func (None) Step(*Member, int) error {
	return errors.New("solver: method none takes no steps: Settings.Iterations must be 0")
}
