package solver

import "github.com/matsense/matsense/sensing"

// ZerothOrder descends along differences of values of f, for problems that give nothing but these values.
// Step t takes q directions P_k, each of d independent N(0, 1) numbers if the factor has d numbers, and does
//
//	g = 1/q Σ_k (f(U + δP_k) − f(U − δP_k))/(2δ)·P_k,   U ← U − μ g,
//
// with a constant step size μ and radius δ. This takes 2q evaluations of f. Each value may have new noise of
// standard deviation σ. E g is the gradient of f + δ²/2·Δf + …, so its bias is δ²/2·∇Δf, and the random part
// of g has two terms,
//
//	E‖g − E g‖² ≈ (d + 1)/q·‖∇f‖² + d·σ²/(2δ²q).
//
// The first term vanishes at a solution but requires a shorter step, by a factor of 1 + (d + 1)/q. The second
// term stays, and grows as the radius shrinks. Over T evaluations a radius ∝ T^(−1/6) balances it with the
// bias. f then falls as T^(−2/3), if it is strongly convex and its Hessian is Lipschitz continuous; no method
// is better by more than a constant factor. (After Yu, Wang, Huang, Lei and Lee, Stochastic Zeroth-Order
// Optimization under Strongly Convexity and Lipschitz Hessian: Minimax Sample Complexity, arXiv 2406.19617.
// ZerothOrder is the estimator of the last stage of their method, for a Hessian that is the identity. Their
// method also estimates the Hessian, takes directions from an ellipsoid that the Hessian shapes, and makes
// one Newton step after a bootstrapping stage.)
type ZerothOrder struct {
	// StepSize is μ > 0.
	StepSize float64
	// Directions is q; 0 means d, the number of the factor's numbers.
	Directions int
	// Radius is δ > 0.
	Radius float64
	// Noise is σ ≥ 0, the standard deviation of the noise that is added to each value.
	Noise float64
	// Seed is the seed of directions and noise. Direction k of step t is row t·q + k of the direction stream;
	// the noise of its two values is the first two numbers of the same row of the value stream.
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

// Measure implements [Measuring]: it counts the evaluations so far, 2q in each step.
func (z ZerothOrder) Measure(s *Sample, m *Member) error {
	s.Evaluations = 2 * float64(z.count(m.Shapes())) * float64(s.Iteration)
	return nil
}

// count returns q.
func (z ZerothOrder) count(shapes []Shape) int {
	if z.Directions > 0 {
		return z.Directions
	}
	return Numbers(shapes)
}

// directionsAtOnce is how many directions are evaluated together, so that the engine can share its passes
// over the rows.
const directionsAtOnce = 4

// Step implements [Method].
func (z ZerothOrder) Step(m *Member, iteration int) error {
	shapes := m.Shapes()
	u, g := NewFactor(shapes), NewFactor(shapes)
	if err := m.Get(Iterate, u); err != nil {
		return err
	}
	var directions [directionsAtOnce]Factor
	var points [2 * directionsAtOnce]Factor // U + δP₀, U − δP₀, U + δP₁, …
	var values [2 * directionsAtOnce]float64
	for i := range directions {
		directions[i], points[2*i], points[2*i+1] = NewFactor(shapes), NewFactor(shapes), NewFactor(shapes)
	}
	q := z.count(shapes)
	first := uint64(iteration) * uint64(q) // the step's first direction
	for begun := 0; begun < q; begun += directionsAtOnce {
		count := min(directionsAtOnce, q-begun)
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

// direct fills p with the direction of the given number: the row's normal deviates, matrix by matrix and row
// by row.
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

// noise returns what is added to the two values of a direction.
func (z ZerothOrder) noise(number uint64) (w [2]float64) {
	if z.Noise > 0 {
		sensing.NewStream(z.Seed, sensing.ValueStream).Normals(number, w[:])
		w[0], w[1] = float64(z.Noise*w[0]), float64(z.Noise*w[1])
	}
	return w
}
