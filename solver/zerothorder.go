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

// Needs implements [Method]: slots for the directions that are evaluated together and for their points.
func (z ZerothOrder) Needs() Needs {
	slots := 3 * z.atOnce()
	return Needs{Slots: slots, Scratch: slots, Values: true, Random: true}
}

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

// atOnce returns how many of a step's directions are evaluated together.
func (z ZerothOrder) atOnce() int {
	if z.Directions > 0 {
		return min(z.Directions, directionsAtOnce)
	}
	return directionsAtOnce
}

// slotsOf returns the slots of direction P_i of those that are evaluated together, and of the points U + δP_i
// and U − δP_i.
func slotsOf(i int) (direction, up, down Slot) {
	first := MethodSlot + Slot(3*i)
	return first, first + 1, first + 2
}

// Step implements [Method].
func (z ZerothOrder) Step(m *Member, iteration int) error {
	if err := m.Combine(Gradient, 0, Gradient, 0, Gradient); err != nil {
		return err
	}
	q := z.count(m.Shapes())
	first := uint64(iteration) * uint64(q) // the step's first direction
	for begun := 0; begun < q; begun += directionsAtOnce {
		count := min(directionsAtOnce, q-begun)
		if err := z.add(m, first+uint64(begun), count, q); err != nil {
			return err
		}
	}
	return m.Combine(Iterate, 1, Iterate, -z.StepSize, Gradient)
}

// add adds count of a step's q directions, from the given one on, to the Gradient slot: each times its
// difference quotient of f, divided by q.
func (z ZerothOrder) add(m *Member, first uint64, count, q int) error {
	stream := sensing.NewStream(z.Seed, sensing.DirectionStream)
	var points [2 * directionsAtOnce]Slot // U + δP₀, U − δP₀, U + δP₁, …
	var values [2 * directionsAtOnce]float64
	for i := range count {
		direction, up, down := slotsOf(i)
		if err := m.Normals(direction, stream, first+uint64(i)); err != nil {
			return err
		}
		if err := m.Combine(up, 1, Iterate, z.Radius, direction); err != nil {
			return err
		}
		if err := m.Combine(down, 1, Iterate, -z.Radius, direction); err != nil {
			return err
		}
		points[2*i], points[2*i+1] = up, down
	}
	if err := m.Evaluate(values[:2*count], points[:2*count]...); err != nil {
		return err
	}
	for i := range count {
		direction, _, _ := slotsOf(i)
		noise := z.noise(first + uint64(i))
		rise := (values[2*i] + noise[0]) - (values[2*i+1] + noise[1])
		if err := m.Combine(Gradient, 1, Gradient, rise/(2*z.Radius)/float64(q), direction); err != nil {
			return err
		}
	}
	return nil
}

// noise returns what is added to the two values of a direction.
func (z ZerothOrder) noise(number uint64) (w [2]float64) {
	if z.Noise > 0 {
		sensing.NewStream(z.Seed, sensing.ValueStream).Normals(number, w[:])
		w[0], w[1] = float64(z.Noise*w[0]), float64(z.Noise*w[1])
	}
	return w
}
