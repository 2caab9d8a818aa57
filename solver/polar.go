package solver

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// Polar is the parametrization Z = XΘXᵀ of symmetric matrices by directions X, n × r, and magnitudes Θ,
// r × r. If X has orthonormal columns and Θ is semidefinite, X√Θ is the polar decomposition of
// a factor U with Z = UUᵀ. Only the symmetric part S = (Θ + Θᵀ)/2 counts: Z = XSXᵀ, so that Z is symmetric
// for every factor. With G = 1/m·Σ res_i A_i
//
//	∂f/∂X = G·X·S,   ∂f/∂Θ = ½·Xᵀ·G·X.
//
// The parametrization itself does not keep the columns of X orthonormal; [WeightNormalization] does. (Wei,
// Zhang, Li and He, On the Benefits of Weight Normalization for Overparameterized Matrix Sensing, arXiv
// 2510.01175.)
type Polar struct{}

var (
	_ Paired   = Polar{}
	_ Balanced = Polar{}
)

// Name implements [Parametrization].
func (Polar) Name() string { return "polar" }

// Shapes implements [Parametrization]. It lists the shapes of X and Θ.
func (Polar) Shapes(space sensing.Space, r int) ([]Shape, error) {
	sym, ok := space.(sensing.Sym)
	if !ok {
		return nil, fmt.Errorf("solver: XΘXᵀ needs symmetric matrices, and the measurements are %s",
			space.Name())
	}
	if r < 1 {
		return nil, fmt.Errorf("solver: the factor rank must be positive, got %d", r)
	}
	return []Shape{{sym.N, r}, {r, r}}, nil
}

// Thin implements [Parametrization]: L = X and R = X·S.
func (Polar) Thin(f Factor) (l, r *mat.Dense) { return f[0], ordered(f[0], symmetricPart(f[1])) }

// Partner implements [Paired]: X is the partner of both matrices. It is not what multiplies X in Z, so that
// methods that scale the gradient by the Gram matrices of partners are refused ([needsPairs]).
func (Polar) Partner(int) int { return 0 }

// Pullback implements [Parametrization]: ∂f/∂X = G·R and ∂f/∂Θ = ½·Xᵀ·(Gᵀ·L).
func (Polar) Pullback(dst Factor, gr, gl *mat.Dense, f Factor) {
	dst[0].Copy(gr)
	dst[1].Copy(ordered(f[0].T(), gl))
	dst[1].Scale(0.5, dst[1])
}

// Balanced implements [Balanced]. With X = QC, where Q has orthonormal columns, and the eigenvalues Λ and
// eigenvectors P of CSCᵀ, the pair is Q·P·√|Λ| and that with the signs of Λ. So the measured singular values
// are the square roots of those of Z.
func (Polar) Balanced(f Factor) (l, r *mat.Dense, err error) {
	q, sigma, v, err := decompose(f[0])
	if err != nil {
		return nil, nil, err
	}
	d := len(sigma)
	var core mat.Dense
	core.Product(diagonal(sigma), v.T(), symmetricPart(f[1]), v, diagonal(sigma))
	upper := mat.NewSymDense(d, nil)
	for i := range d {
		for j := i; j < d; j++ {
			upper.SetSym(i, j, core.At(i, j))
		}
	}
	var eig mat.EigenSym
	if !eig.Factorize(upper, true) {
		return nil, nil, fmt.Errorf("solver: the eigenvectors of a %d × %d matrix could not be found", d, d)
	}
	var p mat.Dense
	eig.VectorsTo(&p)
	values := eig.Values(nil)
	roots, signed := make([]float64, d), make([]float64, d)
	for i, x := range values {
		roots[i] = math.Sqrt(math.Abs(x))
		signed[i] = math.Copysign(roots[i], x)
	}
	l, r = new(mat.Dense), new(mat.Dense)
	l.Product(q, &p, diagonal(roots))
	r.Product(q, &p, diagonal(signed))
	return l, r, nil
}

// symmetricPart returns S = (Θ + Θᵀ)/2.
func symmetricPart(theta *mat.Dense) *mat.Dense {
	s := mat.NewDense(theta.RawMatrix().Rows, theta.RawMatrix().Cols, nil)
	s.Apply(func(i, j int, x float64) float64 { return 0.5*x + 0.5*theta.At(j, i) }, theta)
	return s
}
