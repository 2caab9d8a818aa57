package cpu

import (
	"errors"
	"math"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// anchor is a point z₀ whose residuals and gradient are known in f64:
//
//	res₀ = A z₀ − y,   g₀ = 1/m · Aᵀ res₀.
//
// Both are affine in z. At any other point, with δ = z − z₀ formed in f64,
//
//	res = res₀ + A δ,   g = g₀ + 1/m · Aᵀ(A δ),
//
// and single precision computes only the two products with δ. So the error is proportional to ‖δ‖, not to
// ‖z‖: it is zero at the anchor, and small near it.
//
// # The error
//
// Let u = 2⁻²⁵ be the root mean square of the relative error of one rounding to f32. (For an error uniform
// within half a unit in the last place, over significands distributed as 1/x, it is 0.85·2⁻²⁵.) Let errors of
// different roundings be independent, of mean zero, as in Higham and Mary, "A new approach to probabilistic
// rounding error analysis", SIAM J. Sci. Comput. 41 (2019). A chain of N additions of terms of one size has
// partial sums that grow as √j, so its error is u·√(N/2) times the size of the sum. With entries of unit
// variance, A δ has elements of size ‖δ‖ and
//
//   - the chains of each dot product have N = 2048/16 = 128 terms, so its error is e = u·√(N/2)·‖δ‖;
//   - 1/m Aᵀe, with e independent of A, has the norm √(K/m)·e;
//   - each sum over a chunk of R ≤ 256 rows is such a chain: u·√(R/2)·√(K/m)·‖δ‖; rounding its weights adds
//     one u;
//   - rounding δ itself goes through 1/m AᵀA: u·√(1 + K/m)·‖δ‖.
//
// Together, the gradient's coordinates have an error of norm
//
//	ε = u·‖δ‖·( √(K/m)·√((N + R)/2 + 1) + √(1 + K/m) ).
//
// # The rule
//
// The error E of the matrix G is spread over its elements, so that ‖E R‖_F ≤ ε·ρ(R), where ρ(R) is the
// largest norm of a row of the thin factor R. For a gradient G·R, Gᵀ·L the anchor is renewed if
//
//	ε·ρ(R) > τ·‖G R‖_F   or   ε·ρ(L) > τ·‖Gᵀ L‖_F,   τ = 5·10⁻⁷.
//
// The goal is a relative error of 10⁻⁶; τ is half of that, because ε is a standard deviation. Renewing takes
// a pass in f64 at the iterate itself, and its result is the gradient.
//
// With the truth as the anchor, which is known at no cost, the gradient is proportional to δ, and no renewal
// is needed all the way down. Renewals come if the gradient is far smaller than that: close to a minimum that
// is not the truth, because of noise or because the factor fits what no measurement sees.
type anchor struct {
	z, g []float64 // K
	res  []float64 // m
}

// The u and τ of the rule.
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

// powerOfTwo returns the largest power of 2 that is at most x, or 1 if x is tiny, infinite or not a number.
func powerOfTwo(x float64) float64 {
	if !(x >= 0x1p-1000 && x <= math.MaxFloat64) {
		return 1
	}
	_, exponent := math.Frexp(x)
	return math.Ldexp(1, exponent-1)
}

// anchorAtTruth gives every member the truth as its anchor, if the truth is known and the operator has
// anchors.
func (e *engine) anchorAtTruth(truth *sensing.Truth) (err error) {
	o, ok := e.operator.(anchored)
	if !ok || truth == nil {
		return nil
	}
	e.truth, err = o.newAnchor(e.y, truth.X(), truth.Right())
	for _, m := range e.members {
		m.anchor = e.truth
	}
	return err
}

// noteRenewal records the factor at which the member's anchor was renewed.
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
		return errors.New("cpu: an anchor is for mixed precision")
	}
	m.l, m.r = e.par.Thin(f)
	if err := o.renew(e.y, &m.part); err != nil {
		return err
	}
	m.noteRenewal(f)
	m.fresh = false
	return nil
}
