package backendtest

import (
	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// kind is a parametrization, with its law, its space and problems to try.
type kind struct {
	parametrization solver.Parametrization
	law             law
	space           func(s size) sensing.Space
	truth           func(s size) (*sensing.Truth, error)
	// sizes are small, odd, prime or one off a power of two. Among them the rank is 1, the factor rank is
	// above n, and the number of measurements is less than a block, a block and one more, or several chunks
	// and a remainder. The first few, small in number, are quick.
	sizes []size
	small int
	// paulis are sizes for Pauli words only, whose sides are powers of two: with all of the words, few and
	// many.
	paulis []size
}

// law is a parametrization written down once more: Z, and ∇f from G = 1/m Σ res_i A_i.
type law struct {
	z        func(u solver.Factor) *mat.Dense
	gradient func(g *mat.Dense, u solver.Factor) solver.Factor
	// partner is the number of the matrix that multiplies matrix i; nil if there are no pairs.
	partner func(i int) int
}

const truthSeed = 3

func symmetricSpace(s size) sensing.Space { return sensing.Sym{N: s.n1} }

func rectSpace(s size) sensing.Space { return sensing.Rect{N1: s.n1, N2: s.n2} }

func rectTruth(s size) (*sensing.Truth, error) {
	return sensing.NewRectTruth(s.n1, s.n2, s.rank, float64(s.rank), truthSeed)
}

// kinds lists the parametrizations that every backend has.
var kinds = []kind{
	{
		parametrization: solver.PSD{},
		law: law{
			z: func(u solver.Factor) *mat.Dense { return product(u[0], u[0].T()) },
			gradient: func(g *mat.Dense, u solver.Factor) solver.Factor {
				return solver.Factor{product(g, u[0])}
			},
			partner: func(i int) int { return i },
		},
		space: symmetricSpace,
		truth: func(s size) (*sensing.Truth, error) {
			return sensing.NewTruth(s.n1, s.rank, float64(s.rank), truthSeed)
		},
		sizes: []size{
			{1, 1, 1, 1, 1}, {2, 2, 3, 1, 1}, {3, 3, 4, 2, 5}, {5, 5, 5, 1, 2}, {13, 13, 67, 3, 13},
			{31, 31, 129, 1, 7},
			{32, 32, 64, 2, 32}, {33, 33, 257, 2, 40},
		},
		small:  5,
		paulis: []size{{4, 4, 11, 1, 6}, {16, 16, 17, 3, 5}, {64, 64, 150, 2, 3}, {128, 128, 300, 1, 2}},
	},
	{
		parametrization: solver.UV{},
		law: law{
			z: func(u solver.Factor) *mat.Dense { return product(u[0], u[1].T()) },
			gradient: func(g *mat.Dense, u solver.Factor) solver.Factor {
				return solver.Factor{times(0.5, product(g, u[1])), times(0.5, product(g.T(), u[0]))}
			},
			partner: func(i int) int { return 1 - i },
		},
		space: rectSpace,
		truth: rectTruth,
		sizes: []size{{1, 3, 2, 1, 1}, {5, 2, 7, 2, 6}, {7, 11, 35, 3, 4}, {17, 16, 67, 1, 5},
			{9, 37, 70, 2, 19}},
		small: 3,
	},
	{
		parametrization: solver.Indefinite{},
		law: law{
			z: func(u solver.Factor) *mat.Dense {
				z := product(u[0], u[0].T())
				z.Sub(z, product(u[1], u[1].T()))
				return z
			},
			gradient: func(g *mat.Dense, u solver.Factor) solver.Factor {
				return solver.Factor{product(g, u[0]), times(-1, product(g, u[1]))}
			},
			partner: func(i int) int { return i },
		},
		space: symmetricSpace,
		truth: func(s size) (*sensing.Truth, error) {
			return sensing.NewIndefiniteTruth(s.n1, s.rank, (s.rank+1)/2, float64(s.rank), truthSeed)
		},
		sizes:  []size{{2, 2, 3, 2, 1}, {5, 5, 7, 2, 3}, {17, 17, 67, 3, 9}, {33, 33, 129, 2, 35}},
		small:  2,
		paulis: []size{{16, 16, 17, 3, 5}},
	},
	{
		parametrization: solver.Polar{},
		law: law{
			z: func(u solver.Factor) *mat.Dense {
				return product(product(u[0], symmetricPart(u[1])), u[0].T())
			},
			gradient: func(g *mat.Dense, u solver.Factor) solver.Factor {
				return solver.Factor{
					product(product(g, u[0]), symmetricPart(u[1])),
					times(0.5, product(u[0].T(), product(g, u[0]))),
				}
			},
			partner: func(int) int { return 0 },
		},
		space: symmetricSpace,
		truth: func(s size) (*sensing.Truth, error) {
			return sensing.NewTruth(s.n1, s.rank, float64(s.rank), truthSeed)
		},
		sizes:  []size{{2, 2, 3, 1, 1}, {5, 5, 7, 2, 3}, {17, 17, 67, 3, 9}, {33, 33, 129, 2, 35}},
		small:  2,
		paulis: []size{{16, 16, 17, 3, 5}},
	},
	{
		parametrization: solver.Sparse{},
		law: law{
			z: func(u solver.Factor) *mat.Dense {
				z := new(mat.Dense)
				z.Apply(func(i, _ int, u float64) float64 { return u * u }, u[0])
				z.Apply(func(i, _ int, z float64) float64 { return z - u[1].At(i, 0)*u[1].At(i, 0) }, z)
				return z
			},
			gradient: func(g *mat.Dense, u solver.Factor) solver.Factor {
				var first, second mat.Dense
				first.MulElem(g, u[0])
				second.MulElem(g, u[1])
				return solver.Factor{&first, times(-1, &second)}
			},
		},
		space: func(s size) sensing.Space { return sensing.Rect{N1: s.n1, N2: 1} },
		truth: func(s size) (*sensing.Truth, error) {
			return sensing.NewSparseTruth(s.n1, s.rank, float64(s.rank), truthSeed)
		},
		sizes: []size{{2, 1, 1, 1, 1}, {7, 1, 5, 2, 1}, {67, 1, 35, 3, 1}, {259, 1, 130, 3, 1}},
		small: 3,
	},
	deep(2, 2, size{5, 3, 7, 2, 4}, size{4, 9, 17, 1, 1}, size{17, 16, 67, 3, 18}),
	deep(3, 1, size{4, 5, 9, 1, 7}, size{33, 7, 70, 3, 17}),
	deep(5, 1, size{6, 3, 13, 2, 4}, size{7, 19, 35, 2, 5}),
}

// deep returns the kind of a product of depth matrices.
func deep(depth, small int, sizes ...size) kind {
	return kind{
		parametrization: solver.Deep{Depth: depth},
		law: law{
			z: func(w solver.Factor) *mat.Dense { return chained(w) },
			gradient: func(g *mat.Dense, w solver.Factor) solver.Factor {
				out := make(solver.Factor, len(w))
				for j := range w {
					// ½·(W_L ⋯ W_{j+1})ᵀ·G·(W_{j−1} ⋯ W_1)ᵀ
					out[j] = times(0.5, g)
					if j < len(w)-1 {
						out[j] = product(chained(w[j+1:]).T(), out[j])
					}
					if j > 0 {
						out[j] = product(out[j], chained(w[:j]).T())
					}
				}
				return out
			},
		},
		space: rectSpace, truth: rectTruth, sizes: sizes, small: small,
	}
}

// chained returns the product of a factor's matrices, the last on the left.
func chained(w solver.Factor) *mat.Dense {
	p := mat.DenseCopyOf(w[0])
	for _, next := range w[1:] {
		p = product(next, p)
	}
	return p
}

// symmetricPart returns (A + Aᵀ)/2.
func symmetricPart(a *mat.Dense) *mat.Dense {
	s := new(mat.Dense)
	s.Add(a, a.T())
	return times(0.5, s)
}

func product(a, b mat.Matrix) *mat.Dense {
	p := new(mat.Dense)
	p.Mul(a, b)
	return p
}

func times(c float64, a *mat.Dense) *mat.Dense {
	p := new(mat.Dense)
	p.Scale(c, a)
	return p
}
