package gpu

import "github.com/matsense/matsense/solver"

// The members of a batch do the same operations one member after another. Operations that need no answer wait
// until one that needs their results, and then the first of every member are done together, then the second
// of every member, and so on. So members share launches.

// operation is what a member waits for: one of combination, preconditioning, projection and
// fitting.
type operation any

// combination is dst = a·x + b·y.
type combination struct {
	dst, x, y solver.Slot
	a, b      float64
}

// mostWaiting bounds how many operations of a member wait: no step has so many.
const mostWaiting = 64

// later puts an operation behind those that the member waits for.
func (e *engine) later(member int, o operation) error {
	m := &e.members[member]
	m.waiting = append(m.waiting, o)
	if len(m.waiting) < mostWaiting {
		return nil
	}
	return e.settle(member)
}

// settle does what all members wait for, if one of those that are named waits for something.
func (e *engine) settle(members ...int) error {
	for _, i := range members {
		if len(e.members[i].waiting) > 0 {
			return e.rounds()
		}
	}
	return nil
}

// rounds does what all members wait for.
func (e *engine) rounds() error {
	defer func() {
		for i := range e.members {
			e.members[i].waiting = e.members[i].waiting[:0]
		}
	}()
	for round := 0; ; round++ {
		var inverses []preconditioning
		var projections []projection
		var fits []fitting
		busy := false
		for i := range e.members {
			m := &e.members[i]
			if round >= len(m.waiting) {
				continue
			}
			busy = true
			switch o := m.waiting[round].(type) {
			case combination:
				if err := e.combine(i, o); err != nil {
					return err
				}
			case preconditioning:
				inverses = append(inverses, o)
			case projection:
				projections = append(projections, o)
			case fitting:
				fits = append(fits, o)
			}
		}
		if !busy {
			return nil
		}
		if err := e.precondition(inverses); err != nil {
			return err
		}
		if err := e.project(projections); err != nil {
			return err
		}
		if err := e.fit(fits); err != nil {
			return err
		}
	}
}

// Combine implements [solver.Engine].
func (e *engine) Combine(
	member int, dst solver.Slot, a float64, x solver.Slot, b float64, y solver.Slot,
) error {
	return e.later(member, combination{dst, x, y, a, b})
}

func (e *engine) combine(member int, c combination) error {
	e.touched(member, c.dst)
	return e.device.combine(e.slot(member, c.dst), e.slot(member, c.x), e.slot(member, c.y), c.a, c.b,
		e.numbers(member, c.dst))
}
