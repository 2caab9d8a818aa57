package emulator

// decodeSetp decodes setp: a comparison, optionally combined with a predicate.
func decodeSetp(a *assembler) operation {
	compare := a.must("eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs",
		"equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan")
	combine := a.maybe("and", "or", "xor")
	ftz := a.maybe("ftz") != ""
	k := a.kind("b16", "b32", "b64", "u16", "u32", "u64", "s16", "s32", "s64", "f32", "f64")
	if ftz && k != kinds["f32"] {
		a.fail(".ftz is of .f32")
	}
	holds := comparison(compare, k, ftz)
	if holds == nil {
		a.fail("no comparison of %v", k)
	}
	if combine == "" {
		a.takes(3)
	} else {
		a.takes(4)
	}
	x, y := a.source(a.operand(1), k), a.source(a.operand(2), k)
	with, invert := int32(-1), uint32(0)
	if combine != "" {
		with, invert = a.condition(a.operand(3))
	}
	yes, no := int32(-1), int32(-1)
	if d := a.operand(0); d.kind == pairOperand {
		yes, no = a.predicate(&d.parts[0]), a.predicate(&d.parts[1])
	} else {
		yes = a.predicate(d)
	}
	combined := combinations[combine]
	return func(w *warp, mask uint32) {
		t := holds(w.source(x), w.source(y))
		f := ^t
		if with >= 0 {
			c := w.preds[with] ^ invert
			t, f = combined(t, c), combined(f, c)
		}
		if yes >= 0 {
			w.preds[yes] = w.preds[yes]&^mask | t&mask
		}
		if no >= 0 {
			w.preds[no] = w.preds[no]&^mask | f&mask
		}
	}
}

var combinations = map[string]func(x, y uint32) uint32{
	"and": func(x, y uint32) uint32 { return x & y },
	"or":  func(x, y uint32) uint32 { return x | y },
	"xor": func(x, y uint32) uint32 { return x ^ y },
}

// test is a comparison of two registers: the lanes in which it holds.
type test func(x, y *lanes) uint32

// tests returns the lanes in which f holds.
func tests(x, y *lanes, f func(x, y uint64) bool) uint32 {
	var out uint32
	for i := range x {
		bit := uint32(0)
		if f(x[i], y[i]) {
			bit = 1
		}
		out |= bit << i
	}
	return out
}

// comparison returns a comparison of two numbers of a type; nil if there is none of that name.
func comparison(name string, k kind, ftz bool) test {
	less := func(x, y *lanes) uint32 {
		return tests(x, y, func(x, y uint64) bool { return x < y })
	}
	switch k.class {
	case 'f':
		if k.size == 8 {
			return ordering(name, func(x, y uint64) (less, equal, unordered bool) {
				a, b := f64(x), f64(y)
				return a < b, a == b, a != a || b != b
			})
		}
		return ordering(name, func(x, y uint64) (less, equal, unordered bool) {
			if ftz {
				x, y = flush(x), flush(y)
			}
			a, b := f32(x), f32(y)
			return a < b, a == b, a != a || b != b
		})
	case 's':
		unused := 64 - k.bits()
		less = func(x, y *lanes) uint32 {
			return tests(x, y, func(x, y uint64) bool { return int64(x<<unused) < int64(y<<unused) })
		}
	}
	others := map[string]string{"lo": "lt", "ls": "le", "hi": "gt", "hs": "ge"}
	if other, ok := others[name]; ok && k.class == 'u' {
		name = other
	}
	switch {
	case name == "eq":
		return equal
	case name == "ne":
		return turned(equal, false, true)
	case k.class == 'b':
		return nil
	case name == "lt":
		return turned(less, false, false)
	case name == "ge":
		return turned(less, false, true)
	case name == "gt":
		return turned(less, true, false)
	case name == "le":
		return turned(less, true, true)
	}
	return nil
}

// equal is the comparison of any two numbers that are not floating-point.
func equal(x, y *lanes) uint32 {
	return tests(x, y, func(x, y uint64) bool { return x == y })
}

// turned returns a test with its operands swapped, or its opposite, or both.
func turned(t test, swapped, opposite bool) test {
	var flip uint32
	if opposite {
		flip = allLanes
	}
	return func(x, y *lanes) uint32 {
		if swapped {
			x, y = y, x
		}
		return t(x, y) ^ flip
	}
}

// ordering returns a comparison of floating-point numbers from how two of them compare; nil if there is none
// of that name.
func ordering(name string, lie func(x, y uint64) (less, equal, unordered bool)) test {
	var less, equal, greater, unordered bool // whether the comparison holds in each case
	switch name {
	case "eq", "equ":
		equal = true
	case "ne", "neu":
		less, greater = true, true
	case "lt", "ltu":
		less = true
	case "le", "leu":
		less, equal = true, true
	case "gt", "gtu":
		greater = true
	case "ge", "geu":
		greater, equal = true, true
	case "num":
		less, equal, greater = true, true, true
	case "nan":
		unordered = true
	default:
		return nil
	}
	unordered = unordered || len(name) == 3 && name[2] == 'u'
	holds := func(x, y uint64) bool {
		l, e, u := lie(x, y)
		switch {
		case u:
			return unordered
		case e:
			return equal
		case l:
			return less
		}
		return greater
	}
	return func(x, y *lanes) uint32 { return tests(x, y, holds) }
}
