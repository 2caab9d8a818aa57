package cpu

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// operator is what the engine asks of an ensemble's measurements. Ensembles with rows of entries share one; an
// ensemble with more structure brings its own, which need hold nothing of K numbers.
type operator interface {
	// apply does p_i = ⟨A_i, L·Rᵀ⟩.
	apply(p []float64, l, r *mat.Dense)
	// adjointMul does dst = (Σ_i w_i A_i)·X.
	adjointMul(dst *mat.Dense, w []float64, x *mat.Dense)
	// contract fills each part's results, all in one pass over the measurements.
	contract(y []float64, parts []*part)
}

// part is one batch member's share of a contraction, with G = 1/m · Σ res_i A_i.
type part struct {
	l, r    *mat.Dense // thin: Z = L·Rᵀ; the same matrix where Z = LLᵀ
	gr, gl  *mat.Dense // results: G·R and Gᵀ·L; the same matrix where L and R are
	squares float64    // result: Σ res_i²
	work    *rowWork   // the row operator's, made on first use
}

// newOperator finds out what an ensemble can do.
func newOperator(ctx context.Context, e sensing.Ensemble, inMemory bool, workers int) (operator, error) {
	switch source := e.(type) {
	case sensing.RowSource[float64]:
		return newRowOperator(ctx, source, inMemory, workers)
	case sensing.RowSource[float32]:
		return newRowOperator(ctx, source, inMemory, workers)
	case sensing.RowSource[sensing.BF16Entry]:
		return newRowOperator(ctx, source, inMemory, workers)
	case sensing.RowSource[sensing.Q8Entry]:
		return newRowOperator(ctx, source, inMemory, workers)
	case sensing.RowSource[sensing.SignWord]:
		return newRowOperator(ctx, source, inMemory, workers)
	}
	return nil, unsupported(e)
}

func unsupported(e sensing.Ensemble) error {
	return fmt.Errorf("cpu: the %s ensemble is not a source of rows", e.Name())
}

// rowOperator works for every ensemble that has rows of entries. It takes matrices to coordinates and back.
type rowOperator[E sensing.Entry] struct {
	*rows[E]
	kernel[E]
	space  sensing.Space
	matrix *mat.Dense // n1 × n2
}

// rowWork is what the row operator keeps for one member.
type rowWork struct {
	z    []float64   // coordinates of Z, K
	g    []float64   // coordinates of G, K
	acc  [][]float64 // for each worker, the chunk's Σ res_i a_i / m
	sums []float64   // for each worker, the chunk's Σ res_i²
}

func newRowOperator[E sensing.Entry](ctx context.Context, s sensing.RowSource[E], inMemory bool, workers int) (operator, error) {
	r, err := newRows(ctx, s, inMemory, workers)
	if err != nil {
		return nil, err
	}
	n1, n2 := s.Space().Dims()
	return &rowOperator[E]{r, newKernel[E](), s.Space(), mat.NewDense(n1, n2, nil)}, nil
}

// lift does z = coordinates of L·Rᵀ.
func (o *rowOperator[E]) lift(z []float64, l, r *mat.Dense) {
	o.matrix.Mul(l, r.T())
	o.space.Coordinates(z, o.matrix)
}

func (o *rowOperator[E]) apply(p []float64, l, r *mat.Dense) {
	z := make([]float64, o.space.K())
	o.lift(z, l, r)
	o.dots(p, z)
}

func (o *rowOperator[E]) adjointMul(dst *mat.Dense, w []float64, x *mat.Dense) {
	g := make([]float64, o.space.K())
	o.combine(g, w)
	o.space.Matrix(o.matrix, g)
	dst.Mul(o.matrix, x)
}

func (o *rowOperator[E]) contract(y []float64, parts []*part) {
	for _, p := range parts {
		p.prepare(o.space.K(), o.workers)
		o.lift(p.work.z, p.l, p.r)
	}
	o.pass(y, parts)
	for _, p := range parts {
		o.space.Matrix(o.matrix, p.work.g)
		p.gr.Mul(o.matrix, p.r)
		if p.gl != p.gr {
			p.gl.Mul(o.matrix.T(), p.l)
		}
	}
}

func nothing(int) {}

// dots does p_i = a_i·z.
func (o *rowOperator[E]) dots(p, z []float64) {
	o.walk(nothing, func(_, first, count int, b *block[E]) {
		var dots [blockRows]float64
		o.dot(&dots, b, z)
		copy(p[first:first+count], dots[:])
	}, nothing)
}

// combine does g = Σ_i w_i a_i.
func (o *rowOperator[E]) combine(g, w []float64) {
	acc := make([][]float64, o.workers)
	for i := range acc {
		acc[i] = make([]float64, len(g))
	}
	clear(g)
	o.walk(func(worker int) {
		clear(acc[worker])
	}, func(worker, first, count int, b *block[E]) {
		var c [blockRows]float64
		copy(c[:count], w[first:])
		o.add(acc[worker], &c, b)
	}, func(worker int) {
		plus(g, acc[worker])
	})
}

// pass does p_i = a_i·z, res_i = p_i − y_i, g = 1/m · Σ res_i a_i and Σ res_i² for every part, reading each row once.
func (o *rowOperator[E]) pass(y []float64, parts []*part) {
	scale := 1 / float64(o.m)
	o.walk(func(worker int) {
		for _, p := range parts {
			clear(p.work.acc[worker])
			p.work.sums[worker] = 0
		}
	}, func(worker, first, count int, b *block[E]) {
		for _, p := range parts {
			var c [blockRows]float64
			o.dot(&c, b, p.work.z)
			for j := range c {
				if j >= count {
					c[j] = 0
					continue
				}
				res := c[j] - y[first+j]
				p.work.sums[worker] += res * res
				c[j] = res * scale
			}
			o.add(p.work.acc[worker], &c, b)
		}
	}, func(worker int) {
		for _, p := range parts {
			plus(p.work.g, p.work.acc[worker])
			p.squares += p.work.sums[worker]
		}
	})
}

// prepare zeroes the results, and makes the work arrays on first use.
func (p *part) prepare(k, workers int) {
	p.squares = 0
	if p.work != nil {
		clear(p.work.g)
		return
	}
	p.work = &rowWork{
		z: make([]float64, k), g: make([]float64, k), acc: make([][]float64, workers), sums: make([]float64, workers),
	}
	for w := range p.work.acc {
		p.work.acc[w] = make([]float64, k)
	}
}

func plus(dst, src []float64) {
	for k, v := range src {
		dst[k] += v
	}
}
