package kerneltest

import (
	"math"
	"testing"
)

// testNormalize gives lists whose entries have different sizes: vectors of zeros too, and bases that are not
// there.
func testNormalize(t *testing.T, b *bench) {
	type vector struct {
		d, n   int
		zero   bool // z is zero
		stored bool // there is a basis
	}
	const rows = 3
	for _, c := range []struct {
		row int
		all []vector
	}{
		{0, []vector{{1, 1, false, true}}},
		{2, []vector{{31, 33, false, true}, {2, 1, false, false}, {5, 700, true, true}}},
		{1, []vector{{257, 256, false, true}, {1009, 31, false, true}, {32, 5003, false, false}}},
	} {
		t.Run(name("row", c.row, "vectors", c.all), func(t *testing.T) {
			var entries list
			type result struct {
				x, basis, squares             *buffer
				wantX, wantBasis, wantSquares []float64
			}
			results := make([]result, len(c.all))
			for at, v := range c.all {
				z, y := random[float64](v.d, uint64(2*at)), random[float64](v.n, uint64(2*at+1))
				if v.zero {
					clear(z)
				}
				r := &results[at]
				r.wantX, r.wantBasis = poisoned[float64](v.d), poisoned[float64](rows*v.d)
				r.wantSquares = poisoned[float64](rows * 2)
				r.x, r.basis = output(poisoned[float64](v.d)), output(poisoned[float64](rows*v.d))
				r.squares = output(poisoned[float64](rows * 2))
				s := squaresOf(z)
				scale := 1 / math.Sqrt(s)
				if s == 0 {
					scale = 0
				}
				for i, number := range z {
					r.wantX[i] = number * scale
				}
				var basis any = 0
				if v.stored {
					basis = r.basis
					copy(r.wantBasis[c.row*v.d:], r.wantX)
				}
				r.wantSquares[2*c.row], r.wantSquares[2*c.row+1] = squaresOf(y), s
				entries = append(entries, []any{
					input(z), r.x, basis, input(y), r.squares, v.d, v.n,
				})
			}
			b.run(t, launch{grid: line(len(c.all)), block: line(256), args: []any{entries, c.row}})
			for at, r := range results {
				check(t, name("x of entry", at), r.x, r.wantX)
				check(t, name("squares of entry", at), r.squares, r.wantSquares)
				if c.all[at].stored {
					check(t, name("basis of entry", at), r.basis, r.wantBasis)
				}
			}
		})
	}
}

// squaresOf is Σ v_i² in the order of sum_squares.
func squaresOf(v []float64) float64 {
	var threads [256]float64
	for i, x := range v {
		threads[i%256] = math.FMA(x, x, threads[i%256])
	}
	return acrossBlock(&threads)
}
