package backendtest

import (
	"errors"
	"math"
	"testing"

	"github.com/matsense/matsense/solver"
)

// rho is ρ(x), written down once more.
func rho(l solver.Loss, x float64) float64 {
	switch l := l.(type) {
	case solver.L1:
		return math.Abs(x)
	case solver.Huber:
		if math.Abs(x) <= l.Threshold {
			return x * x / 2
		}
		return l.Threshold*math.Abs(x) - l.Threshold*l.Threshold/2
	}
	return x * x / 2
}

// psi is ρ′(x).
func psi(l solver.Loss, x float64) float64 {
	switch l := l.(type) {
	case solver.L1:
		return math.Copysign(1, x)
	case solver.Huber:
		if math.Abs(x) > l.Threshold {
			return math.Copysign(l.Threshold, x)
		}
	}
	return x
}

// losses checks f and gradients with other losses than the squared one against the reference: whole, of
// draws, at points, and in a batch. A backend that does not offer them, or not in its arithmetic, must refuse
// them before it opens anything.
func (f *fixture) losses(t *testing.T) {
	for _, l := range []solver.Loss{solver.L1{}, solver.Huber{Threshold: 0.5}} {
		t.Run(l.Name(), func(t *testing.T) {
			batch := solver.Batch{Parametrization: f.kind.parametrization, FactorRanks: []int{1}, Loss: l}
			_, err := solver.MemoryFor(f.backend, f.problem, batch)
			if offered := f.backend.Offers().AnyLoss; !offered != errors.Is(err, solver.ErrUnsupported) {
				t.Fatalf("the backend offers other losses: %v, and says %v", offered, err)
			}
			if err != nil {
				return
			}
			other := *f
			other.loss, other.path, other.reference = l, nil, newReference(f.problem, f.kind.law)
			other.reference.loss = l
			other.engine = other.open(t, f.size.factorRank)
			other.member = other.place(t, other.engine, 0, f.size.factorRank)
			other.gradient(t)
			other.batch(t)
			if other.needs.Draws {
				other.draws(t)
			}
			if other.needs.Values {
				other.values(t)
			}
		})
	}
}
