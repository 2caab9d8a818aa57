package solver

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// panel is a matrix with few columns on an engine, and what its orthonormalization needs.
type panel struct {
	memory   [2]Matrix  // a and spare, in the order that they were made
	a, spare Matrix     // rows × c; a is overwritten with Q, and the two change places
	gram     Matrix     // c × c
	r        *mat.Dense // result: c × c, upper triangular, A = Q·R
	sound    bool       // result: Q is orthonormal
}

// newPanel makes a panel of zeros.
func newPanel(e AlgebraEngine, rows, cols int) (p *panel, err error) {
	p = &panel{}
	for i := range p.memory {
		if p.memory[i], err = e.NewMatrix(rows, cols); err != nil {
			return nil, err
		}
	}
	p.reset()
	p.gram, err = e.NewMatrix(cols, cols)
	return p, err
}

// reset puts a and spare back where they were at first, so that the next sample has the same products.
func (p *panel) reset() { p.a, p.spare = p.memory[0], p.memory[1] }

// first returns a panel of the first columns, in the same memory.
func (p *panel) first(e AlgebraEngine, columns int) *panel {
	rows, all := p.a.Dims()
	if columns == all {
		return p
	}
	return &panel{
		a: e.View(p.a, 0, rows, 0, columns), spare: e.View(p.spare, 0, rows, 0, columns),
		gram: e.View(p.gram, 0, columns, 0, columns),
	}
}

// orthonormalize replaces each panel by the Q of its QR decomposition. It repeats the Cholesky decomposition
// of the Gram matrix, with a shift if the columns are nearly dependent: products alone, but as stable as
// Householder's method as long as the condition number stays below about 1e15. Columns are scaled to length 1
// first. (Fukaya, Kannan, Nakatsukasa, Yamamoto and Yanagisawa, Shifted CholeskyQR for computing the QR
// factorization of ill-conditioned matrices, arXiv 1809.11085.) Panels whose columns are dependent, or not
// finite, are not sound afterwards.
func orthonormalize(e AlgebraEngine, panels ...*panel) error {
	const passes = 5
	left := make([]*panel, 0, len(panels))
	for _, p := range panels {
		_, c := p.a.Dims()
		p.r, p.sound = identity(c), false
		left = append(left, p)
	}
	for pass := 0; pass < passes && len(left) > 0; pass++ {
		products := make([]Product, len(left))
		for i, p := range left {
			products[i] = Product{Dst: p.gram, Alpha: 1, A: p.a, TransA: true, B: p.a}
		}
		if err := e.Multiply(products...); err != nil {
			return err
		}
		products = products[:0]
		next := left[:0]
		for _, p := range left {
			_, c := p.a.Dims()
			rows, _ := p.a.Dims()
			gram := mat.NewDense(c, c, nil)
			if err := e.GetMatrix(gram, p.gram); err != nil {
				return err
			}
			off := float64(c) * mostCosine(gram)
			r, inverse := triangleOf(gram, rows)
			if r == nil {
				continue // not sound
			}
			p.r = upperProduct(r, p.r)
			if err := e.SetMatrix(p.gram, inverse); err != nil {
				return err
			}
			products = append(products, Product{Dst: p.spare, Alpha: 1, A: p.a, B: p.gram})
			p.a, p.spare = p.spare, p.a
			const nearly = 0.1 // this pass leaves rounding errors only: R has a condition number near 1
			if p.sound = off <= nearly; !p.sound {
				next = append(next, p)
			}
		}
		if err := e.Multiply(products...); err != nil {
			return err
		}
		left = next
	}
	return nil
}

func identity(n int) *mat.Dense {
	a := mat.NewDense(n, n, nil)
	for i := range n {
		a.Set(i, i, 1)
	}
	return a
}

// mostCosine returns the largest cosine between two columns with the Gram matrix G.
func mostCosine(gram *mat.Dense) (most float64) {
	c, _ := gram.Dims()
	for i := range c {
		for j := range i {
			most = max(most, math.Abs(gram.At(i, j))/math.Sqrt(gram.At(i, i))/math.Sqrt(gram.At(j, j)))
		}
	}
	return most
}

// triangleOf returns the upper triangular R with RᵀR = G, and R⁻¹; nil if a diagonal element of G is not a
// positive number. If G is nearly singular, R belongs to G plus a small diagonal matrix. G is the Gram matrix
// of a matrix with so many rows.
func triangleOf(gram *mat.Dense, rows int) (r, inverse *mat.Dense) {
	c, _ := gram.Dims()
	length := make([]float64, c)
	for j := range c {
		length[j] = math.Sqrt(gram.At(j, j))
		if !(length[j] > 0) || math.IsInf(length[j], 1) {
			return nil, nil
		}
	}
	r = mat.NewDense(c, c, nil)
	const leastPivot = 1e-8
	shift := 0.0
	for !cholesky(r, gram, length, shift, leastPivot) {
		if shift > 0 {
			return nil, nil
		}
		shift = 11 * float64(rows*c+c*(c+1)) * 0x1p-53 * float64(c)
	}
	inverse = invertUpper(r)
	for i := range c {
		for j := i; j < c; j++ {
			r.Set(i, j, r.At(i, j)*length[j])
			inverse.Set(i, j, inverse.At(i, j)/length[i])
		}
	}
	return r, inverse
}

// cholesky writes the upper triangular R with RᵀR = D⁻¹GD⁻¹ + shift·I to r, for D with the lengths on its
// diagonal. It returns false if a pivot is small and there is no shift, or not positive.
func cholesky(r, gram *mat.Dense, length []float64, shift, least float64) bool {
	if shift > 0 {
		least = 0
	}
	for j := range length {
		for i := 0; i <= j; i++ {
			sum := gram.At(i, j) / length[i] / length[j]
			if i == j {
				sum += shift
			}
			for k := range i {
				sum -= float64(r.At(k, i) * r.At(k, j))
			}
			if i < j {
				r.Set(i, j, sum/r.At(i, i))
				continue
			}
			if !(sum > least) {
				return false
			}
			r.Set(j, j, math.Sqrt(sum))
		}
	}
	return true
}

// invertUpper returns R⁻¹ of an upper triangular R.
func invertUpper(r *mat.Dense) *mat.Dense {
	c, _ := r.Dims()
	inverse := mat.NewDense(c, c, nil)
	for j := range c {
		inverse.Set(j, j, 1/r.At(j, j))
		for i := j - 1; i >= 0; i-- {
			var sum float64
			for k := i + 1; k <= j; k++ {
				sum += float64(r.At(i, k) * inverse.At(k, j))
			}
			inverse.Set(i, j, -sum/r.At(i, i))
		}
	}
	return inverse
}

// upperProduct returns the product of two upper triangular matrices.
func upperProduct(a, b *mat.Dense) *mat.Dense {
	c, _ := a.Dims()
	product := mat.NewDense(c, c, nil)
	for i := range c {
		for j := i; j < c; j++ {
			var sum float64
			for k := i; k <= j; k++ {
				sum += float64(a.At(i, k) * b.At(k, j))
			}
			product.Set(i, j, sum)
		}
	}
	return product
}
