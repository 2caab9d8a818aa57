package emulator_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/matsense/matsense/gpu/emulator"
)

// holds reports whether the comparison called name holds for an order: −1 less, 0 equal, 1 greater, 2 if one
// of the two is NaN. Comparisons whose names end in u hold for NaNs.
func holds(name string, order int) bool {
	switch name {
	case "num":
		return order != 2
	case "nan":
		return order == 2
	}
	if order == 2 {
		return len(name) == 3
	}
	switch name[:2] {
	case "eq":
		return order == 0
	case "ne":
		return order != 0
	case "lt", "lo":
		return order < 0
	case "le", "ls":
		return order <= 0
	case "gt", "hi":
		return order > 0
	}
	return order >= 0 // ge, hs
}

// combine has the operations by which setp combines a comparison with a predicate.
var combine = map[string]func(a, b bool) bool{
	"and": func(a, b bool) bool { return a && b },
	"or":  func(a, b bool) bool { return a || b },
	"xor": func(a, b bool) bool { return a != b },
}

func TestCompareIntegers(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for seed, k := range []integer{b16, b32, b64, u16, s16, u32, s32, u64, s64} {
		names := []string{"eq", "ne"}
		if k.name[0] != 'b' {
			names = append(names, "lt", "le", "gt", "ge")
		}
		if k.name[0] == 'u' {
			names = append(names, "lo", "ls", "hi", "hs")
		}
		operands := tuples(uint64(seed), 100, k, k)
		for _, x := range tuples(uint64(seed), 20, k) {
			operands = append(operands, []uint64{x[0], x[0]})
		}
		for _, name := range names {
			t.Run(name+"."+k.name, func(t *testing.T) {
				o := operation{
					fmt.Sprintf("setp.%s.%s %%d, %%a, %%b;", name, k.name),
					kinds("pred"), registersOf(k, k),
				}
				o.check(t, d, operands, func(x []uint64) []uint64 {
					return []uint64{truth(holds(name, k.of(x[0]).Cmp(k.of(x[1]))))}
				})
			})
		}
	}
}

func TestCompareFloats(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for _, f := range []format{single, double} {
		operands := f.operands(2, 200, 12)
		order := func(a, b uint64) int {
			switch {
			case f.isNaN(a) || f.isNaN(b):
				return 2
			case f.of(a).zero() && f.of(b).zero() || a == b:
				return 0
			case f.rank(a) < f.rank(b):
				return -1
			}
			return 1
		}
		for _, name := range []string{
			"eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan",
		} {
			for _, modifier := range []string{"", ".ftz"} {
				if modifier != "" && f != single {
					continue
				}
				t.Run(name+modifier+"."+f.name, func(t *testing.T) {
					o := operation{
						fmt.Sprintf("setp.%s%s.%s %%d, %%a, %%b;", name, modifier, f.name),
						kinds("pred"), repeat(f.name, 2),
					}
					o.check(t, d, operands, func(x []uint64) []uint64 {
						a, b := x[0], x[1]
						if modifier != "" {
							a, b = f.flush(a), f.flush(b)
						}
						return []uint64{truth(holds(name, order(a, b)))}
					})
				})
			}
		}
	}
}

// The first destination is the comparison combined with a predicate, the second its opposite combined with
// the same.
func TestCompareAndCombine(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	rng := rand.New(rand.NewPCG(13, 0))
	var ints, floats [][]uint64
	for range 300 {
		ints = append(ints, []uint64{rng.Uint64N(3), rng.Uint64N(3), rng.Uint64N(2)})
		pick := func() uint64 { return []uint64{0, single.one(), single.nan()}[rng.IntN(3)] }
		floats = append(floats, []uint64{pick(), pick(), rng.Uint64N(2)})
	}
	for name, of := range combine {
		for _, negate := range []string{"", "!"} {
			given := func(x uint64) bool { return (x == 1) != (negate == "!") }
			t.Run("lt."+name+".u32 "+negate, func(t *testing.T) {
				o := operation{
					fmt.Sprintf("setp.lt.%s.u32 %%d|%%e, %%a, %%b, %s%%c;", name, negate),
					kinds("pred", "pred"), kinds("u32", "u32", "pred"),
				}
				o.check(t, d, ints, func(x []uint64) []uint64 {
					v := x[0] < x[1]
					return []uint64{truth(of(v, given(x[2]))), truth(of(!v, given(x[2])))}
				})
			})
			// A NaN is not less, so the opposite holds, although neither lt nor ge holds.
			t.Run("lt."+name+".f32 "+negate, func(t *testing.T) {
				o := operation{
					fmt.Sprintf("setp.lt.%s.f32 %%d|%%e, %%a, %%b, %s%%c;", name, negate),
					kinds("pred", "pred"), kinds("f32", "f32", "pred"),
				}
				o.check(t, d, floats, func(x []uint64) []uint64 {
					v := x[0] == 0 && x[1] == single.one()
					return []uint64{truth(of(v, given(x[2]))), truth(of(!v, given(x[2])))}
				})
			})
			t.Run("one destination "+name+negate, func(t *testing.T) {
				o := operation{
					fmt.Sprintf("setp.ge.%s.s32 %%d, %%a, %%b, %s%%c;", name, negate),
					kinds("pred"), kinds("s32", "s32", "pred"),
				}
				o.check(t, d, ints, func(x []uint64) []uint64 {
					return []uint64{truth(of(x[0] >= x[1], given(x[2])))}
				})
			})
		}
	}
	t.Run("two destinations alone", func(t *testing.T) {
		o := operation{"setp.gt.u64 %d|%e, %a, %b;", kinds("pred", "pred"), kinds("u64", "u64", "pred")}
		o.check(t, d, ints, func(x []uint64) []uint64 {
			return []uint64{truth(x[0] > x[1]), truth(x[0] <= x[1])}
		})
	})
}

// A destination that is not needed is written as _.
func TestCompareToNowhere(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	o := operation{
		"setp.lt.u32 %d|_, %a, %b; setp.lt.u32 _|%e, %a, %b;", kinds("pred", "pred"), kinds("u32", "u32"),
	}
	o.check(t, d, product([]uint64{0, 1, 2}, []uint64{0, 1, 2}), func(x []uint64) []uint64 {
		return []uint64{truth(x[0] < x[1]), truth(x[0] >= x[1])}
	})
}

func TestSelect(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for _, kind := range []string{
		"b16", "b32", "b64", "u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64",
	} {
		t.Run(kind, func(t *testing.T) {
			o := operation{"selp." + kind + " %d, %a, %b, %c;", kinds(kind), kinds(kind, kind, "pred")}
			// Small bit patterns, so that no float is a NaN, and adjacent numbers.
			operands := [][]uint64{{1, 2, 0}, {1, 2, 1}, {0x7f80, 0x7f81, 0}, {0x7f80, 0x7f81, 1}}
			o.check(t, d, operands, func(x []uint64) []uint64 { return []uint64{x[1-x[2]]} })
		})
	}
}

func TestPredicates(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	operands := product([]uint64{0, 1}, []uint64{0, 1})
	for text, of := range map[string]func(a, b bool) bool{
		"and.pred %d, %a, %b;": func(a, b bool) bool { return a && b },
		"or.pred %d, %a, %b;":  func(a, b bool) bool { return a || b },
		"xor.pred %d, %a, %b;": func(a, b bool) bool { return a != b },
		"not.pred %d, %a;":     func(a, _ bool) bool { return !a },
		"mov.pred %d, %a;":     func(a, _ bool) bool { return a },
		"mov.pred %d, 1;":      func(_, _ bool) bool { return true },
	} {
		t.Run(text, func(t *testing.T) {
			o := operation{text, kinds("pred"), kinds("pred", "pred")}
			o.check(t, d, operands, func(x []uint64) []uint64 {
				return []uint64{truth(of(x[0] == 1, x[1] == 1))}
			})
		})
	}
}

// An instruction whose guard is false has no effect: neither a move, a store, a load from an invalid address,
// nor an atomic.
func TestGuards(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for _, tt := range []struct {
		name, text  string
		hold, yield [2]uint64 // results if the predicate is false, and if it is true
	}{
		{"move", "mov.u32 %d, 5; @%a mov.u32 %d, 6; mov.u32 %e, 7; @!%a mov.u32 %e, 8;",
			[2]uint64{5, 8}, [2]uint64{6, 7}},
		{"store", "@%a st.global.u32 [%cell], 9; ld.global.u32 %d, [%cell]; mov.u32 %e, %d;",
			[2]uint64{0, 0}, [2]uint64{9, 9}},
		{"load",
			"selp.b64 %offset, %cell, 0, %a; mov.u32 %d, 3; mov.u32 %e, 4; @%a ld.global.u32 %d, [%offset];",
			[2]uint64{3, 4}, [2]uint64{0, 4}},
		{
			"atomic", "mov.u32 %e, 1; @!%a atom.global.add.u32 %e, [%cell], 2; ld.global.u32 %d, [%cell];",
			[2]uint64{2, 0}, [2]uint64{0, 1},
		},
		{
			"branch", "mov.u32 %d, 1; mov.u32 %e, 2; @!%a bra past; mov.u32 %d, 3; past: add.u32 %e, %e, %d;",
			[2]uint64{1, 3}, [2]uint64{3, 5},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := operation{tt.text, kinds("u32", "u32"), kinds("pred")}
			o.check(t, d, [][]uint64{{0}, {1}, {1}, {0}, {0}}, func(x []uint64) []uint64 {
				if x[0] == 1 {
					return tt.yield[:]
				}
				return tt.hold[:]
			})
		})
	}
}
