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

// Bytes returns the memory that [Leading] takes for k pairs of an n × n matrix: the basis and its product,
// each twice while it grows, and a few blocks.
func Bytes(n, k int) float64 {
	width := BlockSize(n, k)
	return 8 * float64(n) * float64(4*max(basisBlocks*width, 2*width+k)+8*width)
}

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
	s := &search{n: n, k: k, width: width, multiply: multiply, least: math.Inf(1)}
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
	q, sq       *mat.Dense
	values      []float64  // eigenvalues of QᵀSQ, descending
	vectors     *mat.Dense // eigenvectors of QᵀSQ
	largest     float64
	least       float64 // of the eigenvalues of QᵀSQ so far
}

// extend adds the parts of vectors outside the basis to the basis. It reports whether there were any.
func (s *search) extend(x *mat.Dense) (grown bool, err error) {
	if s.q != nil {
		if _, have := s.q.Dims(); have+s.width > max(basisBlocks*s.width, 2*s.width+s.k) {
			s.restart()
		}
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
	if s.q == nil {
		s.q, s.sq = fresh, product
		return true, nil
	}
	q, sq := new(mat.Dense), new(mat.Dense)
	q.Augment(s.q, fresh)
	sq.Augment(s.sq, product)
	s.q, s.sq = q, sq
	return true, nil
}

// restart cuts the basis down to its best vectors.
func (s *search) restart() {
	keep := s.vectors.Slice(0, len(s.values), 0, min(len(s.values), s.k+s.width))
	q, sq := new(mat.Dense), new(mat.Dense)
	q.Mul(s.q, keep)
	sq.Mul(s.sq, keep)
	s.q, s.sq = q, sq
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
	_, c := s.q.Dims()
	return c
}

// project computes the eigenpairs of QᵀSQ.
func (s *search) project() error {
	var h mat.Dense
	h.Mul(s.q.T(), s.sq)
	c := s.columns()
	sym := mat.NewSymDense(c, nil)
	for i := range c {
		for j := i; j < c; j++ {
			sym.SetSym(i, j, (h.At(i, j)+h.At(j, i))/2)
		}
	}
	var eig mat.EigenSym
	if !eig.Factorize(sym, true) {
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
