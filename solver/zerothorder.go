package solver

import "github.com/matsense/matsense/sensing"

// ZerothOrder descends along differences of values of f, where nothing else of f can be had. Step number t looks in q directions P_k,
// each of d independent N(0, 1) numbers where the factor has d, and goes
//
//	g = 1/q Σ_k (f(U + δP_k) − f(U − δP_k))/(2δ)·P_k,   U ← U − μ g,
//
// with a constant step size μ and radius δ: 2q evaluations. Values may be seen through noise of standard deviation σ, a new one each
// time. E g is the gradient of f + δ²/2·Δf + …, off by δ²/2·∇Δf, and what is random in g has two parts,
//
//	E‖g − E g‖² ≈ (d + 1)/q·‖∇f‖² + d·σ²/(2δ²q).
//
// The first vanishes at a solution but asks for a shorter step, by a factor of 1 + (d + 1)/q; the second stays, and grows as the
// radius shrinks. A radius ∝ T^(−1/6) balances it with the bias over T evaluations, and f then falls as T^(−2/3) where it is strongly
// convex and its Hessian is Lipschitz continuous, which no method betters but for a factor. (After Yu, Wang, Huang, Lei and Lee,
// Stochastic Zeroth-Order Optimization under Strongly Convexity and Lipschitz Hessian: Minimax Sample Complexity, arXiv 2406.19617. Of their method
// this is the last stage's estimator, for a Hessian that is the identity: they estimate the Hessian too, look in directions
// that it stretches into an ellipsoid, and take one Newton step, after a bootstrapping stage.)
type ZerothOrder struct {
	// StepSize is μ > 0.
	StepSize float64
	// Directions is q; 0 is d, as many as the factor has numbers.
	Directions int
	// Radius is δ > 0.
	Radius float64
	// Noise is σ ≥ 0, the standard deviation of what is added to each value.
	Noise float64
	// Seed keys directions and noise: direction number t·q + k is that row of the direction stream, and what is added to its two values
	// the first two of the row of the value stream.
	Seed uint64
}

var (
	_ Method    = ZerothOrder{}
	_ Measuring = ZerothOrder{}
)

// Name implements [Method].
func (ZerothOrder) Name() string { return "zeroth-order" }

// Needs implements [Method].
func (ZerothOrder) Needs() Needs { return Needs{Values: true} }

// Measure implements [Measuring]: the evaluations so far, 2q in each step.
func (z ZerothOrder) Measure(s *Sample, m *Member) error {
	s.Evaluations = 2 * float64(z.count(m.Shapes())) * float64(s.Iteration)
	return nil
}

// count is q.
func (z ZerothOrder) count(shapes []Shape) int {
	if z.Directions > 0 {
		return z.Directions
	}
	return Numbers(shapes)
}

// looksAtOnce is how many directions are looked in together, for the engine to share its passes over the rows.
const looksAtOnce = 4

// Step implements [Method].
func (z ZerothOrder) Step(m *Member, iteration int) error {
	shapes := m.Shapes()
	u, g := NewFactor(shapes), NewFactor(shapes)
	if err := m.Get(Iterate, u); err != nil {
		return err
	}
	var directions [looksAtOnce]Factor
	var points [2 * looksAtOnce]Factor // U + δP₀, U − δP₀, U + δP₁, …
	var values [2 * looksAtOnce]float64
	for i := range directions {
		directions[i], points[2*i], points[2*i+1] = NewFactor(shapes), NewFactor(shapes), NewFactor(shapes)
	}
	q := z.count(shapes)
	first := uint64(iteration) * uint64(q) // the step's first direction
	for begun := 0; begun < q; begun += looksAtOnce {
		count := min(looksAtOnce, q-begun)
		for i, p := range directions[:count] {
			z.direct(p, first+uint64(begun+i))
			points[2*i].Combine(1, u, z.Radius, p)
			points[2*i+1].Combine(1, u, -z.Radius, p)
		}
		if err := m.Evaluate(values[:2*count], points[:2*count]...); err != nil {
			return err
		}
		for i, p := range directions[:count] {
			noise := z.noise(first + uint64(begun+i))
			rise := (values[2*i] + noise[0]) - (values[2*i+1] + noise[1])
			g.Combine(1, g, rise/(2*z.Radius)/float64(q), p)
		}
	}
	if err := m.Set(Gradient, g); err != nil {
		return err
	}
	return m.Combine(Iterate, 1, Iterate, -z.StepSize, Gradient)
}

// direct makes p the direction of a number: the row's normal deviates, matrix by matrix and row by row.
func (z ZerothOrder) direct(p Factor, number uint64) {
	flat := make([]float64, Numbers(p.Shapes()))
	sensing.NewStream(z.Seed, sensing.DirectionStream).Normals(number, flat)
	for _, block := range p {
		rows, _ := block.Dims()
		for i := range rows {
			flat = flat[copy(block.RawRowView(i), flat):]
		}
	}
}

// noise is what is added to the two values of a direction.
func (z ZerothOrder) noise(number uint64) (w [2]float64) {
	if z.Noise > 0 {
		sensing.NewStream(z.Seed, sensing.ValueStream).Normals(number, w[:])
		w[0], w[1] = float64(z.Noise*w[0]), float64(z.Noise*w[1])
	}
	return w
}
