package solver

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// ZerothOrderNewton descends along differences of values of f in two stages. The first takes b steps of
// [ZerothOrder]. Every step after them estimates the Hessian of f at U, in the d numbers of the factor and
// with the unit vectors e_i, and the gradient in the coordinates in which that Hessian is the identity:
//
//	Ĥ_ij = (f(U + ηe_i + ηe_j) − f(U + ηe_i − ηe_j) − f(U − ηe_i + ηe_j) + f(U − ηe_i − ηe_j))/(4η²),
//	H = Ĥ with eigenvalues raised to at least M,
//	g = 1/(bq) Σ_k (f(U + δH^(−1/2)v_k) − f(U − δH^(−1/2)v_k))/(2δ)·v_k,   U ← U − H^(−1/2)g.
//
// The bq directions v_k are independent and uniform on the sphere of radius √d, so that H^(−1/2)v_k is on an
// ellipsoid. The last line is Newton's step with an estimate of the gradient, whose bias and noise are
//
//	E g ≈ H^(−1/2)∇f + δ²/2·d/(d + 2)·∇̃Δ̃f,   E‖g − E g‖² ≈ d·σ²/(2δ²bq) at a solution,
//
// where ∇̃ and Δ̃ are those of the new coordinates. The first such step takes 2bq + 2d(d + 1) evaluations, as
// many as the first stage and the Hessian.
//
// This is the structure of the method of Yu, Wang, Huang, Lei and Lee, Stochastic Zeroth-Order Optimization
// under Strongly Convexity and Lipschitz Hessian: Minimax Sample Complexity, arXiv 2406.19617: bootstrapping,
// an estimate of the Hessian, directions on an ellipsoid, and one Newton step. Its first stage, the way in
// which its Hessian is sampled and its division of the evaluations are its own and are not followed here.
type ZerothOrderNewton struct {
	// First is the method of the first stage. Its q, δ, σ and seed are those of the second as well. The
	// streams' rows go on after those of the first stage: in each step d(d + 1)/2 rows for the pairs i ≤ j,
	// row after row, with the noise of a pair's four values, and then bq rows for the directions, which are
	// normal deviates scaled to the length √d.
	First ZerothOrder
	// Bootstrap is b ≥ 1.
	Bootstrap int
	// HessianRadius is η > 0.
	HessianRadius float64
	// LeastCurvature is M > 0.
	LeastCurvature float64
}

var (
	_ Method    = ZerothOrderNewton{}
	_ Measuring = ZerothOrderNewton{}
)

// Name implements [Method].
func (ZerothOrderNewton) Name() string { return "zeroth-order-newton" }

// Needs implements [Method]: slots for eight points, or more for those of the first stage.
func (z ZerothOrderNewton) Needs() Needs {
	needs := z.First.Needs()
	needs.Slots = max(needs.Slots, pointsAtOnce)
	needs.Scratch = needs.Slots
	return needs
}

// pointsAtOnce is how many points are evaluated together.
const pointsAtOnce = 2 * directionsAtOnce

// Measure implements [Measuring]: it counts the evaluations so far.
func (z ZerothOrderNewton) Measure(s *Sample, m *Member) error {
	d, bq := float64(Numbers(m.Shapes())), float64(z.Bootstrap*z.First.count(m.Shapes()))
	if s.Iteration <= z.Bootstrap {
		return z.First.Measure(s, m)
	}
	s.Evaluations = 2*bq + float64(s.Iteration-z.Bootstrap)*(2*d*(d+1)+2*bq)
	return nil
}

// Step implements [Method].
func (z ZerothOrderNewton) Step(m *Member, iteration int) error {
	if iteration < z.Bootstrap {
		return z.First.Step(m, iteration)
	}
	d := Numbers(m.Shapes())
	pairs, directions := d*(d+1)/2, z.Bootstrap*z.First.count(m.Shapes())
	row := uint64(directions) + uint64(iteration-z.Bootstrap)*uint64(pairs+directions)
	center := NewFactor(m.Shapes())
	if err := m.Get(Iterate, center); err != nil {
		return err
	}
	e := evaluator{m: m, center: center, point: NewFactor(m.Shapes())}
	root, err := z.inverseRoot(&e, d, row)
	if err != nil {
		return err
	}
	slope, err := z.slope(&e, root, directions, row+uint64(pairs))
	if err != nil {
		return err
	}
	var step mat.VecDense
	step.MulVec(root, slope)
	e.shift(-1, step.RawVector().Data)
	return m.Set(Iterate, e.point)
}

// inverseRoot estimates H at the center and returns H^(−1/2).
func (z ZerothOrderNewton) inverseRoot(e *evaluator, d int, row uint64) (*mat.Dense, error) {
	hessian := mat.NewSymDense(d, nil)
	values := sensing.NewStream(z.First.Seed, sensing.ValueStream)
	shift, w := make([]float64, d), make([]float64, 4)
	signs := [4][2]float64{{1, 1}, {1, -1}, {-1, 1}, {-1, -1}}
	for i := range d {
		for j := i; j < d; j++ {
			if z.First.Noise > 0 {
				values.Normals(row, w)
			}
			row++
			for k, s := range signs {
				clear(shift)
				shift[i] += s[0]
				shift[j] += s[1]
				sign := float64(s[0] * s[1] / (4 * z.HessianRadius * z.HessianRadius))
				noise := float64(z.First.Noise * w[k])
				if err := e.add(z.HessianRadius, shift, func(f float64) {
					hessian.SetSym(i, j, hessian.At(i, j)+float64(sign*(f+noise)))
				}); err != nil {
					return nil, err
				}
			}
		}
	}
	if err := e.flush(); err != nil {
		return nil, err
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(hessian, true) {
		return nil, fmt.Errorf("solver: the eigenvalues of the estimated Hessian, %d × %d, did not converge",
			d, d)
	}
	var vectors, scaled, root mat.Dense
	eigen.VectorsTo(&vectors)
	scaled.CloneFrom(&vectors)
	for j, value := range eigen.Values(nil) {
		scale := 1 / math.Sqrt(math.Max(value, z.LeastCurvature))
		for i := range d {
			scaled.Set(i, j, scale*scaled.At(i, j))
		}
	}
	root.Mul(&scaled, vectors.T())
	return &root, nil
}

// slope estimates g, the gradient at the center in the coordinates in which H is the identity.
func (z ZerothOrderNewton) slope(
	e *evaluator, root *mat.Dense, directions int, row uint64,
) (*mat.VecDense, error) {
	d, _ := root.Dims()
	normals := sensing.NewStream(z.First.Seed, sensing.DirectionStream)
	sum := mat.NewVecDense(d, nil)
	for k := range directions {
		v := make([]float64, d)
		normals.Normals(row+uint64(k), v)
		floats.Scale(math.Sqrt(float64(d))/floats.Norm(v, 2), v)
		var along mat.VecDense
		along.MulVec(root, mat.NewVecDense(d, v))
		noise := z.First.noise(row + uint64(k))
		for i, sign := range []float64{1, -1} {
			weight := sign / (2 * z.First.Radius) / float64(directions)
			if err := e.add(float64(sign*z.First.Radius), along.RawVector().Data, func(f float64) {
				sum.AddScaledVec(sum, weight*(f+noise[i]), mat.NewVecDense(d, v))
			}); err != nil {
				return nil, err
			}
		}
	}
	return sum, e.flush()
}

// evaluator computes f at points around a center, several at a time.
type evaluator struct {
	m             *Member
	center, point Factor
	waiting       []func(f float64)
}

// shift sets the point to the center + scale·along, where along has the factor's numbers in order.
func (e *evaluator) shift(scale float64, along []float64) {
	at := 0
	for b, u := range e.center {
		rows, cols := u.Dims()
		for i := range rows {
			for j := range cols {
				e.point[b].Set(i, j, u.At(i, j)+float64(scale*along[at]))
				at++
			}
		}
	}
}

// add asks for f at the center + scale·along, which is given to use, in the order of the calls of add.
func (e *evaluator) add(scale float64, along []float64, use func(f float64)) error {
	e.shift(scale, along)
	if err := e.m.Set(MethodSlot+Slot(len(e.waiting)), e.point); err != nil {
		return err
	}
	e.waiting = append(e.waiting, use)
	if len(e.waiting) < pointsAtOnce {
		return nil
	}
	return e.flush()
}

// flush computes what add asked for.
func (e *evaluator) flush() error {
	var points [pointsAtOnce]Slot
	var values [pointsAtOnce]float64
	count := len(e.waiting)
	if count == 0 {
		return nil
	}
	for i := range count {
		points[i] = MethodSlot + Slot(i)
	}
	if err := e.m.Evaluate(values[:count], points[:count]...); err != nil {
		return err
	}
	for i, use := range e.waiting {
		use(values[i])
	}
	e.waiting = e.waiting[:0]
	return nil
}
