package solver

import "gonum.org/v1/gonum/mat"

// Matrix is a matrix where an engine keeps its factors: on the host or on a device.
type Matrix interface{ Dims() (rows, cols int) }

// AlgebraEngine is an engine that multiplies matrices where its factors are.
type AlgebraEngine interface {
	Engine
	NewMatrix(rows, cols int) (Matrix, error)
	FreeMatrix(m Matrix) error
	View(m Matrix, i0, i1, j0, j1 int) Matrix
	SetMatrix(m Matrix, a *mat.Dense) error
	GetMatrix(a *mat.Dense, m Matrix) error
	Thin(member int) (l, r Matrix, err error)
	Multiply(products ...Product) error
	Differences(dst []float64, pairs ...Pair) error
}

// Product is dst ← alpha·op(A)·op(B) + beta·dst.
type Product struct {
	Dst    Matrix
	Alpha  float64
	A      Matrix
	TransA bool
	B      Matrix
	TransB bool
	Beta   float64
}

// Pair is L·Rᵀ beside X·Yᵀ.
type Pair struct{ L, R, X, Y Matrix }
