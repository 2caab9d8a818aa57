package solver

import "errors"

// Custom is a method of a user: another program takes the steps. What the program remembers from one step to
// the next lies in host slots, which are saved with the iterate, so that a resumed run has the bits of an
// uninterrupted one if the program's steps depend on nothing else.
type Custom struct {
	// Slots is the number of the program's arrays, each of the factor's shapes, from [HostSlot] on.
	Slots int
	// Program takes a step, as [Method].Step does: it reads the iterate and the host slots, and writes the
	// iterate last. It may use gradients. An error that it returns before it has written anything leaves the
	// state as it was.
	Program func(m *Member, iteration int) error
}

var _ Method = Custom{}

// Name implements Method.
func (Custom) Name() string { return "custom" }

// Needs implements Method.
func (c Custom) Needs() Needs { return Needs{Gradient: true, HostSlots: c.Slots} }

// Step implements Method.
func (c Custom) Step(m *Member, iteration int) error {
	if c.Program == nil {
		return errors.New("solver: method custom has no program that takes its steps")
	}
	return c.Program(m, iteration)
}
