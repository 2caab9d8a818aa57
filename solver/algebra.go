package solver

import "gonum.org/v1/gonum/mat"

// Matrix is a matrix of float64 numbers where an engine keeps its factors: on the host or on a device.
type Matrix interface {
	Dims() (rows, cols int)
}

// AlgebraEngine is an engine that multiplies matrices where its factors are. Metrics use it to look at a
// factor without copying it. Operations are queued as those of [Engine] are; GetMatrix and Dots
// wait for the device. Engines do not check shapes.
type AlgebraEngine interface {
	Engine
	// NewMatrix allocates a matrix of zeros.
	NewMatrix(rows, cols int) (Matrix, error)
	// FreeMatrix gives a matrix of NewMatrix back; Close gives back all that are left.
	FreeMatrix(m Matrix) error
	// View returns the rows i0 ≤ i < i1 and the columns j0 ≤ j < j1 of a matrix, in the same memory.
	View(m Matrix, i0, i1, j0, j1 int) Matrix
	// SetMatrix copies a to m, which has the same shape.
	SetMatrix(m Matrix, a *mat.Dense) error
	// GetMatrix copies m to a, which has the same shape.
	GetMatrix(a *mat.Dense, m Matrix) error
	// Thin returns L, n1 × d, and R, n2 × d, of a member's iterate Z = L·Rᵀ: twice the same Matrix if Z =
	// LLᵀ. They hold until the iterate changes.
	Thin(member int) (l, r Matrix, err error)
	// Multiply computes products. None of them reads or writes what another one writes.
	Multiply(products ...Product) error
	// CopyMatrix copies src to dst, which has the same shape. Both are whole rows of matrices.
	CopyMatrix(dst, src Matrix) error
	// Dots writes ⟨A, B⟩, the sum of the products of their numbers, of each pair (A, B) to dst. They have the
	// same shape and are no views.
	Dots(dst []float64, pairs ...[2]Matrix) error
	// Normalize makes vectors of length 1, and writes row number row of each one's Basis and Squares.
	Normalize(row int, vectors ...Normalized) error
}

// Product is dst ← Alpha·op(A)·op(B) + Beta·dst, where op transposes if asked to. With Beta = 0 dst is not
// read. dst overlaps neither A nor B.
type Product struct {
	Dst    Matrix
	Alpha  float64
	A      Matrix
	TransA bool
	B      Matrix
	TransB bool
	Beta   float64
}

// Normalized is X ← Z/‖Z‖, for X and Z of 1 × d: zeros if Z is zero. Basis receives a copy of X in one of its
// rows; nil for none. The same row of Squares, which has two columns, receives ‖Y‖² and ‖Z‖², for Y of n × 1.
// Z, X, Y, Basis and Squares are no views. Lanczos's method consists of this and of products, and waits for
// nothing.
type Normalized struct{ Z, X, Basis, Y, Squares Matrix }
