package cpu

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/solver"
)

// dense returns a matrix of this engine: all of them are on the host.
func dense(m solver.Matrix) *mat.Dense { return m.(*mat.Dense) }

// NewMatrix implements solver.AlgebraEngine.
func (e *engine) NewMatrix(rows, cols int) (solver.Matrix, error) {
	return mat.NewDense(rows, cols, nil), nil
}

// FreeMatrix implements solver.AlgebraEngine.
func (*engine) FreeMatrix(solver.Matrix) error { return nil }

// View implements solver.AlgebraEngine.
func (*engine) View(m solver.Matrix, i0, i1, j0, j1 int) solver.Matrix {
	return dense(m).Slice(i0, i1, j0, j1).(*mat.Dense)
}

// SetMatrix implements solver.AlgebraEngine.
func (*engine) SetMatrix(m solver.Matrix, a *mat.Dense) error {
	dense(m).Copy(a)
	return nil
}

// GetMatrix implements solver.AlgebraEngine.
func (*engine) GetMatrix(a *mat.Dense, m solver.Matrix) error {
	a.Copy(dense(m))
	return nil
}

// Thin implements solver.AlgebraEngine.
func (e *engine) Thin(member int) (l, r solver.Matrix, err error) {
	left, right := e.par.Thin(e.members[member].slots[solver.Iterate])
	return left, right, nil
}

// Multiply implements solver.AlgebraEngine.
func (e *engine) Multiply(products ...solver.Product) error {
	for _, p := range products {
		if err := e.stop.err(); err != nil {
			return err
		}
		e.multiply(p)
	}
	return nil
}

// multiply computes one product. gemm copies its second operand, so a product with one row is computed as the
// transposed product, whose second operand is one column: with the same chains of sums.
func (e *engine) multiply(p solver.Product) {
	a, b := operandOf(p.A, p.TransA), operandOf(p.B, p.TransB)
	dst := dense(p.Dst)
	rows, cols := dst.Dims()
	e.product = grown(e.product, rows*cols)
	if rows == 1 {
		e.gemm.multiply(mat.NewDense(cols, 1, e.product), b.transposed(), a.transposed(), false)
	} else {
		e.gemm.multiply(mat.NewDense(rows, cols, e.product), a, b, false)
	}
	for i := range rows {
		to, from := dst.RawRowView(i), e.product[i*cols:][:cols]
		switch {
		case p.Beta != 0:
			for j, v := range from {
				to[j] = float64(p.Alpha*v) + float64(p.Beta*to[j])
			}
		case p.Alpha != 1:
			for j, v := range from {
				to[j] = p.Alpha * v
			}
		default:
			copy(to, from)
		}
	}
}

func operandOf(m solver.Matrix, trans bool) operand {
	if trans {
		return transposed(dense(m))
	}
	return plain(dense(m))
}

// transposed returns the transpose of an operand.
func (o operand) transposed() operand {
	return operand{o.data, o.cols, o.rows, o.along, o.down}
}

// grown returns a slice of the given length, with the memory of buffer if that is enough.
func grown(buffer []float64, length int) []float64 {
	if cap(buffer) < length {
		buffer = make([]float64, length)
	}
	return buffer[:length]
}

// CopyMatrix implements solver.AlgebraEngine.
func (*engine) CopyMatrix(dst, src solver.Matrix) error {
	dense(dst).Copy(dense(src))
	return nil
}

// Normalize implements solver.AlgebraEngine.
func (*engine) Normalize(row int, vectors ...solver.Normalized) error {
	for _, v := range vectors {
		z, x := dense(v.Z).RawRowView(0), dense(v.X).RawRowView(0)
		square := squaredNorm(z)
		scale := 0.0
		if square != 0 {
			scale = 1 / math.Sqrt(square)
		}
		for i, number := range z {
			x[i] = number * scale
		}
		if v.Basis != nil {
			dense(v.Basis).SetRow(row, x)
		}
		dense(v.Squares).SetRow(row, []float64{squaredNorm(dense(v.Y).RawMatrix().Data), square})
	}
	return nil
}

// Dots implements solver.AlgebraEngine.
func (*engine) Dots(dst []float64, pairs ...[2]solver.Matrix) error {
	for i, p := range pairs {
		dst[i] = chainsDot(dense(p[0]).RawMatrix().Data, dense(p[1]).RawMatrix().Data)
	}
	return nil
}
