package emulator

import (
	"math/bits"
	"slices"
)

// copyInFlight is one thread's cp.async: nothing may touch its destination until the copy has ended.
type copyInFlight struct {
	lane, group, at int // at is the destination in shared memory
	size            int
	pc              int
	bytes           [16]byte
}

// decodeCp decodes cp.async and the instructions that commit it or wait for it.
func decodeCp(a *assembler) operation {
	a.must("async")
	a.needs(70, 80)
	a.program.async = true
	switch a.must("ca", "cg", "commit_group", "wait_group", "wait_all") {
	case "commit_group":
		a.takes(0)
		return func(w *warp, mask uint32) {
			for m := mask; m != 0; m &= m - 1 {
				w.groups[bits.TrailingZeros32(m)]++
			}
		}
	case "wait_group":
		a.takes(1)
		n := a.integer(a.operand(0), 1<<30)
		return func(w *warp, mask uint32) { w.land(mask, n) }
	case "wait_all":
		a.takes(0)
		return func(w *warp, mask uint32) { w.land(mask, -1) }
	case "cg":
		return a.copyAsync(16)
	}
	return a.copyAsync(4, 8, 16)
}

// copyAsync decodes cp.async.ca and .cg.
func (a *assembler) copyAsync(sizes ...int) operation {
	a.must("shared", "shared::cta")
	a.must("global")
	if a.maybe(prefetches...) != "" {
		a.needs(74, 80)
	}
	a.takes(3, 4)
	to := &request{what: "cp.async", space: sharedSpace, kind: kinds["b8"]}
	from := &request{what: "cp.async", kind: kinds["b8"]}
	size := a.integer(a.operand(2), 16)
	if !slices.Contains(sizes, size) {
		a.fail("a copy of %d bytes, not one of %v", size, sizes)
	}
	to.size, from.size = size, size
	a.address(to, a.operand(0))
	a.address(from, a.operand(1))
	source := a.constant(uint64(size))
	if len(a.s.operands) == 4 {
		if o := a.operand(3); o.kind == integerOperand {
			a.integer(o, int64(size))
		}
		source = a.source(a.operand(3), kinds["u32"])
	}
	return func(w *warp, mask uint32) { w.takeOff(to, from, source, mask) }
}

// takeOff starts a copy: it reads the source now; the destination may not be touched until land.
func (w *warp) takeOff(to, from *request, source int32, mask uint32) {
	w.aim(from, mask)
	sizes := w.source(source)
	w.countCopy(from, sizes, mask)
	first := len(w.copies)
	for m := mask; m != 0; m &= m - 1 {
		lane := bits.TrailingZeros32(m)
		c := copyInFlight{lane: lane, group: w.groups[lane], size: to.size, pc: w.at}
		n := int(min(sizes[lane], 1<<20))
		switch {
		case n > from.size:
			w.fault(Bounds, lane, "cp.async of %d bytes into space for %d", n, from.size)
		case n > 0:
			r, at := w.reach(from, lane, n)
			w.check(from, r, at, n, lane)
			w.noteRead(r, at, n, lane, plain)
			copy(c.bytes[:n], r.data[at:])
		}
		w.copies = append(w.copies, c)
	}
	w.aim(to, mask)
	w.count(to, nil, mask, false, true)
	for i := first; i < len(w.copies); i++ {
		c := &w.copies[i]
		r, at := w.reach(to, c.lane, to.size)
		w.flying(to, r, at, c.lane)
		w.noteWrite(r, at, to.size, c.lane, plain)
		word, bits := run(at, to.size)
		r.pending[word] |= bits
		c.at = at
	}
}

// land ends the copies of all but the last n groups that each lane has committed; with n = −1, all copies.
func (w *warp) land(mask uint32, n int) {
	left := w.copies[:0]
	for _, c := range w.copies {
		if mask>>c.lane&1 == 0 || c.group >= w.groups[c.lane]-n {
			left = append(left, c)
			continue
		}
		r := &w.block.shared
		word, bits := run(c.at, c.size)
		r.pending[word] &^= bits
		w.noteWrite(r, c.at, c.size, c.lane, plain)
		copy(r.data[c.at:], c.bytes[:c.size])
		r.defined[word] |= bits
	}
	w.copies = left
}
