package solver

// RSGD is [RGD] with the gradient of a mini-batch, as in [SGD].
type RSGD struct {
	// StepSize is μ > 0.
	StepSize float64
	// Retraction is R; nil is [FactorRetraction].
	Retraction Retraction
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
func (d RSGD) Needs() Needs {
	needs := riemannianNeeds(d.Retraction)
	needs.Draws = true
	return needs
}

// Suits implements [Selective].
func (RSGD) Suits(p Parametrization) error { return needsFixedRank(p) }

// Step implements [Method].
func (d RSGD) Step(m *Member, iteration int) error {
	if err := d.Batch.gradient(m, iteration); err != nil {
		return err
	}
	return riemannianStep(m, d.StepSize, d.Retraction)
}
