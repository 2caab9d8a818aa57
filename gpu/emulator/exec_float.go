package emulator

import "math"

// The NaN that arithmetic returns, whatever NaN its operands are.
const (
	nan32 = 0x7fffffff
	nan64 = 0x7ff8000000000000
)

func f32(x uint64) float32 { return math.Float32frombits(uint32(x)) }
func f64(x uint64) float64 { return math.Float64frombits(x) }

// bits32 returns a result as a register holds it.
func bits32(x float32) uint64 {
	if x != x {
		return nan32
	}
	return uint64(math.Float32bits(x))
}

func bits64(x float64) uint64 {
	if x != x {
		return nan64
	}
	return math.Float64bits(x)
}

// flush returns the bits of a 32-bit number; a subnormal number becomes zero.
func flush(x uint64) uint64 {
	if x&0x7f800000 == 0 {
		return x & 0x80000000
	}
	return x
}

// saturate returns the bits of a 32-bit number clamped to [0, 1]; NaN becomes 0.
func saturate(x uint64) uint64 {
	v := f32(x)
	switch {
	case !(v > 0):
		return 0
	case v > 1:
		return 0x3f800000
	}
	return x
}

func saturate64(x uint64) uint64 {
	v := f64(x)
	switch {
	case !(v > 0):
		return 0
	case v > 1:
		return 0x3ff0000000000000
	}
	return x
}

// floating reports whether the instruction's type is a floating-point type.
func (a *assembler) floating() bool { return kinds[a.s.mods[len(a.s.mods)-1]].class == 'f' }

// manner is how a floating-point instruction treats its operands and its result.
type manner struct {
	direction direction
	ftz, sat  bool
	kind      kind
}

// manner takes [rounding][.ftz][.sat] and the type. If rounding is set, the rounding may not be left out.
func (a *assembler) manner(rounding, sat bool) manner {
	var m manner
	switch r := a.maybe("rn", "rz", "rm", "rp"); {
	case r != "":
		m.direction = directions[r]
	case rounding:
		if a.at < len(a.s.mods) {
			a.fail("unknown modifier .%s: the rounding is missing, or approximate", a.s.mods[a.at])
		}
		a.fail("the rounding is missing")
	}
	m.ftz = a.maybe("ftz") != ""
	m.sat = sat && a.maybe("sat") != ""
	m.kind = a.kind("f32", "f64")
	if m.kind.size == 8 && (m.ftz || m.sat) {
		a.fail(".ftz and .sat are of .f32")
	}
	return m
}

// wrap1, wrap2 and wrap3 add flushing and saturation to an operation on 32-bit numbers.
func (m manner) wrap1(f func(x uint64) uint64) func(x uint64) uint64 {
	if !m.ftz {
		return f
	}
	return func(x uint64) uint64 { return flush(f(flush(x))) }
}

func (m manner) wrap2(f func(x, y uint64) uint64) func(x, y uint64) uint64 {
	if m.ftz {
		g := f
		f = func(x, y uint64) uint64 { return flush(g(flush(x), flush(y))) }
	}
	if m.sat {
		g := f
		f = func(x, y uint64) uint64 { return saturate(g(x, y)) }
	}
	return f
}

func (m manner) wrap3(f func(x, y, z uint64) uint64) func(x, y, z uint64) uint64 {
	if m.ftz {
		g := f
		f = func(x, y, z uint64) uint64 { return flush(g(flush(x), flush(y), flush(z))) }
	}
	if m.sat {
		g := f
		f = func(x, y, z uint64) uint64 { return saturate(g(x, y, z)) }
	}
	return f
}

// simple reports whether an instruction rounds to nearest and does nothing besides.
func (m manner) simple() bool { return m.direction == nearest && !m.ftz && !m.sat }

func add32(x, y uint64) uint64    { return bits32(f32(x) + f32(y)) }
func add64(x, y uint64) uint64    { return bits64(f64(x) + f64(y)) }
func mul32(x, y uint64) uint64    { return bits32(float32(f32(x) * f32(y))) }
func mul64(x, y uint64) uint64    { return bits64(float64(f64(x) * f64(y))) }
func fma64(x, y, z uint64) uint64 { return bits64(math.FMA(f64(x), f64(y), f64(z))) }

// decodeFloatAdd decodes add and sub. Without a rounding modifier, they round to nearest; nothing is
// contracted.
func decodeFloatAdd(a *assembler, minus bool) operation {
	m := a.manner(false, true)
	flip := uint64(0)
	if minus {
		flip = 1 << (m.kind.bits() - 1)
	}
	switch {
	case m.simple() && m.kind.size == 4:
		return a.binaryLoop(m.kind, func(d, x, y *lanes) {
			each2(d, x, y, func(x, y uint64) uint64 { return add32(x, y^flip) })
		})
	case m.simple():
		return a.binaryLoop(m.kind, func(d, x, y *lanes) {
			each2(d, x, y, func(x, y uint64) uint64 { return add64(x, y^flip) })
		})
	}
	return a.binary(m.kind, m.wrap2(adder(m, flip)))
}

// adder returns x + y, with the sign of y flipped if flip has the sign bit.
func adder(m manner, flip uint64) func(x, y uint64) uint64 {
	dir := m.direction
	switch {
	case m.kind.size == 4 && dir == nearest:
		return func(x, y uint64) uint64 { return add32(x, y^flip) }
	case m.kind.size == 4:
		return func(x, y uint64) uint64 {
			a, b := f32(x), f32(y^flip)
			return bits32(float32(directedFma(dir, float64(a), 1, float64(b), float64(a+b), next32)))
		}
	case dir == nearest:
		return func(x, y uint64) uint64 { return add64(x, y^flip) }
	}
	return func(x, y uint64) uint64 {
		a, b := f64(x), f64(y^flip)
		return bits64(directedFma(dir, a, 1, b, a+b, math.Nextafter))
	}
}

// decodeFloatMul decodes mul.
func decodeFloatMul(a *assembler) operation {
	m := a.manner(false, true)
	dir := m.direction
	var f func(x, y uint64) uint64
	switch {
	case m.simple() && m.kind.size == 4:
		return a.binaryLoop(m.kind, func(d, x, y *lanes) { each2(d, x, y, mul32) })
	case m.simple():
		return a.binaryLoop(m.kind, func(d, x, y *lanes) { each2(d, x, y, mul64) })
	case m.kind.size == 4 && dir == nearest:
		f = mul32
	case m.kind.size == 4:
		f = func(x, y uint64) uint64 {
			a, b := f32(x), f32(y)
			return bits32(float32(directedFma(dir, float64(a), float64(b), 0, float64(float32(a*b)), next32)))
		}
	case dir == nearest:
		f = mul64
	default:
		f = func(x, y uint64) uint64 {
			a, b := f64(x), f64(y)
			return bits64(directedFma(dir, a, b, 0, float64(a*b), math.Nextafter))
		}
	}
	return a.binary(m.kind, m.wrap2(f))
}

// decodeFma decodes fma, and mad, which is the same.
func decodeFma(a *assembler) operation {
	m := a.manner(true, true)
	dir := m.direction
	var f func(x, y, z uint64) uint64
	switch {
	case m.simple() && m.kind.size == 8:
		return a.ternaryLoop(m.kind, func(d, x, y, z *lanes) { each3(d, x, y, z, fma64) })
	case m.kind.size == 4 && dir == nearest:
		f = func(x, y, z uint64) uint64 { return bits32(fma32(f32(x), f32(y), f32(z))) }
	case m.kind.size == 4:
		f = func(x, y, z uint64) uint64 {
			a, b, c := f32(x), f32(y), f32(z)
			r := float64(fma32(a, b, c))
			return bits32(float32(directedFma(dir, float64(a), float64(b), float64(c), r, next32)))
		}
	default:
		f = func(x, y, z uint64) uint64 {
			a, b, c := f64(x), f64(y), f64(z)
			return bits64(directedFma(dir, a, b, c, math.FMA(a, b, c), math.Nextafter))
		}
	}
	return a.ternary(m.kind, m.wrap3(f))
}

// divider returns x / y.
func divider(m manner) func(x, y uint64) uint64 {
	dir := m.direction
	if m.kind.size == 4 {
		return func(x, y uint64) uint64 {
			a, b := f32(x), f32(y)
			r := a / b
			if dir != nearest {
				r = float32(directedDiv(dir, float64(a), float64(b), float64(r), next32))
			}
			return bits32(r)
		}
	}
	return func(x, y uint64) uint64 {
		a, b := f64(x), f64(y)
		r := a / b
		if dir != nearest {
			r = directedDiv(dir, a, b, r, math.Nextafter)
		}
		return bits64(r)
	}
}

// decodeFloatDiv decodes div.
func decodeFloatDiv(a *assembler) operation {
	m := a.manner(true, false)
	return a.binary(m.kind, m.wrap2(divider(m)))
}

// decodeRoot decodes sqrt and rcp.
func decodeRoot(a *assembler) operation {
	m := a.manner(true, false)
	dir := m.direction
	switch {
	case a.s.opcode == "rcp":
		one := bits64(1)
		if m.kind.size == 4 {
			one = bits32(1)
		}
		divide := divider(m)
		return a.unary(m.kind, m.wrap1(func(x uint64) uint64 { return divide(one, x) }))
	case m.kind.size == 4:
		return a.unary(m.kind, m.wrap1(func(x uint64) uint64 {
			v := float64(f32(x))
			r := float64(float32(math.Sqrt(v)))
			if dir != nearest {
				r = directedRoot(dir, v, r, next32)
			}
			return bits32(float32(r))
		}))
	}
	return a.unary(m.kind, func(x uint64) uint64 {
		v := f64(x)
		r := math.Sqrt(v)
		if dir != nearest {
			r = directedRoot(dir, v, r, math.Nextafter)
		}
		return bits64(r)
	})
}

// decodeFloatMin decodes min and max. Of a number and NaN, the result is the number, unless .NaN is set; −0
// is less than +0.
func decodeFloatMin(a *assembler) operation {
	var m manner
	m.ftz = a.maybe("ftz") != ""
	strict := a.maybe("NaN") != ""
	m.kind = a.kind("f32", "f64")
	if m.kind.size == 8 && (m.ftz || strict) {
		a.fail(".ftz and .NaN are of .f32")
	}
	if strict {
		a.needs(70, 80)
	}
	most := a.s.opcode == "max"
	choose := func(x, y float64) float64 {
		switch {
		case x != x && strict, y != y && strict:
			return math.NaN()
		case x != x:
			return y
		case y != y:
			return x
		case x == y:
			if math.Signbit(x) == most {
				return y
			}
			return x
		case x < y == most:
			return y
		}
		return x
	}
	if m.kind.size == 4 {
		return a.binary(m.kind, m.wrap2(func(x, y uint64) uint64 {
			return bits32(float32(choose(float64(f32(x)), float64(f32(y)))))
		}))
	}
	return a.binary(m.kind, func(x, y uint64) uint64 { return bits64(choose(f64(x), f64(y))) })
}

// decodeFloatAbs decodes abs and neg, which change only the sign.
func decodeFloatAbs(a *assembler) operation {
	var m manner
	m.ftz = a.maybe("ftz") != ""
	m.kind = a.kind("f32", "f64")
	if m.kind.size == 8 && m.ftz {
		a.fail(".ftz is of .f32")
	}
	sign := uint64(1) << (m.kind.bits() - 1)
	if a.s.opcode == "neg" {
		return a.unary(m.kind, m.wrap1(func(x uint64) uint64 { return x ^ sign }))
	}
	return a.unary(m.kind, m.wrap1(func(x uint64) uint64 { return x &^ sign }))
}

// decodeCopysign decodes copysign: b with the sign of a.
func decodeCopysign(a *assembler) operation {
	k := a.kind("f32", "f64")
	sign := uint64(1) << (k.bits() - 1)
	return a.binary(k, func(x, y uint64) uint64 { return y&^sign | x&sign })
}

// decodeTestp decodes testp: a test of a number's class. Zeros count as normal.
func decodeTestp(a *assembler) operation {
	sort := a.must("finite", "infinite", "number", "notanumber", "normal", "subnormal")
	k := a.kind("f32", "f64")
	a.takes(2)
	from := a.source(a.operand(1), k)
	to := a.predicate(a.operand(0))
	infinity, least := uint64(0x7f800000), uint64(0x00800000)
	if k.size == 8 {
		infinity, least = 0x7ff0000000000000, 0x0010000000000000
	}
	is := map[string]func(x uint64) bool{
		"finite":     func(x uint64) bool { return x < infinity },
		"infinite":   func(x uint64) bool { return x == infinity },
		"number":     func(x uint64) bool { return x <= infinity },
		"notanumber": func(x uint64) bool { return x > infinity },
		"normal":     func(x uint64) bool { return x == 0 || least <= x && x < infinity },
		"subnormal":  func(x uint64) bool { return 0 < x && x < least },
	}[sort]
	magnitude := ones(k.size) >> 1
	return a.setPredicate(to, func(w *warp) uint32 {
		var out uint32
		for i, x := range w.source(from) {
			if is(x & magnitude) {
				out |= 1 << i
			}
		}
		return out
	})
}
