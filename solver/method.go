package solver

// Method is an update rule, written with the operations of a [Member], so that it runs on every device. Its
// fields are its settings and do not change during a run. Numbers that it must remember between steps lie in
// its slots, which are saved with the iterate.
type Method interface {
	// Name is the method's name in flags and files.
	Name() string
	// Needs says what the method needs of an engine.
	Needs() Needs
	// Step moves a member from the iterate of the given number to the next.
	Step(m *Member, iteration int) error
}

// Measuring is a method that adds metrics to a sample: numbers that only the method knows, such as a count of
// its evaluations. ([SelfMeasuring] is about parametrizations.)
type Measuring interface {
	Method
	// Measure writes these metrics into a sample of the member's iterate.
	Measure(s *Sample, m *Member) error
}

// Selective is a method or a start that is defined for some parametrizations only.
type Selective interface {
	// Suits returns an error that says why the method or the start is not defined for a parametrization, or
	// nil.
	Suits(p Parametrization) error
}

// Suits returns an error that says why a method or a start is not defined for a parametrization, or nil.
func Suits(x any, p Parametrization) error {
	if s, ok := x.(Selective); ok {
		return s.Suits(p)
	}
	return nil
}
