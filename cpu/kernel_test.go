package cpu

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/matsense/matsense/sensing"
)

// variants lists the instructions to compare with plain Go, those that this machine has.
func variants() []SIMD {
	have := available()
	return have[:len(have)-1]
}

// guardByte is what lies around every buffer of these tests.
const guardByte = 0xA5

// guarded returns n zero elements, shift elements off a 64-byte boundary, and a check that nothing around was
// written.
func guarded[T any](t testing.TB, n, shift int) ([]T, func(what string)) {
	size := int(unsafe.Sizeof(*new(T)))
	const around = 192
	all := make([]T, (n*size+2*around+64)/size+shift+1)
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&all[0])), len(all)*size)
	for i := range raw {
		raw[i] = guardByte
	}
	from := around / size
	for (int(uintptr(unsafe.Pointer(&all[from])))/size)%(64/size) != 0 {
		from++
	}
	from += shift
	s := all[from : from+n : from+n]
	clear(s)
	return s, func(what string) {
		t.Helper()
		for i, b := range raw {
			if (i < from*size || i >= (from+n)*size) && b != guardByte {
				t.Fatalf("%s: written %d bytes from the start of a slice of %d elements of %d bytes", what,
					i-from*size, n, size)
			}
		}
	}
}

// outcome is what the two loops give, for each member.
type outcome[F number] struct {
	p   [together][blockRows]float64
	acc [together][]F
}

// compute runs a kernel for a number of members on a block whose entries are made of random bits, on slices
// shifted off alignment.
func compute[E sensing.Entry, F number](t testing.TB, simd SIMD, members, n, shift int,
	seed uint64) outcome[F] {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	k := newKernel[E, F](simd)
	h := newWorkspace[E, F]()
	var checks []func(string)
	for j := range h.rows {
		row, check := guarded[E](t, sensing.RowLen[E](n), (shift+j)%8)
		checks = append(checks, check)
		for i := range row {
			row[i] = entry[E](r)
		}
		h.rows[j] = row
	}
	for i := range members {
		z, check := guarded[F](t, n, (shift+i)%8)
		checks = append(checks, check)
		acc, check := guarded[F](t, n, (shift+i+3)%8)
		checks = append(checks, check)
		for k := range z {
			z[k] = F(r.NormFloat64() * math.Exp2(float64(r.IntN(40)-20)))
			acc[k] = F(r.NormFloat64())
		}
		h.z[i], h.acc[i] = z, acc
	}
	k.dot(h, members)
	used := blockRows * laneCount[F]()
	for i := range h.lanes {
		if i < members {
			clear(h.lanes[i][:used])
		}
		for _, v := range append(h.lanes[i][:], h.c[i][:]...) {
			if v != 0 {
				t.Fatalf("simd %s, %d members, %d coordinates: written past the lanes", simd, members, n)
			}
		}
	}
	for i := range h.c {
		for j := range h.c[i] {
			h.c[i][j] = F(r.NormFloat64())
		}
	}
	k.add(h, members)
	for _, check := range checks {
		check(fmt.Sprintf("simd %s, %d members, %d coordinates, shift %d", simd, members, n, shift))
	}
	return outcome[F]{h.p, h.acc}
}

// entry returns a random entry: of f64, f32 and bf16 with exponents from tiny to large.
func entry[E sensing.Entry](r *rand.Rand) E {
	x := r.NormFloat64() * math.Exp2(float64(r.IntN(60)-30))
	var e any
	switch any(*new(E)).(type) {
	case float64:
		e = x
	case float32:
		e = float32(x)
	case sensing.BF16Entry:
		e = sensing.BF16Entry(math.Float32bits(float32(x)) >> 16)
	case sensing.Q8Entry:
		e = sensing.Q8Entry(r.Uint32())
	case sensing.SignWord:
		e = sensing.SignWord(r.Uint32())
	}
	return e.(E)
}

// same compares variants with plain Go, to the bit, for one member and for several.
func same[E sensing.Entry, F number](t testing.TB, n, shift int, seed uint64) {
	t.Helper()
	for _, members := range []int{1, together} {
		want := compute[E, F](t, Off, members, n, shift, seed)
		for _, simd := range variants() {
			got := compute[E, F](t, simd, members, n, shift, seed)
			what := fmt.Sprintf("%T, simd %s, %d coordinates, shift %d, seed %d: member %%d of %d: ", *new(E),
				simd, n, shift, seed, members)
			for i := range members {
				for j := range want.p[i] {
					if !sameBits(got.p[i][j], want.p[i][j]) {
						t.Fatalf(what+"the dot product of row %d is %v, in plain Go %v", i, j, got.p[i][j],
							want.p[i][j])
					}
				}
				for k := range want.acc[i] {
					if !sameBits(got.acc[i][k], want.acc[i][k]) {
						t.Fatalf(what+"the sum at %d is %v, in plain Go %v", i, k, got.acc[i][k],
							want.acc[i][k])
					}
				}
			}
		}
	}
}

func sameBits[F number](a, b F) bool {
	return math.Float64bits(float64(a)) == math.Float64bits(float64(b))
}

// formats has the comparison for every entry format.
func formats[F number]() map[sensing.Entries]func(t testing.TB, n, shift int, seed uint64) {
	return map[sensing.Entries]func(t testing.TB, n, shift int, seed uint64){
		sensing.F64: same[float64, F], sensing.F32: same[float32, F],
		sensing.BF16: same[sensing.BF16Entry, F],
		sensing.Q8:   same[sensing.Q8Entry, F], sensing.Signs: same[sensing.SignWord, F],
	}
}

// TestVariantsAgree: every variant gives plain Go's bits, at all remainders, at every alignment, and writes
// nothing around its buffers.
func TestVariantsAgree(t *testing.T) {
	t.Run("f64", agree[float64])
	t.Run("f32", agree[float32])
}

func agree[F number](t *testing.T) {
	for format, compare := range formats[F]() {
		t.Run(string(format), func(t *testing.T) {
			for n := range 71 {
				compare(t, n, n, 1)
			}
			for shift := range 8 {
				compare(t, 135, shift, 2)
			}
			compare(t, 561, 0, 3)
			compare(t, 20100, 1, 4)
		})
	}
}

// FuzzVariants compares variants at any length, alignment and seed.
func FuzzVariants(f *testing.F) {
	f.Add(uint16(0), uint8(0), uint64(0))
	f.Add(uint16(63), uint8(1), uint64(1))
	f.Add(uint16(64), uint8(7), uint64(2))
	f.Add(uint16(1000), uint8(3), uint64(3))
	f.Fuzz(func(t *testing.T, n uint16, shift uint8, seed uint64) {
		for format, compare := range formats[float64]() {
			compare(t, int(n%4096), int(shift%8), seed)
			formats[float32]()[format](t, int(n%4096), int(shift%8), seed)
		}
	})
}

// TestFMA32 compares fma32 with exact arithmetic, at sums whose rounding to double precision first would go
// wrong, among others: 1 + 2⁻²⁴ is half way between two singles, and a product far below decides.
func TestFMA32(t *testing.T) {
	check := func(a, b, c float32) {
		t.Helper()
		var p, x, sum big.Float
		p.SetPrec(500).SetFloat64(float64(a))
		x.SetPrec(500).SetFloat64(float64(b))
		p.Mul(&p, &x)
		sum.SetPrec(500).Add(&p, x.SetFloat64(float64(c)))
		want, _ := sum.Float32()
		if got := fma32(a, b, c); got != want {
			t.Fatalf("fma32(%v, %v, %v) = %v, want %v", a, b, c, got, want)
		}
	}
	tiny := float32(math.Exp2(-60))
	for _, s := range []float32{1, -1} {
		check(s*(1+0x1p-12), 1+0x1p-12, tiny)
		check(tiny, s*tiny, 1)
		check(0x1p-24, s*(1+0x1p-23), 1)
		check(s*0x1p-75, 0x1p-75, 0x1p-149) // subnormal
		check(s*0x1.8p-75, 0x1p-75, 0x3p-149)
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 200_000 {
		draw := func() float32 {
			return float32(r.NormFloat64() * math.Exp2(float64(r.IntN(60)-30)))
		}
		a, b := draw(), draw()
		check(a, b, draw())
		check(a, b, -float32(float64(a)*float64(b))) // cancels
		half := math.Float32frombits(math.Float32bits(a)&^0xFFF | 0x800)
		check(half, half, b)
	}
	if got := fma32(math.MaxFloat32, math.MaxFloat32, 0); !math.IsInf(float64(got), 1) {
		t.Errorf("overflow gives %v", got)
	}
	inf := float32(math.Inf(1))
	if got := fma32(1, inf, 1); got != inf {
		t.Errorf("1·∞ + 1 = %v", got)
	}
}
