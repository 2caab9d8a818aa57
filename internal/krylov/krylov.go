// Package krylov computes leading eigenvectors of symmetric matrices that are too large to be stored and
// cheap to multiply with.
package krylov

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// Pairs are eigenvalues and eigenvectors.
type Pairs struct {
	// Values are the largest eigenvalues, descending.
	Values []float64
	// Vectors has the corresponding orthonormal eigenvectors as columns.
	Vectors *mat.Dense
	// Largest is an estimate of the largest magnitude of all eigenvalues, negative ones included.
	Largest float64
	// Least is an estimate of the least eigenvalue, and not below it.
	Least float64
}

// BlockSize returns how many vectors to multiply by at a time to find k pairs of an n × n matrix. It is more
// than k because eigenvalues that lie close together need more vectors.
func BlockSize(n, k int) int { return min(n, k+max(2, k/2)) }

// Bytes returns the memory that [Leading] takes for k pairs of an n × n matrix: the basis and its product, the
// best vectors of one of them at a restart, and a few blocks.
func Bytes(n, k int) float64 {
	width := BlockSize(n, k)
	return 8 * float64(n) * float64(2*basisColumns(width, k)+k+width+8*width)
}

// basisColumns is the number of columns in the basis at which it is cut down to the best vectors.
func basisColumns(width, k int) int { return max(basisBlocks*width, 2*width+k) }

const (
	// exact is the residual ‖Sx − θx‖, relative to ‖S‖, at which a pair counts as found.
	exact = 1e-13
	// enough is the largest residual of a pair that is accepted when the iteration ends.
	enough = 1e-9
	// basisBlocks is the number of blocks in the basis before it is cut down to the best vectors.
	basisBlocks = 12
	// mostProducts bounds the products with a block.
	mostProducts = 600
)

// Leading finds the k largest eigenvalues of a symmetric S and their eigenvectors. It begins with the columns
// of start, at least k, and overwrites them. multiply computes dst = S·X for as many columns or fewer.
//
// This is the block Lanczos method with full orthogonalization. Whenever the basis is full, it restarts from
// the best vectors (Wu and Simon, Thick-restart Lanczos method for large symmetric eigenvalue problems, SIAM
// Journal on Matrix Analysis and Applications 22 (2000)).
func Leading(start *mat.Dense, k int, multiply func(dst, x *mat.Dense) error) (*Pairs, error) {
	n, width := start.Dims()
	if k < 1 || k > width || width > n {
		panic(fmt.Sprintf("krylov: %d pairs of a %d × %d matrix from %d vectors", k, n, n, width))
	}
	most := min(basisColumns(width, k), n)
	s := &search{
		n: n, k: k, width: width, multiply: multiply, least: math.Inf(1),
		memory:    [2]*mat.Dense{mat.NewDense(n, most, nil), mat.NewDense(n, most, nil)},
		projected: mat.NewSymDense(most, nil),
	}
	next := start
	for range mostProducts {
		grown, err := s.extend(next)
		if err != nil {
			return nil, err
		}
		if err := s.project(); err != nil {
			return nil, err
		}
		var worst float64
		next, worst = s.residuals()
		if !grown || worst <= exact*s.largest {
			break // a basis that does not grow is invariant
		}
	}
	if _, worst := s.residuals(); !(worst <= enough*s.largest) && s.largest > 0 {
		return nil, fmt.Errorf("the %d largest eigenvalues of a %d × %d matrix could not be told "+
			"from the next: after %d products, residuals are still %.1g of its norm",
			k, n, n, mostProducts, worst/s.largest)
	}
	values, vectors := s.ritz(k)
	return &Pairs{values, vectors, s.largest, s.least}, nil
}

// search is a basis Q of orthonormal columns with S·Q, and the eigenpairs of QᵀSQ.
type search struct {
	n, k, width int
	multiply    func(dst, x *mat.Dense) error
	memory      [2]*mat.Dense // for the columns of Q and S·Q
	q, sq       *mat.Dense    // the columns in use; nil at first
	projected   *mat.SymDense // QᵀSQ
	known       int           // the columns of QᵀSQ that are computed
	values      []float64     // eigenvalues of QᵀSQ, descending
	vectors     *mat.Dense    // eigenvectors of QᵀSQ
	largest     float64
	least       float64 // of the eigenvalues of QᵀSQ so far
}

// extend adds the parts of vectors outside the basis to the basis. It reports whether there were any.
func (s *search) extend(x *mat.Dense) (grown bool, err error) {
	if s.q != nil && s.columns()+s.width > basisColumns(s.width, s.k) {
		s.restart()
	}
	fresh := s.orthonormal(x)
	if fresh == nil {
		return false, nil
	}
	_, columns := fresh.Dims()
	product := mat.NewDense(s.n, columns, nil)
	if err := s.multiply(product, fresh); err != nil {
		return false, err
	}
	from := s.columns()
	s.take(from + columns)
	s.q.Slice(0, s.n, from, from+columns).(*mat.Dense).Copy(fresh)
	s.sq.Slice(0, s.n, from, from+columns).(*mat.Dense).Copy(product)
	return true, nil
}

// take makes the first columns of the memory Q and S·Q.
func (s *search) take(columns int) {
	s.q = s.memory[0].Slice(0, s.n, 0, columns).(*mat.Dense)
	s.sq = s.memory[1].Slice(0, s.n, 0, columns).(*mat.Dense)
}

// restart cuts the basis down to its best vectors.
func (s *search) restart() {
	columns := min(len(s.values), s.k+s.width)
	keep := s.vectors.Slice(0, len(s.values), 0, columns)
	for _, a := range []*mat.Dense{s.q, s.sq} {
		var best mat.Dense
		best.Mul(a, keep)
		a.Copy(&best)
	}
	s.take(columns)
	s.known = 0
}

// orthonormal returns an orthonormal basis of the part of x outside the basis, or nil if there is none.
func (s *search) orthonormal(x *mat.Dense) *mat.Dense {
	_, columns := x.Dims()
	before := make([]float64, columns)
	column := make([]float64, s.n)
	for j := range columns {
		before[j] = floats.Norm(mat.Col(column, j, x), 2)
	}
	if s.q != nil {
		for range 2 { // twice is enough
			var inside, part mat.Dense
			inside.Mul(s.q.T(), x)
			part.Mul(s.q, &inside)
			x.Sub(x, &part)
		}
	}
	var kept [][]float64
	for j := range columns {
		v := mat.Col(nil, j, x)
		for range 2 {
			for _, u := range kept {
				floats.AddScaled(v, -floats.Dot(u, v), u)
			}
		}
		norm := floats.Norm(v, 2)
		if !(norm > 1e-10*before[j]) {
			continue
		}
		floats.Scale(1/norm, v)
		kept = append(kept, v)
		if s.q != nil && len(kept) == s.n-s.columns() {
			break
		}
	}
	if len(kept) == 0 {
		return nil
	}
	out := mat.NewDense(s.n, len(kept), nil)
	for j, v := range kept {
		out.SetCol(j, v)
	}
	return out
}

func (s *search) columns() int {
	if s.q == nil {
		return 0
	}
	_, c := s.q.Dims()
	return c
}

// project computes the eigenpairs of QᵀSQ. Only the columns of new vectors are multiplied.
func (s *search) project() error {
	c, known := s.columns(), s.known
	if known < c {
		var h mat.Dense
		h.Mul(s.q.T(), s.sq.Slice(0, s.n, known, c))
		for j := known; j < c; j++ {
			for i := range j + 1 {
				v := h.At(i, j-known)
				if i >= known {
					v = (v + h.At(j, i-known)) / 2
				}
				s.projected.SetSym(i, j, v)
			}
		}
		s.known = c
	}
	var eig mat.EigenSym
	if !eig.Factorize(s.projected.SliceSym(0, c), true) {
		return fmt.Errorf("the eigenvectors of a %d × %d matrix could not be found", c, c)
	}
	s.values = eig.Values(nil)
	s.largest = max(s.largest, math.Abs(s.values[0]), math.Abs(s.values[c-1]))
	s.least = min(s.least, s.values[0])
	var ascending mat.Dense
	eig.VectorsTo(&ascending)
	s.vectors = mat.NewDense(c, c, nil)
	for j := range c {
		s.vectors.SetCol(j, mat.Col(nil, c-1-j, &ascending))
	}
	slices.Reverse(s.values)
	return nil
}

// ritz returns the first count pairs of the best approximations to eigenpairs.
func (s *search) ritz(count int) ([]float64, *mat.Dense) {
	x := new(mat.Dense)
	x.Mul(s.q, s.vectors.Slice(0, len(s.values), 0, count))
	return s.values[:count:count], x
}

// residuals returns S·x − θx of the best pairs, and the largest norm among the first k.
func (s *search) residuals() (*mat.Dense, float64) {
	count := min(s.width, len(s.values))
	values, x := s.ritz(count)
	r := new(mat.Dense)
	r.Mul(s.sq, s.vectors.Slice(0, len(s.values), 0, count))
	for i := range s.n {
		row, xs := r.RawRowView(i), x.RawRowView(i)
		for j, v := range values {
			row[j] -= v * xs[j]
		}
	}
	worst, column := 0.0, make([]float64, s.n)
	for j := range min(s.k, count) {
		worst = max(worst, floats.Norm(mat.Col(column, j, r), 2))
	}
	return r, worst
}
