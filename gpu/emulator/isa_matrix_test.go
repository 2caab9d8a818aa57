package emulator_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/matsense/matsense/gpu/emulator"
)

// mma is mma.m8n8k4 of f64. A lane of product8 gives an element of A, one of B, and two of C.
const mma = "mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64"

var product8 = operation{
	mma + " {%d, %e}, {%a}, {%b}, {%c, %f};",
	repeat("f64", 2), repeat("f64", 4),
}

// TestMatrixProductLayout takes A, B and C of small whole numbers, whose product is exact in any order. Their
// elements lie in lanes as the ISA says, "Matrix Fragments for mma.m8n8k4 with .f64 floating point type".
func TestMatrixProductLayout(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	rng := rand.New(rand.NewPCG(30, 0))
	var a [8][4]int64
	var b [4][8]int64
	var c [8][8]int64
	whole := func() int64 { return rng.Int64N(2001) - 1000 }
	for i := range 8 {
		for j := range 8 {
			c[i][j] = whole()
			if j < 4 {
				a[i][j], b[j][i] = whole(), whole()
			}
		}
	}
	bitsOf := func(v int64) uint64 { return math.Float64bits(float64(v)) }
	var operands [][]uint64
	for lane := range 32 {
		group, inGroup := lane>>2, lane%4
		operands = append(operands, []uint64{
			bitsOf(a[group][inGroup]), bitsOf(b[inGroup][group]),
			bitsOf(c[group][inGroup*2]), bitsOf(c[group][inGroup*2+1]),
		})
	}
	results := product8.run(t, d, operands)
	for i := range 8 {
		for j := range 8 {
			want := c[i][j]
			for k := range 4 {
				want += a[i][k] * b[k][j]
			}
			if got := results[4*i+j/2][j%2]; got != bitsOf(want) {
				t.Errorf("D[%d][%d] is %v, want %d", i, j, math.Float64frombits(got), want)
			}
		}
	}
}

// TestMatrixProductOrder compares each element with the chain of products in ascending order, each added and
// rounded once. The chain is computed in integers of any size. Every other order must give other bits
// somewhere, or the test would show nothing.
func TestMatrixProductOrder(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	rng := rand.New(rand.NewPCG(31, 0))
	rounded := func(x *big.Float) float64 { v, _ := x.Float64(); return v }
	exact := func(v float64) *big.Float { return new(big.Float).SetPrec(4000).SetFloat64(v) }
	chain := func(c float64, a, b [4]float64, order []int) float64 {
		for _, k := range order {
			product := new(big.Float).SetPrec(4000).Mul(exact(a[k]), exact(b[k]))
			c = rounded(product.Add(product, exact(c)))
		}
		return c
	}
	var orders [][]int // all but the ascending one
	for i := range 256 {
		o := []int{i & 3, i >> 2 & 3, i >> 4 & 3, i >> 6 & 3}
		seen := 1<<o[0] | 1<<o[1] | 1<<o[2] | 1<<o[3]
		if seen == 15 && !slices.IsSorted(o) {
			orders = append(orders, o)
		}
	}
	differs := make([]bool, len(orders))
	for range 50 {
		var operands [][]uint64
		values := make([][4]float64, 32)
		for lane := range values {
			var bits []uint64
			for i := range 4 {
				values[lane][i] = rng.NormFloat64() * math.Exp2(float64(rng.IntN(8)))
				bits = append(bits, math.Float64bits(values[lane][i]))
			}
			operands = append(operands, bits)
		}
		for lane, got := range product8.run(t, d, operands) {
			for i := range 2 {
				row, column := lane/4, lane%4*2+i
				var a, b [4]float64
				for k := range 4 {
					a[k], b[k] = values[4*row+k][0], values[4*column+k][1]
				}
				want := chain(values[lane][2+i], a, b, []int{0, 1, 2, 3})
				if got[i] != math.Float64bits(want) {
					t.Fatalf("D[%d][%d] is %v, want %v", row, column, math.Float64frombits(got[i]), want)
				}
				for o, order := range orders {
					differs[o] = differs[o] || chain(values[lane][2+i], a, b, order) != want
				}
			}
		}
	}
	for o, order := range orders {
		if !differs[o] {
			t.Errorf("the order %v gives the same bits", order)
		}
	}
}

// TestMatrixProductNumbers: infinities, NaN and subnormal numbers are those of fused multiply-adds.
func TestMatrixProductNumbers(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	inf, tiny := math.Inf(1), math.SmallestNonzeroFloat64
	for _, x := range []struct{ a, b, c, want float64 }{
		{inf, 1, 0, inf}, {inf, 0, 1, math.NaN()}, {inf, 1, -inf, math.NaN()}, {math.NaN(), 1, 1, math.NaN()},
		{tiny, 1, tiny, 4*tiny + tiny}, {math.MaxFloat64, 2, 0, inf}, {0, 1, math.Copysign(0, -1), 0},
	} {
		var operands [][]uint64
		for range 32 {
			operands = append(operands, []uint64{math.Float64bits(x.a), math.Float64bits(x.b),
				math.Float64bits(x.c), math.Float64bits(x.c)})
		}
		product8.check(t, d, operands, func([]uint64) []uint64 {
			return []uint64{math.Float64bits(x.want), math.Float64bits(x.want)}
		})
	}
}
