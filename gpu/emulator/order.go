package emulator

import "slices"

// Between blocks, memory is ordered by the ISA's memory model, with a block in the place of a thread: if one
// thread of a block acquires, all its threads do, and a release by one thread releases what all its threads
// have done. A release is a .release write, or a strong write after a fence. An acquire is an .acquire read
// of the released value, or a strong read of it before a fence. Atomics between a release and an acquire pass
// the released order on.

// clock is, for each block, the time up to which its accesses come before something; nil stands for none. A
// clock is never changed.
type clock []uint64

// and returns the union of two clocks: for each block, the later of the two times.
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

// released returns what comes before the accesses of a block that acquires what this block releases now.
func (b *block) released() clock {
	out := slices.Clone(b.order)
	if out == nil {
		out = make(clock, b.launch.grid[0]*b.launch.grid[1]*b.launch.grid[2])
	}
	out[b.number] = b.launch.device.tick()
	return out
}

// tell does the ordering part of a strong write of scope .gpu or .sys. A write that is part of an atomic
// passes on what the write before it released.
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

// hear does the ordering part of a strong read of scope .gpu or .sys.
func (b *block) hear(address uint64, acquire bool) {
	told := b.launch.told[address]
	if acquire {
		b.order = b.order.and(told)
	} else {
		b.heard = b.heard.and(told)
	}
}

// fence orders what this block has read before what it does next, and what it has done before what it writes
// next.
func (b *block) fence() {
	b.order = b.order.and(b.heard)
	b.heard = nil
	b.fenced = b.released()
}
