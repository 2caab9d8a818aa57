package kerneltest

import (
	"math"
	"testing"

	"github.com/matsense/matsense/sensing"
)

// projection is a problem of projected_squares: count matrices of n1 × n2 between B of bcols columns and C of
// ccols columns. No columns stand for the identity.
type projection struct {
	n1, n2, bcols, ccols, count, gap int
	kind                             kind
}

func (p projection) String() string {
	return name("n1", p.n1, "n2", p.n2, "bcols", p.bcols, "ccols", p.ccols, "count", p.count) + string(p.kind)
}

// projected returns BᵀAC, with nil for an identity.
func projected(a, b, c []float64, n1, n2, bcols, ccols int) []float64 {
	x := a
	if c != nil {
		x = make([]float64, n1*ccols)
		for j := range n1 {
			for q := range ccols {
				for k := range n2 {
					x[j*ccols+q] = math.FMA(a[j*n2+k], c[k*ccols+q], x[j*ccols+q])
				}
			}
		}
	}
	if b == nil {
		return x
	}
	out := make([]float64, bcols*ccols)
	for p := range bcols {
		for q := range ccols {
			for j := range n1 {
				out[p*ccols+q] = math.FMA(b[j*bcols+p], x[j*ccols+q], out[p*ccols+q])
			}
		}
	}
	return out
}

// testProjectedSquares keeps the order of summation that the kernel's head defines, for each tile of a group.
func testProjectedSquares(t *testing.T, b *bench, f sensing.Entries) {
	for _, c := range []projection{
		{1, 1, 1, 1, 1, 0, ""},
		{1, 1, 0, 0, 1, 0, ""},
		{3, 7, 2, 5, 4, 0, ""},
		{5, 2, 17, 1, 5, 32, ""},
		{16, 16, 16, 16, 2, 0, ""},
		{17, 33, 3, 18, 9, 0, ""},
		{31, 5, 33, 40, 3, 0, ""},
		{18, 35, 0, 4, 6, 0, ""},
		{35, 18, 7, 0, 7, 64, ""},
		{33, 17, 0, 0, 5, 0, ""},
		{2, 131, 3, 1, 13, 0, ""},
		{128, 2, 5, 3, 5, 0, ""}, // the entries fill sectors exactly in every format
		{131, 2, 1, 3, 8, 0, small},
		{9, 19, 4, 2, 5, 0, otherLevels},
	} {
		if c.kind == otherLevels && f != sensing.Q8 {
			continue
		}
		t.Run(c.String(), func(t *testing.T) {
			a := newRows(f, entries, 0, c.count, c.n1*c.n2, c.gap)
			if c.kind == otherLevels {
				a.otherLevels()
			}
			var left, right []float64
			var lefts, rights any
			bcols, ccols := c.n1, c.n2
			if c.bcols > 0 {
				bcols, left = c.bcols, random[float64](c.n1*c.bcols, 1)
				lefts = input(left)
			}
			if c.ccols > 0 {
				ccols, right = c.ccols, random[float64](c.n2*c.ccols, 2)
				if c.kind == small { // the squares are subnormal
					scaled(right, 0x1p-525)
				}
				rights = input(right)
			}
			across := over(ccols, 16)
			tiles, groups := over(bcols, 16)*across, over(c.count, 4)
			threads := make([][256]float64, groups*tiles)
			for i := range c.count {
				for at, v := range projected(inT[float64](a, i), left, right, c.n1, c.n2, bcols, ccols) {
					p, q := at/ccols, at%ccols
					sum := &threads[i/4*tiles+p/16*across+q/16][p%16*16+q%16]
					*sum = math.FMA(v, v, *sum)
				}
			}
			var want []float64
			for i := range threads {
				want = append(want, acrossBlock(&threads[i]))
			}
			sums := output(poisoned[float64](len(want)))
			b.run(t, launch{
				grid: [3]int{tiles, groups, 1}, block: tile,
				args: []any{a.buffer(), a.table(), lefts, rights, sums, c.count, uint64(a.stride),
					c.n1, c.n2, bcols, ccols},
			})
			check(t, "sums", sums, want)
		})
	}
}
