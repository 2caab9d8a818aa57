package cpu

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/solver"
)

// algebra has the memory that the engine's products of matrices use again.
type algebra struct {
	product   []float64 // of Multiply, before it is added to dst
	left, sum []float64 // of Differences: some rows of L·Rᵀ and of X·Yᵀ
}

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
	e.algebra.product = grown(e.algebra.product, rows*cols)
	if rows == 1 {
		e.gemm.multiply(mat.NewDense(cols, 1, e.algebra.product), b.transposed(), a.transposed(), false)
	} else {
		e.gemm.multiply(mat.NewDense(rows, cols, e.algebra.product), a, b, false)
	}
	for i := range rows {
		to, from := dst.RawRowView(i), e.algebra.product[i*cols:][:cols]
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

// Norms implements solver.AlgebraEngine.
func (*engine) Norms(dst []float64, matrices ...solver.Matrix) error {
	for i, m := range matrices {
		dst[i] = squaredNorm(dense(m).RawMatrix().Data)
	}
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

// differenceNumbers is about how many numbers of a difference Differences computes at a time.
const differenceNumbers = 1 << 18

// Differences implements solver.AlgebraEngine. It takes some rows at a time, and of a symmetric difference
// only the columns from the first of these rows on. It adds the squares row by row.
func (e *engine) Differences(dst []float64, pairs ...solver.Pair) error {
	for i, p := range pairs {
		dst[i] = e.difference(p)
	}
	return nil
}

func (e *engine) difference(p solver.Pair) (sum float64) {
	l, r, x, y := dense(p.L), dense(p.R), dense(p.X), dense(p.Y)
	n1, d := l.Dims()
	n2, _ := r.Dims()
	_, k := x.Dims()
	symmetric := p.L == p.R && p.X == p.Y
	step := max(differenceNumbers/n2, 1)
	for from := 0; from < n1; from += step {
		to, first := min(from+step, n1), 0
		if symmetric {
			first = from
		}
		rows, cols := to-from, n2-first
		e.algebra.left = grown(e.algebra.left, rows*cols)
		e.algebra.sum = grown(e.algebra.sum, rows*cols)
		left, right := mat.NewDense(rows, cols, e.algebra.left), mat.NewDense(rows, cols, e.algebra.sum)
		part := func(m *mat.Dense, i, j, cols int) *mat.Dense { return m.Slice(i, j, 0, cols).(*mat.Dense) }
		e.gemm.multiply(left, plain(part(l, from, to, d)), transposed(part(r, first, n2, d)), false)
		e.gemm.multiply(right, plain(part(x, from, to, k)), transposed(part(y, first, n2, k)), false)
		for i := range rows {
			a, b := left.RawRowView(i), right.RawRowView(i)
			square := cols // columns that count once: the rows are there a second time as columns
			if symmetric {
				square = rows
			}
			sum += differenceSquares(a[:square], b[:square]) + 2*differenceSquares(a[square:], b[square:])
		}
	}
	return sum
}

// differenceSquares returns ‖a − b‖², in four chains side by side.
func differenceSquares(a, b []float64) float64 {
	var s0, s1, s2, s3 float64
	for len(a) >= 4 && len(b) >= 4 {
		d0, d1, d2, d3 := a[0]-b[0], a[1]-b[1], a[2]-b[2], a[3]-b[3]
		s0 += float64(d0 * d0)
		s1 += float64(d1 * d1)
		s2 += float64(d2 * d2)
		s3 += float64(d3 * d3)
		a, b = a[4:], b[4:]
	}
	for i, v := range a {
		d := v - b[i]
		s0 += float64(d * d)
	}
	return (s0 + s1) + (s2 + s3)
}
