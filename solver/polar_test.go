package solver_test

import (
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestPolarBalanced: the balanced pair has the product XSXᵀ, as many columns as X has rank, and Gram
// matrices that are the same diagonal matrix, for directions that are not orthonormal and magnitudes with
// eigenvalues of both signs.
func TestPolarBalanced(t *testing.T) {
	for _, r := range []int{1, 4, 7, 9} {
		f := startOf(t, 7, r, 1, uint64(r))
		l, right, err := solver.Polar{}.Balanced(f)
		if err != nil {
			t.Fatal(err)
		}
		if _, d := l.Dims(); d != min(7, r) {
			t.Errorf("r = %d: the pair has %d columns", r, d)
		}
		var s, want, got, gl, gr mat.Dense
		s.Add(f[1], f[1].T())
		s.Scale(0.5, &s)
		want.Product(f[0], &s, f[0].T())
		got.Mul(l, right.T())
		if !mat.EqualApprox(&got, &want, 1e-13) {
			t.Errorf("r = %d: the pair has another product", r)
		}
		gl.Mul(l.T(), l)
		gr.Mul(right.T(), right)
		for i := range min(7, r) {
			for j := range min(7, r) {
				if i != j && !(gl.At(i, j)*gl.At(i, j) < 1e-26) {
					t.Errorf("r = %d: columns %d and %d are not orthogonal", r, i, j)
				}
			}
		}
		if !mat.EqualApprox(&gl, &gr, 1e-13) {
			t.Errorf("r = %d: the pair is not balanced", r)
		}
		gotL, gotR := solver.Polar{}.Thin(f)
		got.Mul(gotL, gotR.T())
		if !mat.EqualApprox(&got, &want, 1e-13) {
			t.Errorf("r = %d: L·Rᵀ is another matrix", r)
		}
	}
}

// TestPolarShapes: rectangular matrices have other singular vectors on either side.
func TestPolarShapes(t *testing.T) {
	if _, err := (solver.Polar{}).Shapes(sensing.Sym{N: 5}, 0); err == nil {
		t.Error("r = 0 is not refused")
	}
	if _, err := (solver.Polar{}).Shapes(sensing.Rect{N1: 5, N2: 5}, 2); err == nil {
		t.Error("rectangular matrices are not refused")
	}
}
