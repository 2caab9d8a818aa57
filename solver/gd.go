package solver

// GD is gradient descent, U ← U − μ ∇f(U), with a constant step size μ.
type GD struct {
	// StepSize is μ > 0.
	StepSize float64
}

var _ Method = GD{}

// Name implements [Method].
func (GD) Name() string { return "gd" }

// Needs implements [Method].
func (GD) Needs() Needs { return Needs{Gradient: true} }

// Step implements [Method].
func (d GD) Step(m *Member, _ int) error {
	if err := m.Gradient(); err != nil {
		return err
	}
	return m.Combine(Iterate, 1, Iterate, -d.StepSize, Gradient)
}
