package gpu

import (
	"errors"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/solver"
)

// engine implements solver.Engine: it holds the members and does their algebra, and leaves the measurements
// to an operator. Its operations are queued on the device; Get, Dot, Losses and Wait wait for them.
type engine struct {
	request
	operator operator
	n1, n2   int
	m        int

	device  *device          // nil before Open and after Close
	taken   []driver.Pointer // allocations that Close frees
	hostY   []float64        // the observations
	members []member
	solved  []int // members whose residuals the operator has, in its order

	slotsAt  driver.Pointer // the slots, one after another, each with the factors of all members
	slotSize int            // numbers of a slot of all members, each of which has room for its largest factor
	y        driver.Pointer // the observations
	values   driver.Pointer // m numbers of Apply and AdjointMul
	dots     driver.Pointer // dot products of the segments of Dot
	algebra  algebra
	lists    lists
	inverses inverses

	drawn, weights driver.Pointer // of DrawGradient: a list of measurements, and their weights
	points, sums   driver.Pointer // of Evaluate: residuals of points, and their sums of squares
}

var (
	_ solver.DrawEngine       = &engine{}
	_ solver.ValueEngine      = &engine{}
	_ solver.RandomEngine     = &engine{}
	_ solver.InverseEngine    = &engine{}
	_ solver.EntrywiseEngine  = &engine{}
	_ solver.ProductEngine    = &engine{}
	_ solver.ProjectionEngine = &engine{}
	_ solver.AlgebraEngine    = &engine{}
	_ solver.AnchorEngine     = &engine{}
)

// member is one factor of the batch. In each slot the members' factors lie one after another on the device,
// so that one launch combines slots of all members. The matrices of a factor lie one after another too.
type member struct {
	shapes  []solver.Shape // of the factor
	before  int            // numbers of a slot that belong to members before this one
	vectors driver.Pointer // slots of m numbers, one after another
	room    driver.Pointer // what the parametrization needs beside the slots
	squares driver.Pointer // d × d matrices of Precondition, Project and Fit
	waiting []operation    // what the member waits for, in its order

	thin     bool     // L and R belong to the iterate
	fresh    bool     // the Gradient slot belongs to the iterate
	factored factored // what the first squares hold

	renewal solver.Factor // the iterate of the last renewal of the anchor, on the host; nil if there was none
}

// slot returns the address of a member's slot.
func (e *engine) slot(member int, s solver.Slot) driver.Pointer {
	m := e.members[member]
	if s >= solver.VectorSlot {
		return m.vectors + driver.Pointer(int(s-solver.VectorSlot)*e.m*8)
	}
	return e.slotsAt + driver.Pointer(8*(int(s)*e.slotSize+m.before))
}

// numbers is the count of numbers in a member's slot.
func (e *engine) numbers(member int, s solver.Slot) int {
	if s >= solver.VectorSlot {
		return e.m
	}
	return solver.Numbers(e.members[member].shapes)
}

// matrix returns the address of one of a slot's matrices.
func (e *engine) matrix(member int, s solver.Slot, number int) driver.Pointer {
	return e.slot(member, s) + driver.Pointer(solver.Numbers(e.members[member].shapes[:number])*8)
}

// whole returns one of a slot's matrices.
func (e *engine) whole(member int, s solver.Slot, number int) matrix {
	shape := e.members[member].shapes[number]
	return whole(e.matrix(member, s, number), shape.Rows, shape.Cols)
}

// cols is the number of columns of each matrix of a member's factor.
func (e *engine) cols(member int) int { return e.members[member].shapes[0].Cols }

// Reset implements [solver.Engine].
func (e *engine) Reset(member, factorRank int) error {
	shapes, err := e.par.Shapes(e.ensemble.Space(), factorRank)
	if err != nil {
		return err
	}
	if largest := e.shapes[member]; solver.Numbers(shapes) > solver.Numbers(largest) {
		return fmt.Errorf("gpu: member %d has room for the factor rank %d, not %d",
			member, e.ranks[member], factorRank)
	}
	if err := e.settle(member); err != nil {
		return err
	}
	e.solved = nil
	e.touched(member, solver.Iterate)
	m := &e.members[member]
	m.shapes, m.thin, m.fresh, m.renewal = shapes, false, false, nil
	if o, ok := e.operator.(anchored); ok {
		o.reset(member)
	}
	return e.clear(member)
}

// clear fills a member's slots with zeros.
func (e *engine) clear(member int) error {
	m := e.members[member]
	if err := e.device.Fill(m.vectors, 0, int64(e.vectors)*int64(e.m)*8); err != nil {
		return err
	}
	for s := range e.slots {
		err := e.device.Fill(e.slot(member, solver.Slot(s)), 0, int64(solver.Numbers(m.shapes))*8)
		if err != nil {
			return err
		}
	}
	return nil
}

// Set implements [solver.Engine].
func (e *engine) Set(member int, slot solver.Slot, f solver.Factor) error {
	if err := e.settle(member); err != nil {
		return err
	}
	if err := e.device.Upload(e.slot(member, slot), bytesOf(f...)); err != nil {
		return fmt.Errorf("gpu: set slot %d of member %d: %w", slot, member, err)
	}
	e.touched(member, slot)
	return nil
}

// Get implements [solver.Engine].
func (e *engine) Get(member int, slot solver.Slot, f solver.Factor) error {
	if err := e.settle(member); err != nil {
		return err
	}
	if err := e.device.download(e.slot(member, slot), f...); err != nil {
		return fmt.Errorf("gpu: get slot %d of member %d: %w", slot, member, err)
	}
	return nil
}

// touched notes that a slot has changed.
func (e *engine) touched(member int, slot solver.Slot) {
	if slot == solver.Iterate || slot == solver.Gradient {
		e.members[member].fresh = false
	}
	if slot == solver.Iterate {
		e.members[member].thin = false
		e.members[member].factored = factored{}
	}
}

// Gradient implements [solver.Engine].
func (e *engine) Gradient(members ...int) error {
	var stale []int
	return e.device.repeated(func() error {
		err := e.settle(members...)
		for _, i := range members {
			if !e.members[i].fresh && !slices.Contains(stale, i) {
				stale = append(stale, i)
			}
		}
		return err
	}, func() error { return e.gradient(stale) })
}

// gradient fills the Gradient slots of different members. The operator keeps their residuals.
func (e *engine) gradient(members []int) error {
	if len(members) == 0 {
		return nil
	}
	parts := make([]part, len(members))
	for at, i := range members {
		var err error
		if parts[at], err = e.part(i); err != nil {
			return err
		}
	}
	e.solved = nil
	if err := e.device.pass(func() error { return e.operator.contract(e.y, parts) }); err != nil {
		return err
	}
	for _, i := range members {
		if err := e.ends.pullback(e, e.memory(i)); err != nil {
			return err
		}
		e.members[i].fresh = true
	}
	e.solved = slices.Clone(members)
	return e.noteRenewals(members)
}

// Dot implements [solver.Engine]. The device sums the products of each segment, and the host adds the
// segments in order.
func (e *engine) Dot(member int, x, y solver.Slot) (sum float64, err error) {
	if err := e.settle(member); err != nil {
		return 0, err
	}
	count := e.numbers(member, x)
	parts := make([]float64, blocks(count, dotSegment))
	if err := e.device.readDot(parts, e.dots, e.slot(member, x), e.slot(member, y), count); err != nil {
		return 0, err
	}
	for _, part := range parts {
		sum += part
	}
	return sum, nil
}

// Losses implements [solver.Engine].
func (e *engine) Losses(dst []float64, members ...int) error {
	if len(members) == 0 {
		return nil
	}
	if err := e.Gradient(members...); err != nil {
		return err
	}
	for _, i := range members {
		if !slices.Contains(e.solved, i) { // residuals of other members have replaced them
			all := slices.Compact(slices.Sorted(slices.Values(members)))
			if err := e.gradient(all); err != nil {
				return err
			}
			break
		}
	}
	squares := make([]float64, len(e.solved))
	if err := e.operator.squares(squares); err != nil {
		return err
	}
	for j, i := range members {
		dst[j] = squares[slices.Index(e.solved, i)] / (4 * float64(e.m))
	}
	return nil
}

// Wait implements [solver.Engine].
func (e *engine) Wait() error {
	if err := e.rounds(); err != nil {
		return err
	}
	return e.device.Wait()
}

// Observations implements [solver.Engine].
func (e *engine) Observations() []float64 { return e.hostY }

// Apply implements [solver.ProductEngine]. It is always in f64.
func (e *engine) Apply(p []float64, l, r *mat.Dense) (err error) {
	e.solved = nil // the operator writes to the same memory
	dl, err := e.device.borrow(l)
	if err != nil {
		return err
	}
	defer e.device.giveBack(dl, &err)
	dr, err := e.device.borrow(r)
	if err != nil {
		return err
	}
	defer e.device.giveBack(dr, &err)
	_, cols := l.Dims()
	err = e.device.pass(func() error { return e.operator.apply(e.values, dl, dr, cols) })
	if err != nil {
		return err
	}
	return e.device.downloadNumbers(p, e.values)
}

// AdjointMul implements [solver.ProductEngine]. It is always in f64.
func (e *engine) AdjointMul(dst *mat.Dense, w []float64, trans bool, x *mat.Dense) (err error) {
	rows, cols := dst.Dims()
	dx, err := e.device.borrow(x)
	if err != nil {
		return err
	}
	defer e.device.giveBack(dx, &err)
	out, err := e.device.Alloc(int64(8 * rows * cols))
	if err != nil {
		return err
	}
	defer e.device.giveBack(out, &err)
	if err := e.device.Upload(e.values, bytesOfNumbers(w)); err != nil {
		return err
	}
	err = e.device.pass(func() error { return e.operator.adjointMul(out, e.values, trans, dx, cols) })
	if err != nil {
		return err
	}
	return e.device.download(out, dst)
}

// Close implements [solver.Engine].
func (e *engine) Close() error {
	if e.device == nil {
		return nil
	}
	device := e.device
	e.device = nil
	if s := e.cards(); s != nil {
		if err := s.close(); err != nil {
			_ = device.Close() // the first error says more
			return err
		}
	}
	for _, p := range e.taken {
		if err := device.Free(p); err != nil { // a lost device frees nothing: the first error says so
			_ = device.Close()
			return err
		}
	}
	if live := device.Live(); live != 0 {
		err := fmt.Errorf("gpu: %d bytes of device memory were not given back", live)
		return errors.Join(err, device.Close())
	}
	return device.Close()
}
