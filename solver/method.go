package solver

// Method is an update rule, written in terms of an engine's operations, so that it runs on every device. A method has
// no state but its settings: what it must remember between steps lies in slots of its own, which are saved with the
// iterate.
type Method interface {
	// Name is the method's name in flags and files.
	Name() string
	// Slots is how many slots of its own it needs for each member, from [OwnSlot] on.
	Slots() int
	// Step moves a member from iterate number iteration to the next.
	Step(e Engine, member, iteration int) error
}

// GradientDescent is U ← U − μ ∇f(U) with a constant step size μ.
type GradientDescent struct {
	// StepSize is μ > 0.
	StepSize float64
}

var _ Method = GradientDescent{}

// Name implements [Method].
func (GradientDescent) Name() string { return "gd" }

// Slots implements [Method].
func (GradientDescent) Slots() int { return 0 }

// Step implements [Method].
func (d GradientDescent) Step(e Engine, member, _ int) error {
	if err := e.Gradient(member); err != nil {
		return err
	}
	return e.Combine(member, Iterate, 1, Iterate, -d.StepSize, Gradient)
}
