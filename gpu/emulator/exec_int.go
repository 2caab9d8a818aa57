package emulator

import "math/bits"

// Types that integer instructions take.
var (
	integers = []string{"u16", "u32", "u64", "s16", "s32", "s64"}
	wholes   = []string{"b16", "b32", "b64"}
)

// decodeAdd decodes add and sub, of integers and of floating-point numbers.
func decodeAdd(a *assembler) operation {
	minus := a.s.opcode == "sub"
	if a.maybe("cc") != "" {
		return a.withCarry(minus, false, true)
	}
	if len(a.s.mods) > 0 && a.floating() {
		return decodeFloatAdd(a, minus)
	}
	sat := a.maybe("sat") != ""
	k := a.kind(integers...)
	limit := ones(k.size)
	switch {
	case sat && k != kinds["s32"]:
		a.fail("saturates .s32 alone")
	case sat && minus:
		return a.binary(k, func(x, y uint64) uint64 { return clampS32(int64(int32(x)) - int64(int32(y))) })
	case sat:
		return a.binary(k, func(x, y uint64) uint64 { return clampS32(int64(int32(x)) + int64(int32(y))) })
	case minus:
		return a.binaryLoop(k, func(d, x, y *lanes) {
			each2(d, x, y, func(x, y uint64) uint64 { return (x - y) & limit })
		})
	}
	return a.binaryLoop(k, func(d, x, y *lanes) {
		each2(d, x, y, func(x, y uint64) uint64 { return (x + y) & limit })
	})
}

func clampS32(x int64) uint64 { return uint64(uint32(min(max(x, -1<<31), 1<<31-1))) }

// decodeCarry decodes addc and subc.
func decodeCarry(a *assembler) operation {
	out := a.maybe("cc") != ""
	return a.withCarry(a.s.opcode == "subc", true, out)
}

// withCarry decodes the rest of add.cc, addc, sub.cc and the like. It adds the carry if in is set, and keeps
// the carry of the result if out is set. The carry of a subtraction is its borrow.
func (a *assembler) withCarry(minus, in, out bool) operation {
	k := a.kind("u32", "s32", "u64", "s64")
	a.takes(3)
	d, x, y := a.destination(a.operand(0), k), a.source(a.operand(1), k), a.source(a.operand(2), k)
	limit, width := ones(k.size), k.bits()
	return func(w *warp, mask uint32) {
		if in {
			w.needFlag(mask)
		}
		for m := mask; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m)
			var c, sum uint64
			if in {
				c = uint64(w.carry >> i & 1)
			}
			if minus {
				sum, c = bits.Sub64(w.source(x)[i], w.source(y)[i], c)
			} else if sum, c = bits.Add64(w.source(x)[i], w.source(y)[i], c); width < 64 {
				c = sum >> width & 1
			}
			w.regs[d][i] = sum & limit
			if out {
				w.setFlag(i, c)
			}
		}
	}
}

// needFlag stops the kernel if it reads the carry flag before it has written it.
func (w *warp) needFlag(mask uint32) {
	if missing := mask &^ w.flagged; missing != 0 {
		w.fault(Uninitialized, bits.TrailingZeros32(missing), "the carry flag is read before it is written")
	}
}

// setFlag keeps a carry of a lane.
func (w *warp) setFlag(lane int, carry uint64) {
	w.carry = w.carry&^(1<<lane) | uint32(carry&1)<<lane
	w.flagged |= 1 << lane
}

// decodeMul decodes mul, mad and madc.
func decodeMul(a *assembler) operation {
	if len(a.s.mods) > 0 && a.s.opcode != "madc" && a.floating() {
		if a.s.opcode == "mad" {
			return decodeFma(a)
		}
		return decodeFloatMul(a)
	}
	part := a.must("lo", "hi", "wide")
	out := a.s.opcode != "mul" && part != "wide" && a.maybe("cc") != ""
	k := a.kind(integers...)
	to := k
	if part == "wide" {
		if k.size == 8 {
			a.fail("a product of 128 bits")
		}
		to.size *= 2
	}
	limit, width := ones(to.size), to.bits()
	product := multiplier(part, k)
	low := part == "lo" || part == "wide" && k.class == 'u' // x·y in the bits of the result
	if a.s.opcode == "mul" {
		a.takes(3)
		d, x, y := a.destination(a.operand(0), to), a.source(a.operand(1), k), a.source(a.operand(2), k)
		if low {
			return whole2(d, x, y, func(d, x, y *lanes) {
				each2(d, x, y, func(x, y uint64) uint64 { return x * y & limit })
			})
		}
		return map2(d, x, y, product)
	}
	a.takes(4)
	d, x, y := a.destination(a.operand(0), to), a.source(a.operand(1), k), a.source(a.operand(2), k)
	z := a.source(a.operand(3), to)
	in := a.s.opcode == "madc"
	switch {
	case in || out:
	case low:
		return whole3(d, x, y, z, func(d, x, y, z *lanes) {
			each3(d, x, y, z, func(x, y, z uint64) uint64 { return (x*y + z) & limit })
		})
	default:
		return map3(d, x, y, z, func(x, y, z uint64) uint64 { return (product(x, y) + z) & limit })
	}
	if k.size == 2 || part == "wide" {
		a.fail("carries are of 32 or 64 bits")
	}
	return func(w *warp, mask uint32) {
		if in {
			w.needFlag(mask)
		}
		for m := mask; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m)
			var c uint64
			if in {
				c = uint64(w.carry >> i & 1)
			}
			sum, c := bits.Add64(product(w.source(x)[i], w.source(y)[i]), w.source(z)[i], c)
			if width < 64 {
				c = sum >> width & 1
			}
			w.regs[d][i] = sum & limit
			if out {
				w.setFlag(i, c)
			}
		}
	}
}

// multiplier returns the product of two numbers of a type, or one half of it.
func multiplier(part string, k kind) func(x, y uint64) uint64 {
	limit, width, size := ones(k.size), k.bits(), k.size
	switch {
	case part == "lo":
		return func(x, y uint64) uint64 { return x * y & limit }
	case part == "wide" && k.class == 'u':
		return func(x, y uint64) uint64 { return x * y }
	case part == "wide":
		return func(x, y uint64) uint64 {
			return uint64(signed(x, size)*signed(y, size)) & ones(2*size)
		}
	case k.size == 8 && k.class == 'u':
		return func(x, y uint64) uint64 {
			hi, _ := bits.Mul64(x, y)
			return hi
		}
	case k.size == 8:
		return func(x, y uint64) uint64 {
			hi, _ := bits.Mul64(x, y)
			return hi - uint64(int64(x)>>63)&y - uint64(int64(y)>>63)&x
		}
	case k.class == 'u':
		return func(x, y uint64) uint64 { return x * y >> width }
	}
	return func(x, y uint64) uint64 { return uint64(signed(x, size)*signed(y, size)>>width) & limit }
}

// decodeSad decodes sad: c + |a − b|.
func decodeSad(a *assembler) operation {
	k := a.kind(integers...)
	limit := ones(k.size)
	less := lessThan(k)
	return a.ternary(k, func(x, y, z uint64) uint64 {
		if less(x, y) {
			x, y = y, x
		}
		return (z + x - y) & limit
	})
}

// lessThan returns the order of an integer type.
func lessThan(k kind) func(x, y uint64) bool {
	if k.class != 's' {
		return func(x, y uint64) bool { return x < y }
	}
	size := k.size
	return func(x, y uint64) bool { return signed(x, size) < signed(y, size) }
}

// decodeDiv decodes div, of integers and of floating-point numbers. An integer divided by zero gives a
// quotient with all bits set; the ISA leaves this result open.
func decodeDiv(a *assembler) operation {
	if len(a.s.mods) > 0 && a.floating() {
		return decodeFloatDiv(a)
	}
	k := a.kind(integers...)
	limit, size := ones(k.size), k.size
	if k.class == 'u' {
		return a.binary(k, func(x, y uint64) uint64 {
			if y == 0 {
				return limit
			}
			return x / y
		})
	}
	return a.binary(k, func(x, y uint64) uint64 {
		if y == 0 {
			return limit
		}
		return uint64(signed(x, size)/signed(y, size)) & limit
	})
}

// decodeRem decodes rem; the result has the sign of the dividend. The remainder by zero is the dividend; the
// ISA leaves this result open.
func decodeRem(a *assembler) operation {
	k := a.kind(integers...)
	limit, size := ones(k.size), k.size
	if k.class == 'u' {
		return a.binary(k, func(x, y uint64) uint64 {
			if y == 0 {
				return x
			}
			return x % y
		})
	}
	return a.binary(k, func(x, y uint64) uint64 {
		if y == 0 {
			return x
		}
		return uint64(signed(x, size)%signed(y, size)) & limit
	})
}

// decodeMin decodes min and max.
func decodeMin(a *assembler) operation {
	if len(a.s.mods) > 0 && a.floating() {
		return decodeFloatMin(a)
	}
	k := a.kind(integers...)
	less, most := lessThan(k), a.s.opcode == "max"
	return a.binary(k, func(x, y uint64) uint64 {
		if less(x, y) == most {
			return y
		}
		return x
	})
}

// decodeAbs decodes abs and neg.
func decodeAbs(a *assembler) operation {
	if len(a.s.mods) > 0 && a.floating() {
		return decodeFloatAbs(a)
	}
	k := a.kind("s16", "s32", "s64")
	limit, size := ones(k.size), k.size
	if a.s.opcode == "neg" {
		return a.unary(k, func(x uint64) uint64 { return -x & limit })
	}
	return a.unary(k, func(x uint64) uint64 {
		if signed(x, size) < 0 {
			return -x & limit
		}
		return x
	})
}
