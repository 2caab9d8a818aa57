package solver

import "errors"

// None takes no steps: the start is made and measured, which is an estimate without descent. It goes with
// [Settings].Iterations 0.
type None struct{}

var _ Method = None{}

// Name implements [Method].
func (None) Name() string { return "none" }

// Needs implements [Method].
func (None) Needs() Needs { return Needs{} }

// Step implements [Method]. It refuses.
func (None) Step(*Member, int) error {
	return errors.New("solver: method none takes no steps: Settings.Iterations must be 0")
}
