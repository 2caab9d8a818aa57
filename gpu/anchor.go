package gpu

import (
	"errors"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// anchored is an operator with anchors: points near which gradients are computed in single precision. Each
// member has one.
type anchored interface {
	operator
	// anchorAll puts the first anchor of every member at L·Rᵀ, with L and R of cols columns. All members
	// share it.
	anchorAll(y, l, r driver.Pointer, cols int) error
	// anchor puts the anchor of a part's member at the part's L·Rᵀ, and computes the part's pulls.
	anchor(y driver.Pointer, p part) error
	// reset gives a member its first anchor again.
	reset(member int)
	// renewed says whether the last contraction of a member has renewed its anchor.
	renewed(member int) bool
}

// anchorAtTruth gives every member the truth as its anchor, if the truth is known and the operator has
// anchors.
func (e *engine) anchorAtTruth(truth *sensing.Truth) (err error) {
	o, ok := e.operator.(anchored)
	if !ok || truth == nil {
		return nil
	}
	l, err := e.device.borrow(truth.X())
	if err != nil {
		return err
	}
	defer e.device.giveBack(l, &err)
	r, err := e.device.borrow(truth.Right())
	if err != nil {
		return err
	}
	defer e.device.giveBack(r, &err)
	_, cols := truth.X().Dims()
	return e.device.pass(func() error { return o.anchorAll(e.y, l, r, cols) })
}

// noteRenewals keeps the iterates of those members whose anchors the last contraction has renewed.
func (e *engine) noteRenewals(members []int) error {
	o, ok := e.operator.(anchored)
	if !ok {
		return nil
	}
	for _, i := range members {
		if !o.renewed(i) {
			continue
		}
		m := &e.members[i]
		if m.renewal == nil {
			m.renewal = solver.NewFactor(m.shapes)
		}
		if err := e.device.download(e.slot(i, solver.Iterate), m.renewal...); err != nil {
			return err
		}
	}
	return nil
}

// Anchor implements [solver.AnchorEngine].
func (e *engine) Anchor(member int) solver.Factor {
	if f := e.members[member].renewal; f != nil {
		return f.Clone()
	}
	return nil
}

// SetAnchor implements [solver.AnchorEngine].
func (e *engine) SetAnchor(member int, f solver.Factor) (err error) {
	o, ok := e.operator.(anchored)
	if !ok {
		return errors.New("gpu: an anchor is for mixed precision")
	}
	if err := e.settle(member); err != nil {
		return err
	}
	m := e.memory(member)
	data := bytesOf(f...)
	if m.factor, err = e.device.Alloc(int64(len(data))); err != nil {
		return err
	}
	defer e.device.giveBack(m.factor, &err)
	if err := e.device.Upload(m.factor, data); err != nil {
		return err
	}
	e.solved = nil // the operator writes to the same memory
	e.members[member].thin = false
	if err := e.ends.thin(e, m); err != nil {
		return err
	}
	at := e.ends.place(m)
	p := part{member: member, l: at.l, r: at.r, cols: at.cols} // without pulls: the gradient's slot stays
	if err := e.device.pass(func() error { return o.anchor(e.y, p) }); err != nil {
		return err
	}
	e.members[member].renewal = f.Clone()
	e.members[member].fresh = false
	return nil
}
