package solver

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// TestLeadingLeft compares with a full decomposition, for matrices of every shape with values of many sizes,
// equal ones and zeros. Vectors of equal values are compared by the space that they span.
func TestLeadingLeft(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func(rows, cols int) *mat.Dense {
		a := mat.NewDense(rows, cols, nil)
		for i := range rows {
			for j := range cols {
				a.Set(i, j, r.NormFloat64())
			}
		}
		return a
	}
	// with returns a matrix with given singular values.
	with := func(rows, cols int, values ...float64) *mat.Dense {
		var left, right mat.QR
		left.Factorize(random(rows, rows))
		right.Factorize(random(cols, cols))
		var q, p, a mat.Dense
		left.QTo(&q)
		right.QTo(&p)
		s := mat.NewDense(rows, cols, nil)
		for i, v := range values {
			s.Set(i, i, v)
		}
		a.Product(&q, s, p.T())
		return &a
	}
	for name, c := range map[string]struct {
		a *mat.Dense
		k int
	}{
		"one number":      {random(1, 1), 1},
		"one column":      {random(7, 1), 1},
		"one row":         {random(1, 7), 1},
		"two by two":      {random(2, 2), 2},
		"square":          {random(30, 30), 5},
		"square, all":     {random(12, 12), 12},
		"tall":            {random(60, 9), 3},
		"tall, all":       {random(60, 9), 9},
		"wide":            {random(9, 60), 4},
		"many sizes":      {with(20, 20, 1, 1e-2, 1e-4, 1e-6, 1e-9, 1e-12), 4},
		"a far start":     {with(20, 20, 3e-7, 1e-7, 1e-8), 2},
		"equal values":    {with(15, 18, 2, 2, 2, 1, 1, 0.5), 5},
		"nearly equal":    {with(18, 15, 2, 2-1e-9, 1, 1-1e-12, 0.5), 4},
		"rank 3, 2 asked": {with(10, 10, 2, 1, 0.5), 2},
		"diagonal":        {mat.DenseCopyOf(mat.NewDiagDense(5, []float64{1, 5, 2, 4, 3})), 3},
		"first units":     {mat.DenseCopyOf(mat.NewDiagDense(4, []float64{3, 2, 0, 0})), 2},
	} {
		t.Run(name, func(t *testing.T) {
			sigma, left, err := leadingLeft(c.a, c.k)
			if err != nil {
				t.Fatal(err)
			}
			want, full, err := svd(c.a, mat.SVDThinU)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range want {
				if !(math.Abs(sigma[i]-v) <= 1e-14*want[0]) {
					t.Errorf("value %d is %v, want %v", i, sigma[i], v)
				}
			}
			var gram mat.Dense
			gram.Mul(left.T(), left)
			gram.Sub(&gram, identity(c.k))
			if off := mat.Norm(&gram, 2); !(off <= 1e-14*float64(c.k)) {
				t.Errorf("the vectors are off orthonormal by %v", off)
			}
			next := 0.0
			if c.k < len(want) {
				next = want[c.k]
			}
			rows, _ := c.a.Dims()
			sine := sineBetween(full.Slice(0, rows, 0, c.k).(*mat.Dense), left)
			// Either decomposition has an error of a few roundings of the matrix.
			if bound := 1e-14 * want[0] / (want[c.k-1] - next); !(sine <= bound+1e-14) {
				t.Errorf("the vectors are at an angle of %v, at most %v", sine, bound)
			}
		})
	}
	for _, a := range []*mat.Dense{mat.NewDense(6, 4, nil), units(6, 1, 3)} {
		sigma, left, err := leadingLeft(mat.DenseCopyOf(a), 2)
		if zero := mat.Norm(a, 2) == 0; err != nil || (left == nil) != zero || fmt.Sprint(sigma[0]) ==
			"0" != zero {
			t.Errorf("values %v, vectors %v, error %v", sigma, left, err)
		}
	}
}
