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
// the best vectors of one of them at a restart, and a few blocks.
func Bytes(n, k int) float64 {
	width := BlockSize(n, k)
	return 8 * float64(n) * float64(2*basisSize(width, k)+k+width+8*width)
}

// basisSize is the number of vectors in the basis at which it is cut down to the best vectors.
func basisSize(width, k int) int { return max(basisBlocks*width, 2*width+k) }

const (
	// exact is the residual ‖Sx − θx‖, relative to ‖S‖, at which a pair counts as found.
	exact = 1e-13
	// enough is the largest residual of a pair that is accepted when the iteration ends.
	enough = 1e-9
	// basisBlocks is the number of blocks in the basis before it is cut down to the best vectors.
	basisBlocks = 12
	// exactProducts and mostProducts bound the products with a block that pairs are refined for until they
	// are exact, and until they are enough. Where the largest eigenvalue has just left a bulk of n others,
	// as in multi-index models near their threshold, the first is not always sufficient.
	exactProducts, mostProducts = 600, 6000
)

// Leading finds the k largest eigenvalues of a symmetric S and their eigenvectors. It begins with the columns
// of start, at least k. multiply computes dst = S·X for as many columns or fewer.
//
// This is the block Lanczos method with full orthogonalization. Whenever the basis is full, it restarts from
// the best vectors (Wu and Simon, Thick-restart Lanczos method for large symmetric eigenvalue problems, SIAM
// Journal on Matrix Analysis and Applications 22 (2000)).
func Leading(start *mat.Dense, k int, multiply func(dst, x *mat.Dense) error) (*Pairs, error) {
	n, width := start.Dims()
	if k < 1 || k > width || width > n {
		panic(fmt.Sprintf("krylov: %d pairs of a %d × %d matrix from %d vectors", k, n, n, width))
	}
	most := min(basisSize(width, k), n)
	s := &search{
		n: n, k: k, width: width, multiply: multiply, least: math.Inf(1),
		memory:    [2]*mat.Dense{mat.NewDense(most, n, nil), mat.NewDense(most, n, nil)},
		projected: mat.NewSymDense(most, nil),
	}
	next := mat.DenseCopyOf(start.T())
	for products := range mostProducts {
		grown, err := s.extend(next)
		if err != nil {
			return nil, err
		}
		if err := s.project(); err != nil {
			return nil, err
		}
		var worst float64
		next, worst = s.residuals()
		if !grown || worst <= exact*s.largest || products+1 >= exactProducts && worst <= enough*s.largest {
			break // a basis that does not grow is invariant
		}
	}
	if _, worst := s.residuals(); !(worst <= enough*s.largest) && s.largest > 0 {
		return nil, fmt.Errorf("the %d largest eigenvalues of a %d × %d matrix could not be told "+
			"from the next: after %d products, residuals are still %.1g of its norm",
			k, n, n, mostProducts, worst/s.largest)
	}
	values, vectors := s.ritz(k)
	return &Pairs{values, mat.DenseCopyOf(vectors.T()), s.largest, s.least}, nil
}

// search is a basis Q of orthonormal vectors with S·Q, and the eigenpairs of QᵀSQ. Vectors are rows here, so
// that each is one piece of memory.
type search struct {
	n, k, width int
	multiply    func(dst, x *mat.Dense) error
	memory      [2]*mat.Dense // for the vectors of Q and S·Q
	q, sq       *mat.Dense    // the vectors in use; nil at first
	projected   *mat.SymDense // QᵀSQ
	known       int           // the columns of QᵀSQ that are computed
	values      []float64     // eigenvalues of QᵀSQ, descending
	vectors     *mat.Dense    // eigenvectors of QᵀSQ, as columns
	largest     float64
	least       float64 // of the eigenvalues of QᵀSQ so far
}

// extend adds the parts of vectors outside the basis to the basis. It overwrites x and reports whether there
// were any.
func (s *search) extend(x *mat.Dense) (grown bool, err error) {
	if s.size()+s.width > basisSize(s.width, s.k) {
		s.restart()
	}
	fresh := s.orthonormal(x)
	if len(fresh) == 0 {
		return false, nil
	}
	columns, product := mat.NewDense(s.n, len(fresh), nil), mat.NewDense(s.n, len(fresh), nil)
	for j, v := range fresh {
		columns.SetCol(j, v)
	}
	if err := s.multiply(product, columns); err != nil {
		return false, err
	}
	from := s.size()
	s.take(from + len(fresh))
	for j, v := range fresh {
		s.q.SetRow(from+j, v)
		mat.Col(s.sq.RawRowView(from+j), j, product)
	}
	return true, nil
}

// size is the number of vectors in the basis.
func (s *search) size() int {
	if s.q == nil {
		return 0
	}
	size, _ := s.q.Dims()
	return size
}

// take makes the first vectors of the memory Q and S·Q.
func (s *search) take(size int) {
	s.q = s.memory[0].Slice(0, size, 0, s.n).(*mat.Dense)
	s.sq = s.memory[1].Slice(0, size, 0, s.n).(*mat.Dense)
}

// restart cuts the basis down to its best vectors.
func (s *search) restart() {
	size := min(len(s.values), s.k+s.width)
	for _, a := range []*mat.Dense{s.q, s.sq} {
		a.Copy(s.best(a, size))
	}
	s.take(size)
	s.known = 0
}

// best returns the combinations of Q's or S·Q's vectors by the first count eigenvectors of QᵀSQ.
func (s *search) best(a *mat.Dense, count int) *mat.Dense {
	x := new(mat.Dense)
	x.Mul(s.vectors.Slice(0, len(s.values), 0, count).T(), a)
	return x
}

// orthonormal returns an orthonormal basis of the part of x outside the basis.
func (s *search) orthonormal(x *mat.Dense) (kept [][]float64) {
	count, _ := x.Dims()
	before := make([]float64, count)
	for j := range before {
		before[j] = floats.Norm(x.RawRowView(j), 2)
	}
	if s.q != nil {
		for range 2 { // twice is enough
			var inside, part mat.Dense
			inside.Mul(x, s.q.T())
			part.Mul(&inside, s.q)
			x.Sub(x, &part)
		}
	}
	for j := range count {
		v := x.RawRowView(j)
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
		if len(kept) == s.n-s.size() {
			break
		}
	}
	return kept
}

// project computes the eigenpairs of QᵀSQ. Only the columns of new vectors are multiplied.
func (s *search) project() error {
	c, known := s.size(), s.known
	if known < c {
		var h mat.Dense
		h.Mul(s.q, s.sq.Slice(known, c, 0, s.n).T())
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

// ritz returns the first count pairs of the best approximations to eigenpairs, with vectors as rows.
func (s *search) ritz(count int) ([]float64, *mat.Dense) {
	return s.values[:count:count], s.best(s.q, count)
}

// residuals returns S·x − θx of the best pairs, and the largest norm among the first k.
func (s *search) residuals() (*mat.Dense, float64) {
	count := min(s.width, len(s.values))
	values, x := s.ritz(count)
	r := s.best(s.sq, count)
	worst := 0.0
	for j, v := range values {
		row := r.RawRowView(j)
		floats.AddScaled(row, -v, x.RawRowView(j))
		if j < s.k {
			worst = max(worst, floats.Norm(row, 2))
		}
	}
	return r, worst
}
