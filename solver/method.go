package solver

// Method is an update rule, written in terms of the operations of a [Member], so that it runs on every device. A
// method has no state but its settings. What it must remember between steps lies in its slots, which are saved with
// the iterate.
type Method interface {
	// Name is the method's name in flags and files.
	Name() string
	// Needs says what it needs of an engine.
	Needs() Needs
	// Step moves a member from iterate number iteration to the next.
	Step(m *Member, iteration int) error
}

// Measuring is a method with metrics that it alone can tell.
type Measuring interface {
	Method
	// Measure fills in these metrics in a sample of the member's iterate.
	Measure(s *Sample, m *Member) error
}

// Selective is a method or a start that is not defined for every parametrization.
type Selective interface {
	// Suits says why it is not defined for a parametrization, or returns nil.
	Suits(p Parametrization) error
}

// Suits says why a method or a start is not defined for a parametrization, or returns nil.
func Suits(x any, p Parametrization) error {
	if s, ok := x.(Selective); ok {
		return s.Suits(p)
	}
	return nil
}
