package emulator

import "math/bits"

// atomics are the types of each operation.
var atomics = map[string][]string{
	"add":  {"u32", "s32", "u64", "f32", "f64"},
	"min":  {"u32", "s32", "u64", "s64"},
	"max":  {"u32", "s32", "u64", "s64"},
	"and":  {"b32", "b64"},
	"or":   {"b32", "b64"},
	"xor":  {"b32", "b64"},
	"exch": {"b32", "b64"},
	"cas":  {"b32", "b64"},
	"inc":  {"u32"},
	"dec":  {"u32"},
}

// decodeAtom decodes atom and red.
func decodeAtom(a *assembler) operation {
	red := a.s.opcode == "red"
	order := a.maybe("relaxed", "acquire", "release", "acq_rel")
	if order != "" {
		a.needs(60, 70)
	}
	if red && (order == "acquire" || order == "acq_rel") {
		a.fail("red has .relaxed and .release")
	}
	s := beyond
	if a.maybe(scopes...) == "cta" {
		s = within
	}
	q := &request{what: "atomic", strength: s}
	a.space(q, "global", "shared", "shared::cta")
	operations := []string{"add", "min", "max", "and", "or", "xor", "inc", "dec"}
	if !red {
		operations = append(operations, "exch", "cas")
	}
	name := a.must(operations...)
	q.kind = a.kind(atomics[name]...)
	q.size = q.kind.size
	a.in.size = q.size
	if q.kind == kinds["f64"] {
		a.needs(50, 60)
	}
	of := [...]func(old, x, y uint64) uint64{
		globalSpace: atomic(name, q.kind, false), sharedSpace: atomic(name, q.kind, true),
	}
	first := 0
	if !red {
		first = 1
	}
	count := first + 2
	if name == "cas" {
		count++
	}
	a.takes(count)
	a.address(q, a.operand(first))
	var from []int32
	for i := first + 1; i < count; i++ {
		from = append(from, a.source(a.operand(i), q.kind))
	}
	// cas takes two numbers; for all other operations, y is x.
	x, y := from[0], from[len(from)-1]
	d := int32(-1)
	if !red && a.operand(0).kind != sinkOperand {
		d = a.destination(a.operand(0), q.kind)
	}
	acquire, release := order == "acquire" || order == "acq_rel", order == "release" || order == "acq_rel"
	return func(w *warp, mask uint32) {
		w.aim(q, mask)
		w.count(q, nil, mask, !red, true)
		for m := mask; m != 0; m &= m - 1 {
			lane := bits.TrailingZeros32(m)
			r, at := w.reach(q, lane, q.size)
			w.check(q, r, at, q.size, lane)
			if r.space == localSpace {
				w.fault(Bounds, lane, "an atomic on local memory")
			}
			w.noteWrite(r, at, q.size, lane, q.strength)
			if s == beyond {
				if !red {
					w.block.hear(w.scratch[lane], acquire)
				}
				w.block.tell(w.scratch[lane], release, true)
			}
			old := get(r.data, at, q.size)
			put(r.data, at, q.size, of[r.space](old, w.source(x)[lane], w.source(y)[lane]))
			if d >= 0 {
				w.regs[d][lane] = old
			}
		}
	}
}

// atomic returns the function that computes the new value in memory.
func atomic(name string, k kind, shared bool) func(old, x, y uint64) uint64 {
	limit := ones(k.size)
	switch name {
	case "add":
		switch {
		case k == kinds["f64"]:
			return func(old, x, y uint64) uint64 { return bits64(f64(old) + f64(x)) }
		case k == kinds["f32"] && shared:
			return func(old, x, y uint64) uint64 { return bits32(f32(old) + f32(x)) }
		case k == kinds["f32"]:
			// In global memory, subnormal numbers count as zero.
			return func(old, x, y uint64) uint64 { return flush(bits32(f32(flush(old)) + f32(flush(x)))) }
		}
		return func(old, x, y uint64) uint64 { return (old + x) & limit }
	case "min", "max":
		less, most := lessThan(k), name == "max"
		return func(old, x, y uint64) uint64 {
			if less(old, x) == most {
				return x
			}
			return old
		}
	case "and":
		return func(old, x, y uint64) uint64 { return old & x }
	case "or":
		return func(old, x, y uint64) uint64 { return old | x }
	case "xor":
		return func(old, x, y uint64) uint64 { return old ^ x }
	case "exch":
		return func(old, x, y uint64) uint64 { return x }
	case "cas":
		return func(old, x, y uint64) uint64 {
			if old == x {
				return y
			}
			return old
		}
	case "inc":
		return func(old, x, y uint64) uint64 {
			if old >= x {
				return 0
			}
			return old + 1
		}
	}
	return func(old, x, y uint64) uint64 { // dec
		if old == 0 || old > x {
			return x
		}
		return old - 1
	}
}
