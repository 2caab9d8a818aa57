package emulator

import "math/bits"

// map1 is an operation that computes d = f(a), lane by lane.
func map1(d, a int32, f func(a uint64) uint64) operation {
	return func(w *warp, mask uint32) {
		d, a := &w.regs[d], w.source(a)
		if mask == allLanes {
			for i := range d {
				d[i] = f(a[i])
			}
			return
		}
		for m := mask; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m) & 31
			d[i] = f(a[i])
		}
	}
}

// map2 is an operation that computes d = f(a, b), lane by lane.
func map2(d, a, b int32, f func(a, b uint64) uint64) operation {
	return func(w *warp, mask uint32) {
		d, a, b := &w.regs[d], w.source(a), w.source(b)
		if mask == allLanes {
			for i := range d {
				d[i] = f(a[i], b[i])
			}
			return
		}
		for m := mask; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m) & 31
			d[i] = f(a[i], b[i])
		}
	}
}

// map3 is an operation that computes d = f(a, b, c), lane by lane.
func map3(d, a, b, c int32, f func(a, b, c uint64) uint64) operation {
	return func(w *warp, mask uint32) {
		d, a, b, c := &w.regs[d], w.source(a), w.source(b), w.source(c)
		if mask == allLanes {
			for i := range d {
				d[i] = f(a[i], b[i], c[i])
			}
			return
		}
		for m := mask; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m) & 31
			d[i] = f(a[i], b[i], c[i])
		}
	}
}

// A loop computes all lanes of a result. The compiler puts the operation of a loop into it if the operation
// is a function literal or a small function: a frequent instruction has a loop of its own.
type (
	loop1 func(d, x *lanes)
	loop2 func(d, x, y *lanes)
	loop3 func(d, x, y, z *lanes)
)

// each1, each2 and each3 are the bodies of loops.
func each1(d, x *lanes, f func(x uint64) uint64) {
	for i := range d {
		d[i] = f(x[i])
	}
}

func each2(d, x, y *lanes, f func(x, y uint64) uint64) {
	for i := range d {
		d[i] = f(x[i], y[i])
	}
}

func each3(d, x, y, z *lanes, f func(x, y, z uint64) uint64) {
	for i := range d {
		d[i] = f(x[i], y[i], z[i])
	}
}

// set sets the lanes of a mask.
func (d *lanes) set(from *lanes, mask uint32) {
	if mask == allLanes {
		*d = *from
		return
	}
	for m := mask; m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m) & 31
		d[i] = from[i]
	}
}

// whole1, whole2 and whole3 are the operations of loops. The lanes outside of the mask are computed in vain.
func whole1(d, a int32, f loop1) operation {
	return func(w *warp, mask uint32) {
		d, a := &w.regs[d], w.source(a)
		if mask == allLanes {
			f(d, a)
			return
		}
		f(&w.result, a)
		d.set(&w.result, mask)
	}
}

func whole2(d, a, b int32, f loop2) operation {
	return func(w *warp, mask uint32) {
		d, a, b := &w.regs[d], w.source(a), w.source(b)
		if mask == allLanes {
			f(d, a, b)
			return
		}
		f(&w.result, a, b)
		d.set(&w.result, mask)
	}
}

func whole3(d, a, b, c int32, f loop3) operation {
	return func(w *warp, mask uint32) {
		d, a, b, c := &w.regs[d], w.source(a), w.source(b), w.source(c)
		if mask == allLanes {
			f(d, a, b, c)
			return
		}
		f(&w.result, a, b, c)
		d.set(&w.result, mask)
	}
}

// binaryLoop decodes operands d, a, b of one type.
func (a *assembler) binaryLoop(k kind, f loop2) operation {
	a.takes(3)
	return whole2(a.destination(a.operand(0), k), a.source(a.operand(1), k), a.source(a.operand(2), k), f)
}

// ternaryLoop decodes operands d, a, b, c of one type.
func (a *assembler) ternaryLoop(k kind, f loop3) operation {
	a.takes(4)
	return whole3(a.destination(a.operand(0), k),
		a.source(a.operand(1), k), a.source(a.operand(2), k), a.source(a.operand(3), k), f)
}

// unary decodes operands d, a of one type.
func (a *assembler) unary(k kind, f func(x uint64) uint64) operation {
	a.takes(2)
	return map1(a.destination(a.operand(0), k), a.source(a.operand(1), k), f)
}

// binary decodes operands d, a, b of one type.
func (a *assembler) binary(k kind, f func(x, y uint64) uint64) operation {
	a.takes(3)
	return map2(a.destination(a.operand(0), k), a.source(a.operand(1), k), a.source(a.operand(2), k), f)
}

// ternary decodes operands d, a, b, c of one type.
func (a *assembler) ternary(k kind, f func(x, y, z uint64) uint64) operation {
	a.takes(4)
	return map3(a.destination(a.operand(0), k),
		a.source(a.operand(1), k), a.source(a.operand(2), k), a.source(a.operand(3), k), f)
}

// signed reads a register of size bytes as a signed number.
func signed(x uint64, size int) int64 {
	unused := 64 - 8*size
	return int64(x<<unused) >> unused
}

// extended returns size bytes of a type as a register of wide bytes holds them.
func extended(x uint64, k kind, wide int) uint64 {
	if k.class == 's' {
		return uint64(signed(x, k.size)) & ones(wide)
	}
	return x & ones(k.size)
}
