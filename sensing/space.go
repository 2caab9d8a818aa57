package sensing

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Space is the set of matrices that contains the unknown, with coordinates: an isometry between matrices
// under the Frobenius inner product and vectors of K numbers, ⟨A, Z⟩ = a·z.
type Space interface {
	// Name is "sym" or "rect".
	Name() string
	// Dims returns the matrices' rows and columns.
	Dims() (n1, n2 int)
	// K returns the number of coordinates.
	K() int
	// Coordinates writes the K coordinates of z to dst. z must have the space's dimensions. In a symmetric
	// space z must be symmetric, and only its upper triangle is read.
	Coordinates(dst []float64, z *mat.Dense)
	// Matrix writes the matrix with the coordinates v to dst: the inverse of Coordinates.
	Matrix(dst *mat.Dense, v []float64)
}

var (
	_ Space = Sym{}
	_ Space = Rect{}
)

// Sym is the space of symmetric N × N matrices in svec coordinates: the upper triangle row by row,
// K = N(N+1)/2, off-diagonals multiplied by √2.
type Sym struct{ N int }

// Name implements [Space].
func (Sym) Name() string { return "sym" }

// Dims implements [Space].
func (s Sym) Dims() (n1, n2 int) { return s.N, s.N }

// K implements [Space].
func (s Sym) K() int { return s.N * (s.N + 1) / 2 }

// Coordinates implements [Space]: dst = svec(z).
func (s Sym) Coordinates(dst []float64, z *mat.Dense) {
	checkShapes("Sym.Coordinates", s, len(dst), z)
	raw := z.RawMatrix()
	at := 0
	for i := range s.N {
		row := raw.Data[i*raw.Stride : i*raw.Stride+s.N]
		dst[at] = row[i]
		off := dst[at+1 : at+s.N-i]
		for j, v := range row[i+1:] {
			off[j] = math.Sqrt2 * v
		}
		at += s.N - i
	}
}

// Matrix implements [Space]: dst = unsvec(v), both triangles.
func (s Sym) Matrix(dst *mat.Dense, v []float64) {
	checkShapes("Sym.Matrix", s, len(v), dst)
	raw := dst.RawMatrix()
	at := 0
	for i := range s.N {
		row := raw.Data[i*raw.Stride : i*raw.Stride+s.N]
		row[i] = v[at]
		off := row[i+1:]
		for j, w := range v[at+1 : at+s.N-i] {
			off[j] = w * (1 / math.Sqrt2)
		}
		at += s.N - i
	}
	for i := 0; i < s.N; i += 8 {
		mirror(raw.Data, raw.Stride, i, s.N)
	}
}

// mirror copies up to eight rows of the upper triangle, from row i on, to the columns of the lower triangle.
// It copies the rows together because these columns are adjacent in memory.
func mirror(data []float64, stride, i, n int) {
	if i+8 > n {
		for ; i < n; i++ {
			for j := i + 1; j < n; j++ {
				data[j*stride+i] = data[i*stride+j]
			}
		}
		return
	}
	row := func(k int) []float64 { return data[(i+k)*stride:][:n] }
	r0, r1, r2, r3, r4, r5, r6, r7 := row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)
	for j := i + 1; j < i+8; j++ {
		for k := i; k < j; k++ {
			data[j*stride+k] = data[k*stride+j]
		}
	}
	for j := i + 8; j < n; j++ {
		d := data[j*stride+i:][:8]
		d[0], d[1], d[2], d[3] = r0[j], r1[j], r2[j], r3[j]
		d[4], d[5], d[6], d[7] = r4[j], r5[j], r6[j], r7[j]
	}
}

// Rect is the space of N1 × N2 matrices in vec coordinates, row by row, K = N1·N2.
type Rect struct{ N1, N2 int }

// Name implements [Space].
func (Rect) Name() string { return "rect" }

// Dims implements [Space].
func (s Rect) Dims() (n1, n2 int) { return s.N1, s.N2 }

// K implements [Space].
func (s Rect) K() int { return s.N1 * s.N2 }

// Coordinates implements [Space]: dst = vec(z).
func (s Rect) Coordinates(dst []float64, z *mat.Dense) {
	checkShapes("Rect.Coordinates", s, len(dst), z)
	raw := z.RawMatrix()
	for i := range s.N1 {
		copy(dst[i*s.N2:(i+1)*s.N2], raw.Data[i*raw.Stride:i*raw.Stride+s.N2])
	}
}

// Matrix implements [Space]: dst = unvec(v).
func (s Rect) Matrix(dst *mat.Dense, v []float64) {
	checkShapes("Rect.Matrix", s, len(v), dst)
	raw := dst.RawMatrix()
	for i := range s.N1 {
		copy(raw.Data[i*raw.Stride:i*raw.Stride+s.N2], v[i*s.N2:(i+1)*s.N2])
	}
}

// checkShapes panics if a caller passes slices of the wrong size, which is a programmer's mistake.
func checkShapes(what string, s Space, k int, z *mat.Dense) {
	n1, n2 := s.Dims()
	if r, c := z.Dims(); r != n1 || c != n2 || k != s.K() {
		panic(fmt.Sprintf("sensing: %s: a %d × %d space with %d coordinates "+
			"got a %d × %d matrix and %d numbers", what, n1, n2, s.K(), r, c, k))
	}
}
