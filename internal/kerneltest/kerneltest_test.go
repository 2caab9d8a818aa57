package kerneltest

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
)

// TestEveryKernelHasATest: every kernel has a test, and every test has a kernel.
func TestEveryKernelHasATest(t *testing.T) {
	left := map[string]bool{}
	for name := range tests {
		left[name] = true
	}
	for _, k := range kernels.All() {
		if !left[k.Name] {
			t.Errorf("%s has no test", k.Name)
		}
		delete(left, k.Name)
	}
	for name := range left {
		t.Errorf("there is a test of %s, but no such kernel", name)
	}
}

// TestFMA32 compares with exact arithmetic, among others for numbers for which rounding twice is wrong.
func TestFMA32(t *testing.T) {
	exact := func(x, y, z float32) float32 {
		b := func(v float32) *big.Float { return new(big.Float).SetPrec(700).SetFloat64(float64(v)) }
		p := b(x)
		p.Mul(p, b(y)).Add(p, b(z))
		v, _ := p.Float32()
		return v
	}
	// 1 + 2⁻²⁴ and 2⁻⁶⁰ more or less: in double precision, a tie between two single-precision numbers.
	const tie = 1 + 0x1p-12
	check := func(x, y, z float32) {
		t.Helper()
		if got, want := fma32(x, y, z), exact(x, y, z); got != want {
			t.Errorf("%x·%x + %x is %x, want %x", x, y, z, got, want)
		}
	}
	check(0x1p-30, 0x1p-30, 1)
	check(tie, tie, 0x1p-60)
	check(tie, tie, -0x1p-60)
	check(-tie, tie, 0x1p-60)
	check(0x1p-75, 0x1p-75, 0x1p-149)
	check(0x1p-75, 0x1p-75, 0)
	check(0x1p-75, 0x1p-74, 0)
	check(0x1.8p-75, 0x1p-75, 0)
	check(math.MaxFloat32, 1, 0x1p103)
	check(math.MaxFloat32, 1, 0x1p102)
	check(math.MaxFloat32, math.MaxFloat32, math.MaxFloat32)
	r := rand.New(rand.NewPCG(1, 2))
	twice := 0
	for range 300_000 {
		// The exponents let the smaller term end far below the larger; products have few bits, so that ties
		// are common.
		draw := func(bits, exponent int) float32 {
			m := 1<<(bits-1) | r.Int64N(1<<(bits-1))
			return float32(math.Ldexp(float64(m), exponent-bits)) * float32(1-2*r.IntN(2))
		}
		x, y, z := draw(13, 0), draw(13, 0), draw(24, r.IntN(90)-60)
		if r.IntN(4) == 0 {
			x, z = x*0x1p-130, z*0x1p-130
		}
		check(x, y, z)
		if float32(float64(x)*float64(y)+float64(z)) != exact(x, y, z) {
			twice++
		}
	}
	if twice == 0 {
		t.Error("no draw was one where rounding twice is wrong")
	}
	for _, c := range [][4]float64{
		{1, 1, -1, 0}, {-1, 0, 0, 0}, {-1, 0, math.Copysign(0, -1), math.Copysign(0, -1)},
		{math.Inf(1), 1, 5, math.Inf(1)}, {math.Inf(1), 0, 5, math.NaN()},
		{math.Inf(1), 1, math.Inf(-1), math.NaN()},
	} {
		got, want := fma32(float32(c[0]), float32(c[1]), float32(c[2])), float32(c[3])
		if got != got && want != want {
			continue
		}
		if math.Float32bits(got) != math.Float32bits(want) {
			t.Errorf("%v·%v + %v is %v, want %v", c[0], c[1], c[2], got, want)
		}
	}
}

// TestGenerated: the heads' definition of generate agrees with package sensing.
func TestGenerated(t *testing.T) {
	const k, seed = 301, 1 << 40
	space := sensing.Rect{N1: 7, N2: 43}
	for _, f := range formats {
		for _, row := range []int{0, 5, 1<<32 - 1, 1 << 32, 1<<62 + 3} {
			want := make([]byte, rowBytes(f, k))
			if f == sensing.Signs {
				e, err := sensing.NewRademacher(space, 1, seed)
				must(t, err)
				words := make([]sensing.SignWord, sensing.RowLen[sensing.SignWord](k))
				e.Row(row, words)
				for i, w := range words {
					for j := range 4 {
						want[4*i+j] = byte(w >> (8 * j))
					}
				}
			} else {
				e, err := sensing.NewGaussian(space, 1, f, seed)
				must(t, err)
				switch e := e.(type) {
				case sensing.Gaussian[float64]:
					v := make([]float64, k)
					e.Row(row, v)
					copy(want, encode(v))
				case sensing.Gaussian[float32]:
					v := make([]float32, k)
					e.Row(row, v)
					copy(want, encode(v))
				case sensing.Gaussian[sensing.BF16Entry]:
					v := make([]sensing.BF16Entry, k)
					e.Row(row, v)
					for i, x := range v {
						want[2*i], want[2*i+1] = byte(x), byte(x>>8)
					}
				case sensing.Gaussian[sensing.Q8Entry]:
					v := make([]sensing.Q8Entry, k)
					e.Row(row, v)
					for i, x := range v {
						want[i] = byte(x)
					}
				}
			}
			got := newRows(f, sensing.NewStream(seed, sensing.EntriesStream), uint64(row), 1, k, 0)
			if string(got.data) != string(want) {
				t.Errorf("row %d of %s differs from sensing's", row, f)
			}
			if f != sensing.Signs {
				continue
			}
			for j := range k {
				if at := float64(1 - 2*int(want[j/8]>>(j%8)&1)); got.at(0, j) != at {
					t.Fatalf("sign %d is %v, want %v", j, got.at(0, j), at)
				}
			}
		}
	}
}

// TestReferences: the loops compute the right sums, whatever their order.
func TestReferences(t *testing.T) {
	near := func(what string, got, want, size float64) {
		t.Helper()
		// Sums of at most 9000 products, in two orders; size is the sum of their magnitudes.
		if !(math.Abs(got-want) <= 1e-13*size) {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	for _, c := range []struct{ k, slab int }{
		{1, slab}, {255, slab}, {4096, slab}, {4097, slab}, {8209, slab}, {5000, 2432},
	} {
		k := c.k
		a, z := newRows(sensing.F64, entries, 0, 2, k, 0), padded[float64](3, k, 1)
		kp := slabs(k) * slab
		parts, count := allDots(a, z, 3, c.slab), over(k, c.slab)
		for b := range 3 {
			for i := range 2 {
				var want, size float64
				for j := range k {
					want += a.at(i, j) * z[b*kp+j]
					size += math.Abs(a.at(i, j) * z[b*kp+j])
				}
				res, w := residual(parts[(b*2+i)*count:][:count], 3, 0.5, squaredLoss)
				near(fmt.Sprintf("a_%d·z_%d", i, b), res+3, want, size+3)
				near("w", w, res/2, 1)
			}
		}
	}
	inner := func(a, b []float64) (sum, size float64) {
		for i, v := range a {
			sum += v * b[i]
			size += math.Abs(v * b[i])
		}
		return sum, size
	}
	const n, n2, d = 7, 5, 3
	l, g := random[float64](n*d, 1), random[float64](triangle(n), 2)
	sum, size := inner(svec(l, l, n, d), g)
	want, _ := inner(times(2, unsvec(g, n), l, n, n, d), l)
	near("⟨svec(L·Lᵀ), g⟩", sum, want/2, size)
	r, g := random[float64](n2*d, 3), random[float64](n*n2, 4)
	sum, size = inner(vec(l, r, n, n2, d), g)
	want, _ = inner(times(2, g, r, n, n2, d), l)
	near("⟨vec(L·Rᵀ), g⟩ with G·R", sum, want/2, size)
	want, _ = inner(times(2, turned(g, n, n2), l, n2, n, d), r)
	near("⟨vec(L·Rᵀ), g⟩ with Gᵀ·L", sum, want/2, size)
}
