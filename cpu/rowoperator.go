package cpu

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// rowEnsemble is an ensemble with rows of entries, whatever their type.
type rowEnsemble interface {
	newOperator(ctx context.Context, o options) (operator, error)
	newTrial(o options, members int) (*trial, error)
}

// typed is a rowEnsemble whose type of entries is known.
type typed[E sensing.Entry] struct{ rows sensing.RowSource[E] }

// rowsOf finds out the type of an ensemble's entries.
func rowsOf(e sensing.Ensemble) (rowEnsemble, error) {
	switch source := e.(type) {
	case sensing.RowSource[float64]:
		return typed[float64]{source}, nil
	case sensing.RowSource[float32]:
		return typed[float32]{source}, nil
	case sensing.RowSource[sensing.BF16Entry]:
		return typed[sensing.BF16Entry]{source}, nil
	case sensing.RowSource[sensing.Q8Entry]:
		return typed[sensing.Q8Entry]{source}, nil
	case sensing.RowSource[sensing.SignWord]:
		return typed[sensing.SignWord]{source}, nil
	}
	return nil, fmt.Errorf("cpu: the %s ensemble is not a source of rows: %w", e.Name(), solver.ErrUnsupported)
}

// rowOperator works for every ensemble that has rows of entries. It takes matrices to coordinates and back, and
// computes gradients in the arithmetic F.
type rowOperator[E sensing.Entry, F number] struct {
	*rows[E]
	exact    contraction[E, float64] // of apply and adjointMul
	gradient contraction[E, F]
	gemm     *gemm
	space    sensing.Space
	sym      bool       // the space is symmetric: of a matrix to coordinates, only the upper triangle is read
	matrix   *mat.Dense // n1 × n2
	passes   map[*part]*memberPass[F]
	asked    []*memberPass[F] // of the contraction under way
	wide     []float64        // coordinates in f64, K
	drawn    *drawn[E]        // nil until there was a draw
	many     [][]float64      // of applyMany: the coordinates of each matrix, K
}

func (s typed[E]) newOperator(ctx context.Context, o options) (operator, error) {
	r, err := newRows(ctx, s.rows, o.storage != solver.Generated, o.workers)
	if err != nil {
		return nil, err
	}
	switch o.precision {
	case solver.F32:
		return newRowOperatorIn[E, float32](r, s.rows.Space(), o), nil
	case solver.Mixed:
		return newMixedOperator(newRowOperatorIn[E, float32](r, s.rows.Space(), o)), nil
	}
	return newRowOperatorIn[E, float64](r, s.rows.Space(), o), nil
}

func newRowOperatorIn[E sensing.Entry, F number](r *rows[E], space sensing.Space, o options) *rowOperator[E, F] {
	n1, n2 := space.Dims()
	_, sym := space.(sensing.Sym)
	return &rowOperator[E, F]{
		rows: r, exact: newContraction[E, float64](r, o), gradient: newContraction[E, F](r, o),
		gemm: newGEMM(o), space: space, sym: sym,
		matrix: mat.NewDense(n1, n2, nil), passes: map[*part]*memberPass[F]{}, wide: make([]float64, space.K()),
	}
}

// lift does z = coordinates of L·Rᵀ.
func (o *rowOperator[E, F]) lift(z []float64, l, r *mat.Dense) {
	o.gemm.multiply(o.matrix, plain(l), transposed(r), o.sym)
	o.space.Coordinates(z, o.matrix)
}

func (o *rowOperator[E, F]) apply(p []float64, l, r *mat.Dense) {
	o.lift(o.wide, l, r)
	o.exact.dots(p, o.wide)
}

func (o *rowOperator[E, F]) adjointMul(dst *mat.Dense, w []float64, trans bool, x *mat.Dense) {
	o.exact.combine(o.wide, w)
	o.space.Matrix(o.matrix, o.wide)
	s := plain(o.matrix)
	if trans {
		s = transposed(o.matrix)
	}
	o.gemm.multiply(dst, s, plain(x), false)
}

func (o *rowOperator[E, F]) contract(y []float64, parts []*part) {
	o.asked = o.asked[:0]
	for _, p := range parts {
		s := o.passes[p]
		if s == nil {
			s = newMemberPass[F](o.space.K(), o.workers)
			o.passes[p] = s
		}
		o.asked = append(o.asked, s)
		o.lift(o.wide, p.l, p.r)
		s.unit = 1
		if s.from = p.anchor; s.from != nil {
			p.change = s.from.subtractFrom(o.wide)
			s.unit = powerOfTwo(p.change)
		}
		perUnit := 1 / s.unit // a power of 2 as well, so multiplying by it is dividing
		for k, v := range o.wide {
			s.z[k] = F(v * perUnit)
		}
	}
	o.gradient.pass(y, o.asked)
	for i, p := range parts {
		s := o.asked[i]
		if s.from != nil {
			s.from.addTo(s.g, s.unit)
		}
		p.squares = s.squares
		o.multiply(p, s.g)
	}
}

// multiply does G·R and Gᵀ·L from G's coordinates.
func (o *rowOperator[E, F]) multiply(p *part, g []float64) {
	o.space.Matrix(o.matrix, g)
	o.gemm.multiply(p.gr, plain(o.matrix), plain(p.r), false)
	if p.gl != p.gr {
		o.gemm.multiply(p.gl, transposed(o.matrix), plain(p.l), false)
	}
}
