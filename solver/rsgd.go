package solver

// RSGD is [RGD] with the gradient of a mini-batch, as in [SGD].
type RSGD struct {
	// StepSize is μ > 0.
	StepSize float64
	// Batch says what is drawn.
	Batch MiniBatches
}

var (
	_ Selective = RSGD{}
	_ Method    = RSGD{}
)

// Name implements [Method].
func (RSGD) Name() string { return "rsgd" }

// Needs implements [Method]: the slots of [RGD].
func (RSGD) Needs() Needs { return Needs{Draws: true, Slots: 2, Inverses: true} }

// Suits implements [Selective].
func (RSGD) Suits(p Parametrization) error { return needsPSD(p) }

// Step implements [Method].
func (d RSGD) Step(m *Member, iteration int) error {
	if err := d.Batch.gradient(m, iteration); err != nil {
		return err
	}
	return riemannianStep(m, d.StepSize)
}
