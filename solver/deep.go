package solver

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// Deep is the parametrization Z = W_L ⋯ W_2·W_1 of n1 × n2 matrices by L ≥ 2 matrices: W_1 is d × n2, W_L is
// n1 × d and the others are d × d. The width d is the factor rank. With G = 1/m·Σ res_i A_i
//
//	∂f/∂W_j = ½·(W_L ⋯ W_{j+1})ᵀ·G·(W_{j−1} ⋯ W_1)ᵀ
//
// with the identity for empty products. With L = W_L ⋯ W_2 and R = W_1ᵀ all of these follow from G·R and
// Gᵀ·L. (Arora, Cohen, Hu and Luo, Implicit Regularization in Deep Matrix Factorization, arXiv 1905.13655;
// Gatmiry, Li, Chuang, Reddi, Ma and Jegelka, The Inductive Bias of Flatness Regularization for Deep Matrix
// Factorization, arXiv 2306.13239.)
type Deep struct {
	// Depth is the number L of matrices, at least 2.
	Depth int
}

var (
	_ Balanced = Deep{}
	_ Layered  = Deep{}
)

// Name implements [Parametrization].
func (Deep) Name() string { return "deep" }

// Shapes implements [Parametrization]. It lists the shapes of W_1, …, W_L.
func (p Deep) Shapes(space sensing.Space, r int) ([]Shape, error) {
	if p.Depth < 2 {
		return nil, fmt.Errorf("solver: a deep product has at least two matrices, got the depth %d", p.Depth)
	}
	if r < 1 {
		return nil, fmt.Errorf("solver: the factor rank must be positive, got %d", r)
	}
	if _, sym := space.(sensing.Sym); sym {
		return nil, fmt.Errorf("solver: a deep product is not symmetric, and the measurements see" +
			" symmetric matrices alone")
	}
	n1, n2 := space.Dims()
	shapes := make([]Shape, p.Depth)
	for j := range shapes {
		shapes[j] = Shape{r, r}
	}
	shapes[0].Cols, shapes[p.Depth-1].Rows = n2, n1
	return shapes, nil
}

// Thin implements [Parametrization]: L = W_L ⋯ W_2 and R = W_1ᵀ.
func (Deep) Thin(f Factor) (l, r *mat.Dense) {
	return outer(f, 0), mat.DenseCopyOf(f[0].T())
}

// Pullback implements [Parametrization]. With D_L = G·R and D_j = W_{j+1}ᵀ·D_{j+1}, from L down, and Q_2 = I
// and Q_{j+1} = W_j·Q_j, from 2 up,
//
//	∂f/∂W_1 = ½·(Gᵀ·L)ᵀ,   ∂f/∂W_j = ½·D_j·Q_jᵀ.
func (Deep) Pullback(dst Factor, gr, gl *mat.Dense, f Factor) {
	last := len(f) - 1
	dst[0].Copy(gl.T())
	dst[last].Copy(gr)
	for j := last; j > 1; j-- {
		dst[j-1].Copy(ordered(f[j].T(), dst[j]))
	}
	for j, q := 2, f[1]; j <= last; j++ {
		dst[j].Copy(ordered(dst[j], q.T()))
		q = ordered(f[j], q)
	}
	for _, g := range dst {
		g.Scale(0.5, g)
	}
}

// Balanced implements [Balanced]. With the singular value decomposition Z = PΣQᵀ the pair is P√Σ and Q√Σ, so
// that the measured singular values are the square roots of those of Z. If the factors are thin, Z is not
// formed: with L = U₁Σ₁V₁ᵀ and R = U₂Σ₂V₂ᵀ the decomposition follows from that of the core in
// U₁(Σ₁V₁ᵀV₂Σ₂)U₂ᵀ, and P and Q have as many columns as L.
func (p Deep) Balanced(f Factor) (l, r *mat.Dense, err error) {
	l, r = p.Thin(f)
	n1, width := l.Dims()
	n2, _ := r.Dims()
	if width >= min(n1, n2) {
		var z mat.Dense
		z.Mul(l, r.T())
		return balanced(&z)
	}
	u1, s1, v1, err := decompose(l)
	if err != nil {
		return nil, nil, err
	}
	u2, s2, v2, err := decompose(r)
	if err != nil {
		return nil, nil, err
	}
	var core mat.Dense
	core.Product(diagonal(s1), v1.T(), v2, diagonal(s2))
	x, y, err := balanced(&core)
	if err != nil {
		return nil, nil, err
	}
	var left, right mat.Dense
	left.Mul(u1, x)
	right.Mul(u2, y)
	return &left, &right, nil
}

// balanced returns P√Σ and Q√Σ of Z = PΣQᵀ.
func balanced(z *mat.Dense) (l, r *mat.Dense, err error) {
	l, sigma, r, err := decompose(z)
	if err != nil {
		return nil, nil, err
	}
	for j, v := range sigma {
		sigma[j] = math.Sqrt(v)
	}
	l.Mul(l, diagonal(sigma))
	r.Mul(r, diagonal(sigma))
	return l, r, nil
}

func diagonal(d []float64) *mat.DiagDense { return mat.NewDiagDense(len(d), d) }

// Around implements [Layered]: B = W_L ⋯ W_{j+1} and C = (W_{j−1} ⋯ W_1)ᵀ around matrix j, if matrices are
// counted from 1.
func (Deep) Around(f Factor, j int) (b, c *mat.Dense) {
	if j < len(f)-1 {
		b = outer(f, j)
	}
	if j > 0 {
		product := f[0]
		for _, w := range f[1:j] {
			product = ordered(w, product)
		}
		c = mat.DenseCopyOf(product.T())
	}
	return b, c
}

// decompose returns the thin singular value decomposition A = UΣVᵀ, with the diagonal of Σ.
func decompose(a *mat.Dense) (u *mat.Dense, sigma []float64, v *mat.Dense, err error) {
	var dec mat.SVD
	if !dec.Factorize(a, mat.SVDThin) {
		rows, cols := a.Dims()
		return nil, nil, nil, fmt.Errorf("solver: the singular vectors of a %d × %d matrix could not be"+
			" found",
			rows, cols)
	}
	u, v = new(mat.Dense), new(mat.Dense)
	dec.UTo(u)
	dec.VTo(v)
	return u, dec.Values(nil), v, nil
}

// outer returns the product of the matrices with numbers above j.
func outer(f Factor, j int) *mat.Dense {
	product := f[len(f)-1]
	for i := len(f) - 2; i > j; i-- {
		product = ordered(product, f[i])
	}
	return product
}

// ordered returns a·b. Each element is summed in order, and each product and each sum is rounded, so that the
// bits are the same on every machine.
func ordered(a, b mat.Matrix) *mat.Dense {
	rows, inner := a.Dims()
	_, cols := b.Dims()
	right, ok := b.(*mat.Dense)
	if !ok {
		right = mat.DenseCopyOf(b)
	}
	c := mat.NewDense(rows, cols, nil)
	for i := range rows {
		sum := c.RawRowView(i)
		for k := range inner {
			x := a.At(i, k)
			for j, v := range right.RawRowView(k) {
				sum[j] += float64(x * v)
			}
		}
	}
	return c
}
