package cpu

import (
	"context"
	"fmt"

	"github.com/matsense/matsense/sensing"
)

// operator is what the engine asks of an ensemble's measurements. Ensembles with rows of entries share one; an
// ensemble with more structure brings its own.
type operator interface {
	// apply does p_i = a_i·z.
	apply(p, z []float64)
	// adjoint does g = Σ_i w_i a_i.
	adjoint(g, w []float64)
	// contract fills each part's g and sum of squares, all in one pass.
	contract(y []float64, parts []*part)
}

// part is one batch member's share of a contraction.
type part struct {
	z       []float64   // its coordinates, K
	g       []float64   // 1/m · Σ res_i a_i, K
	squares float64     // Σ res_i²
	acc     [][]float64 // for each worker, the chunk's Σ res_i a_i / m
	sums    []float64   // for each worker, the chunk's Σ res_i²
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

// rowOperator works for every ensemble that has rows of entries.
type rowOperator[E sensing.Entry] struct {
	*rows[E]
	kernel[E]
}

func newRowOperator[E sensing.Entry](ctx context.Context, s sensing.RowSource[E], inMemory bool, workers int) (operator, error) {
	r, err := newRows(ctx, s, inMemory, workers)
	if err != nil {
		return nil, err
	}
	return rowOperator[E]{r, newKernel[E]()}, nil
}

func nothing(int) {}

func (o rowOperator[E]) apply(p, z []float64) {
	o.walk(nothing, func(_, first, count int, b *block[E]) {
		var dots [blockRows]float64
		o.dot(&dots, b, z)
		copy(p[first:first+count], dots[:])
	}, nothing)
}

func (o rowOperator[E]) adjoint(g, w []float64) {
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

func (o rowOperator[E]) contract(y []float64, parts []*part) {
	for _, p := range parts {
		p.prepare(o.workers)
	}
	scale := 1 / float64(o.m)
	o.walk(func(worker int) {
		for _, p := range parts {
			clear(p.acc[worker])
			p.sums[worker] = 0
		}
	}, func(worker, first, count int, b *block[E]) {
		for _, p := range parts {
			var c [blockRows]float64
			o.dot(&c, b, p.z)
			for j := range c {
				if j >= count {
					c[j] = 0
					continue
				}
				res := c[j] - y[first+j]
				p.sums[worker] += res * res
				c[j] = res * scale
			}
			o.add(p.acc[worker], &c, b)
		}
	}, func(worker int) {
		for _, p := range parts {
			plus(p.g, p.acc[worker])
			p.squares += p.sums[worker]
		}
	})
}

// prepare zeroes the results and makes the accumulators once.
func (p *part) prepare(workers int) {
	clear(p.g)
	p.squares = 0
	if len(p.acc) == workers {
		return
	}
	p.acc = make([][]float64, workers)
	for w := range p.acc {
		p.acc[w] = make([]float64, len(p.z))
	}
	p.sums = make([]float64, workers)
}

func plus(dst, src []float64) {
	for k, v := range src {
		dst[k] += v
	}
}
