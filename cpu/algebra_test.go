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
