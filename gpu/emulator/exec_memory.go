package emulator

import "math/bits"

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

// aim computes the addresses of a request.
func (w *warp) aim(q *request) {
	base := w.source(q.base)
	for i := range w.scratch {
		w.scratch[i] = base[i] + q.offset
	}
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

// load does an ld.
func (w *warp) load(q *request, mask uint32) {
	w.aim(q)
	w.count(q, mask, true, false)
	for m := mask; m != 0; m &= m - 1 {
		lane := bits.TrailingZeros32(m)
		r, at := w.reach(q, lane, q.size)
		if word, bits := run(at, q.size); r.pending != nil || r.defined[word]&bits != bits {
			w.check(q, r, at, q.size, lane)
		}
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
				w.regs[to][lane] = extended(r.get(at+i*q.kind.size, q.kind.size), q.kind, q.wide[i])
			}
		}
	}
}

// readOnly stops the kernel if .nc reads memory that this launch has written.
func (w *warp) readOnly(q *request, r *region, at, lane int) {
	p, first, last := r.page(at, q.size)
	for _, c := range p.cells[first : last+1] {
		if c.write.time >= w.launch.began {
			w.fault(Race, lane, "%s of %d bytes at 0x%x as .nc, which line %d of the same launch has written",
				q.what, q.size, r.base+uint64(at), w.program.code[c.write.pc()].line)
		}
	}
}

// store does a st.
func (w *warp) store(q *request, mask uint32) {
	w.aim(q)
	w.count(q, mask, false, true)
	for m := mask; m != 0; m &= m - 1 {
		lane := bits.TrailingZeros32(m)
		r, at := w.reach(q, lane, q.size)
		w.flying(q, r, at, lane)
		w.noteWrite(r, at, q.size, lane, q.strength)
		if q.strength == beyond {
			w.block.tell(w.scratch[lane], q.release, false)
		}
		for i, from := range q.regs {
			r.put(at+i*q.kind.size, q.kind.size, w.source(from)[lane])
		}
		word, bits := run(at, q.size)
		r.defined[word] |= bits
	}
}
