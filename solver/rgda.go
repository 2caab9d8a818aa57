package solver

import "math"

// RGDA is Riemannian gradient descent-ascent on a game of robust sensing. One player chooses the matrix Z =
// UUᵀ. The other shifts the observations by e in a ball, at a cost:
//
//	min over Z, max over ‖e‖ ≤ ρ√m of  φ(Z, e) = 1/(4m) Σ_i (⟨A_i, Z⟩ − y_i − e_i)² − λ/(4m)·‖e‖²,   λ > 1.
//
// Both move at once, with constant step sizes μ and η, from e = 0:
//
//	U ← U − μ ∇_Uφ (UᵀU)⁻¹,   e ← the point of the ball nearest to e − η(res + (λ − 1)e),
//	res_i = ⟨A_i, Z⟩ − y_i.
//
// The first is a step down the Riemannian gradient on the matrices of U's rank, as factors up to rotation, in
// the metric ⟨B, C⟩_U = tr(UᵀU·BᵀC) (Mishra, Meyer, Bonnabel and Sepulchre, Computational Statistics 29,
// 2014). The second is a step up the gradient in the inner product 1/(2m)·⟨d, e⟩. docs/rgda.md has the
// equilibrium and rates. (Cai, Jordan, Lin, Oikonomou and Vlatakis-Gkaragkounis, Curvature-Independent
// Last-Iterate Convergence for Games on Riemannian Manifolds, arXiv 2306.16617.)
type RGDA struct {
	// StepSize is μ > 0, and AdversaryStep η > 0.
	StepSize, AdversaryStep float64
	// Weight is λ > 1: the cost of shifts.
	Weight float64
	// Radius is ρ > 0: the largest root mean square of the shifts.
	Radius float64
}

var (
	_ Method    = RGDA{}
	_ Selective = RGDA{}
	_ Measuring = RGDA{}
)

// Name implements [Method].
func (RGDA) Name() string { return "rgda" }

// shiftSlot holds e.
const shiftSlot = VectorSlot

// Needs implements [Method]: a slot for the direction and a vector for e.
func (RGDA) Needs() Needs { return Needs{Slots: 1, Vectors: 1, Draws: true, Products: true} }

// Suits implements [Selective].
func (RGDA) Suits(p Parametrization) error { return needsPSD(p) }

// Step implements [Method].
func (g RGDA) Step(m *Member, _ int) error {
	u := NewFactor(m.Shapes())
	if err := m.Get(Iterate, u); err != nil {
		return err
	}
	vector, shift, err := shiftOf(m)
	if err != nil {
		return err
	}
	y := m.Observations()
	p := make([]float64, len(y))
	if err := m.Apply(p, u[0], u[0]); err != nil {
		return err
	}
	if err := m.DrawGradient(Draw{Shift: shift}); err != nil {
		return err
	}
	if err := scaledStep(m, g.StepSize, 0); err != nil {
		return err
	}
	g.ascend(shift, p, y)
	return m.Set(shiftSlot, vector)
}

// shiftOf returns the vector slot of e, and its m numbers, which are the elements of the vector's one matrix.
func shiftOf(m *Member) (vector Factor, e []float64, err error) {
	vector = NewFactor(m.ShapesOf(shiftSlot))
	return vector, vector[0].RawMatrix().Data, m.Get(shiftSlot, vector)
}

// Measure implements [Measuring]: the root mean square of e.
func (RGDA) Measure(s *Sample, m *Member) error {
	_, e, err := shiftOf(m)
	s.Shift = rootMeanSquare(e)
	return err
}

// ascend takes the second step, from the shift e and p_i = ⟨A_i, Z⟩.
func (g RGDA) ascend(shift, p, y []float64) {
	for i, e := range shift {
		shift[i] = e - float64(g.AdversaryStep*(p[i]-y[i]+float64((g.Weight-1)*e)))
	}
	if size := rootMeanSquare(shift); size > g.Radius {
		for i := range shift {
			shift[i] *= g.Radius / size
		}
	}
}

// rootMeanSquare returns ‖v‖/√m of m numbers.
func rootMeanSquare(v []float64) float64 {
	return math.Sqrt(sumOfSquares(v) / float64(len(v)))
}

// sumOfSquares returns ‖v‖², with the same bits on every machine.
func sumOfSquares(v []float64) (sum float64) {
	for _, x := range v {
		sum += float64(x * x)
	}
	return sum
}
