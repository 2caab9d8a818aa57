package solver

import (
	"fmt"
	"math"
)

// Loss is the function ρ of the residuals res_i = ⟨A_i, Z⟩ − y_i in the objective
//
//	f = 1/(2m) Σ_i ρ(res_i),   G = 1/m Σ_i ψ(res_i) A_i,   ψ = ρ′,
//
// where ∂f/∂Z = ½·G. A parametrization makes ∇f of G as it does for the squared loss. Where ρ has a kink, ψ
// is an element of its subdifferential, and ∇f is then a subgradient. A loss does not change during a run.
type Loss interface {
	// Name is the loss's name in flags and files.
	Name() string
	// Rho returns ρ(x) ≥ 0.
	Rho(x float64) float64
	// Psi returns ψ(x).
	Psi(x float64) float64
}

// Squared is ρ(x) = x²/2 and ψ(x) = x, so that f = 1/(4m) Σ res_i².
type Squared struct{}

// Name implements [Loss].
func (Squared) Name() string { return "squared" }

// Rho implements [Loss].
func (Squared) Rho(x float64) float64 { return x * x / 2 }

// Psi implements [Loss].
func (Squared) Psi(x float64) float64 { return x }

// L1 is ρ(x) = |x| and ψ(x) = sign(x), with ψ(0) = 0, so that f = 1/(2m) Σ |res_i|. An outlier pulls at the
// iterate as strongly as any other observation. (Ma and Fattahi, Global Convergence of Sub-gradient Method
// for Robust Matrix Recovery, arXiv 2202.08788, whose f is twice this one.)
type L1 struct{}

// Name implements [Loss].
func (L1) Name() string { return "l1" }

// Rho implements [Loss].
func (L1) Rho(x float64) float64 { return math.Abs(x) }

// Psi implements [Loss].
func (L1) Psi(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x // 0, or NaN
}

// Huber is, with a threshold δ,
//
//	ρ(x) = x²/2 for |x| ≤ δ,  δ·(|x| − δ/2) otherwise,   ψ(x) = max(−δ, min(x, δ)):
//
// the squared loss of small residuals, and δ times the absolute value of large ones. (Huber, Robust
// Estimation of a Location Parameter, Annals of Mathematical Statistics 35 (1964).)
type Huber struct {
	// Threshold is δ > 0.
	Threshold float64
}

// Name implements [Loss].
func (Huber) Name() string { return "huber" }

// Rho implements [Loss].
func (h Huber) Rho(x float64) float64 {
	if size := math.Abs(x); size > h.Threshold {
		return h.Threshold * (size - h.Threshold/2)
	}
	return x * x / 2
}

// Psi implements [Loss].
func (h Huber) Psi(x float64) float64 { return max(-h.Threshold, min(x, h.Threshold)) }

// IsSquared says whether a loss is the squared one, which nil stands for.
func IsSquared(l Loss) bool {
	_, squared := l.(Squared)
	return l == nil || squared
}

// lossOf returns the loss that l stands for: nil is the squared one.
func lossOf(l Loss) Loss {
	if l == nil {
		return Squared{}
	}
	return l
}

// checkLoss refuses a loss that no method could descend on.
func checkLoss(l Loss) error {
	if h, ok := l.(Huber); ok && !(h.Threshold > 0 && h.Threshold <= math.MaxFloat64) {
		return fmt.Errorf("solver: the threshold of the huber loss must be positive and finite, got %v",
			h.Threshold)
	}
	return nil
}

// SuitsLoss returns an error if a method is not defined for a loss, or nil.
func SuitsLoss(m Method, l Loss) error {
	if m.Needs().SquaredLoss && !IsSquared(l) {
		return fmt.Errorf("solver: method %s is defined for the squared loss alone, not for %s", m.Name(),
			l.Name())
	}
	return nil
}

// lossOfTruth is f(M*), if e_i = y_i − ⟨A_i, M*⟩; 0 without errors.
func lossOfTruth(l Loss, e []float64) float64 {
	if len(e) == 0 {
		return 0
	}
	return LossOfZero(l, e)
}

// LossOfZero is f(0) = 1/(2m) Σ ρ(−y_i), but at least the least positive number. It has the same bits on
// every machine, because it decides what counts as divergence.
func LossOfZero(l Loss, y []float64) float64 {
	if IsSquared(l) {
		return max(sumOfSquares(y)/(4*float64(len(y))), math.SmallestNonzeroFloat64)
	}
	var sum float64
	for _, v := range y {
		sum += l.Rho(-v)
	}
	return max(sum/(2*float64(len(y))), math.SmallestNonzeroFloat64)
}
