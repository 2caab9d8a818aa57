package sensing_test

import (
	"fmt"
	"log"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// A problem is a truth, an ensemble and an observation model. Without observations the model is linear, and
// an engine computes y_i = ⟨A_i, M*⟩ + Noise·w_i when it opens the problem.
func Example() {
	truth, err := sensing.NewTruth(30, 2, 3, 1) // M* = XXᵀ, 30 × 30, rank 2, condition number of X 3
	if err != nil {
		log.Fatal(err)
	}
	ensemble, err := sensing.NewGaussian(sensing.Sym{N: 30}, 300, sensing.F64, 1)
	if err != nil {
		log.Fatal(err)
	}
	p := &sensing.Problem{Ensemble: ensemble, Truth: truth, Noise: 0.01, NoiseSeed: 1}
	if err := p.Validate(); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d %s measurements of %d numbers each\n",
		ensemble.Measurements(), ensemble.Name(), ensemble.Space().K())
	fmt.Printf("X has the singular values %.3f\n", truth.Sigma())
	// Output:
	// 300 gaussian measurements of 465 numbers each
	// X has the singular values [1.000 0.333]
}

// Known entries of a matrix are observations of a [sensing.Completion].
func ExampleCompletionOf() {
	rows, cols, values := []int32{1, 0, 2}, []int32{0, 0, 1}, []float64{4, 2, 6}
	ensemble, y, err := sensing.CompletionOf(sensing.Rect{N1: 3, N2: 2}, rows, cols, values)
	if err != nil {
		log.Fatal(err)
	}
	p := &sensing.Problem{Ensemble: ensemble, Observations: y}
	if err := p.Validate(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(ensemble.Positions())
	fmt.Printf("%.3f\n", y) // √6 times each value
	// Output:
	// [0 1 2] [0 0 1]
	// [4.899 9.798 14.697]
}

// The single-index model observes a nonlinear function of Gaussian measurements. Its average is what an
// engine works with.
func ExampleSingleIndex() {
	truth, err := sensing.TruthOf(mat.NewDense(3, 1, []float64{1, 0, 1}))
	if err != nil {
		log.Fatal(err)
	}
	model := sensing.SingleIndex{Space: sensing.Sym{N: 3}, Samples: 100_000, Link: "sign", Seed: 1}
	y, err := model.Observe(truth)
	if err != nil {
		log.Fatal(err)
	}
	ensemble, err := model.Ensemble()
	if err != nil {
		log.Fatal(err)
	}
	rows, cols := ensemble.Positions()
	for k, v := range y {
		i, j := int(rows[k]), int(cols[k])
		fmt.Printf("M*[%d, %d] ≈ %.1f\n", i, j, v/ensemble.Unit(i, j))
	}
	// Output:
	// M*[0, 0] ≈ 1.0
	// M*[0, 1] ≈ 0.0
	// M*[0, 2] ≈ 1.0
	// M*[1, 1] ≈ 0.0
	// M*[1, 2] ≈ 0.0
	// M*[2, 2] ≈ 1.0
}

// A link and vectors of rank-one measurements are the multi-index model. With one direction the link norm is
// phase retrieval.
func ExampleLink() {
	truth, err := sensing.TruthOf(mat.NewDense(2, 1, []float64{0, 1}))
	if err != nil {
		log.Fatal(err)
	}
	vectors := mat.NewDense(3, 2, []float64{1, 2, 0, -1, 5, 0.5})
	ensemble, err := sensing.RankOneOf(sensing.Sym{N: 2}, vectors, nil)
	if err != nil {
		log.Fatal(err)
	}
	link, err := sensing.LinkOf("norm")
	if err != nil {
		log.Fatal(err)
	}
	y, err := link.Observe(&sensing.Problem{Ensemble: ensemble, Truth: truth}, ensemble)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(y)
	// Output:
	// [4 1 0.25]
}
