package kerneltest

import (
	"math"
	"testing"
)

// matrixSizes are rows and columns around the sizes of a warp, a tile of 16 and a block of 256.
var matrixSizes = [][2]int{
	{1, 1}, {1, 17}, {2, 5}, {15, 16}, {16, 15}, {17, 33}, {31, 1}, {85, 3}, {257, 2}, {3, 129}, {64, 4},
	{67, 40},
}

func testJoinColumns(t *testing.T, b *bench) {
	for _, s := range matrixSizes {
		n, d := s[0], s[1]
		t.Run(name("n", n, "d", d), func(t *testing.T) {
			u, v := random[float64](n*d, 0), random[float64](n*d, 1)
			v[n*d-1] = 0 // of R it becomes −0
			var wantL, wantR []float64
			for i := range n {
				wantL = append(append(wantL, u[i*d:(i+1)*d]...), v[i*d:(i+1)*d]...)
				wantR = append(wantR, u[i*d:(i+1)*d]...)
				for _, x := range v[i*d : (i+1)*d] {
					wantR = append(wantR, -x)
				}
			}
			l, r := output(poisoned[float64](2*n*d)), output(poisoned[float64](2*n*d))
			b.run(t, launch{
				grid: line(over(n*d, 256)), block: line(256), args: []any{input(u), input(v), l, r, n, d},
			})
			check(t, "L", l, wantL)
			check(t, "R", r, wantR)
		})
	}
}

func testSplitColumns(t *testing.T, b *bench) {
	for _, s := range matrixSizes {
		n, d := s[0], s[1]
		t.Run(name("n", n, "d", d), func(t *testing.T) {
			x := random[float64](2*n*d, 0)
			var wantU, wantV []float64
			for at := 0; at < len(x); at += 2 * d {
				wantU = append(wantU, x[at:at+d]...)
				wantV = append(wantV, x[at+d:at+2*d]...)
			}
			u, v := output(poisoned[float64](n*d)), output(poisoned[float64](n*d))
			b.run(t, launch{
				grid: line(over(n*d, 256)), block: line(256), args: []any{input(x), u, v, n, d},
			})
			check(t, "U", u, wantU)
			check(t, "V", v, wantV)
		})
	}
}

// vectorSizes are sizes around those of a warp and a block.
var vectorSizes = []int{1, 2, 31, 32, 33, 255, 256, 257, 1009}

// elements returns normal numbers with special values among them.
func elements(n int, draw uint64) []float64 {
	x := random[float64](n, draw)
	for i, v := range []float64{math.Copysign(0, -1), math.Inf(1), math.NaN(), 0x1p700, 0x1p-540, 0x1p-1074} {
		x[(i*n/6+int(draw))%n] = v
	}
	return x
}

func testSquareDifference(t *testing.T, b *bench) {
	for _, n := range vectorSizes {
		t.Run(name("n", n), func(t *testing.T) {
			u, v, want := elements(n, 0), elements(n, 1), make([]float64, n)
			for i := range want {
				want[i] = float64(u[i]*u[i]) - float64(v[i]*v[i])
			}
			l, r := output(poisoned[float64](n)), output(poisoned[float64](1))
			b.run(t, launch{
				grid: line(over(n, 256)), block: line(256), args: []any{input(u), input(v), l, r, n},
			})
			check(t, "L", l, want)
			check(t, "R", r, []float64{1})
		})
	}
}

func testSquarePullback(t *testing.T, b *bench) {
	for _, n := range vectorSizes {
		t.Run(name("n", n), func(t *testing.T) {
			g, u, v := elements(n, 0), elements(n, 1), elements(n, 2)
			wantU, wantV := make([]float64, n), make([]float64, n)
			for i := range g {
				wantU[i], wantV[i] = g[i]*u[i], -(g[i] * v[i])
			}
			du, dv := output(poisoned[float64](n)), output(poisoned[float64](n))
			b.run(t, launch{
				grid: line(over(n, 256)), block: line(256),
				args: []any{input(g), input(u), input(v), du, dv, n},
			})
			check(t, "∂u", du, wantU)
			check(t, "∂v", dv, wantV)
		})
	}
}

func testTranspose(t *testing.T, b *bench) {
	for _, s := range matrixSizes {
		rows, cols := s[0], s[1]
		t.Run(name("rows", rows, "cols", cols), func(t *testing.T) {
			x := random[float64](rows*cols, 0)
			dst := output(poisoned[float64](rows * cols))
			b.run(t, launch{
				grid: line(over(rows, 16) * over(cols, 16)), block: tile,
				args: []any{input(x), dst, rows, cols},
			})
			check(t, "Xᵀ", dst, turned(x, rows, cols))
		})
	}
}
