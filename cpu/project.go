package cpu

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/twosided"
	"github.com/matsense/matsense/sensing"
)

// ProjectedSquares implements solver.ProjectionEngine, in f64. ‖BᵀA_iC‖² is the sum of ⟨A_i, b·cᵀ⟩² over the
// columns b of B and c of C. An operator that is no projector takes one pass for each pair of columns.
func (e *engine) ProjectedSquares(b, c *mat.Dense) (float64, error) {
	if err := twosided.Check(e.space, b, c); err != nil {
		return 0, fmt.Errorf("cpu: %w", err)
	}
	if p, ok := e.operator.(projector); ok {
		return p.projectedSquares(b, c)
	}
	n1, n2 := e.space.Dims()
	b, c = twosided.OrIdentity(b, n1), twosided.OrIdentity(c, n2)
	p := make([]float64, len(e.y))
	var sum float64
	for i := range b.RawMatrix().Cols {
		for j := range c.RawMatrix().Cols {
			err := e.operator.apply(p, mat.DenseCopyOf(b.ColView(i)), mat.DenseCopyOf(c.ColView(j)))
			if err != nil {
				return 0, err
			}
			sum += squaredNorm(p)
		}
	}
	return sum, nil
}

// projectionBytes is the memory of a projection's workers for B and C as wide as the largest factor rank.
func projectionBytes(space sensing.Space, o options, factorRanks []int) float64 {
	n1, n2 := space.Dims()
	width := 0
	for _, r := range factorRanks {
		width = max(width, r)
	}
	long, wide := float64(max(n1, n2)), float64(max(width, n1, n2))
	return 8 * float64(o.workers) * (blockRows*float64(n1)*(float64(n2)+wide) + (long+wide)*wide)
}

// projection is the walk of projectedSquares over rows. The eight measurements of a block lie one below the
// other, so that one multiplication by C does for all of them.
type projection[E sensing.Entry, F number] struct {
	*rowOperator[E, F]
	b, c    *mat.Dense
	workers []*projectionWorker[E]
	sums    []float64 // partial sums, over a chunk each
	sum     float64
}

// projectionWorker is the memory of one worker of a projection.
type projectionWorker[E sensing.Entry] struct {
	gemm  *gemm
	rows  block[E]
	stack *mat.Dense // the A_i of a block
	inner *mat.Dense // each A_i·C
	outer *mat.Dense // (BᵀA_iC)ᵀ of one A_i
}

func newProjection[E sensing.Entry, F number](o *rowOperator[E, F], b, c *mat.Dense) *projection[E, F] {
	n1, n2 := o.space.Dims()
	p := &projection[E, F]{rowOperator: o, b: b, c: c, sums: make([]float64, partialSums(o.workers))}
	for range o.workers {
		w := &projectionWorker[E]{gemm: o.gemm.alone(), stack: mat.NewDense(blockRows*n1, n2, nil)}
		w.inner = w.stack
		if c != nil {
			w.inner = mat.NewDense(blockRows*n1, c.RawMatrix().Cols, nil)
		}
		if b != nil {
			w.outer = mat.NewDense(w.inner.RawMatrix().Cols, b.RawMatrix().Cols, nil)
		}
		p.workers = append(p.workers, w)
	}
	return p
}

func (p *projection[E, F]) begin(partial int) { p.sums[partial] = 0 }

func (p *projection[E, F]) visit(worker, partial, first, count int) {
	w := p.workers[worker]
	n1, n2 := p.space.Dims()
	p.load(worker, first, count, &w.rows)
	for j, row := range w.rows[:count] {
		decode(w.stack.RawMatrix().Data[j*n1*n2:(j+1)*n1*n2], row, 0)
	}
	if p.c != nil {
		w.gemm.multiply(w.inner, plain(w.stack), plain(p.c), false)
	}
	_, cols := w.inner.Dims()
	for j := range count {
		one := w.inner.Slice(j*n1, (j+1)*n1, 0, cols).(*mat.Dense)
		if p.b != nil {
			w.gemm.multiply(w.outer, transposed(one), plain(p.b), false) // only B, the narrow one, is copied
			one = w.outer
		}
		p.sums[partial] += rowsSquared(one)
	}
}

func (p *projection[E, F]) done(partial int) { p.sum += p.sums[partial] }

// rowsSquared is ‖A‖_F².
func rowsSquared(a *mat.Dense) (sum float64) {
	for i := range a.RawMatrix().Rows {
		sum += squaredNorm(a.RawRowView(i))
	}
	return sum
}
