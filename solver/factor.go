package solver

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Factor is what a method learns: the matrices of a parametrization, in the parametrization's order. For UUᵀ
// it is one n × r matrix.
type Factor []*mat.Dense

// Shape is the size of one of a factor's matrices.
type Shape struct{ Rows, Cols int }

// String writes the shape as 3 × 4.
func (s Shape) String() string { return fmt.Sprintf("%d × %d", s.Rows, s.Cols) }

// Numbers returns how many numbers a factor with these shapes has.
func Numbers(shapes []Shape) (count int) {
	for _, s := range shapes {
		count += s.Rows * s.Cols
	}
	return count
}

// NewFactor returns a factor of zeros.
func NewFactor(shapes []Shape) Factor {
	f := make(Factor, len(shapes))
	for i, s := range shapes {
		f[i] = mat.NewDense(s.Rows, s.Cols, nil)
	}
	return f
}

// Shapes returns the sizes of the factor's matrices.
func (f Factor) Shapes() []Shape {
	s := make([]Shape, len(f))
	for i, u := range f {
		s[i].Rows, s[i].Cols = u.Dims()
	}
	return s
}

// Clone returns a copy.
func (f Factor) Clone() Factor {
	g := make(Factor, len(f))
	for i, u := range f {
		g[i] = mat.DenseCopyOf(u)
	}
	return g
}

// Copy makes f a copy of g, which has the same shapes.
func (f Factor) Copy(g Factor) {
	for i, u := range f {
		u.Copy(g[i])
	}
}

// Combine does f = a·x + b·y, for factors with the same shapes, which may be the same factors. A term with
// the coefficient 0 is not read. The conversions round each product before the sum: without them Go may fuse
// a product with the sum, as it does on some architectures, and iterates would depend on the machine.
func (f Factor) Combine(a float64, x Factor, b float64, y Factor) {
	if a == 0 {
		a, x, b, y = b, y, 0, x
	}
	for i, u := range f {
		for r := range u.RawMatrix().Rows {
			dst, p, q := u.RawRowView(r), x[i].RawRowView(r), y[i].RawRowView(r)
			switch {
			case a == 0:
				clear(dst)
			case b == 0:
				for k, v := range p {
					dst[k] = a * v
				}
			default:
				for k, v := range p {
					dst[k] = float64(a*v) + float64(b*q[k])
				}
			}
		}
	}
}

// Finite says whether every number is finite.
func (f Factor) Finite() bool {
	for _, u := range f {
		rows, cols := u.Dims()
		for i := range rows {
			for _, v := range u.RawRowView(i)[:cols] {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return false
				}
			}
		}
	}
	return true
}
