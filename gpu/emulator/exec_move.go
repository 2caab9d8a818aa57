package emulator

import "math/bits"

// decodeMov decodes mov: of a register, a constant, an address, a special register or a predicate, and
// between a register and a vector of its parts.
func decodeMov(a *assembler) operation {
	k := a.kind("pred", "b16", "b32", "b64", "u16", "u32", "u64", "s16", "s32", "s64", "f32", "f64")
	a.takes(2)
	d, s := a.operand(0), a.operand(1)
	switch {
	case k == pred:
		from, invert := a.condition(s)
		if invert != 0 {
			a.fail("!%s", s.register.name)
		}
		to := a.predicate(d)
		return a.setPredicate(to, func(w *warp) uint32 { return w.preds[from] })
	case d.kind == vectorOperand:
		return a.unpack(k)
	case s.kind == vectorOperand:
		return a.pack(k)
	case s.kind == specialOperand && !exact(specials[s.name].kind, k):
		a.fail("%s is %v", s.name, specials[s.name].kind)
	case s.kind == specialOperand && specials[s.name].changes:
		value := specials[s.name].value
		to := a.destination(d, k)
		return func(w *warp, mask uint32) {
			for m := mask; m != 0; m &= m - 1 {
				lane := bits.TrailingZeros32(m)
				w.regs[to][lane] = value(w, lane)
			}
		}
	}
	from := int32(0)
	switch s.kind {
	case variableOperand:
		from = a.constant(a.addressOf(s, k))
	case specialOperand:
		from = a.fixed(s.name, specials[s.name])
	default:
		from = a.source(s, k)
	}
	return copyLanes(a.destination(d, k), from)
}

// copyLanes is an operation that makes d equal to s.
func copyLanes(d, s int32) operation {
	return func(w *warp, mask uint32) {
		w.regs[d].set(w.source(s), mask)
	}
}

// addressOf returns the address of a variable as a register of a type holds it.
func (a *assembler) addressOf(o *operand, k kind) uint64 {
	v := o.variable
	address := v.address + o.bits
	switch {
	case v.space == "param":
		a.fail("the address of parameter %s: parameters are read by ld.param", v.name)
	case k.class == 'f' || k.size < 4 || k.size == 4 && v.space != "shared" && v.space != "local":
		a.fail("the address of %s does not fit %v", v.name, k)
	}
	return address & ones(k.size)
}

// setPredicate is an operation that sets a predicate; a destination _ is an error.
func (a *assembler) setPredicate(to int32, value func(w *warp) uint32) operation {
	if to < 0 {
		a.fail("the destination is _")
	}
	return func(w *warp, mask uint32) {
		w.preds[to] = w.preds[to]&^mask | value(w)&mask
	}
}

// pack decodes mov d, {a, b, …}: the first part is the lowest.
func (a *assembler) pack(k kind) operation {
	parts := a.operand(1).parts
	part := a.part(k, len(parts))
	var from []int32
	for i := range parts {
		from = append(from, a.source(&parts[i], part))
	}
	d := a.destination(a.operand(0), k)
	if width := part.bits(); len(from) == 2 {
		return whole2(d, from[0], from[1], func(d, x, y *lanes) {
			each2(d, x, y, func(x, y uint64) uint64 { return x | y<<width })
		})
	}
	return func(w *warp, mask uint32) {
		for m := mask; m != 0; m &= m - 1 {
			lane := bits.TrailingZeros32(m)
			var value uint64
			for i, at := range from {
				value |= w.source(at)[lane] << (i * part.bits())
			}
			w.regs[d][lane] = value
		}
	}
}

// unpack decodes mov {a, b, …}, s. A part may be _.
func (a *assembler) unpack(k kind) operation {
	parts := a.operand(0).parts
	part := a.part(k, len(parts))
	s := a.source(a.operand(1), k)
	var to []int32
	for i := range parts {
		if parts[i].kind == sinkOperand {
			to = append(to, -1)
		} else {
			to = append(to, a.destination(&parts[i], part))
		}
	}
	var parted []operation // no part lies in the register s, which is wider
	for i, at := range to {
		if at >= 0 {
			shift, limit := i*part.bits(), ones(part.size)
			parted = append(parted, whole1(at, s, func(d, x *lanes) {
				each1(d, x, func(x uint64) uint64 { return x >> shift & limit })
			}))
		}
	}
	return func(w *warp, mask uint32) {
		for _, f := range parted {
			f(w, mask)
		}
	}
}

// part returns the type of one of n parts of a register.
func (a *assembler) part(k kind, n int) kind {
	if k.class != 'b' || n != 2 && n != 4 || k.size/n < 1 {
		a.fail("a vector of %d in mov%v", n, k)
	}
	return kind{'b', k.size / n}
}

// decodeCvta decodes cvta: the conversion between an address of a state space and a generic address.
func decodeCvta(a *assembler) operation {
	to := a.maybe("to") != ""
	space := spaces[a.must("global", "const", "shared", "shared::cta", "local")]
	k := a.kind("u32", "u64")
	a.takes(2)
	if k.size != 8 {
		a.fail("addresses have 64 bits")
	}
	s := a.operand(1)
	from := int32(0)
	if s.kind == variableOperand {
		if to || spaces[s.variable.space] != space {
			a.fail("%s is no address to convert", s.variable.name)
		}
		from = a.constant(a.addressOf(s, k))
	} else {
		from = a.source(s, k)
	}
	by := windows[space]
	if to {
		by = -by
	}
	return map1(a.destination(a.operand(0), k), from, func(x uint64) uint64 { return x + by })
}

// decodeSelp decodes selp: a if the predicate is true, b otherwise.
func decodeSelp(a *assembler) operation {
	k := a.kind("b16", "b32", "b64", "u16", "u32", "u64", "s16", "s32", "s64", "f32", "f64")
	a.takes(4)
	d, x, y := a.destination(a.operand(0), k), a.source(a.operand(1), k), a.source(a.operand(2), k)
	p, invert := a.condition(a.operand(3))
	if invert != 0 {
		a.fail("!%s", a.operand(3).register.name)
	}
	return func(w *warp, mask uint32) {
		d, x, y, p := &w.regs[d], w.source(x), w.source(y), w.preds[p]
		for i := range d {
			v := y[i]
			if p>>i&1 != 0 {
				v = x[i]
			}
			w.result[i] = v
		}
		d.set(&w.result, mask)
	}
}
