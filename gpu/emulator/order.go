package emulator

import "slices"

// Between blocks, memory is ordered as the ISA's memory model has it, with a block in the place of a thread: what one
// thread of a block has acquired, all have, and what one releases is what all have done. A release is a .release write,
// or a strong one after a fence; an acquire is an .acquire read of it, or a strong one before a fence. Atomics that come
// between the two pass it on.

// clock says of each block up to when its accesses come before something; nil says so of none. Clocks do not change.
type clock []uint64

// and returns what comes before either of two.
func (c clock) and(o clock) clock {
	switch {
	case o == nil:
		return c
	case c == nil:
		return o
	}
	var out clock
	for i, t := range o {
		if t > c[i] {
			if out == nil {
				out = slices.Clone(c)
			}
			out[i] = t
		}
	}
	if out == nil {
		return c
	}
	return out
}

// released returns what comes before whoever acquires what this block releases now.
func (b *block) released() clock {
	out := slices.Clone(b.order)
	if out == nil {
		out = make(clock, b.launch.grid[0]*b.launch.grid[1]*b.launch.grid[2])
	}
	out[b.number] = b.launch.device.tick()
	return out
}

// tell does the part of a strong write of scope .gpu or .sys that orders memory. A write that is part of an atomic
// passes on what the one before it told.
func (b *block) tell(address uint64, release, atomic bool) {
	told := b.fenced
	if release {
		told = b.released()
	}
	if atomic {
		told = told.and(b.launch.told[address])
	}
	if told == nil {
		delete(b.launch.told, address)
		return
	}
	b.launch.told[address] = told
}

// hear does the part of a strong read of scope .gpu or .sys that orders memory.
func (b *block) hear(address uint64, acquire bool) {
	told := b.launch.told[address]
	if acquire {
		b.order = b.order.and(told)
	} else {
		b.heard = b.heard.and(told)
	}
}

// fence orders what this block has heard before what it does next, and what it has done before what it tells next.
func (b *block) fence() {
	b.order = b.order.and(b.heard)
	b.heard = nil
	b.fenced = b.released()
}
