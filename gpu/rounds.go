package gpu

import (
	"math"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/solver"
)

// The members of a batch do the same operations one member after another. Operations that need no answer wait
// until one that needs their results, and then the first of every member are done together, then the second
// of every member, and so on. So members share launches.

// operation is what a member waits for: one of combination, preconditioning, projection and
// fitting.
type operation any

// combination is an operation number by number, by the kernel of that name: combine, multiply_entries or
// divide_entries. combine has no z.
type combination struct {
	kernel       string
	dst, x, y, z solver.Slot
	a, b         float64
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
		var combinations []combining
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
				combinations = append(combinations, combining{i, o})
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
		if err := e.combine(combinations); err != nil {
			return err
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
	return e.later(member, combination{"combine", dst, x, y, x, a, b})
}

// MultiplyEntries implements [solver.EntrywiseEngine].
func (e *engine) MultiplyEntries(
	member int, dst solver.Slot, a float64, x, y solver.Slot, b float64, z solver.Slot,
) error {
	return e.later(member, combination{"multiply_entries", dst, x, y, z, a, b})
}

// DivideEntries implements [solver.EntrywiseEngine].
func (e *engine) DivideEntries(
	member int, dst, z solver.Slot, a float64, x, y solver.Slot, epsilon float64,
) error {
	return e.later(member, combination{"divide_entries", dst, x, y, z, a, epsilon})
}

// combining is a combination of a member.
type combining struct {
	member int
	combination
}

// combine does the combinations of different members, in the order of the members. Successive members that do
// the same share a launch, if their factors lie one after another without a gap.
func (e *engine) combine(all []combining) error {
	for len(all) > 0 {
		c, together, numbers := all[0], 0, 0
		for together < len(all) && (together == 0 || e.follows(all[together-1], all[together], numbers)) {
			e.touched(all[together].member, c.dst)
			numbers += e.numbers(all[together].member, c.dst)
			together++
		}
		all = all[together:]
		at := func(s solver.Slot) driver.Pointer { return e.slot(c.member, s) }
		var err error
		if c.kernel == "combine" {
			err = e.device.combine(at(c.dst), at(c.x), at(c.y), c.a, c.b, numbers)
		} else {
			err = e.device.entrywise(c.kernel, at(c.dst), at(c.x), at(c.y), at(c.z), c.a, c.b, numbers)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// follows says whether a combination can be done in one launch with the one before it, which ends a launch of
// so many numbers.
func (e *engine) follows(before, c combining, numbers int) bool {
	m, next := e.members[before.member], e.members[c.member]
	return c.combination == before.combination && max(c.dst, c.x, c.y, c.z) < solver.VectorSlot &&
		next.before == m.before+solver.Numbers(m.shapes) &&
		numbers+solver.Numbers(next.shapes) <= math.MaxInt32
}
