package emulator

import (
	"math"
	"math/bits"
)

// decodeCvt decodes cvt among integers, floating-point numbers, and bf16.
func decodeCvt(a *assembler) operation {
	if n := len(a.s.mods); n >= 2 &&
		(a.s.mods[n-1] == "bf16" || a.s.mods[n-2] == "bf16" || a.s.mods[n-2] == "bf16x2") {
		return decodeBf16(a)
	}
	integral := a.maybe("rni", "rzi", "rmi", "rpi")
	rounding := ""
	if integral == "" {
		rounding = a.maybe("rn", "rz", "rm", "rp")
	}
	ftz := a.maybe("ftz") != ""
	sat := a.maybe("sat") != ""
	numbers := []string{"u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64", "f32", "f64"}
	to := a.kind(numbers...)
	from := a.kind(numbers...)
	a.takes(2)
	float, wasFloat := to.class == 'f', from.class == 'f'

	wantIntegral := wasFloat && !float
	wantRounding := float && !wasFloat || float && wasFloat && to.size < from.size
	switch {
	case wantIntegral && integral == "", wantRounding && rounding == "":
		a.fail("the rounding is missing")
	case rounding != "" && !wantRounding:
		a.fail(".%s of a conversion that rounds nothing so", rounding)
	case integral != "" && (!wasFloat || float && to != from):
		a.fail(".%s of a conversion that rounds nothing so", integral)
	case sat && !float && !wasFloat && !overflows(to, from):
		a.fail(".sat of a conversion that can't overflow")
	case ftz && to != kinds["f32"] && from != kinds["f32"]:
		a.fail(".ftz is of .f32")
	}
	s := a.read(a.operand(1), from, relaxed)
	wide := kind{}
	if d := a.operand(0); d.kind == registerOperand {
		wide = d.register.kind
	}
	d := a.write(a.operand(0), to, relaxed)

	var f func(x uint64) uint64
	switch {
	case from == kinds["f32"] && to == kinds["f64"] && !ftz && !sat:
		return whole1(d, s, func(d, x *lanes) {
			each1(d, x, func(x uint64) uint64 { return bits64(float64(f32(x))) })
		})
	case !float && from.class == 'u' && !sat && (to.size > from.size || to == from):
		limit := ones(from.size)
		return whole1(d, s, func(d, x *lanes) {
			each1(d, x, func(x uint64) uint64 { return x & limit })
		})
	case !float && !wasFloat:
		f = intToInt(to, from, wide.size, sat)
	case !float:
		g := floatToInt(to, from, directions[integral[:2]])
		f = func(x uint64) uint64 { return extended(g(x), to, wide.size) }
	case !wasFloat:
		f = intToFloat(to, from, directions[rounding])
	default:
		f = floatToFloat(to, from, integral, directions[rounding])
	}
	if ftz && from.size == 4 && wasFloat {
		g := f
		f = func(x uint64) uint64 { return g(flush(x)) }
	}
	if ftz && to.size == 4 && float {
		g := f
		f = func(x uint64) uint64 { return flush(g(x)) }
	}
	if sat && float {
		g, clamp := f, saturate
		if to.size == 8 {
			clamp = saturate64
		}
		f = func(x uint64) uint64 { return clamp(g(x)) }
	}
	return map1(d, s, f)
}

// overflows reports whether the integer type from has numbers that the type to has not.
func overflows(to, from kind) bool {
	if from.class == 's' {
		return to.class != 's' || to.size < from.size
	}
	return to.size < from.size || to.class == 's' && to.size == from.size
}

// intToInt returns a conversion that truncates, or that clamps if sat.
func intToInt(to, from kind, wide int, sat bool) func(x uint64) uint64 {
	return func(x uint64) uint64 {
		x = extended(x, from, 8)
		if sat {
			x = clampInt(x, to, from)
		}
		return extended(x, to, wide)
	}
}

// clampInt returns the number of type to that is nearest to a number of type from, extended to 64 bits.
func clampInt(x uint64, to, from kind) uint64 {
	negative := from.class == 's' && int64(x) < 0
	if to.class != 's' {
		if negative {
			return 0
		}
		return min(x, ones(to.size))
	}
	most := ones(to.size) >> 1
	if negative {
		return uint64(max(int64(x), -int64(most)-1))
	}
	return min(x, most)
}

// floatToInt returns a conversion that clamps.
func floatToInt(to, from kind, dir direction) func(x uint64) uint64 {
	limit := ones(to.size)
	lowest, highest, beyond := 0.0, limit, math.Ldexp(1, to.bits())
	least := uint64(0)
	if to.class == 's' {
		beyond /= 2
		lowest, least = -beyond, limit>>1+1
		highest = limit >> 1
	}
	// NaN becomes zero from .f32 to at most 32 bits, and otherwise the highest bit alone.
	nan := uint64(0)
	if from.size == 8 || to.size == 8 {
		nan = limit>>1 + 1
	}
	return func(x uint64) uint64 {
		v := f64(x)
		if from.size == 4 {
			v = float64(f32(x))
		}
		v = integral(dir, v)
		switch {
		case v != v:
			return nan
		case v <= lowest:
			return least
		case v >= beyond:
			return highest
		case v < 0:
			return uint64(int64(v)) & limit
		}
		return uint64(v)
	}
}

// integral rounds to an integer.
func integral(dir direction, x float64) float64 {
	switch dir {
	case zero:
		return math.Trunc(x)
	case down:
		return math.Floor(x)
	case up:
		return math.Ceil(x)
	}
	return math.RoundToEven(x)
}

// intToFloat returns a conversion with one rounding.
func intToFloat(to, from kind, dir direction) func(x uint64) uint64 {
	return func(x uint64) uint64 {
		x = extended(x, from, 8)
		negative := from.class == 's' && int64(x) < 0
		if negative {
			x = -x
		}
		dir := dir
		if negative && dir != nearest && dir != zero {
			dir = down + up - dir
		}
		keep := 53
		if to.size == 4 {
			keep = 24
		}
		v := leading(x, keep, dir)
		if negative {
			v = -v
		}
		if to.size == 4 {
			return bits32(float32(v)) // exact
		}
		return bits64(v)
	}
}

// leading rounds a number to its keep leading bits.
func leading(x uint64, keep int, dir direction) float64 {
	drop := bits.Len64(x) - keep
	if drop <= 0 {
		return float64(x)
	}
	low, half := x&(1<<drop-1), uint64(1)<<(drop-1)
	x >>= drop
	if dir == up && low > 0 || dir == nearest && (low > half || low == half && x&1 == 1) {
		x++
	}
	return math.Ldexp(float64(x), drop)
}

// floatToFloat returns a conversion between floating-point types, or to an integral number of the same type.
func floatToFloat(to, from kind, round string, dir direction) func(x uint64) uint64 {
	switch {
	case to.size == 4 && from.size == 8:
		return func(x uint64) uint64 { return bits32(narrow(dir, f64(x))) }
	case to.size == 8 && from.size == 4:
		return func(x uint64) uint64 { return bits64(float64(f32(x))) }
	case round == "":
		return func(x uint64) uint64 { return x }
	case to.size == 4:
		dir = directions[round[:2]]
		return func(x uint64) uint64 { return bits32(float32(integral(dir, float64(f32(x))))) }
	}
	dir = directions[round[:2]]
	return func(x uint64) uint64 { return bits64(integral(dir, f64(x))) }
}

// decodeBf16 decodes the conversions between f32 and bf16, the upper half of an f32: cvt.rn.bf16.f32,
// cvt.rz.bf16.f32, the same with bf16x2 for two numbers, the first in the upper half, and cvt.f32.bf16.
func decodeBf16(a *assembler) operation {
	if a.maybe("f32") != "" {
		a.must("bf16")
		a.takes(2)
		a.needs(78, 90)
		to, from := a.destination(a.operand(0), kinds["f32"]), a.source(a.operand(1), kinds["b16"])
		return map1(to, from, func(x uint64) uint64 { return bits32(f32(x << 16)) })
	}
	dir := directions[a.must("rn", "rz")]
	a.needs(70, 80)
	two := a.must("bf16", "bf16x2") == "bf16x2"
	a.must("f32")
	if !two {
		a.takes(2)
		to, from := a.destination(a.operand(0), kinds["b16"]), a.source(a.operand(1), kinds["f32"])
		return map1(to, from, func(x uint64) uint64 { return bf16(dir, x) })
	}
	a.takes(3)
	return map2(a.destination(a.operand(0), kinds["b32"]), a.source(a.operand(1), kinds["f32"]),
		a.source(a.operand(2), kinds["f32"]), func(x, y uint64) uint64 {
			return bf16(dir, x)<<16 | bf16(dir, y)
		})
}

// bf16 rounds a 32-bit number to its upper 16 bits.
func bf16(dir direction, x uint64) uint64 {
	if x&0x7fffffff > 0x7f800000 {
		return 0x7fff
	}
	if dir == nearest {
		x += 0x7fff + x>>16&1
	}
	return x >> 16
}
