package sensing

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// NewSparseTruth draws a vector β* of n numbers, as the n × 1 matrix M*, with ‖β*‖ = 1 and `sparsity` numbers
// that are not zero. Their positions are drawn without replacement, and each sign is + or − with equal
// probability. In the order of positions their magnitudes are evenly spaced from the largest down to the
// largest over kappa; for kappa = 1 all are 1/√sparsity. The bits are the same on every machine.
func NewSparseTruth(n, sparsity int, kappa float64, seed uint64) (*Truth, error) {
	if n < 1 || sparsity < 1 || sparsity > n {
		return nil, fmt.Errorf("sensing: the sparsity of a vector of n = %d numbers goes from 1 to n, got %d",
			n, sparsity)
	}
	magnitudes, err := spectrum(n, sparsity, kappa)
	if err != nil {
		return nil, err
	}
	const signs = 1 << 32 // the stream's row of signs
	norm := math.Sqrt(dot(magnitudes, magnitudes))
	stream := NewStream(seed, TruthStream)
	beta := make([]float64, n)
	for k, place := range distinct(stream, uint64(n), sparsity) {
		beta[place] = magnitudes[k] / norm
		if stream.Word(signs, uint64(k/64))>>(k%64)&1 == 1 {
			beta[place] = -beta[place]
		}
	}
	return SparseTruthOf(mat.NewDense(n, 1, beta))
}

// SparseTruthOf returns the truth M* = β* of a given vector β*, n × 1, which must not be zero.
func SparseTruthOf(beta *mat.Dense) (*Truth, error) {
	if _, columns := beta.Dims(); columns != 1 {
		return nil, fmt.Errorf("sensing: a sparse truth is a vector of one column, got %d columns", columns)
	}
	if err := checkGiven(beta); err != nil {
		return nil, err
	}
	b := mat.Col(nil, 0, beta)
	norm := math.Sqrt(dot(b, b))
	if !(norm > 0) {
		return nil, fmt.Errorf("sensing: the true vector is zero: errors relative to it are not defined")
	}
	root := math.Sqrt(norm)
	left := side{new(mat.Dense), new(mat.Dense)}
	left.x.Scale(1/root, beta)
	left.basis.Scale(1/norm, beta)
	right := side{mat.NewDense(1, 1, []float64{root}), mat.NewDense(1, 1, []float64{1})}
	return &Truth{left: left, right: right, sigma: []float64{root}, sparse: true}, nil
}
