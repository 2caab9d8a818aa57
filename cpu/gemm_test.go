package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// gemmCase is a multiplication of two matrices. They and the result are windows into larger matrices.
type gemmCase struct {
	rows, cols, inner int
	transA, transB    bool
	upper             bool
	shift             int // shifts each buffer off alignment
	workers           int
	seed              uint64
	special           bool // some elements are zeros of both signs, infinities and NaN
}

// frame fills the space between the rows of windows: a NaN with unusual bits.
var frame = math.Float64frombits(0x7FF8_A5A5_A5A5_A5A5)

// window returns a framed rows × cols matrix, shifted off alignment, with a stride that depends on shift, and
// a check that nothing but its elements was written.
func window(t testing.TB, rows, cols, shift int) (*mat.Dense, func(what string)) {
	stride := cols + shift%5
	data, check := guarded[float64](t, (rows-1)*stride+cols, shift%8)
	for i := range data {
		data[i] = frame
	}
	m := new(mat.Dense)
	m.SetRawMatrix(blas64.General{Rows: rows, Cols: cols, Stride: stride, Data: data})
	return m, func(what string) {
		t.Helper()
		check(what)
		for i, v := range data {
			if i%stride >= cols && !sameBits(v, frame) {
				t.Fatalf("%s: written between the rows, at %d", what, i)
			}
		}
	}
}

func (c gemmCase) operand(t testing.TB, r *rand.Rand, rows, cols, shift int, trans bool) operand {
	if trans {
		rows, cols = cols, rows
	}
	m, _ := window(t, rows, cols, shift)
	for i := range rows {
		for j := range cols {
			v := r.NormFloat64() * math.Exp2(float64(r.IntN(40)-20))
			if c.special && r.IntN(8) == 0 {
				v = []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN()}[r.IntN(5)]
			}
			m.Set(i, j, v)
		}
	}
	if trans {
		return transposed(m)
	}
	return plain(m)
}

func (o operand) at(i, j int) float64 { return o.data[i*o.down+j*o.along] }

// check compares the result of every instruction set with the chains that define it.
func (c gemmCase) check(t testing.TB) {
	t.Helper()
	r := rand.New(rand.NewPCG(c.seed, 1))
	a := c.operand(t, r, c.rows, c.inner, c.shift, c.transA)
	b := c.operand(t, r, c.inner, c.cols, c.shift+3, c.transB)
	want := mat.NewDense(c.rows, c.cols, nil)
	for i := range c.rows {
		for j := range c.cols {
			var sum float64
			for k := range c.inner {
				sum = math.FMA(a.at(i, k), b.at(k, j), sum)
			}
			want.Set(i, j, sum)
		}
	}
	for _, simd := range available() {
		what := fmt.Sprintf("simd %s, %+v", simd, c)
		got, check := window(t, c.rows, c.cols, c.shift+5)
		g := newGEMM(options{workers: c.workers, simd: simd})
		for range 2 { // the second time in used memory
			g.multiply(got, a, b, c.upper)
			check(what)
			for i := range c.rows {
				for j := range c.cols {
					if c.upper && j < i {
						continue
					}
					x, y := got.At(i, j), want.At(i, j)
					bothNaN := math.IsNaN(x) && math.IsNaN(y) && !sameBits(x, frame)
					if !bothNaN && !sameBits(x, y) {
						t.Fatalf("%s: element (%d, %d) is %v, want %v", what, i, j, x, y)
					}
				}
			}
		}
	}
}

// TestGEMM: every instruction set gives the bits of the chains that define a multiplication, at all
// remainders of rows, columns and length, for any stride and alignment, and writes nothing around the
// elements.
func TestGEMM(t *testing.T) {
	for n := 1; n <= 53; n++ {
		for _, trans := range []int{0, 1, 2, 3} {
			for _, c := range []gemmCase{
				{rows: n, cols: 7, inner: 3, workers: 1, seed: 1},
				{rows: 11, cols: n, inner: 5, workers: 2, seed: 2},
				{rows: 9, cols: 26, inner: n, workers: 1, seed: 3, special: true},
				{rows: n, cols: n, inner: 4, upper: true, workers: 1, seed: 4},
				{rows: 2 * n, cols: 1, inner: 1 + n%11, workers: 1, seed: 5, special: n%2 == 1},
			} {
				c.transA, c.transB, c.shift = trans&1 == 1, trans&2 == 2, n
				c.check(t)
			}
		}
	}
}

// TestGEMMWorkers: any number of workers gives the same bits, in a multiplication large enough to be shared.
func TestGEMMWorkers(t *testing.T) {
	for _, workers := range []int{1, 2, 3, 64} {
		for _, c := range []gemmCase{
			{rows: 101, cols: 83, inner: 131, shift: 1, seed: 1},
			{rows: 97, cols: 97, inner: 113, transB: true, upper: true, shift: 2, seed: 2},
			{rows: 1, cols: 800, inner: 1400, transA: true, shift: 3, seed: 3},
		} {
			c.workers = workers
			c.check(t)
		}
	}
}

// TestGEMMExactly compares with gonum for small integers, for which both are exact.
func TestGEMMExactly(t *testing.T) {
	integers := func(rows, cols int) *mat.Dense {
		m := mat.NewDense(rows, cols, nil)
		for i := range m.RawMatrix().Data {
			m.RawMatrix().Data[i] = float64(i*i%31 - 15)
		}
		return m
	}
	a, b := integers(33, 20), integers(20, 45)
	want := mat.NewDense(33, 45, nil)
	want.Mul(a, b)
	for _, simd := range available() {
		g, got := newGEMM(options{workers: 2, simd: simd}), mat.NewDense(33, 45, nil)
		for what, multiply := range map[string]func(){
			"ab":   func() { g.multiply(got, plain(a), plain(b), false) },
			"aᵀᵀb": func() { g.multiply(got, transposed(mat.DenseCopyOf(a.T())), plain(b), false) },
			"abᵀᵀ": func() { g.multiply(got, plain(a), transposed(mat.DenseCopyOf(b.T())), false) },
		} {
			got.Zero()
			if multiply(); !mat.Equal(got, want) {
				t.Errorf("simd %s: %s is not gonum's", simd, what)
			}
		}
	}
}

// FuzzGEMM checks multiplications of any size.
func FuzzGEMM(f *testing.F) {
	f.Add(uint8(8), uint8(24), uint8(3), uint8(0), uint8(0), uint64(1))
	f.Add(uint8(7), uint8(25), uint8(0), uint8(1), uint8(3), uint64(2))
	f.Add(uint8(49), uint8(5), uint8(200), uint8(2), uint8(7), uint64(3))
	f.Add(uint8(99), uint8(99), uint8(99), uint8(4), uint8(1), uint64(4))
	f.Add(uint8(12), uint8(13), uint8(14), uint8(8), uint8(2), uint64(5))
	f.Fuzz(func(t *testing.T, rows, cols, inner, flags, shift uint8, seed uint64) {
		c := gemmCase{
			rows: 1 + int(rows), cols: 1 + int(cols), inner: 1 + int(inner),
			transA: flags&1 != 0, transB: flags&2 != 0, upper: flags&4 != 0, special: flags&8 != 0,
			shift: int(shift), workers: 1 + int(flags>>4), seed: seed,
		}
		if c.upper {
			c.cols = c.rows
		}
		c.check(t)
	})
}

// BenchmarkGEMM times the two multiplications of a gradient beside gonum's: the upper triangle of L·Rᵀ, and
// G·R.
func BenchmarkGEMM(b *testing.B) {
	for _, size := range [][2]int{{200, 200}, {200, 20}, {200, 5}, {200, 1}, {1000, 1000}} {
		n, r := size[0], size[1]
		random := rand.New(rand.NewPCG(1, 1))
		normals := func(rows, cols int) *mat.Dense {
			m := mat.NewDense(rows, cols, nil)
			for i := range m.RawMatrix().Data {
				m.RawMatrix().Data[i] = random.NormFloat64()
			}
			return m
		}
		g, u, gu := normals(n, n), normals(n, r), mat.NewDense(n, r, nil)
		run := func(name string, lift, pullback func()) {
			b.Run(fmt.Sprintf("n=%d/r=%d/lift/%s", n, r, name), func(b *testing.B) {
				for b.Loop() {
					lift()
				}
			})
			b.Run(fmt.Sprintf("n=%d/r=%d/pullback/%s", n, r, name), func(b *testing.B) {
				for b.Loop() {
					pullback()
				}
			})
		}
		for _, simd := range available() {
			o, err := Backend{SIMD: simd}.options()
			if err != nil {
				b.Fatal(err)
			}
			multiplier := newGEMM(o)
			run(string(simd), func() { multiplier.multiply(g, plain(u), transposed(u), true) },
				func() { multiplier.multiply(gu, plain(g), plain(u), false) })
		}
		rawG, rawU, rawGU := g.RawMatrix(), u.RawMatrix(), gu.RawMatrix()
		run("gonum", func() { blas64.Gemm(blas.NoTrans, blas.Trans, 1, rawU, rawU, 0, rawG) },
			func() { blas64.Gemm(blas.NoTrans, blas.NoTrans, 1, rawG, rawU, 0, rawGU) })
	}
}
