package emulator

import "math/bits"

func and(x, y uint64) uint64 { return x & y }
func or(x, y uint64) uint64  { return x | y }
func xor(x, y uint64) uint64 { return x ^ y }

// decodeLogic decodes and, or and xor, of registers and of predicates.
func decodeLogic(a *assembler) operation {
	f, loop := xor, func(d, x, y *lanes) { each2(d, x, y, xor) }
	switch a.s.opcode {
	case "and":
		f, loop = and, func(d, x, y *lanes) { each2(d, x, y, and) }
	case "or":
		f, loop = or, func(d, x, y *lanes) { each2(d, x, y, or) }
	}
	k := a.kind("pred", "b16", "b32", "b64")
	if k != pred {
		return a.binaryLoop(k, loop)
	}
	a.takes(3)
	x, invertX := a.condition(a.operand(1))
	y, invertY := a.condition(a.operand(2))
	if invertX|invertY != 0 {
		a.fail("! in %s", a.s)
	}
	return a.setPredicate(a.predicate(a.operand(0)), func(w *warp) uint32 {
		return uint32(f(uint64(w.preds[x]), uint64(w.preds[y])))
	})
}

// decodeNot decodes not, of registers and of predicates, and cnot.
func decodeNot(a *assembler) operation {
	if a.s.opcode == "cnot" {
		return a.unary(a.kind(wholes...), func(x uint64) uint64 {
			if x == 0 {
				return 1
			}
			return 0
		})
	}
	k := a.kind("pred", "b16", "b32", "b64")
	if k != pred {
		limit := ones(k.size)
		return a.unary(k, func(x uint64) uint64 { return ^x & limit })
	}
	a.takes(2)
	x, invert := a.condition(a.operand(1))
	if invert != 0 {
		a.fail("! in %s", a.s)
	}
	return a.setPredicate(a.predicate(a.operand(0)), func(w *warp) uint32 { return ^w.preds[x] })
}

// decodeShift decodes shl and shr. A shift by the width or more leaves zeros or copies of the sign.
func decodeShift(a *assembler) operation {
	left := a.s.opcode == "shl"
	var k kind
	if left {
		k = a.kind(wholes...)
	} else {
		k = a.kind("b16", "b32", "b64", "u16", "u32", "u64", "s16", "s32", "s64")
	}
	a.takes(3)
	d, x, n := a.destination(a.operand(0), k), a.source(a.operand(1), k), a.source(a.operand(2), kinds["u32"])
	limit, size := ones(k.size), k.size
	switch {
	case left:
		return whole2(d, x, n, func(d, x, n *lanes) {
			each2(d, x, n, func(x, n uint64) uint64 { return x << n & limit })
		})
	case k.class == 's':
		return map2(d, x, n, func(x, n uint64) uint64 { return uint64(signed(x, size)>>n) & limit })
	}
	return whole2(d, x, n, func(d, x, n *lanes) {
		each2(d, x, n, func(x, n uint64) uint64 { return x >> n })
	})
}

// decodeFunnel decodes shf: a half of the shifted 64 bits b:a.
func decodeFunnel(a *assembler) operation {
	left := a.must("l", "r") == "l"
	clamp := a.must("wrap", "clamp") == "clamp"
	k := a.kind("b32")
	a.takes(4)
	d := a.destination(a.operand(0), k)
	x, y := a.source(a.operand(1), k), a.source(a.operand(2), k)
	n := a.source(a.operand(3), kinds["u32"])
	return map3(d, x, y, n, func(x, y, n uint64) uint64 {
		if clamp {
			n = min(n, 32)
		} else {
			n &= 31
		}
		whole := y<<32 | x
		if left {
			return whole << n >> 32
		}
		return whole >> n & 0xffffffff
	})
}

// decodeBfe decodes bfe: the field of a that starts at bit b and has c bits.
func decodeBfe(a *assembler) operation {
	k := a.kind("u32", "u64", "s32", "s64")
	a.takes(4)
	d, x := a.destination(a.operand(0), k), a.source(a.operand(1), k)
	from, count := a.source(a.operand(2), kinds["u32"]), a.source(a.operand(3), kinds["u32"])
	width, limit := uint64(k.bits()), ones(k.size)
	return map3(d, x, from, count, func(x, from, count uint64) uint64 {
		from, count = from&0xff, count&0xff
		out := x >> from
		if count < 64 {
			out &= 1<<count - 1
		}
		if k.class == 's' && count > 0 && x>>min(from+count-1, width-1)&1 != 0 {
			// Bits beyond the field, and beyond the register's end, are copies of the field's last existing
			// bit.
			out |= ^uint64(0) << min(count, max(width, from)-from)
		}
		return out & limit
	})
}

// decodeBfi decodes bfi: b, with d of its bits from bit c on replaced by those of a.
func decodeBfi(a *assembler) operation {
	k := a.kind("b32", "b64")
	a.takes(5)
	d, field, into := a.destination(a.operand(0), k), a.source(a.operand(1), k), a.source(a.operand(2), k)
	from, count := a.source(a.operand(3), kinds["u32"]), a.source(a.operand(4), kinds["u32"])
	limit := ones(k.size)
	return func(w *warp, mask uint32) {
		for m := mask; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m)
			from, count := w.source(from)[i]&0xff, w.source(count)[i]&0xff
			place := (uint64(1)<<count - 1) << from & limit
			w.regs[d][i] = w.source(into)[i]&^place | w.source(field)[i]<<from&place
		}
	}
}

// decodePrmt decodes prmt: four of eight bytes.
func decodePrmt(a *assembler) operation {
	k := a.kind("b32")
	mode := a.maybe("f4e", "b4e", "rc8", "ecl", "ecr", "rc16")
	return a.ternary(k, func(x, y, c uint64) uint64 {
		whole := y<<32 | x
		var out uint64
		for i := range uint64(4) {
			out |= permuted(whole, selector(mode, c, i)) << (8 * i)
		}
		return out
	})
}

// selector returns which byte prmt puts at byte i; bit 3 is set if it puts copies of that byte's sign there.
func selector(mode string, c, i uint64) uint64 {
	s := c & 3
	switch mode {
	case "f4e":
		return s + i
	case "b4e":
		return (s - i) & 7
	case "rc8":
		return s
	case "ecl":
		return max(i, s)
	case "ecr":
		return min(i, s)
	case "rc16":
		return s&1<<1 | i&1
	}
	return c >> (4 * i) & 15
}

// permuted returns a byte of whole, or eight copies of its sign.
func permuted(whole, selector uint64) uint64 {
	b := whole >> (8 * (selector & 7)) & 0xff
	if selector&8 != 0 {
		return b >> 7 * 0xff
	}
	return b
}

// decodeLop3 decodes lop3: any function of three bits, given by its truth table.
func decodeLop3(a *assembler) operation {
	k := a.kind("b32")
	a.takes(5)
	table := a.integer(a.operand(4), 255)
	d := a.destination(a.operand(0), k)
	return map3(d, a.source(a.operand(1), k), a.source(a.operand(2), k), a.source(a.operand(3), k),
		func(x, y, z uint64) uint64 {
			var out uint64
			for i := range 8 {
				if table>>i&1 == 0 {
					continue
				}
				// Row i of the table belongs to those x, y and z that are bits 2, 1 and 0 of i.
				row := uint64(0xffffffff)
				for j, v := range [3]uint64{z, y, x} {
					if i>>j&1 == 0 {
						v = ^v
					}
					row &= v
				}
				out |= row
			}
			return out
		})
}

// decodeCount decodes popc, clz and brev.
func decodeCount(a *assembler) operation {
	k := a.kind("b32", "b64")
	a.takes(2)
	to := kinds["u32"]
	unused := 64 - k.bits()
	var f func(x uint64) uint64
	switch a.s.opcode {
	case "popc":
		f = func(x uint64) uint64 { return uint64(bits.OnesCount64(x)) }
	case "clz":
		f = func(x uint64) uint64 { return uint64(bits.LeadingZeros64(x) - unused) }
	default:
		to = k
		f = func(x uint64) uint64 { return bits.Reverse64(x) >> unused }
	}
	return map1(a.destination(a.operand(0), to), a.source(a.operand(1), k), f)
}

// decodeBfind decodes bfind: the position of the highest bit that is not a copy of the sign.
func decodeBfind(a *assembler) operation {
	shift := a.maybe("shiftamt") != ""
	k := a.kind("u32", "u64", "s32", "s64")
	a.takes(2)
	width, limit := k.bits(), ones(k.size)
	return map1(a.destination(a.operand(0), kinds["u32"]), a.source(a.operand(1), k), func(x uint64) uint64 {
		if k.class == 's' && signed(x, k.size) < 0 {
			x = ^x & limit
		}
		n := bits.Len64(x) - 1
		if n < 0 {
			return 0xffffffff
		}
		if shift {
			n = width - 1 - n
		}
		return uint64(n)
	})
}
