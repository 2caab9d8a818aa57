package gpu

import (
	"slices"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/solver"
)

// draw is a [solver.Draw] on the device.
type draw struct {
	rows  []int          // the measurements drawn, in ascending order; nil for all, once each
	list  driver.Pointer // the same list on the device, u32; 0 for all, and for more than m draws
	count int            // B
	shift driver.Pointer // m numbers e; 0 for none
}

// drawing is an operator that contracts some draws in less time than apply and adjointMul take together.
type drawing interface {
	operator
	// takes says whether contractDrawn takes a draw of count listed measurements; count 0 stands for all,
	// once each.
	takes(count int) bool
	// contractDrawn computes the pulls of a part, in f64, with G = 1/B · Σ_k ψ(p_i − y_i − e_i)·A_i, i =
	// list[k].
	contractDrawn(y driver.Pointer, d draw, p part) error
}

// DrawGradient implements [solver.DrawEngine], in f64. Only the list of measurements is copied to the device,
// before all else, so that no copy lies between the calls of a step.
func (e *engine) DrawGradient(member int, d solver.Draw) error {
	drawn := draw{rows: d.Rows, count: d.Count(e.m)}
	if d.Rows != nil && len(d.Rows) <= e.m {
		drawn.list = e.drawn
		if err := e.list(d.Rows); err != nil {
			return err
		}
	}
	if d.Shift != 0 {
		drawn.shift = e.slot(member, d.Shift)
	}
	return e.device.repeated(func() error { return e.settle(member) }, func() error {
		e.solved = nil // the operator writes to the same memory
		e.members[member].fresh = false
		p, err := e.part(member)
		if err != nil {
			return err
		}
		if err := e.device.pass(func() error { return e.contractDraw(drawn, p) }); err != nil {
			return err
		}
		return e.ends.pullback(e, e.memory(member))
	})
}

// contractDraw computes the pulls of a part for a draw.
func (e *engine) contractDraw(d draw, p part) error {
	if o, ok := e.operator.(drawing); ok && o.takes(len(d.rows)) {
		return o.contractDrawn(e.y, d, p)
	}
	return e.contractWhole(d, p)
}

// list copies a list of at most m measurements to the device.
func (e *engine) list(rows []int) error {
	return e.device.Upload(e.drawn, bytesOfWords(rows))
}

// contractWhole contracts a draw with any operator, by apply and adjointMul over all measurements.
func (e *engine) contractWhole(d draw, p part) error {
	if err := e.operator.apply(e.values, p.l, p.r, p.cols); err != nil {
		return err
	}
	if err := e.weigh(d); err != nil {
		return err
	}
	for _, to := range p.pulls {
		if err := e.operator.adjointMul(to.dst, e.weights, to.transposed, to.x, p.cols); err != nil {
			return err
		}
		if to.scale == 1 {
			continue
		}
		n := e.n1
		if to.transposed {
			n = e.n2
		}
		if err := e.device.combine(to.dst, to.dst, to.dst, to.scale, 0, n*p.cols); err != nil {
			return err
		}
	}
	return nil
}

// weigh makes the weights of a draw from the values ⟨A_i, Z⟩ in e.values. A list of more than m draws, for
// which the device has no room, is copied in pieces.
func (e *engine) weigh(d draw) error {
	if err := e.device.Fill(e.weights, 0, int64(e.m)*8); err != nil {
		return err
	}
	scale := 1 / float64(d.count)
	if d.rows == nil || d.list != 0 {
		return e.device.drawWeights(e.weights, e.values, e.y, d.shift, d.list, d.count, scale, e.loss)
	}
	for piece := range slices.Chunk(d.rows, e.m) {
		if err := e.list(piece); err != nil {
			return err
		}
		err := e.device.drawWeights(e.weights, e.values, e.y, d.shift, e.drawn, len(piece), scale, e.loss)
		if err != nil {
			return err
		}
	}
	return nil
}

// drawWeights adds scale·ψ(p_i − y_i − e_i) to w_i for each draw of measurement i: of the count draws in a
// list, or of all measurements if list is 0. If shift is 0, e_i is 0.
func (d *device) drawWeights(
	w, p, y, shift, list driver.Pointer, count int, scale float64, l loss,
) error {
	return d.launch("draw_weights", driver.Dim{blocks(count, 256), 1, 1}, driver.Dim{256, 1, 1},
		l.with(driver.Ptr(w), driver.Ptr(p), driver.Ptr(y), driver.Ptr(shift), driver.Ptr(list),
			driver.U32(count), driver.F64(scale))...)
}
