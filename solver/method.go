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

// Partial is a method that steps without the gradient of f at the iterate: by that of some of the measurements, or by values of f.
// The loop then asks for the full gradient only where the loss is measured.
type Partial interface {
	Method
	// Partial does nothing but mark it.
	Partial()
}

// IsPartial says whether a method is [Partial].
func IsPartial(m Method) bool {
	_, partial := m.(Partial)
	return partial
}

// Shifting is a method that moves the observations: of its state, [Engine.Shift] is a part.
type Shifting interface {
	Method
	// Shifting does nothing but mark it.
	Shifting()
}

// Evaluator is a method whose work is counted in evaluations of f.
type Evaluator interface {
	Method
	// Evaluations is how many evaluations some steps take with a factor of these shapes.
	Evaluations(shapes []Shape, steps int) float64
}

// Selective is a method that is not defined for every parametrization.
type Selective interface {
	Method
	// Suits says why it is not defined for a parametrization, or returns nil.
	Suits(p Parametrization) error
}

// Suits says why a method is not defined for a parametrization, or returns nil.
func Suits(m Method, p Parametrization) error {
	if s, ok := m.(Selective); ok {
		return s.Suits(p)
	}
	return nil
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
