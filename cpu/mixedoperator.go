package cpu

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// mixedOperator is the operator of mixed precision. It computes differences from anchors in single precision,
// and renews the anchors when an [anchor]'s rule says so.
type mixedOperator[E sensing.Entry] struct {
	*rowOperator[E, float32]
	double *memberPass[float64] // for passes in f64
	near   []*part              // the parts of a contraction that have an anchor
}

func newMixedOperator[E sensing.Entry](o *rowOperator[E, float32]) operator {
	double := newMemberPass[float64](o.space.K(), o.workers)
	o.exact.arrange([]*memberPass[float64]{double})
	return &mixedOperator[E]{rowOperator: o, double: double}
}

// newAnchor implements anchored.
func (o *mixedOperator[E]) newAnchor(y []float64, l, r *mat.Dense) (*anchor, error) {
	a := newAnchor(o.space.K(), o.m)
	_, err := o.fill(a, y, l, r)
	return a, err
}

// fill makes a the anchor at L·Rᵀ, and returns Σ res².
func (o *mixedOperator[E]) fill(a *anchor, y []float64, l, r *mat.Dense) (float64, error) {
	p := o.double
	o.lift(p.z, l, r)
	p.res = a.res
	if err := o.exact.pass(y); err != nil {
		return 0, err
	}
	copy(a.z, p.z)
	copy(a.g, p.g)
	return p.squares, nil
}

// renew implements anchored.
func (o *mixedOperator[E]) renew(y []float64, p *part) error {
	if p.private == nil {
		p.private = newAnchor(o.space.K(), o.m)
	}
	squares, err := o.fill(p.private, y, p.l, p.r)
	if err != nil {
		return err
	}
	o.multiply(p, p.private.g)
	p.squares, p.anchor, p.renewed = squares, p.private, true
	return nil
}

// contract implements operator. A part without an anchor, or too far from its own, renews it.
func (o *mixedOperator[E]) contract(y []float64, parts []*part) error {
	o.near = o.near[:0]
	for _, p := range parts {
		if p.renewed = false; p.anchor != nil {
			o.near = append(o.near, p)
		}
	}
	if len(o.near) > 0 {
		if err := o.rowOperator.contract(y, o.near); err != nil {
			return err
		}
	}
	for _, p := range parts {
		if p.anchor == nil || o.lost(p.change, p.r, p.gr) || p.gl != p.gr && o.lost(p.change, p.l, p.gl) {
			if err := o.renew(y, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// lost reports whether ε·ρ(R) > τ·‖G·R‖_F at the distance ‖δ‖ = change from the anchor, for one of the thin
// factors: see [anchor]. If a number is not finite, the gradient has no precision to lose, and lost is false.
func (o *mixedOperator[E]) lost(change float64, thin, gradient *mat.Dense) bool {
	ratio := float64(o.space.K()) / float64(o.m)
	chains := (singleStretch/maxLanes + float64(chunkRows(o.m))) / 2
	coordinates := singleRounding * change * (math.Sqrt(ratio*(chains+1)) + math.Sqrt(1+ratio))
	var row, sum float64
	rows, _ := thin.Dims()
	for i := range rows {
		v := thin.RawRowView(i)
		row = max(row, chainsDot(v, v))
	}
	rows, _ = gradient.Dims()
	for i := range rows {
		v := gradient.RawRowView(i)
		sum += chainsDot(v, v)
	}
	return coordinates*math.Sqrt(row) > tolerance*math.Sqrt(sum)
}
