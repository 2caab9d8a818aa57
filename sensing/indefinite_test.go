package sensing

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// TestNewIndefiniteTruth: M* has the eigenvalues ±σ² with the signs asked for, and X is the same as in the
// semidefinite truth.
func TestNewIndefiniteTruth(t *testing.T) {
	for _, c := range []struct {
		rank, negative int
		want           []float64
	}{
		{4, 2, []float64{1, -1, 1, -1}}, {3, 1, []float64{1, 1, -1}}, {3, 2, []float64{1, -1, -1}},
		{2, 0, []float64{1, 1}}, {2, 2, []float64{-1, -1}},
	} {
		truth, err := NewIndefiniteTruth(9, c.rank, c.negative, 2, 3)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(truth.Signs(), c.want) || !truth.Symmetric() {
			t.Errorf("rank %d, %d negative: the signs are %v", c.rank, c.negative, truth.Signs())
		}
		psd, err := NewTruth(9, c.rank, 2, 3)
		if err != nil || !mat.Equal(psd.X(), truth.X()) {
			t.Errorf("rank %d: another X than that of M* = XXᵀ", c.rank)
		}
		checkSigned(t, truth)
	}
	for _, negative := range []int{-1, 3} {
		if _, err := NewIndefiniteTruth(9, 2, negative, 1, 3); err == nil {
			t.Errorf("%d negative eigenvalues of 2 were accepted", negative)
		}
	}
}

// checkSigned compares the eigenvectors and eigenvalues with M* itself: M*·v = ±σ²·v.
func checkSigned(t *testing.T, truth *Truth) {
	t.Helper()
	n, _ := truth.Dims()
	m := mat.NewDense(n, n, nil)
	truth.Matrix(m)
	if !mat.EqualApprox(m, m.T(), 1e-14) {
		t.Error("M* is not symmetric")
	}
	var image mat.Dense
	image.Mul(m, truth.Basis())
	for j, s := range truth.Sigma() {
		for i := range n {
			eigenvalue := truth.Signs()[j] * s * s
			if want := eigenvalue * truth.Basis().At(i, j); math.Abs(image.At(i, j)-want) > 1e-13 {
				t.Fatalf("column %d of V is no eigenvector with the eigenvalue %g: (M*·v)_%d = %v, want %v",
					j, eigenvalue, i, image.At(i, j), want)
			}
		}
	}
	if norm := mat.Norm(m, 2); math.Abs(norm-truth.Norm()) > 1e-14*norm {
		t.Errorf("‖M*‖ is %v, want %v", truth.Norm(), norm)
	}
}

// TestIndefiniteTruthOf: X S and any other pair of factors of the same symmetric matrix give the same truth.
func TestIndefiniteTruthOf(t *testing.T) {
	truth, err := NewIndefiniteTruth(7, 3, 1, 4, 5)
	if err != nil {
		t.Fatal(err)
	}
	mix := mat.NewDense(3, 3, []float64{1, 2, 0, -1, 1, 3, 0.5, 0, 1}) // X·A and Y·A⁻ᵀ have the same product
	var inverse, x, y mat.Dense
	if err := inverse.Inverse(mix); err != nil {
		t.Fatal(err)
	}
	x.Mul(truth.X(), mix)
	y.Mul(truth.Right(), inverse.T())
	want := mat.NewDense(7, 7, nil)
	truth.Matrix(want)
	for name, pair := range map[string][2]*mat.Dense{"X S": {truth.X(), truth.Right()}, "mixed": {&x, &y}} {
		got, err := IndefiniteTruthOf(pair[0], pair[1])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		m := mat.NewDense(7, 7, nil)
		got.Matrix(m)
		if !mat.EqualApprox(m, want, 1e-13) {
			t.Errorf("%s: another M*", name)
		}
		checkSigned(t, got)
	}
	other := mat.DenseCopyOf(truth.Right())
	other.Set(0, 0, other.At(0, 0)+1e-3)
	_, err = IndefiniteTruthOf(truth.X(), other)
	if err == nil || !strings.Contains(err.Error(), "not symmetric") {
		t.Errorf("a truth that is not symmetric: %v", err)
	}
	for name, bad := range map[string]*mat.Dense{
		"size": mat.NewDense(7, 2, nil),
		"NaN":  mat.NewDense(7, 3, slices.Repeat([]float64{math.NaN()}, 21)),
		"zero": mat.NewDense(7, 3, nil),
	} {
		if _, err := IndefiniteTruthOf(truth.X(), bad); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// TestValidateSymmetric: symmetric measurements accept X S Xᵀ and refuse X Yᵀ.
func TestValidateSymmetric(t *testing.T) {
	e, err := NewGaussian(Sym{5}, 10, F32, 1)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := NewIndefiniteTruth(5, 2, 1, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := (&Problem{Ensemble: e, Truth: signed}).Validate(); err != nil {
		t.Error(err)
	}
	rect, err := NewRectTruth(5, 5, 2, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := (&Problem{Ensemble: e, Truth: rect}).Validate(); err == nil {
		t.Error("a truth X Yᵀ was accepted")
	}
}
