package sensing

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// TestNewSparseTruth: as many numbers as asked for are not zero, with evenly spaced magnitudes, and ‖β*‖ = 1.
// Positions and signs differ from seed to seed.
func TestNewSparseTruth(t *testing.T) {
	first, negative := map[int]int{}, 0
	for seed := range uint64(200) {
		truth, err := NewSparseTruth(20, 4, 3, seed)
		if err != nil {
			t.Fatal(err)
		}
		beta := mat.NewDense(20, 1, nil)
		truth.Matrix(beta)
		if norm := mat.Norm(beta, 2); math.Abs(norm-1) > 1e-15 ||
			truth.Norm() != truth.Sigma()[0]*truth.Sigma()[0] {
			t.Errorf("‖β*‖ is %v", norm)
		}
		var there []float64
		for i := range 20 {
			if v := beta.At(i, 0); v != 0 {
				if len(there) == 0 {
					first[i]++
				}
				if v < 0 {
					negative++
				}
				there = append(there, math.Abs(v))
			}
		}
		if len(there) != 4 {
			t.Fatalf("%d numbers are not zero", len(there))
		}
		for k, v := range there { // 1, 7/9, 5/9, 1/3 over the root of the sum of their squares
			if want := (9 - 2*float64(k)) / math.Sqrt(81+49+25+9); math.Abs(v-want) > 1e-15 {
				t.Errorf("magnitude %d is %v, want %v", k, v, want)
			}
		}
		if math.Abs(truth.Least()-there[3]) > 1e-16 {
			t.Errorf("the least is %v, want %v", truth.Least(), there[3])
		}
	}
	// Four standard deviations for 800 signs and 200 first positions. The first of four positions is 0 with
	// probability 1/5.
	if math.Abs(float64(negative)-400) > 4*math.Sqrt(200) ||
		math.Abs(float64(first[0])-40) > 4*math.Sqrt(32) {
		t.Errorf("%d of 800 are negative, and %d of 200 supports begin at 0", negative, first[0])
	}
	for _, c := range []struct {
		n, sparsity int
		kappa       float64
	}{{0, 1, 1}, {5, 0, 1}, {5, 6, 1}, {5, 2, 0.5}, {5, 1, 2}} {
		if _, err := NewSparseTruth(c.n, c.sparsity, c.kappa, 1); err == nil {
			t.Errorf("%v was accepted", c)
		}
	}
}

func TestSparseTruthOf(t *testing.T) {
	beta := mat.NewDense(4, 1, []float64{0, -3, 0, 0.25})
	truth, err := SparseTruthOf(beta)
	if err != nil {
		t.Fatal(err)
	}
	got := mat.NewDense(4, 1, nil)
	truth.Matrix(got)
	if !mat.EqualApprox(got, beta, 1e-15) || truth.X().At(0, 0) != 0 || math.Abs(truth.Least()-0.25) > 1e-16 {
		t.Errorf("M* is %v, and its least %v", got.RawMatrix().Data, truth.Least())
	}
	for name, bad := range map[string]*mat.Dense{
		"zero":        mat.NewDense(3, 1, nil),
		"two columns": mat.NewDense(3, 2, nil),
		"infinite":    mat.NewDense(1, 1, []float64{math.Inf(1)}),
	} {
		if _, err := SparseTruthOf(bad); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// TestScaled: Scaled returns c·M* for every kind of truth.
func TestScaled(t *testing.T) {
	psd, _ := NewTruth(5, 2, 2, 1)
	signed, _ := NewIndefiniteTruth(5, 2, 1, 2, 1)
	rect, _ := NewRectTruth(5, 4, 2, 2, 1)
	sparse, _ := NewSparseTruth(5, 2, 1, 1)
	for _, truth := range []*Truth{psd, signed, rect, sparse} {
		scaled := truth.Scaled(4)
		n1, n2 := truth.Dims()
		got, want := mat.NewDense(n1, n2, nil), mat.NewDense(n1, n2, nil)
		scaled.Matrix(got)
		truth.Matrix(want)
		want.Scale(4, want)
		if !mat.EqualApprox(got, want, 1e-15) || scaled.Norm() != 4*truth.Norm() ||
			scaled.Symmetric() != truth.Symmetric() {
			t.Errorf("%d × %d: not four times M*", n1, n2)
		}
	}
}
