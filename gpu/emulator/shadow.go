package emulator

import (
	"fmt"
	"slices"
)

// touch is one access by one thread.
type touch struct {
	time uint64 // Device.now at the access
	unit uint32 // the warp's number in the launch
	code uint32 // pc << 8 | strength << 6 | lane (or many)
}

// many stands in for the lane if several lanes of one warp have read since that warp's last synchronization.
const many = 32

// strength says in which scope an access is strong, and so needs no other order with strong accesses.
type strength uint32

const (
	plain  strength = iota
	within          // strong, of scope .cta
	beyond          // strong, of scope .gpu or .sys
)

func (t touch) lane() int          { return int(t.code & 63) }
func (t touch) strength() strength { return strength(t.code >> 6 & 3) }
func (t touch) pc() int            { return int(t.code >> 8) }

// cell remembers the last writer and the last reader of a word or a byte.
type cell struct {
	write, read touch
}

const (
	pageBits = 10
	pageSize = 1 << pageBits
)

// page remembers pageSize bytes: a cell for each word of 4 bytes, until a smaller access happens.
type page struct {
	shift uint // 2 for words, 0 for bytes
	cells []cell
	// others are, for each cell, earlier readers that nothing orders before the last reader; nil while there
	// are none.
	others [][]touch
}

// mostReaders is how many other readers of a cell in global memory are remembered. In shared memory, all are.
const mostReaders = 8

// page returns the page of an access, which never crosses pages, and the numbers of its first and last cells.
func (r *region) page(at, size int) (p *page, first, last int) {
	p = r.pages[at>>pageBits]
	if p == nil || (at|size)&3 != 0 && p.shift != 0 {
		p = r.newPage(at, size)
	}
	at &= pageSize - 1
	return p, at >> p.shift, (at + size - 1) >> p.shift
}

// newPage returns the page of a first access, or of one that words are too large for.
func (r *region) newPage(at, size int) *page {
	p := r.pages[at>>pageBits]
	if p == nil {
		p = &page{shift: 2, cells: make([]cell, pageSize>>2)}
		r.pages[at>>pageBits] = p
	}
	if (at|size)&3 != 0 && p.shift != 0 {
		p.split()
	}
	return p
}

// split gives each byte a cell.
func (p *page) split() {
	cells := make([]cell, pageSize)
	for i := range cells {
		cells[i] = p.cells[i>>p.shift]
	}
	if p.others != nil {
		others := make([][]touch, pageSize)
		for i := range others {
			others[i] = slices.Clone(p.others[i>>p.shift])
		}
		p.others = others
	}
	p.shift, p.cells = 0, cells
}

// began returns the time before which accesses to a region no longer matter. If shared is false, no access
// matters.
func (w *warp) began(r *region) (began uint64, shared bool) {
	switch r.space {
	case globalSpace:
		return w.launch.began, true
	case sharedSpace:
		return w.block.began, true
	}
	return 0, false // no thread writes it, or only its own
}

// touched returns the record of a lane's access.
func (w *warp) touched(lane int, s strength) touch {
	return touch{w.device.now, w.unit, uint32(w.at)<<8 | uint32(s)<<6 | uint32(lane)}
}

// noteRead checks a lane's read against the writes of others and remembers the read.
func (w *warp) noteRead(r *region, at, size, lane int, s strength) {
	began, shared := w.began(r)
	if !shared {
		return
	}
	me := w.touched(lane, s)
	p, first, last := r.page(at, size)
	for i := first; i <= last; i++ {
		c := &p.cells[i]
		if c.write.time >= began && !w.met(c.write) && w.conflict(c.write, lane, s, size, r.space) {
			w.race("load", at, size, lane, r, c.write, "a store")
		}
		switch {
		case c.read.unit != me.unit:
			if c.read.time >= began {
				w.remember(p, i, c.read, lane, began, r.space)
			}
			c.read = me
		case c.read.time == me.time && c.read.lane() != lane:
			c.read.code = me.code&^0xff | uint32(min(s, c.read.strength()))<<6 | many
		default:
			c.read = me
		}
	}
}

// remember moves the last reader of a cell to the others, before this lane becomes the last reader. Readers
// that are ordered before this lane are forgotten: a write that comes after this lane's read comes after
// theirs.
func (w *warp) remember(p *page, i int, t touch, lane int, began uint64, where space) {
	if p.others == nil {
		if w.before(t, lane, where) {
			return
		}
		p.others = make([][]touch, len(p.cells))
	}
	if list := p.others[i]; len(list) == mostReaders && where == globalSpace &&
		w.block.order == nil && list[0].time >= began {
		// Nothing orders this block after others, so that most or all of the list would be kept. The first
		// stays, as below.
		if !w.before(t, lane, where) {
			list[1+t.unit%(mostReaders-1)] = t
		}
		return
	}
	kept := p.others[i][:0]
	for _, o := range p.others[i] {
		if o.time >= began && o.unit != w.unit && !w.before(o, lane, where) {
			kept = append(kept, o)
		}
	}
	if !w.before(t, lane, where) {
		if where == globalSpace && len(kept) == mostReaders {
			// The first stays: it is the likeliest to belong to another block.
			kept = slices.Delete(kept, 1, 2)
		}
		kept = append(kept, t)
	}
	p.others[i] = kept
}

// noteWrite checks a lane's write against the reads and writes of others and remembers the write.
func (w *warp) noteWrite(r *region, at, size, lane int, s strength) {
	began, shared := w.began(r)
	if !shared {
		return
	}
	me := w.touched(lane, s)
	p, first, last := r.page(at, size)
	for i := first; i <= last; i++ {
		c := &p.cells[i]
		if c.write.time >= began && !w.met(c.write) && w.conflict(c.write, lane, s, size, r.space) {
			w.race("store", at, size, lane, r, c.write, "a store")
		}
		if c.read.time >= began && !w.met(c.read) && w.conflict(c.read, lane, s, size, r.space) {
			w.race("store", at, size, lane, r, c.read, "a load")
		}
		if p.others != nil {
			for _, o := range p.others[i] {
				if o.time >= began && !w.met(o) && w.conflict(o, lane, s, size, r.space) {
					w.race("store", at, size, lane, r, o, "a load")
				}
			}
		}
		c.write = me
	}
}

// conflict reports whether nothing orders an earlier access before this access of a lane; at least one of the
// two is a write. Strong accesses need no order if they have the same size. A larger access may be seen in
// part (PTX ISA, memory consistency model, "Conflict and data races": morally strong operations overlap
// completely).
func (w *warp) conflict(t touch, lane int, s strength, size int, where space) bool {
	if w.before(t, lane, where) {
		return false
	}
	enough := within // the strength with which strong accesses do not race
	if t.unit-w.block.unit >= w.launch.warps {
		enough = beyond
	}
	return s < enough || t.strength() < enough || w.program.code[t.pc()].size != size
}

// before reports whether an earlier access is ordered before this access of a lane.
func (w *warp) before(t touch, lane int, where space) bool {
	if w.met(t) {
		return true
	}
	if t.unit == w.unit {
		return t.lane() == lane || w.synced(t, lane)
	}
	return where == globalSpace && w.block.order != nil && t.time < w.block.order[t.unit/w.launch.warps]
}

// met reports whether a barrier of the block lies between an earlier access and what the warp does now. A
// barrier sets seen for each warp at it, the warp itself included.
func (w *warp) met(t touch) bool {
	number := t.unit - w.block.unit
	return number < uint32(len(w.seen)) && t.time < w.seen[number]
}

// synced reports whether a bar.warp.sync or a barrier lies between an earlier access of this warp and one of
// a lane.
func (w *warp) synced(t touch, lane int) bool {
	if t.time < w.ordered || w.partial == nil {
		return t.time < w.ordered
	}
	other := t.lane()
	if other == many {
		other = lane // the record does not tell the lanes apart
	}
	return t.time < w.partial[lane][other]
}

// race stops the kernel.
func (w *warp) race(what string, at, size, lane int, r *region, t touch, other string) {
	block, number := t.unit/w.launch.warps, t.unit%w.launch.warps
	who := fmt.Sprintf("threads of warp %d", number)
	if t.lane() != many {
		who = "thread " + coordinates(w.launch.thread(int(number)*32+t.lane()))
	}
	if block != w.block.number {
		who += " of block " + coordinates(w.launch.position(block))
	}
	w.fault(Race, lane, "%s of %d bytes at %s races with %s by %s at line %d",
		what, size, w.where(r, at), other, who, w.program.code[t.pc()].line)
}

// where names an address in a region.
func (w *warp) where(r *region, at int) string {
	switch r.space {
	case localSpace:
		return fmt.Sprintf("local 0x%x", r.base+uint64(at))
	case globalSpace, constSpace:
		return fmt.Sprintf("0x%x", r.base+uint64(at))
	}
	return fmt.Sprintf("shared 0x%x%s", r.base+uint64(at), w.program.variableAt(r.base+uint64(at)))
}
