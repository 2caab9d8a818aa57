package emulator

import (
	"fmt"
	"math/bits"
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

const (
	pageBits = 10
	pageSize = 1 << pageBits
	mostCell = 4 // log2 of the bytes of the largest cell, which is the largest access of a thread
)

// page remembers who accessed pageSize bytes. Its cells are as large as the accesses, so that most accesses
// have one cell: a smaller access splits the cells.
type page struct {
	shift  uint    // log2 of the bytes of a cell
	wrote  uint64  // when a thread last wrote to the page
	writes []touch // the last writer of each cell; nil while there is none
	// reads are the readers: in shared memory one element for each warp of the block, in global memory one.
	reads []readers
	// others are, for each cell of global memory, earlier readers that nothing orders before the last reader;
	// nil while there are none.
	others [][]touch
}

// readers are the last readers of each cell of a page.
type readers struct {
	last  uint64 // when a thread last read
	cells []touch
}

// mostReaders is how many other readers of a cell in global memory are remembered. In shared memory, all are.
const mostReaders = 8

// page returns a page for an access to bytes whose offset and number are multiples of 1 << grain. Accesses
// before began no longer matter.
func (r *region) page(number int, grain uint, began uint64) *page {
	p := r.pages[number]
	switch {
	case p == nil:
		p = &page{shift: grain}
		r.pages[number] = p
	case p.shift == grain:
	case r.space == globalSpace && p.used() < began: // blocks in shared memory do the same as those before
		p.resize(grain, func(cells []touch) []touch { return resized(cells, pageSize>>grain) })
		p.others = nil
	case grain < p.shift:
		p.split(grain)
	}
	return p
}

// grain returns the shift of the largest cells that an access fits.
func grain(at, size int) uint {
	return uint(bits.TrailingZeros32(uint32(at | size | 1<<mostCell)))
}

// used returns when a thread last accessed the page.
func (p *page) used() uint64 {
	last := p.wrote
	for i := range p.reads {
		last = max(last, p.reads[i].last)
	}
	return last
}

// resized returns n cells, in the place of the given ones if they have room. Their contents do not matter.
func resized(cells []touch, n int) []touch {
	if cap(cells) >= n {
		return cells[:n]
	}
	return make([]touch, n)
}

// resize changes the size of the cells; change makes the new cells from the old ones.
func (p *page) resize(shift uint, change func(cells []touch) []touch) {
	p.shift = shift
	if p.writes != nil {
		p.writes = change(p.writes)
	}
	for i := range p.reads {
		if p.reads[i].cells != nil {
			p.reads[i].cells = change(p.reads[i].cells)
		}
	}
}

// split makes the cells smaller.
func (p *page) split(shift uint) {
	by := p.shift - shift
	p.resize(shift, func(cells []touch) []touch {
		out := resized(cells, len(cells)<<by)
		for i := len(out) - 1; i >= 0; i-- { // from the end, as out may be cells
			out[i] = cells[i>>by]
		}
		return out
	})
	if p.others != nil {
		others := make([][]touch, len(p.others)<<by)
		for i := range others {
			others[i] = slices.Clone(p.others[i>>by])
		}
		p.others = others
	}
}

// cells returns the numbers of the first cell of an access, and of the one behind its last.
func (p *page) cells(at, size int) (first, end int) {
	first = at & (pageSize - 1) >> p.shift
	return first, first + size>>p.shift
}

// readers returns the cells that remember the i-th kind of readers, which read now.
func (p *page) readers(i int, now uint64) []touch {
	for len(p.reads) <= i {
		p.reads = append(p.reads, readers{})
	}
	r := &p.reads[i]
	r.last = now
	if r.cells == nil {
		r.cells = make([]touch, pageSize>>p.shift)
	}
	return r.cells
}

// began returns two times: accesses to a region before began no longer matter, and those before ordered are
// ordered before what the warp does now. If shared is false, no access matters.
func (w *warp) began(r *region) (began, ordered uint64, shared bool) {
	switch r.space {
	case globalSpace:
		return w.launch.began, w.launch.began, true
	case sharedSpace:
		return w.block.began, max(w.block.began, w.joined), true
	}
	return 0, 0, false // no thread writes it, or only its own
}

// touched returns the record of a lane's access.
func (w *warp) touched(lane int, s strength) touch {
	return touch{w.device.now, w.unit, uint32(w.at)<<8 | uint32(s)<<6 | uint32(lane)}
}

// noteRead checks a lane's read against the writes of others and remembers the read.
func (w *warp) noteRead(r *region, at, size, lane int, s strength) {
	w.noteReads(r, w.scratch[lane]-uint64(at), size, 1<<lane, s)
}

// noteReads does the same for the lanes of a request, whose addresses begin at origin in the region.
func (w *warp) noteReads(r *region, origin uint64, size int, mask uint32, s strength) {
	began, ordered, shared := w.began(r)
	if !shared {
		return
	}
	kind := 0
	if r.space == sharedSpace {
		kind = w.index
	}
	me := w.touched(0, s)
	one := w.layout.regular && w.layout.step == 0 && mask == allLanes // all read the same bytes
	var p *page
	var cells []touch
	var check bool
	number := -1
	for m := mask; m != 0; m &= m - 1 {
		lane := bits.TrailingZeros32(m) & 31
		at := int(w.scratch[lane] - origin)
		if at>>pageBits != number {
			number = at >> pageBits
			p = r.page(number, grain(at, size), began)
			cells = p.readers(kind, me.time)
			check = p.wrote >= ordered
			if one && !check {
				m &= 3 // two lanes leave the record that all leave
			}
		}
		first, end := p.cells(at, size)
		for i := first; i < end; i++ {
			if check {
				if c := p.writes[i]; c.time >= began && !w.met(c) && w.conflict(c, lane, s, size, r.space) {
					w.race("load", at, size, lane, r, c, "a store")
				}
			}
			t := &cells[i]
			switch {
			case t.time == me.time && t.unit == me.unit:
				if t.lane() != lane {
					t.code = me.code&^0xff | uint32(min(s, t.strength()))<<6 | many
					continue
				}
			case t.time >= began && t.unit != me.unit:
				w.remember(p, i, *t, lane, began)
			}
			*t = touch{me.time, me.unit, me.code | uint32(lane)}
		}
	}
}

// remember moves the last reader of a cell of global memory to the others, before this lane becomes the last
// reader. Readers that are ordered before this lane are forgotten: a write that comes after this lane's read
// comes after theirs.
func (w *warp) remember(p *page, i int, t touch, lane int, began uint64) {
	if p.others == nil {
		if w.before(t, lane, globalSpace) {
			return
		}
		p.others = make([][]touch, pageSize>>p.shift)
	}
	if list := p.others[i]; len(list) == mostReaders && w.block.order == nil && list[0].time >= began {
		// Nothing orders this block after others, so that most or all of the list would be kept. The first
		// stays, as below.
		if !w.before(t, lane, globalSpace) {
			list[1+t.unit%(mostReaders-1)] = t
		}
		return
	}
	kept := p.others[i][:0]
	for _, o := range p.others[i] {
		if o.time >= began && o.unit != w.unit && !w.before(o, lane, globalSpace) {
			kept = append(kept, o)
		}
	}
	if !w.before(t, lane, globalSpace) {
		if len(kept) == mostReaders {
			// The first stays: it is the likeliest to belong to another block.
			kept = slices.Delete(kept, 1, 2)
		}
		kept = append(kept, t)
	}
	p.others[i] = kept
}

// noteWrite checks a lane's write against the reads and writes of others and remembers the write.
func (w *warp) noteWrite(r *region, at, size, lane int, s strength) {
	w.noteWrites(r, w.scratch[lane]-uint64(at), size, 1<<lane, s)
}

// noteWrites does the same for the lanes of a request, whose addresses begin at origin in the region.
func (w *warp) noteWrites(r *region, origin uint64, size int, mask uint32, s strength) {
	began, ordered, shared := w.began(r)
	if !shared {
		return
	}
	me := w.touched(0, s)
	var p *page
	var check, checkReads bool
	number := -1
	for m := mask; m != 0; m &= m - 1 {
		lane := bits.TrailingZeros32(m) & 31
		at := int(w.scratch[lane] - origin)
		if at>>pageBits != number {
			number = at >> pageBits
			p = r.page(number, grain(at, size), began)
			if p.writes == nil {
				p.writes = make([]touch, pageSize>>p.shift)
			}
			check, checkReads = p.wrote >= ordered, w.readIn(p, r.space, began)
			p.wrote = me.time
		}
		first, end := p.cells(at, size)
		for i := first; i < end; i++ {
			// A lane of the same request may have written the cell too.
			if c := p.writes[i]; check || c.time == me.time {
				if c.time >= began && !w.met(c) && w.conflict(c, lane, s, size, r.space) {
					w.race("store", at, size, lane, r, c, "a store")
				}
			}
			if checkReads {
				w.checkReads(p, i, r, at, size, lane, s, began)
			}
			p.writes[i] = touch{me.time, me.unit, me.code | uint32(lane)}
		}
	}
}

// readIn reports whether a read of a page since began may be unordered before what the warp does now.
func (w *warp) readIn(p *page, where space, began uint64) bool {
	for k := range p.reads {
		if last := p.reads[k].last; last >= began && (where == globalSpace || last >= w.seen[k]) {
			return true
		}
	}
	return false
}

// checkReads checks a lane's write to a cell against the reads of others.
func (w *warp) checkReads(p *page, i int, r *region, at, size, lane int, s strength, began uint64) {
	for k := range p.reads {
		if p.reads[k].last < began {
			continue
		}
		if t := p.reads[k].cells[i]; t.time >= began && !w.met(t) && w.conflict(t, lane, s, size, r.space) {
			w.race("store", at, size, lane, r, t, "a load")
		}
	}
	if p.others == nil {
		return
	}
	for _, t := range p.others[i] {
		if t.time >= began && !w.met(t) && w.conflict(t, lane, s, size, r.space) {
			w.race("store", at, size, lane, r, t, "a load")
		}
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
