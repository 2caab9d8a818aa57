package cpu

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// An anchor is a point z₀ at which residuals and gradient are known in f64:
//
//	res₀ = A z₀ − y,   g₀ = 1/m · Aᵀ res₀.
//
// Both are affine in z, so that at any other point, with δ = z − z₀ formed in f64,
//
//	res = res₀ + A δ,   g = g₀ + 1/m · Aᵀ(A δ),
//
// and only the two products with δ are left to single precision. What is lost is then proportional to ‖δ‖, not to ‖z‖:
// nothing is lost at the anchor, and little near it.
//
// # What is lost
//
// Let u = 2⁻²⁵ be the root mean square of the relative error of one rounding to f32 (uniform within half a unit in the
// last place, over significands distributed as 1/x, it is 0.85·2⁻²⁵), and errors of different roundings independent, of
// mean zero, as in Higham and Mary, "A new approach to probabilistic rounding error analysis", SIAM J. Sci. Comput. 41
// (2019). A chain of N additions of terms of one size has partial sums that grow as √j, so its error is u·√(N/2) times
// the sum's own size. With entries of unit variance, A δ has elements of size ‖δ‖ and
//
//   - each dot product's chains have N = 2048/16 = 128 terms, so its error is e = u·√(N/2)·‖δ‖;
//   - 1/m Aᵀe, with e independent of A, is √(K/m)·e in norm;
//   - each sum over a chunk of R ≤ 256 rows is such a chain: u·√(R/2)·√(K/m)·‖δ‖; rounding its weights is one more u;
//   - rounding δ itself goes through 1/m AᵀA: u·√(1 + K/m)·‖δ‖.
//
// Together the gradient's coordinates have an error of norm
//
//	ε = u·‖δ‖·( √(K/m)·√((N + R)/2 + 1) + √(1 + K/m) ).
//
// The error E of the matrix G is spread over its elements, so that ‖E R‖_F ≤ ε·ρ(R), where ρ(R) is the largest norm of a
// row of the thin factor R. For a gradient G·R, Gᵀ·L the anchor is renewed where
//
//	ε·ρ(R) > τ·‖G R‖_F   or   ε·ρ(L) > τ·‖Gᵀ L‖_F,   τ = 5·10⁻⁷,
//
// half of the relative error 10⁻⁶ that is asked for, since ε is a standard deviation. Renewing is a pass in f64 at
// the very iterate, whose result is the gradient asked for.
//
// With the truth as an anchor, which costs nothing to find, δ is the distance that the gradient itself is proportional
// to, and the rule is met all the way down. It strikes where the gradient is far smaller than that: close to a
// minimum that is not the truth, because of noise or because the factor fits what no measurement sees.
type anchor struct {
	z, g []float64 // K
	res  []float64 // m
}

// Bounds of the renewal rule.
const (
	singleRounding = 0x1p-25
	tolerance      = 5e-7
)

func newAnchor(k, m int) *anchor {
	return &anchor{z: make([]float64, k), g: make([]float64, k), res: make([]float64, m)}
}

// subtractFrom does z ← z − z₀ and returns its norm.
func (a *anchor) subtractFrom(z []float64) float64 {
	var sum float64
	for k, v := range a.z {
		z[k] -= v
		sum += float64(z[k] * z[k])
	}
	return math.Sqrt(sum)
}

// addTo does g ← g₀ + g·unit.
func (a *anchor) addTo(g []float64, unit float64) {
	for k, v := range a.g {
		g[k] = v + float64(g[k]*unit)
	}
}

// powerOfTwo returns the largest power of 2 that is at most x, and 1 for what has none.
func powerOfTwo(x float64) float64 {
	if !(x >= 0x1p-1000 && x <= math.MaxFloat64) {
		return 1
	}
	_, exponent := math.Frexp(x)
	return math.Ldexp(1, exponent-1)
}

// mixedOperator is the operator of mixed precision: single precision for differences from anchors, which it renews.
type mixedOperator[E sensing.Entry] struct {
	*rowOperator[E, float32]
	double []*memberPass[float64] // one, of the pass in f64
	near   []*part                // those of a contraction that have an anchor
}

func newMixedOperator[E sensing.Entry](o *rowOperator[E, float32]) operator {
	return &mixedOperator[E]{rowOperator: o, double: []*memberPass[float64]{newMemberPass[float64](o.space.K(), o.workers)}}
}

// anchored is an operator with anchors.
type anchored interface {
	operator
	// newAnchor returns the anchor at L·Rᵀ.
	newAnchor(y []float64, l, r *mat.Dense) *anchor
	// renew makes a part's L and R its anchor, and does what contract does.
	renew(y []float64, p *part)
}

func (o *mixedOperator[E]) newAnchor(y []float64, l, r *mat.Dense) *anchor {
	a := newAnchor(o.space.K(), o.m)
	o.fill(a, y, l, r)
	return a
}

// fill makes an anchor of L·Rᵀ, and returns Σ res².
func (o *mixedOperator[E]) fill(a *anchor, y []float64, l, r *mat.Dense) float64 {
	s := o.double[0]
	o.lift(s.z, l, r)
	s.res = a.res
	o.exact.pass(y, o.double)
	copy(a.z, s.z)
	copy(a.g, s.g)
	return s.squares
}

func (o *mixedOperator[E]) renew(y []float64, p *part) {
	if p.private == nil {
		p.private = newAnchor(o.space.K(), o.m)
	}
	p.squares = o.fill(p.private, y, p.l, p.r)
	o.multiply(p, p.private.g)
	p.anchor, p.renewed = p.private, true
}

func (o *mixedOperator[E]) contract(y []float64, parts []*part) {
	o.near = o.near[:0]
	for _, p := range parts {
		if p.renewed = false; p.anchor != nil {
			o.near = append(o.near, p)
		}
	}
	if len(o.near) > 0 {
		o.rowOperator.contract(y, o.near)
	}
	for _, p := range parts {
		if p.anchor == nil || o.lost(p.change, p.r, p.gr) || p.gl != p.gr && o.lost(p.change, p.l, p.gl) {
			o.renew(y, p)
		}
	}
}

// lost says whether a thin factor's half of the gradient may have lost more than it should at a distance ‖δ‖ from the
// anchor. What is not finite has nothing to lose.
func (o *mixedOperator[E]) lost(change float64, thin, gradient *mat.Dense) bool {
	ratio := float64(o.space.K()) / float64(o.m)
	chains := (singleStretch/maxLanes + float64(chunkRows(o.m))) / 2
	coordinates := singleRounding * change * (math.Sqrt(ratio*(chains+1)) + math.Sqrt(1+ratio))
	var row, sum float64
	rows, _ := thin.Dims()
	for i := range rows {
		row = max(row, squaredNorm(thin.RawRowView(i)))
	}
	rows, _ = gradient.Dims()
	for i := range rows {
		sum += squaredNorm(gradient.RawRowView(i))
	}
	return coordinates*math.Sqrt(row) > tolerance*math.Sqrt(sum)
}

func squaredNorm(v []float64) (sum float64) {
	for _, x := range v {
		sum += float64(x * x)
	}
	return sum
}

// anchorAtTruth gives every member the truth as an anchor, where there is one and anchors are asked for.
func (e *engine) anchorAtTruth(truth *sensing.Truth) {
	o, ok := e.operator.(anchored)
	if !ok || truth == nil {
		return
	}
	e.truth = o.newAnchor(e.y, truth.X(), truth.Right())
	for _, m := range e.members {
		m.anchor = e.truth
	}
}

// noteRenewal notes where an anchor was renewed.
func (m *member) noteRenewal(f solver.Factor) {
	if m.renewal == nil {
		m.renewal = f.Clone()
		return
	}
	m.renewal.Copy(f)
}

// Anchor implements solver.AnchorEngine.
func (e *engine) Anchor(member int) solver.Factor {
	if m := e.members[member]; m.renewal != nil {
		return m.renewal.Clone()
	}
	return nil
}

// SetAnchor implements solver.AnchorEngine.
func (e *engine) SetAnchor(member int, f solver.Factor) error {
	m := e.members[member]
	o, ok := e.operator.(anchored)
	if !ok {
		return fmt.Errorf("cpu: an anchor is for mixed precision")
	}
	m.l, m.r = e.par.Thin(f)
	o.renew(e.y, &m.part)
	m.noteRenewal(f)
	m.fresh = false
	return nil
}
