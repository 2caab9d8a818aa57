package solver

import "errors"

// None takes no steps: the start is made and measured, and is all that there is. It goes with
// [Settings].Iterations 0.
type None struct{}

var _ Method = None{}

// Name implements [Method].
func (None) Name() string { return "none" }

// Slots implements [Method].
func (None) Slots() int { return 0 }

// Step implements [Method]. It refuses.
func (None) Step(Engine, int, int) error {
	return errors.New("solver: method none takes no steps: Settings.Iterations must be 0")
}
