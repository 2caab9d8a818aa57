package emulator

import "math/bits"

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
	return func(w *warp, mask uint32) {
		x, y := w.source(x), w.source(y)
		var t uint32
		for m := mask; m != 0; m &= m - 1 {
			if i := bits.TrailingZeros32(m) & 31; holds(x[i], y[i]) {
				t |= 1 << i
			}
		}
		f := ^t
		if with >= 0 {
			c := w.preds[with] ^ invert
			t, f = combined(combine, t, c), combined(combine, f, c)
		}
		if yes >= 0 {
			w.preds[yes] = w.preds[yes]&^mask | t&mask
		}
		if no >= 0 {
			w.preds[no] = w.preds[no]&^mask | f&mask
		}
	}
}

func combined(how string, x, y uint32) uint32 {
	switch how {
	case "and":
		return x & y
	case "or":
		return x | y
	}
	return x ^ y
}

// comparison returns a comparison of two numbers of a type; nil if there is none of that name.
func comparison(name string, k kind, ftz bool) func(x, y uint64) bool {
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
		switch name {
		case "eq":
			return func(x, y uint64) bool { return x == y }
		case "ne":
			return func(x, y uint64) bool { return x != y }
		case "lt":
			return func(x, y uint64) bool { return int64(x<<unused) < int64(y<<unused) }
		case "le":
			return func(x, y uint64) bool { return int64(x<<unused) <= int64(y<<unused) }
		case "gt":
			return func(x, y uint64) bool { return int64(x<<unused) > int64(y<<unused) }
		case "ge":
			return func(x, y uint64) bool { return int64(x<<unused) >= int64(y<<unused) }
		}
		return nil
	}
	switch name {
	case "eq":
		return func(x, y uint64) bool { return x == y }
	case "ne":
		return func(x, y uint64) bool { return x != y }
	}
	if k.class == 'b' {
		return nil
	}
	switch name {
	case "lt", "lo":
		return func(x, y uint64) bool { return x < y }
	case "le", "ls":
		return func(x, y uint64) bool { return x <= y }
	case "gt", "hi":
		return func(x, y uint64) bool { return x > y }
	case "ge", "hs":
		return func(x, y uint64) bool { return x >= y }
	}
	return nil
}

// ordering returns a comparison of floating-point numbers from how two of them compare; nil if there is none
// of that name.
func ordering(name string, lie func(x, y uint64) (less, equal, unordered bool)) func(x, y uint64) bool {
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
	return func(x, y uint64) bool {
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
}
