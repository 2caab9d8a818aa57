package cpu

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// openAlgebra returns an engine with workers, of any problem.
func openAlgebra(t *testing.T, workers int) *engine {
	t.Helper()
	p := problemOf(t, 4, 8)
	e, err := Backend{Workers: workers}.Open(t.Context(), p,
		solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{2}})
	if err != nil {
		t.Fatal(err)
	}
	return e.(*engine)
}

func problemOf(t *testing.T, n, m int) *sensing.Problem {
	t.Helper()
	e, err := sensing.NewGaussian(sensing.Sym{N: n}, m, sensing.F64, 1)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := sensing.NewTruth(n, 1, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	return &sensing.Problem{Ensemble: e, Truth: truth}
}

// wavy returns a matrix of numbers without a pattern.
func wavy(rows, cols int, phase float64) *mat.Dense {
	a := mat.NewDense(rows, cols, nil)
	for i := range rows {
		for j := range cols {
			a.Set(i, j, math.Sin(phase+float64(3*i*i+7*j+i*j)))
		}
	}
	return a
}

// TestMultiply compares products of views, plain and transposed, with gonum's, and demands the same bits for
// any number of workers and that nothing beside dst changes.
func TestMultiply(t *testing.T) {
	for _, c := range []struct{ rows, cols, inner int }{
		{1, 1, 1}, {1, 37, 5}, {37, 1, 5}, {5, 5, 300}, {64, 48, 33}, {1, 300, 200},
	} {
		for _, trans := range []int{0, 1, 2, 3} {
			for _, scale := range [][2]float64{{1, 0}, {-1, 1}, {0.5, -2}} {
				t.Run(fmt.Sprintf("%v trans %d scale %v", c, trans, scale), func(t *testing.T) {
					shape := func(rows, cols int, turned bool, phase float64) *mat.Dense {
						if turned {
							rows, cols = cols, rows
						}
						return wavy(rows, cols, phase)
					}
					a := shape(c.rows, c.inner, trans&1 != 0, 1)
					b := shape(c.inner, c.cols, trans&2 != 0, 2)
					whole := wavy(c.rows+2, c.cols+3, 3)
					var results []*mat.Dense
					for _, workers := range []int{1, 3} {
						e := openAlgebra(t, workers)
						dst, err := e.NewMatrix(c.rows+2, c.cols+3)
						if err != nil {
							t.Fatal(err)
						}
						if err := e.SetMatrix(dst, whole); err != nil {
							t.Fatal(err)
						}
						err = e.Multiply(solver.Product{
							Dst: e.View(dst, 1, 1+c.rows, 2, 2+c.cols), Alpha: scale[0],
							A: a, TransA: trans&1 != 0, B: b, TransB: trans&2 != 0, Beta: scale[1],
						})
						if err != nil {
							t.Fatal(err)
						}
						got := mat.NewDense(c.rows+2, c.cols+3, nil)
						if err := e.GetMatrix(got, dst); err != nil {
							t.Fatal(err)
						}
						results = append(results, got)
					}
					if !mat.Equal(results[0], results[1]) {
						t.Error("the number of workers changes bits")
					}
					var left, right mat.Matrix = a, b
					if trans&1 != 0 {
						left = a.T()
					}
					if trans&2 != 0 {
						right = b.T()
					}
					var product, old mat.Dense
					product.Mul(left, right)
					product.Scale(scale[0], &product)
					want := mat.DenseCopyOf(whole)
					window := want.Slice(1, 1+c.rows, 2, 2+c.cols).(*mat.Dense)
					old.Scale(scale[1], window)
					window.Add(&product, &old)
					if !mat.EqualApprox(results[0], want, 1e-14*float64(c.inner+1)) {
						t.Errorf("got\n%v\nwant\n%v", mat.Formatted(results[0]), mat.Formatted(want))
					}
				})
			}
		}
	}
}

// TestDifferenceNorms compares with gonum's, where L·Rᵀ is nearly X·Yᵀ: to the digits of the small difference.
func TestDifferenceNorms(t *testing.T) {
	e := openAlgebra(t, 2)
	for _, c := range []struct {
		n1, n2, d, k int
		symmetric    bool
	}{{1, 1, 1, 1, true}, {7, 5, 3, 2, false}, {600, 600, 4, 2, true}, {600, 500, 9, 3, false}} {
		x, y := wavy(c.n1, c.k, 1), wavy(c.n2, c.k, 2)
		l, r := wavy(c.n1, c.d, 3), wavy(c.n2, c.d, 4)
		for _, m := range []*mat.Dense{l, r} {
			m.Scale(1e-5, m)
		}
		for i := range c.n1 {
			for j := range min(c.k, c.d) {
				l.Set(i, j, l.At(i, j)+x.At(i, j))
			}
		}
		for i := range c.n2 {
			for j := range min(c.k, c.d) {
				r.Set(i, j, r.At(i, j)+y.At(i, j))
			}
		}
		if c.symmetric {
			r, y = l, x
		}
		var got [2]float64
		pair := solver.Pair{L: l, R: r, X: x, Y: y}
		if err := e.Differences(got[:], pair, pair); err != nil {
			t.Fatal(err)
		}
		var z, m mat.Dense
		z.Mul(l, r.T())
		m.Mul(x, y.T())
		z.Sub(&z, &m)
		want := mat.Norm(&z, 2)
		if !(math.Abs(math.Sqrt(got[0])-want) <= 1e-10*want) || got[0] != got[1] {
			t.Errorf("%v: ‖LRᵀ − XYᵀ‖ is %v, want %v", c, math.Sqrt(got[0]), want)
		}
	}
}
