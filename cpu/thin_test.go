package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestThin: every instruction set adds the bits of the chains that define a product, for all numbers of rows
// and remainders of columns, for A and B that are windows, and writes nothing but C and its padding.
func TestThin(t *testing.T) {
	for _, simd := range available() {
		for rows := 1; rows <= 26; rows++ {
			for _, columns := range []int{1, 3, 4, 7, 8, 9, 15, 16, 17, 24, 31, 32, 43} {
				for _, depth := range []int{1, 2, 33} {
					checkThin(t, simd, rows, columns, depth, false)
				}
			}
		}
		for rows := 1; rows <= 13; rows++ {
			checkThin(t, simd, rows, 24, 5, true)
		}
	}
}

func checkThin(t *testing.T, simd SIMD, rows, columns, depth int, trans bool) {
	t.Helper()
	what := fmt.Sprintf("simd %s, %d × %d × %d, A transposed: %v", simd, rows, depth, columns, trans)
	shift := rows + columns + depth
	c := gemmCase{special: shift%3 == 0}
	random := rand.New(rand.NewPCG(uint64(shift), 1))
	a := c.operand(t, random, rows, depth, shift, trans)
	b := c.operand(t, random, depth, columns, shift+1, false)
	stride := padded(columns) + shift%3
	sums, check := guarded[float64](t, (rows-1)*stride+padded(columns), shift%8)
	for i := range sums {
		sums[i] = random.NormFloat64()
	}
	before := append([]float64(nil), sums...)
	newThin(simd).add(sums, stride, a, b)
	check(what)
	for i := range rows {
		for j := range stride {
			if i*stride+j >= len(sums) || j >= columns && j < padded(columns) {
				continue
			}
			want := before[i*stride+j]
			if j < columns {
				var sum float64
				for k := range depth {
					sum = math.FMA(a.at(i, k), b.at(k, j), sum)
				}
				want += sum
			}
			if got := sums[i*stride+j]; !sameBits(got, want) && !(math.IsNaN(got) && math.IsNaN(want)) {
				t.Fatalf("%s: element (%d, %d) is %v, want %v", what, i, j, got, want)
			}
		}
	}
}

// TestThinTranspose: a panel is the transpose, with columns of zeros behind it, at all remainders, in memory
// that had other numbers.
func TestThinTranspose(t *testing.T) {
	for _, simd := range available() {
		thin := newThin(simd)
		for rows := 1; rows <= 33; rows++ {
			for columns := 1; columns <= 21; columns++ {
				random := rand.New(rand.NewPCG(uint64(rows), uint64(columns)))
				a := gemmCase{}.operand(t, random, rows, columns, rows+columns, false)
				got := thin.transpose(a)
				if got.rows != columns || got.cols < rows || got.cols%packRows != 0 {
					t.Fatalf("simd %s: %d × %d becomes %d × %d", simd, rows, columns, got.rows, got.cols)
				}
				for j := range got.rows {
					for i := range got.cols {
						var want float64
						if i < rows {
							want = a.at(i, j)
						}
						if !sameBits(got.at(j, i), want) {
							t.Fatalf("simd %s, %d × %d: element (%d, %d) is %v, want %v", simd, rows, columns, j,
								i, got.at(j, i), want)
						}
					}
				}
			}
		}
	}
}
