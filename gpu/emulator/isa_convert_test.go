package emulator_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/emulator"
)

var integers = []integer{u8, s8, u16, s16, u32, s32, u64, s64}

// register is the narrowest register type that holds an integer type: there are no 8-bit registers.
func register(k integer) integer {
	width := max(k.width, 16)
	return integer{fmt.Sprintf("b%d", width), width, k.signed}
}

// Narrowing keeps the low bits, or gives the nearest number with .sat. A signed source is sign-extended; a
// register wider than the destination's type is extended according to that type.
func TestConvertIntegers(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for _, from := range integers {
		for _, to := range integers {
			// Bits of the source register beyond its type are ignored.
			operands := tuples(6, 60, from)
			for i, x := range operands {
				operands[i] = []uint64{
					register(from).mask(x[0] ^ uint64(i)*0x9e37_79b9_7f4a_7c15<<from.width),
				}
			}
			for _, saturate := range []bool{false, true} {
				if saturate && to.least().Cmp(from.least()) <= 0 && to.most().Cmp(from.most()) >= 0 {
					continue // nothing to clamp: not an instruction
				}
				modifier := ""
				if saturate {
					modifier = ".sat"
				}
				text := fmt.Sprintf("cvt%s.%s.%s", modifier, to.name, from.name)
				t.Run(text, func(t *testing.T) {
					o := operation{text + " %d, %a;", kinds(register(to).name), kinds(register(from).name)}
					o.check(t, d, operands, func(x []uint64) []uint64 {
						v := from.of(x[0])
						if saturate {
							v = to.clamp(v)
						}
						return []uint64{register(to).wrap(to.of(to.wrap(v)))}
					})
				})
			}
		}
	}
}

// 32- and 64-bit registers can hold narrower operands: the bits above are ignored in a source and set in a
// destination.
func TestConvertInWideRegisters(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for _, from := range integers[:6] {
		for _, to := range integers[:6] {
			for _, hold := range []integer{b32, b64} {
				text := fmt.Sprintf("cvt.%s.%s", to.name, from.name)
				t.Run(text+" in "+hold.name, func(t *testing.T) {
					o := operation{text + " %d, %a;", kinds(hold.name), kinds(hold.name)}
					o.check(t, d, tuples(7, 40, hold), func(x []uint64) []uint64 {
						return []uint64{hold.wrap(to.of(to.wrap(from.of(x[0]))))}
					})
				})
			}
		}
	}
}

func TestConvertToFloat(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for _, from := range integers {
		// Integers around the midpoints between adjacent floats of both formats.
		operands := tuples(8, 60, from)
		rng := rand.New(rand.NewPCG(8, uint64(from.width)))
		for range 60 {
			for _, precision := range []uint{24, 53} {
				if from.width <= precision {
					continue
				}
				shift := 1 + uint(rng.IntN(int(from.width-precision)))
				v := (rng.Uint64()>>(64-precision)|1<<(precision-1))<<shift | 1<<(shift-1)
				operands = append(operands, []uint64{from.mask(v)}, []uint64{from.mask(v + 1)},
					[]uint64{from.mask(v - 1)}, []uint64{from.mask(-v)})
			}
		}
		for _, to := range []format{single, double} {
			for _, r := range roundings {
				text := fmt.Sprintf("cvt.%s.%s.%s", r, to.name, from.name)
				t.Run(text, func(t *testing.T) {
					o := operation{text + " %d, %a;", kinds(to.name), kinds(register(from).name)}
					o.check(t, d, operands, func(x []uint64) []uint64 {
						v := from.of(x[0])
						return []uint64{
							to.round(number{negative: v.Sign() < 0, whole: new(big.Int).Abs(v)}, r),
						}
					})
				})
			}
		}
	}
}

// whole are floats at which rounding to an integer or clamping matters: next to every integer up to 3, next
// to the ends of every type, and random ones.
func whole(f format) [][]uint64 {
	out := f.operands(1, 200, 9)
	add := func(v *big.Int, power int) {
		bits := f.round(number{negative: v.Sign() < 0, whole: new(big.Int).Abs(v), power: power}, "rn")
		out = append(out, []uint64{bits}, []uint64{bits + 1})
		if bits > 0 {
			out = append(out, []uint64{bits - 1})
		}
	}
	for quarter := int64(-13); quarter <= 13; quarter++ {
		add(big.NewInt(quarter), -2)
	}
	for _, k := range integers {
		for _, end := range []*big.Int{k.least(), k.most()} {
			for half := int64(-3); half <= 3; half++ {
				v := new(big.Int).Lsh(end, 1)
				add(v.Add(v, big.NewInt(half)), -1)
			}
		}
	}
	rng := rand.New(rand.NewPCG(9, uint64(f.width)))
	for range 200 {
		add(new(big.Int).SetUint64(rng.Uint64()>>rng.IntN(64)), -rng.IntN(12))
		add(big.NewInt(-rng.Int64()>>rng.IntN(64)), -rng.IntN(12))
	}
	return out
}

// A float is rounded to an integer in the given direction and clamped to the type's range. The ISA up to 8.7
// makes NaN 0; later editions say that conversions from .f64 or to 64 bits make it the highest bit alone.
func TestConvertFromFloat(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for _, from := range []format{single, double} {
		operands := whole(from)
		for _, to := range integers {
			for _, r := range roundings {
				for _, modifier := range []string{"", ".ftz", ".sat"} {
					if modifier == ".ftz" && from != single {
						continue
					}
					text := fmt.Sprintf("cvt.%si%s.%s.%s", r, modifier, to.name, from.name)
					t.Run(text, func(t *testing.T) {
						o := operation{text + " %d, %a;", kinds(register(to).name), kinds(from.name)}
						o.check(t, d, operands, func(x []uint64) []uint64 {
							bits := x[0]
							if modifier == ".ftz" {
								bits = from.flush(bits)
							}
							v := from.of(bits)
							var out *big.Int
							switch {
							case v.nan && (from == double || to.width == 64):
								return nil
							case v.nan:
								out = new(big.Int)
							case v.infinite && v.negative:
								out = to.least()
							case v.infinite:
								out = to.most()
							default:
								out, _ = v.divide(-v.power, r)
								if v.negative {
									out.Neg(out)
								}
								out = to.clamp(out)
							}
							return []uint64{register(to).wrap(out)}
						})
					})
				}
			}
		}
	}
}

// A NaN becomes 0, or the highest bit alone: see TestConvertFromFloat.
func TestConvertNaNTo64Bits(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for _, from := range []format{single, double} {
		for _, to := range integers {
			if from == single && to.width < 64 {
				continue
			}
			text := fmt.Sprintf("cvt.rzi.%s.%s", to.name, from.name)
			t.Run(text, func(t *testing.T) {
				o := operation{text + " %d, %a;", kinds(register(to).name), kinds(from.name)}
				high := integer{"", to.width, false}.mask(1 << (to.width - 1))
				nans := [][]uint64{{from.nan()}, {from.nan() | from.sign()}, {from.infinity() + 1}}
				for _, got := range o.run(t, d, nans) {
					if v := to.mask(got[0]); v != 0 && v != high {
						t.Errorf("NaN becomes %#x, want 0 or %#x", got[0], high)
					}
				}
			})
		}
	}
}

func TestConvertFloats(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	// Doubles next to floats, midpoints between floats, and the ends of the floats' range; then the floats
	// themselves.
	var doubles [][]uint64
	for _, x := range append(single.operands(1, 300, 10), whole(single)...) {
		bits := double.round(single.of(x[0]), "rn")
		const half = 1 << 28
		for _, v := range []uint64{
			bits, bits + 1, bits - 1, bits + half, bits + half - 1, bits + half + 1, bits - half,
		} {
			doubles = append(doubles, []uint64{v})
		}
	}
	doubles = append(doubles, double.operands(1, 200, 10)...)
	for _, r := range roundings {
		for _, modifier := range []string{"", ".ftz", ".sat"} {
			text := fmt.Sprintf("cvt.%s%s.f32.f64", r, modifier)
			t.Run(text, func(t *testing.T) {
				o := operation{text + " %d, %a;", kinds("f32"), kinds("f64")}
				o.check(t, d, doubles, func(x []uint64) []uint64 {
					v := double.of(x[0])
					return single.compute(func([]number, rounding) number { return v }, nil, r,
						modifier == ".ftz", modifier == ".sat")
				})
			})
		}
	}
	for _, modifier := range []string{"", ".ftz", ".sat"} {
		text := fmt.Sprintf("cvt%s.f64.f32", modifier)
		t.Run(text, func(t *testing.T) {
			o := operation{text + " %d, %a;", kinds("f64"), kinds("f32")}
			o.check(t, d, append(single.operands(1, 300, 10), whole(single)...), func(x []uint64) []uint64 {
				bits := x[0]
				if modifier == ".ftz" {
					bits = single.flush(bits)
				}
				v := single.of(bits)
				return double.compute(func([]number, rounding) number { return v }, nil, "rn", false,
					modifier == ".sat")
			})
		})
	}
	// Conversion to the same format: .sat clamps and .ftz flushes.
	for _, modifier := range []string{"", ".sat", ".ftz", ".ftz.sat"} {
		text := "cvt" + modifier + ".f32.f32"
		t.Run(text, func(t *testing.T) {
			o := operation{text + " %d, %a;", kinds("f32"), kinds("f32")}
			o.check(t, d, whole(single), func(x []uint64) []uint64 {
				same := func(x []number, _ rounding) number { return x[0] }
				return single.compute(same, x, "rn", strings.HasPrefix(modifier, ".ftz"),
					strings.HasSuffix(modifier, ".sat"))
			})
		})
	}
	// Rounding to an integer in the same format; zeros keep their sign.
	for _, f := range []format{single, double} {
		for _, r := range roundings {
			text := fmt.Sprintf("cvt.%si.%s.%s", r, f.name, f.name)
			t.Run(text, func(t *testing.T) {
				o := operation{text + " %d, %a;", kinds(f.name), kinds(f.name)}
				o.check(t, d, whole(f), func(x []uint64) []uint64 {
					v := f.of(x[0])
					if !v.finite() {
						return []uint64{f.round(v, r)}
					}
					v.whole, _ = v.divide(-v.power, r)
					v.power = 0
					return []uint64{f.round(v, "rn")}
				})
			})
		}
	}
}

// bf16 is the upper half of f32, correctly rounded; the conversion back is exact.
func TestConvertToBrainFloat(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	var operands [][]uint64
	for _, x := range append(single.operands(1, 400, 11), whole(single)...) {
		for _, low := range []uint64{0, 1, 0x7fff, 0x8000, 0x8001, 0xffff} {
			operands = append(operands, []uint64{x[0]&^0xffff | low})
		}
	}
	for _, r := range roundings[:2] {
		text := fmt.Sprintf("cvt.%s.bf16.f32", r)
		t.Run(text, func(t *testing.T) {
			o := operation{text + " %d, %a;", kinds("b16"), kinds("f32")}
			for i, got := range o.run(t, d, operands) {
				want := brain.round(single.of(operands[i][0]), r)
				if got[0] != want && (!brain.isNaN(got[0]) || !brain.isNaN(want)) {
					t.Errorf("%#x becomes %#x, want %#x", operands[i][0], got[0], want)
				}
			}
		})
		pair := fmt.Sprintf("cvt.%s.bf16x2.f32", r)
		t.Run(pair, func(t *testing.T) {
			// The first operand is the upper half.
			o := operation{pair + " %d, %a, %b;", kinds("b32"), kinds("f32", "f32")}
			var finite [][]uint64
			for i, x := range operands {
				if y := operands[(i+1)*7919%len(operands)]; !single.isNaN(x[0]) && !single.isNaN(y[0]) {
					finite = append(finite, []uint64{x[0], y[0]})
				}
			}
			o.check(t, d, finite, func(x []uint64) []uint64 {
				return []uint64{brain.round(single.of(x[0]), r)<<16 | brain.round(single.of(x[1]), r)}
			})
		})
	}
}

// From sm_90 on, bf16 values convert to floats directly.
func TestConvertFromBrainFloat(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	var operands [][]uint64
	for bits := range uint64(1 << 16) {
		if bits%7 == 0 || bits&0x7f < 2 || bits&0x7f > 0x7d {
			operands = append(operands, []uint64{bits})
		}
	}
	o := operation{"cvt.f32.bf16 %d, %a;", kinds("f32"), kinds("b16")}
	o.check(t, d, operands, func(x []uint64) []uint64 { return []uint64{x[0] << 16} })
}
