package emulator

import "fmt"

// touch is one access by one thread.
type touch struct {
	time uint64 // Device.now at the access
	unit uint32 // the warp's number in the launch
	code uint32 // pc << 8 | strength << 6 | lane, or many
}

// many stands for a lane where several lanes of one warp have read since that warp's last synchronization.
const many = 32

// strength says how far an access is seen as one that needs no other order: plain never, a strong one within its scope.
type strength uint32

const (
	plain  strength = iota
	within          // strong, of scope .cta
	beyond          // strong, of scope .gpu or .sys
)

func (t touch) lane() int          { return int(t.code & 63) }
func (t touch) strength() strength { return strength(t.code >> 6 & 3) }
func (t touch) pc() int            { return int(t.code >> 8) }

// cell is what is remembered of a word or a byte: its last writer, its last reader, and a reader of another warp.
type cell struct {
	write, read, other touch
}

const (
	pageBits = 10
	pageSize = 1 << pageBits
)

// page remembers pageSize bytes: a cell for each word of 4 bytes, until something smaller is accessed.
type page struct {
	shift uint // 2 for words, 0 for bytes
	cells []cell
}

// cells returns the cells of an access, which does not leave its page.
func (r *region) cells(at, size int) []cell {
	p := r.pages[at>>pageBits]
	if p == nil {
		p = &page{shift: 2, cells: make([]cell, pageSize>>2)}
		r.pages[at>>pageBits] = p
	}
	if (at|size)&3 != 0 && p.shift != 0 {
		p.split()
	}
	from := at & (pageSize - 1)
	return p.cells[from>>p.shift : (from+size-1)>>p.shift+1]
}

// split gives each byte its own cell.
func (p *page) split() {
	bytes := make([]cell, pageSize)
	for i := range bytes {
		bytes[i] = p.cells[i>>p.shift]
	}
	p.shift, p.cells = 0, bytes
}

// began is the time before which accesses to a region no longer matter.
func (w *warp) began(r *region) uint64 {
	if r.space == sharedSpace {
		return w.block.began
	}
	return w.launch.began
}

// touched returns this access as it is remembered.
func (w *warp) touched(lane int, s strength) touch {
	return touch{w.device.now, w.unit, uint32(w.at)<<8 | uint32(s)<<6 | uint32(lane)}
}

// noteRead checks a lane's read against the writes of others and remembers it.
func (w *warp) noteRead(r *region, at, size, lane int, s strength) {
	if r.space > sharedSpace {
		return // no other thread's
	}
	me, began, shared := w.touched(lane, s), w.began(r), r.space == sharedSpace
	cells := r.cells(at, size)
	for i := range cells {
		c := &cells[i]
		if c.write.time >= began && w.conflict(c.write, lane, s, shared) {
			w.race("load", at, size, lane, r, c.write, "a store")
		}
		switch {
		case c.read.unit != me.unit:
			if c.read.time >= began {
				c.other = c.read
			}
			c.read = me
		case c.read.time == me.time && c.read.lane() != lane:
			c.read.code = me.code&^0xff | uint32(min(s, c.read.strength()))<<6 | many
		default:
			c.read = me
		}
	}
}

// noteWrite checks a lane's write against the reads and writes of others and remembers it.
func (w *warp) noteWrite(r *region, at, size, lane int, s strength) {
	if r.space > sharedSpace {
		return // no other thread's
	}
	me, began, shared := w.touched(lane, s), w.began(r), r.space == sharedSpace
	cells := r.cells(at, size)
	for i := range cells {
		c := &cells[i]
		if c.write.time >= began && w.conflict(c.write, lane, s, shared) {
			w.race("store", at, size, lane, r, c.write, "a store")
		}
		if c.read.time >= began && w.conflict(c.read, lane, s, shared) {
			w.race("store", at, size, lane, r, c.read, "a load")
		}
		if c.other.time >= began && w.conflict(c.other, lane, s, shared) {
			w.race("store", at, size, lane, r, c.other, "a load")
		}
		c.write = me
	}
}

// conflict says whether nothing orders an earlier access before this one of a lane, where one of both is a write.
func (w *warp) conflict(t touch, lane int, s strength, shared bool) bool {
	if t.unit == w.unit {
		return t.lane() != lane && !w.synced(t, lane) && (s == plain || t.strength() == plain)
	}
	block := t.unit / w.launch.warps
	if block == w.block.number {
		if t.time < w.seen[t.unit%w.launch.warps] || s != plain && t.strength() != plain {
			return false
		}
		return shared || !w.published(t, block)
	}
	if s == beyond && t.strength() == beyond {
		return false
	}
	return !w.published(t, block)
}

// synced says whether a bar.warp.sync or a barrier lies between an earlier access in this warp and one of a lane.
func (w *warp) synced(t touch, lane int) bool {
	if t.time < w.ordered {
		return true
	}
	return w.partial != nil && t.lane() != many && t.time < w.partial[lane][t.lane()]
}

// published says whether the block of an earlier access has released since, and this block has acquired since.
func (w *warp) published(t touch, block uint32) bool {
	return t.time < w.launch.released[block] && t.time < w.block.acquired
}

// race stops the kernel.
func (w *warp) race(what string, at, size, lane int, r *region, t touch, other string) {
	where := w.where(r, at)
	block, number := t.unit/w.launch.warps, t.unit%w.launch.warps
	who := fmt.Sprintf("threads of warp %d", number)
	if t.lane() != many {
		who = "thread " + coordinates(w.launch.thread(int(number)*32+t.lane()))
	}
	if block != w.block.number {
		who += " of block " + coordinates(w.launch.position(block))
	}
	w.fault(Race, lane, "%s of %d bytes at %s races with %s by %s at line %d",
		what, size, where, other, who, w.program.code[t.pc()].line)
}

// where names a place in a region.
func (w *warp) where(r *region, at int) string {
	switch r.space {
	case localSpace:
		return fmt.Sprintf("local 0x%x", r.base+uint64(at))
	case globalSpace, constSpace:
		return fmt.Sprintf("0x%x", r.base+uint64(at))
	}
	return fmt.Sprintf("shared 0x%x%s", r.base+uint64(at), w.program.variableAt(r.base+uint64(at)))
}
