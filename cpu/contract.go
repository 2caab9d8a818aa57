package cpu

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// operator is what the engine asks of an ensemble's measurements. Ensembles with rows of entries share one; an
// ensemble with more structure brings its own, which need hold nothing of K numbers.
type operator interface {
	// apply does p_i = ⟨A_i, L·Rᵀ⟩.
	apply(p []float64, l, r *mat.Dense)
	// adjointMul does dst = S·X, or Sᵀ·X, with S = Σ_i w_i A_i.
	adjointMul(dst *mat.Dense, w []float64, trans bool, x *mat.Dense)
	// contract fills each part's results, all in one pass over the measurements. y is the same each time.
	contract(y []float64, parts []*part)
}

// part is one batch member's share of a contraction, with G = 1/m · Σ res_i A_i.
type part struct {
	l, r    *mat.Dense // thin: Z = L·Rᵀ; the same matrix where Z = LLᵀ
	gr, gl  *mat.Dense // results: G·R and Gᵀ·L; the same matrix where L and R are
	squares float64    // result: Σ res_i²
	anchor  *anchor    // in mixed precision: where the member's gradients are measured from; nil is nowhere yet
	own     *anchor    // in mixed precision: the memory of an anchor that is the member's alone
	change  float64    // result, where there is an anchor: ‖z − z₀‖
	renewed bool       // result, in mixed precision: this contraction made its L and R the anchor
}

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

// newOperator finds out what an ensemble can do.
func newOperator(ctx context.Context, e sensing.Ensemble, o options) (operator, error) {
	if _, rows := e.(sensing.Rows); !rows && o.precision != solver.F64 {
		return nil, fmt.Errorf("cpu: %s is computed with in f64, not in %s", e.Name(), o.precision)
	}
	switch e := e.(type) {
	case *sensing.Completion:
		return newSampled(e, o), nil
	case *sensing.Pauli:
		return newPauli(e, o), nil
	case *sensing.RankOne:
		return newRankOne(ctx, e, o)
	}
	source, err := rowsOf(e)
	if err != nil {
		return nil, err
	}
	return source.newOperator(ctx, o)
}

// rowOperator works for every ensemble that has rows of entries. It takes matrices to coordinates and back, and
// computes gradients in the arithmetic F.
type rowOperator[E sensing.Entry, F number] struct {
	*rows[E]
	exact    contraction[E, float64] // of apply and adjointMul
	gradient contraction[E, F]
	product  *product
	space    sensing.Space
	sym      bool       // the space is symmetric: of a matrix to coordinates, only the upper triangle is read
	matrix   *mat.Dense // n1 × n2
	shares   map[*part]*share[F]
	asked    []*share[F] // of the contraction under way
	wide     []float64   // coordinates in f64, K
	drawn    *drawn[E]   // nil until there was a draw
	many     [][]float64 // of applyMany: the coordinates of each matrix, K
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
		product: newProduct(o), space: space, sym: sym,
		matrix: mat.NewDense(n1, n2, nil), shares: map[*part]*share[F]{}, wide: make([]float64, space.K()),
	}
}

// lift does z = coordinates of L·Rᵀ.
func (o *rowOperator[E, F]) lift(z []float64, l, r *mat.Dense) {
	o.product.multiply(o.matrix, plain(l), transposed(r), o.sym)
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
	o.product.multiply(dst, s, plain(x), false)
}

func (o *rowOperator[E, F]) contract(y []float64, parts []*part) {
	o.asked = o.asked[:0]
	for _, p := range parts {
		s := o.shares[p]
		if s == nil {
			s = newShare[F](o.space.K(), o.workers)
			o.shares[p] = s
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
	o.product.multiply(p.gr, plain(o.matrix), plain(p.r), false)
	if p.gl != p.gr {
		o.product.multiply(p.gl, transposed(o.matrix), plain(p.l), false)
	}
}
