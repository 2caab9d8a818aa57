package sensing

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/matsense/matsense/internal/numtest"
)

// Row i of f64 entries is the first K normals of the entries' stream. Rows of f32 and bf16 are the same
// normals, rounded.
func TestGaussianRoundsOneDraw(t *testing.T) {
	const seed, m = 1 << 40, 3
	for _, k := range lengths {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			space := Rect{1, k}
			for i := range m {
				want := make([]float64, k)
				NewStream(seed, EntriesStream).Normals(uint64(i), want)
				f64 := rowValues(t, draw(t, space, m, F64, seed), i)
				if !numtest.SameBits(f64, want) {
					t.Fatalf("row %d of f64 is not the stream's normals", i)
				}
				f32 := rowValues(t, draw(t, space, m, F32, seed), i)
				bf16 := rowValues(t, draw(t, space, m, BF16, seed), i)
				for j, x := range want {
					if f32[j] != float64(float32(x)) {
						t.Errorf("row %d entry %d: f32 is %x, want %x rounded", i, j, f32[j], x)
					}
					if want := nearestBF16(float32(x)).Float64(); bf16[j] != want {
						t.Errorf("row %d entry %d: bf16 of %x is %x, want %x",
							i, j, float32(x), bf16[j], want)
					}
				}
			}
		})
	}
}

// nearestBF16 chooses between the two bfloat16 numbers around x by their distances, which float64 holds
// exactly. A tie goes to the even number. After the largest finite number comes 2¹²⁸, which stands for
// infinity.
func nearestBF16(x float32) BF16Entry {
	down := BF16Entry(math.Float32bits(x) >> 16) // towards zero
	up := down + 1
	below := math.Abs(down.Float64())
	above := math.Abs(up.Float64())
	if math.IsInf(above, 0) {
		above = 0x1p128
	}
	size := math.Abs(float64(x))
	switch toDown, toUp := size-below, above-size; {
	case toDown < toUp:
		return down
	case toDown > toUp:
		return up
	case down%2 == 0:
		return down
	default:
		return up
	}
}

// Every upper half of a finite float32, with the lower halves at which rounding could change: the least, the
// second least, both neighbours of the tie, the tie, and the largest.
func TestRoundBF16(t *testing.T) {
	for upper := range uint32(1 << 16) {
		if upper>>7&0xFF == 0xFF {
			continue // infinities and NaN
		}
		for _, lower := range []uint32{0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF} {
			x := math.Float32frombits(upper<<16 | lower)
			if got, want := roundBF16(x), nearestBF16(x); got != want {
				t.Fatalf("%x (bits %08x) rounds to %04x, want %04x", x, math.Float32bits(x), got, want)
			}
		}
	}
}

func TestBF16Values(t *testing.T) {
	for e, want := range map[BF16Entry]float64{
		0x0000: 0, 0x3F80: 1, 0x3F81: 1 + 0x1p-7, 0xC000: -2, 0x4049: 3.140625,
		0x0001: 0x1p-133, 0x7F7F: 0xFFp120,
	} {
		if got := e.Float64(); got != want {
			t.Errorf("bfloat16 %04x is %v, want %v", uint16(e), got, want)
		}
	}
}

// Byte j of a row's blocks, each of four words in little-endian order, is entry j.
func TestQ8ByteOrder(t *testing.T) {
	const seed, m = 77, 3
	for _, k := range lengths {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			e := draw(t, Rect{k, 1}, m, Q8, seed).(RowSource[Q8Entry])
			for i := range m {
				var bytes []byte
				for b := uint32(0); len(bytes) < k; b++ {
					for _, w := range philox([4]uint32{b, uint32(i), 0, EntriesStream}, [2]uint32{seed, 0}) {
						bytes = binary.LittleEndian.AppendUint32(bytes, w)
					}
				}
				for j, got := range rawRow(t, e, i) {
					if got != Q8Entry(bytes[j]) {
						t.Fatalf("row %d entry %d is level %d, want %d", i, j, got, bytes[j])
					}
				}
			}
		})
	}
}

// q8Scale is the c of q8's levels.
const q8Scale = 1.00198

// q8Level returns c·Φ⁻¹((k + ½)/256), rounded to the eight significant bits of bf16.
func q8Level(k int) float64 { return eightBits(q8Scale * normalQuantile(k)) }

func normalQuantile(k int) float64 { return math.Sqrt2 * math.Erfinv(2*(float64(k)+0.5)/256-1) }

// eightBits rounds to nearest, ties to even: adding and subtracting 1.5·2⁵² units leaves whole units.
func eightBits(x float64) float64 {
	big := math.Ldexp(1.5, 52+math.Ilogb(x)-7)
	return x + big - big
}

func TestQ8Levels(t *testing.T) {
	t.Run("quantiles", func(t *testing.T) {
		// No level is close to a tie: c may change by 3·10⁻⁶. So the last bits of Erfinv do not matter.
		for k, got := range Q8Levels {
			if want := q8Level(k); got != want {
				t.Errorf("level %d is %v, want %v", k, got, want)
			}
			if bits := math.Float32bits(float32(got)); bits&0xFFFF != 0 || float64(float32(got)) != got {
				t.Errorf("level %d, %v, is no bf16 number", k, got)
			}
		}
	})
	t.Run("probabilities", func(t *testing.T) {
		// Φ(level/c) = (k + ½)/256 is checked without Erfinv. Levels are rounded by a relative 2⁻⁸ at most,
		// and x·Φ'(x) is below 0.242.
		const bound = 0.25 * 0x1p-8
		for k, level := range Q8Levels {
			got, want := 0.5*math.Erfc(-level/q8Scale/math.Sqrt2), (float64(k)+0.5)/256
			if !(math.Abs(got-want) <= bound) {
				t.Errorf("level %d is passed with probability %v, want %v", k, got, want)
			}
		}
	})
	t.Run("symmetric and increasing", func(t *testing.T) {
		for k, v := range Q8Levels {
			if v != -Q8Levels[255-k] {
				t.Errorf("levels %d and %d are %v and %v, not opposite", k, 255-k, v, Q8Levels[255-k])
			}
			if k > 0 && v <= Q8Levels[k-1] {
				t.Errorf("levels %d and %d are %v and %v, not increasing", k-1, k, Q8Levels[k-1], v)
			}
		}
	})
	t.Run("unit variance", func(t *testing.T) {
		// The squares are multiples of 2⁻³⁰ and their sum is below 2⁹, so the sum is exact.
		excess := func(level func(k int) float64) float64 {
			var squares float64
			for k := range 256 {
				squares += level(k) * level(k)
			}
			return squares/256 - 1
		}
		got := excess(func(k int) float64 { return Q8Levels[k] })
		if !(math.Abs(got) <= 8.7e-5) {
			t.Errorf("the levels' variance is 1%+.3g", got)
		}
		for c := 0.995; c < 1.01; c += 1e-6 {
			other := excess(func(k int) float64 { return eightBits(c * normalQuantile(k)) })
			if math.Abs(other) < math.Abs(got) {
				t.Fatalf("with c = %v the variance is 1%+.3g, closer than 1%+.3g", c, other, got)
			}
		}
	})
	t.Run("entry", func(t *testing.T) {
		for k, want := range Q8Levels {
			if got := Q8Entry(k).Float64(); got != want {
				t.Errorf("entry %d is %v, want %v", k, got, want)
			}
		}
	})
}
