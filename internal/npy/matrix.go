package npy

import "gonum.org/v1/gonum/mat"

// LoadMatrix reads a file that holds a matrix, or a vector as a single column.
func LoadMatrix(path string) (*mat.Dense, error) {
	a, err := Load(path)
	if err != nil {
		return nil, err
	}
	shape, columns := a.Shape(), 1
	if len(shape) > 1 {
		columns = shape[1]
	}
	return mat.NewDense(shape[0], columns, a.Data().([]float64)), nil
}
