package solver

import "math"

// Adam is Adam on the full gradient g_t = ∇f(U_{t−1}), entry by entry, in steps t = 1, 2, …:
//
//	p_t = β₁ p_{t−1} + (1 − β₁) g_t,   v_t = β₂ v_{t−1} + (1 − β₂) g_t²,
//	U_t = U_{t−1} − μ p̂_t/(√v̂_t + ε),   p̂_t = p_t/(1 − β₁^t),   v̂_t = v_t/(1 − β₂^t)
//
// with p_0 = v_0 = 0. p and v are the moments, and the divisions by 1 − β^t correct their bias. The first
// step moves each entry by μ·|g|/(|g| + ε), whatever the size of the gradient. A constant step therefore need
// not settle at a solution: see [Decaying]. (Kingma and Ba, Adam: A Method for Stochastic Optimization, arXiv
// 1412.6980, algorithm 1.)
type Adam struct {
	// StepSize is μ > 0, the size by which a step moves an entry, in units of U.
	StepSize float64
	// Beta1 is β₁ and Beta2 is β₂, at least 0 and less than 1.
	Beta1, Beta2 float64
	// Epsilon is ε > 0, in units of the gradient. Entries with a gradient far below ε move in proportion to
	// it.
	Epsilon float64
}

var _ Method = Adam{}

// Name implements [Method].
func (Adam) Name() string { return "adam" }

// Needs implements [Method]: a slot for p, one for v.
func (Adam) Needs() Needs { return Needs{Gradient: true, Slots: 2, Entrywise: true} }

// Step implements [Method]. It takes the corrections out of the quotient:
//
//	p̂/(√v̂ + ε) = √c₂/c₁·p/(√v + √c₂·ε),   c₁ = 1 − β₁^t,   c₂ = 1 − β₂^t.
func (a Adam) Step(m *Member, iteration int) error {
	const first, second = MethodSlot, MethodSlot + 1
	if err := m.Gradient(); err != nil {
		return err
	}
	if err := m.Combine(first, a.Beta1, first, 1-a.Beta1, Gradient); err != nil {
		return err
	}
	if err := m.MultiplyEntries(second, 1-a.Beta2, Gradient, Gradient, a.Beta2, second); err != nil {
		return err
	}
	// Whole powers have the same bits on every machine.
	t := float64(iteration + 1)
	c1, root := 1-math.Pow(a.Beta1, t), math.Sqrt(1-math.Pow(a.Beta2, t))
	return m.DivideEntries(Iterate, Iterate, -a.StepSize*root/c1, first, second, root*a.Epsilon)
}
