package solver

import (
	"math"
	"math/big"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// noisy returns X + size·N, or with more columns [X + size·N, size·N].
func noisy(x *mat.Dense, columns int, size float64, seed uint64) *mat.Dense {
	n, rank := x.Dims()
	out := mat.NewDense(n, columns, nil)
	stream := sensing.NewStream(seed, 99)
	for i := range n {
		row := out.RawRowView(i)
		stream.Normals(uint64(i), row)
		for j := range row {
			row[j] *= size
			if j < rank {
				row[j] += x.At(i, j)
			}
		}
	}
	return out
}

// exactDistance returns ‖LRᵀ − XYᵀ‖_F, computed with 200 bits.
func exactDistance(l, r, x, y *mat.Dense) float64 {
	number := func(v float64) *big.Float { return new(big.Float).SetPrec(200).SetFloat64(v) }
	sum := number(0)
	n1, columns := l.Dims()
	n2, _ := r.Dims()
	_, rank := x.Dims()
	for i := range n1 {
		for j := range n2 {
			e := number(0)
			for k := range columns {
				e.Add(e, new(big.Float).Mul(number(l.At(i, k)), number(r.At(j, k))))
			}
			for k := range rank {
				e.Sub(e, new(big.Float).Mul(number(x.At(i, k)), number(y.At(j, k))))
			}
			sum.Add(sum, e.Mul(e, e))
		}
	}
	root, _ := sum.Sqrt(sum).Float64()
	return root
}

// TestThinDistance: the distance is right to a few roundings of ‖L‖·‖R‖ = 1, down to distances of 1e-12 with
// four digits, whether the factors are thin or multiplied out. A difference of norms would have no digits
// below 1e-8.
func TestThinDistance(t *testing.T) {
	const n1, n2, rank, few = 19, 23, 2, 4
	sym, err := sensing.NewTruth(n1, rank, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	rect, err := sensing.NewRectTruth(n1, n2, rank, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []float64{1, 1e-3, 1e-6, 1e-12} {
		for _, c := range []struct {
			name    string
			truth   *sensing.Truth
			columns int
		}{
			{"UUᵀ", sym, few}, {"UUᵀ, multiplied out", sym, n1}, {"UVᵀ", rect, few},
			{"UVᵀ, multiplied out", rect, n1},
			{"LRᵀ of a symmetric truth", sym, -few},
		} {
			columns := max(c.columns, -c.columns)
			l := noisy(c.truth.X(), columns, size, 2)
			r := l
			if c.columns < 0 || c.truth == rect {
				r = noisy(c.truth.Right(), columns, size, 3)
			}
			d := distance{truth: c.truth}
			got, want := d.of(l, r), exactDistance(l, r, c.truth.X(), c.truth.Right())
			if isThin := columns+rank < n1; (d.target == nil) != isThin {
				t.Errorf("%s: thin is %v", c.name, isThin)
			}
			// A Householder decomposition of n rows has an error of some n·2⁻⁵³, 2e-15.
			if limit := 2e-15 * (1 + mat.Norm(l, 2)*mat.Norm(r, 2)); !(math.Abs(got-want) <= limit) ||
				size == 1e-12 && !(math.Abs(got/want-1) < 1e-3) {
				t.Errorf("%s at %g: %v, want %v, off by %.1e", c.name, size, got, want, math.Abs(got-want))
			}
		}
	}
}

// TestThinIsDense: both ways give the same distance at every size around the size at which they change.
func TestThinIsDense(t *testing.T) {
	for _, rank := range []int{1, 3} {
		for n := rank; n < 9; n++ {
			truth, err := sensing.NewTruth(n, rank, float64(rank), 1)
			if err != nil {
				t.Fatal(err)
			}
			for columns := 1; columns < 9; columns++ {
				u := noisy(mat.NewDense(n, 1, nil), columns, 0.5, 4)
				got, want := (&distance{truth: truth}).of(u, u), exactDistance(u, u, truth.X(), truth.X())
				if !(math.Abs(got-want) <= 1e-13*want) {
					t.Errorf("n = %d, r = %d, r* = %d: %v, want %v", n, columns, rank, got, want)
				}
			}
		}
	}
}
