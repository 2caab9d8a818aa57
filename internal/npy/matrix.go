package npy

import (
	"bytes"

	"gonum.org/v1/gonum/mat"
	"gorgonia.org/tensor"
)

// LoadMatrix reads a file that holds a matrix, or a vector as a single column.
func LoadMatrix(path string) (*mat.Dense, error) {
	a, err := Load(path)
	if err != nil {
		return nil, err
	}
	return matrixOf(a), nil
}

// DecodeMatrix is [LoadMatrix] for the contents of a file.
func DecodeMatrix(content []byte) (*mat.Dense, error) {
	r, err := NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, err
	}
	a, err := r.array()
	if err != nil {
		return nil, err
	}
	return matrixOf(a), nil
}

func matrixOf(a *tensor.Dense) *mat.Dense {
	shape, columns := a.Shape(), 1
	if len(shape) > 1 {
		columns = shape[1]
	}
	return mat.NewDense(shape[0], columns, a.Data().([]float64))
}
