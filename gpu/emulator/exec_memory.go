package emulator

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// request is the request that a memory instruction makes.
type request struct {
	space    space
	kind     kind  // type of an element
	size     int   // of all elements of a thread, in bytes
	base     int32 // source operand of the address
	offset   uint64
	what     string // load, store, …
	strength strength
	acquire  bool
	release  bool
	readOnly bool    // .nc
	regs     []int32 // one per element; −1 for _ in a load
	wide     []int   // sizes of the registers of a load
}

// Modifiers of ld and st that say how to use caches. They change nothing that a thread can see.
var (
	loadCaches  = []string{"ca", "cg", "cs", "lu", "cv"}
	storeCaches = []string{"wb", "cg", "cs", "wt"}
	prefetches  = []string{"L2::64B", "L2::128B", "L2::256B"}
	priorities  = []string{
		"L1::evict_normal", "L1::evict_unchanged", "L1::evict_first", "L1::evict_last", "L1::no_allocate",
	}
	scopes   = []string{"cta", "gpu", "sys"}
	elements = []string{
		"b8", "b16", "b32", "b64", "u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64", "f32", "f64",
	}
)

// order takes the memory order and scope of an instruction. ordered means an acquire or a release that
// reaches beyond the block.
func (a *assembler) order(options ...string) (s strength, ordered bool) {
	switch o := a.maybe(options...); o {
	case "", "weak":
		return plain, false
	case "volatile":
		return beyond, false
	default:
		s = beyond
		if a.must(scopes...) == "cta" {
			s = within
		}
		a.needs(60, 70)
		return s, o != "relaxed" && s == beyond
	}
}

// decodeLd decodes ld.
func decodeLd(a *assembler) operation {
	if a.maybe("param") != "" {
		return decodeLdParam(a)
	}
	s, acquire := a.order("weak", "volatile", "relaxed", "acquire")
	q := &request{what: "load", strength: s, acquire: acquire}
	a.space(q, "global", "shared", "shared::cta", "local", "const")
	if s == plain {
		a.maybe(loadCaches...)
		q.readOnly = q.space == globalSpace && a.maybe("nc") != ""
	}
	a.hints()
	a.vector(q)
	a.takes(2)
	a.address(q, a.operand(1))
	vector := a.operand(0).kind == vectorOperand
	for _, o := range a.elements(q, a.operand(0)) {
		if vector && o.kind == sinkOperand {
			q.regs, q.wide = append(q.regs, -1), append(q.wide, 0)
			continue
		}
		q.regs = append(q.regs, a.write(o, q.kind, relaxed))
		q.wide = append(q.wide, o.register.kind.size)
	}
	return func(w *warp, mask uint32) { w.load(q, mask) }
}

// decodeSt decodes st.
func decodeSt(a *assembler) operation {
	s, release := a.order("weak", "volatile", "relaxed", "release")
	q := &request{what: "store", strength: s, release: release}
	a.space(q, "global", "shared", "shared::cta", "local")
	if s == plain {
		a.maybe(storeCaches...)
	}
	a.hints()
	a.vector(q)
	a.takes(2)
	a.address(q, a.operand(0))
	for _, o := range a.elements(q, a.operand(1)) {
		q.regs = append(q.regs, a.read(o, q.kind, relaxed))
	}
	return func(w *warp, mask uint32) { w.store(q, mask) }
}

// decodeLdParam decodes ld.param of an element that lies in one parameter.
func decodeLdParam(a *assembler) operation {
	k := a.kind(elements...)
	a.takes(2)
	o := a.operand(1)
	if o.kind != addressOperand || o.variable == nil || o.variable.space != "param" {
		a.fail("the address is no parameter")
	}
	v, from := o.variable, int(int64(o.bits))
	if from < 0 || from+k.size > v.size || from%k.size != 0 {
		a.fail("%d bytes at offset %d of a parameter of %d", k.size, from, v.size)
	}
	d := a.write(a.operand(0), k, relaxed)
	wide := a.operand(0).register.kind.size
	return func(w *warp, mask uint32) {
		x := extended(uint64(w.launch.args[v.address])>>(8*from), k, wide)
		for m := mask; m != 0; m &= m - 1 {
			w.regs[d][bits.TrailingZeros32(m)] = x
		}
	}
}

// space takes the state space; without one, addresses are generic.
func (a *assembler) space(q *request, options ...string) {
	q.space = genericSpace
	if s := a.maybe(options...); s != "" {
		q.space = spaces[s]
	}
}

// hints takes the modifiers that say how to use caches.
func (a *assembler) hints() {
	if a.maybe(priorities...) != "" {
		a.needs(74, 70)
	}
	if a.maybe(prefetches...) != "" {
		a.needs(74, 75)
	}
}

// vector takes the number and the type of the elements.
func (a *assembler) vector(q *request) {
	n := map[string]int{"": 1, "v2": 2, "v4": 4}[a.maybe("v2", "v4")]
	q.kind = a.kind(elements...)
	q.size = n * q.kind.size
	a.in.size = q.size
	if q.size > 16 {
		a.fail("more than 16 bytes per thread")
	}
}

// elements returns the operands of a vector, or the single operand of a scalar.
func (a *assembler) elements(q *request, o *operand) []*operand {
	n := q.size / q.kind.size
	if n == 1 && o.kind != vectorOperand {
		return []*operand{o}
	}
	if o.kind != vectorOperand || len(o.parts) != n {
		a.fail("expected a vector of %d", n)
	}
	var out []*operand
	size := 0 // of the first register
	for i := range o.parts {
		part := &o.parts[i]
		if r := part.register; r != nil && size == 0 {
			size = r.kind.size
		} else if r != nil && r.kind.size != size {
			a.fail("a vector of registers of %d and of %d bytes", size, r.kind.size)
		}
		out = append(out, part)
	}
	return out
}

// address takes the address of a request.
func (a *assembler) address(q *request, o *operand) {
	switch {
	case o.kind != addressOperand:
		a.fail("an operand is no address in brackets")
	case o.variable != nil:
		of := o.variable.space
		s := spaces[of]
		if of == "param" || s != q.space && (q.space != genericSpace || s == constSpace) {
			a.fail("%s is in .%s", o.variable.name, of)
		}
		q.base = a.constant(o.variable.address + o.bits)
		if q.space == genericSpace {
			q.base = a.constant(o.variable.address + o.bits + windows[s])
		}
	case o.register == nil:
		a.fail("a number is no address")
	default:
		k := o.register.kind
		narrow := k.size == 4 && q.space != globalSpace && q.space != genericSpace
		if k.class == 'f' || k.size != 8 && !narrow {
			a.fail("%s is %v: no address", o.register.name, k)
		}
		q.base, q.offset = a.index(o.register), o.bits
		a.reads(q.base)
	}
}

// in returns the state space that an address of a request lies in, and the address within that space.
func (q *request) in(address uint64) (space, uint64) {
	if q.space != genericSpace {
		return q.space, address
	}
	for _, s := range [...]space{sharedSpace, localSpace} {
		if at := address - windows[s]; at < windowSize {
			return s, at
		}
	}
	return globalSpace, address
}

// reach finds the bytes that a lane asks for: the request's size, or less if a cp.async asks for less.
func (w *warp) reach(q *request, lane, size int) (r *region, at int) {
	address := w.scratch[lane]
	if address&uint64(q.size-1) != 0 {
		w.fault(Misaligned, lane, "%s of %d bytes at 0x%x", q.what, q.size, address)
	}
	s, address := q.in(address)
	switch s {
	case sharedSpace:
		r = &w.block.shared
		if !r.holds(address, size) {
			w.fault(Bounds, lane, "%s of %d bytes at shared 0x%x, outside the block's %d from 0x%x on",
				q.what, size, address, len(r.data), r.base)
		}
	case localSpace:
		if len(w.local) == 0 || !w.local[lane].holds(address, size) {
			w.fault(Bounds, lane, "%s of %d bytes at local 0x%x, outside the thread's %d from 0x%x on",
				q.what, size, address, w.program.local, uint64(localBase))
		}
		r = &w.local[lane]
	default:
		a := w.device.heap.recent
		if a == nil || !a.holds(address, size) {
			a = w.device.heap.find(address, size)
		}
		if a == nil {
			w.fault(Bounds, lane, "%s of %d bytes at 0x%x, %s",
				q.what, size, address, w.device.heap.describe(address))
		}
		if r = &a.region; r.space != s {
			w.fault(Bounds, lane, "%s of %d bytes at 0x%x, which is of another state space",
				q.what, size, address)
		}
	}
	return r, int(address - r.base)
}

// layout is how the addresses of a request lie.
type layout struct {
	low, high uint64 // the least and the greatest address
	either    uint64 // bits that are set in some address
	regular   bool   // all 32 lanes take part, and each address is the one before plus step
	step      uint64
}

// aim computes the addresses of a request, and their layout.
func (w *warp) aim(q *request, mask uint32) {
	base := w.source(q.base)
	first, step := base[0]+q.offset, base[1]-base[0]
	expected, off := first, uint64(0)
	for i, b := range base {
		address := b + q.offset
		w.scratch[i] = address
		off |= address ^ expected
		expected += step
	}
	l := &w.layout
	*l = layout{low: math.MaxUint64, regular: mask == allLanes && off == 0, step: step}
	switch {
	case l.regular:
		last := w.scratch[31]
		l.low, l.high, l.either = min(first, last), max(first, last), first|step
	case mask == allLanes:
		for _, address := range w.scratch {
			l.low, l.high, l.either = min(l.low, address), max(l.high, address), l.either|address
		}
	default:
		for m := mask; m != 0; m &= m - 1 {
			address := w.scratch[bits.TrailingZeros32(m)&31]
			l.low, l.high, l.either = min(l.low, address), max(l.high, address), l.either|address
		}
	}
}

// whole returns the region that all lanes of a request access within its bounds, and the address that the
// lanes use for its first byte. The region is nil if there is none, or if an address is not aligned: then
// reach finds out for each lane.
func (w *warp) whole(q *request) (r *region, origin uint64) {
	l := &w.layout
	if l.either&uint64(q.size-1) != 0 {
		return nil, 0
	}
	s, low := q.in(l.low)
	length := l.high - l.low + uint64(q.size)
	if length > windowSize || length < uint64(q.size) {
		return nil, 0
	}
	switch s {
	case sharedSpace:
		r = &w.block.shared
	case localSpace:
		return nil, 0 // each lane has its own
	default:
		a := w.device.heap.find(low, int(length))
		if a == nil || a.space != s {
			return nil, 0
		}
		r = &a.region
	}
	if !r.holds(low, int(length)) {
		return nil, 0
	}
	return r, r.base + l.low - low
}

// flying stops the kernel if a cp.async in flight will write the bytes.
func (w *warp) flying(q *request, r *region, at, lane int) {
	if word, bits := run(at, q.size); r.pending != nil && r.pending[word]&bits != 0 {
		w.fault(Race, lane, "%s of %d bytes at %s, where a cp.async in flight writes",
			q.what, q.size, w.where(r, at))
	}
}

// check stops the kernel if a lane's bytes cannot be read yet.
func (w *warp) check(q *request, r *region, at, size, lane int) {
	w.flying(q, r, at, lane)
	if word, bits := run(at, size); r.defined[word]&bits != bits {
		w.fault(Uninitialized, lane, "%s of %d bytes at %s, which nothing has written",
			q.what, size, w.where(r, at))
	}
}

// settled reports whether all bytes of a request that lies whole in a region are written, and no cp.async in
// flight writes them. It may return false although they are.
func (w *warp) settled(r *region, origin uint64, size int, mask uint32) bool {
	if l := &w.layout; r.pending == nil && l.high-l.low < 16*64 &&
		r.allWritten(int(l.low-origin), int(l.high-origin)+size) {
		return true
	}
	want := uint64(1)<<size - 1
	for m := mask; m != 0; m &= m - 1 {
		at := w.scratch[bits.TrailingZeros32(m)&31] - origin
		known := r.defined[at>>6]
		if r.pending != nil {
			known &^= r.pending[at>>6]
		}
		if ^known>>(at&63)&want != 0 {
			return false
		}
	}
	return true
}

// load does an ld.
func (w *warp) load(q *request, mask uint32) {
	w.aim(q, mask)
	r, origin := w.whole(q)
	w.count(q, r, mask, true, false)
	if r == nil || q.strength != plain || !w.settled(r, origin, q.size, mask) ||
		q.readOnly && !w.unwrittenSince(r, w.launch.began) {
		w.loadEach(q, mask)
		return
	}
	w.noteReads(r, origin, q.size, mask, plain)
	for i, to := range q.regs {
		if to >= 0 {
			w.gather(&w.regs[to], r.data, origin-uint64(i*q.kind.size), q.kind, q.wide[i], mask)
		}
	}
}

// gather reads an element of each lane into a register of wide bytes.
func (w *warp) gather(d *lanes, data []byte, origin uint64, k kind, wide int, mask uint32) {
	switch {
	case k.class == 's' || k.size < 4:
		for m := mask; m != 0; m &= m - 1 {
			lane := bits.TrailingZeros32(m) & 31
			d[lane] = extended(get(data, int(w.scratch[lane]-origin), k.size), k, wide)
		}
	case mask != allLanes:
		for m := mask; m != 0; m &= m - 1 {
			lane := bits.TrailingZeros32(m) & 31
			d[lane] = get(data, int(w.scratch[lane]-origin), k.size)
		}
	case w.layout.regular && w.layout.step == 0:
		x := get(data, int(w.scratch[0]-origin), k.size)
		for lane := range d {
			d[lane] = x
		}
	case k.size == 4:
		for lane := range d {
			d[lane] = uint64(binary.LittleEndian.Uint32(data[w.scratch[lane]-origin:]))
		}
	default:
		for lane := range d {
			d[lane] = binary.LittleEndian.Uint64(data[w.scratch[lane]-origin:])
		}
	}
}

// loadEach does an ld lane by lane. It finds what is wrong with it.
func (w *warp) loadEach(q *request, mask uint32) {
	for m := mask; m != 0; m &= m - 1 {
		lane := bits.TrailingZeros32(m)
		r, at := w.reach(q, lane, q.size)
		w.check(q, r, at, q.size, lane)
		w.noteRead(r, at, q.size, lane, q.strength)
		if q.strength == beyond {
			w.block.hear(w.scratch[lane], q.acquire)
			w.yield = true // the load may wait for another thread's write
		}
		if q.readOnly {
			w.readOnly(q, r, at, lane)
		}
		for i, to := range q.regs {
			if to >= 0 {
				w.regs[to][lane] = extended(get(r.data, at+i*q.kind.size, q.kind.size), q.kind, q.wide[i])
			}
		}
	}
}

// unwrittenSince reports whether no thread has written since a time to the pages between the least and the
// greatest address of a request.
func (w *warp) unwrittenSince(r *region, began uint64) bool {
	low := (w.layout.low - r.base) >> pageBits
	high := (w.layout.high - r.base) >> pageBits
	for _, p := range r.pages[low : high+1] {
		if p != nil && p.wrote >= began {
			return false
		}
	}
	return true
}

// readOnly stops the kernel if .nc reads memory that this launch has written.
func (w *warp) readOnly(q *request, r *region, at, lane int) {
	p := r.pages[at>>pageBits]
	if p == nil || p.wrote < w.launch.began {
		return
	}
	first, end := p.cells(at, q.size)
	for _, t := range p.writes[first:end] {
		if t.time >= w.launch.began {
			w.fault(Race, lane, "%s of %d bytes at 0x%x as .nc, which line %d of the same launch has written",
				q.what, q.size, r.base+uint64(at), w.program.code[t.pc()].line)
		}
	}
}

// store does a st.
func (w *warp) store(q *request, mask uint32) {
	w.aim(q, mask)
	r, origin := w.whole(q)
	w.count(q, r, mask, false, true)
	if r == nil || q.strength != plain || r.pending != nil {
		w.storeEach(q, mask)
		return
	}
	w.noteWrites(r, origin, q.size, mask, plain)
	for m := mask; m != 0; m &= m - 1 {
		lane := bits.TrailingZeros32(m) & 31
		at := int(w.scratch[lane] - origin)
		for i, from := range q.regs {
			put(r.data, at+i*q.kind.size, q.kind.size, w.source(from)[lane])
		}
		word, bits := run(at, q.size)
		r.defined[word] |= bits
	}
}

// storeEach does a st lane by lane. It finds what is wrong with it.
func (w *warp) storeEach(q *request, mask uint32) {
	for m := mask; m != 0; m &= m - 1 {
		lane := bits.TrailingZeros32(m)
		r, at := w.reach(q, lane, q.size)
		w.flying(q, r, at, lane)
		w.noteWrite(r, at, q.size, lane, q.strength)
		if q.strength == beyond {
			w.block.tell(w.scratch[lane], q.release, false)
		}
		for i, from := range q.regs {
			put(r.data, at+i*q.kind.size, q.kind.size, w.source(from)[lane])
		}
		word, bits := run(at, q.size)
		r.defined[word] |= bits
	}
}
