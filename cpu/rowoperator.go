package cpu

import (
	"context"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// rowKind is the kind of rows of entries, of any type.
type rowKind interface {
	kind
	newTrial(ctx context.Context, o options, members int) (*trial, error)
}

// typed is the rowKind of entries E.
type typed[E sensing.Entry] struct{ rows sensing.RowSource[E] }

// rowsOf returns the rowKind of an ensemble.
func rowsOf(e sensing.Ensemble) (rowKind, error) {
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
	return nil, solver.Unsupportedf("the cpu cannot read the rows of the ensemble %s", e.Name())
}

// rowOperator is the operator of every ensemble with rows of entries. It converts matrices to coordinates and
// back, and computes gradients in the arithmetic F.
type rowOperator[E sensing.Entry, F number] struct {
	*rows[E]
	exact    contraction[E, float64] // of apply and adjointMul
	gradient contraction[E, F]
	gemm     *gemm
	space    sensing.Space
	sym      bool       // the space is symmetric: coordinates come from the upper triangle alone
	matrix   *mat.Dense // n1 × n2
	passes   map[*part]*memberPass[F]
	asked    []*memberPass[F] // of the contraction under way
	wide     []float64        // coordinates in f64, K
	drawn    *drawn[E]        // nil before the first draw
	many     [][]float64      // of applyMany: the coordinates of each matrix, K
}

// bytes counts the rows, or a block of them for each worker, and all arrays of about K numbers.
func (s typed[E]) bytes(o options, batch solver.Batch) float64 {
	members := float64(len(batch.FactorRanks))
	space := s.rows.Space()
	n1, n2 := space.Dims()
	k, m := float64(space.K()), float64(s.rows.Measurements())
	workers, partial := float64(o.workers), float64(partialCount(o.workers))
	bytes := 8 * 7 * float64(n1) * float64(n2) // matrices and their panels, the truth, the spectral estimate
	bytes += 8 * (2 + partial) * k * members   // z, g, partial sums
	groups := s.groups(o, len(batch.FactorRanks))
	if groups {
		bytes += 8 * k * members // sums of all chunks
	}
	if o.precision == solver.Mixed {
		bytes += 8 * ((4+partial)*k + m) // the pass in f64, and the truth as an anchor
		bytes += 8 * (2*k + m) * members // anchors
	}
	if batch.Needs.Draws {
		bytes += 8 * (1 + partial) * k // g and partial sums of a draw
	}
	if newKernel[E, float64](o.simd).decode != nil {
		bytes += 4 * blockRows * float64(decodedLength(space.K())) * workers
	}
	row := k * float64(s.rows.Entries().EntryBits()) / 8
	if _, inMemory := s.rows.(sensing.RowsInMemory[E]); inMemory || o.storage != solver.Generated {
		return bytes + row*m
	}
	buffered := blockRows
	if groups {
		buffered = tallGenerated
	}
	return bytes + row*float64(buffered)*workers
}

// groups says whether some of so many members form a group.
func (typed[E]) groups(o options, members int) bool {
	if o.precision == solver.F64 {
		return newBatchKernel[E, float64](o.simd).grouped(members) > 0
	}
	return newBatchKernel[E, float32](o.simd).grouped(members) > 0
}

func (s typed[E]) newOperator(ctx context.Context, o options) (operator, error) {
	r, err := newRows(ctx, s.rows, o.storage != solver.Generated, o.workers)
	if err != nil {
		return nil, err
	}
	r.stop = o.stop
	if r.memory != nil && o.simd != Off {
		r.alone = walkAlone
	}
	switch o.precision {
	case solver.F32:
		return newRowOperatorIn[E, float32](r, s.rows.Space(), o), nil
	case solver.Mixed:
		return newMixedOperator(newRowOperatorIn[E, float32](r, s.rows.Space(), o)), nil
	}
	return newRowOperatorIn[E, float64](r, s.rows.Space(), o), nil
}

func newRowOperatorIn[E sensing.Entry, F number](
	r *rows[E], space sensing.Space, o options,
) *rowOperator[E, F] {
	n1, n2 := space.Dims()
	_, sym := space.(sensing.Sym)
	return &rowOperator[E, F]{
		rows: r, exact: newContraction[E, float64](r, o), gradient: newContraction[E, F](r, o),
		gemm: newGEMM(o), space: space, sym: sym,
		matrix: mat.NewDense(n1, n2, nil),
		passes: map[*part]*memberPass[F]{}, wide: make([]float64, space.K()),
	}
}

// lift does z = coordinates of L·Rᵀ.
func (o *rowOperator[E, F]) lift(z []float64, l, r *mat.Dense) {
	o.gemm.multiply(o.matrix, plain(l), transposed(r), o.sym)
	o.space.Coordinates(z, o.matrix)
}

// apply implements operator.
func (o *rowOperator[E, F]) apply(p []float64, l, r *mat.Dense) error {
	o.lift(o.wide, l, r)
	return o.exact.dots(p, o.wide)
}

// adjointMul implements operator.
func (o *rowOperator[E, F]) adjointMul(dst *mat.Dense, w []float64, trans bool, x *mat.Dense) error {
	if err := o.exact.combine(o.wide, w); err != nil {
		return err
	}
	o.space.Matrix(o.matrix, o.wide)
	s := plain(o.matrix)
	if trans {
		s = transposed(o.matrix)
	}
	o.gemm.multiply(dst, s, plain(x), false)
	return nil
}

// contract implements operator.
func (o *rowOperator[E, F]) contract(y []float64, parts []*part) error {
	o.asked = o.asked[:0]
	for _, p := range parts {
		pass := o.passes[p]
		if pass == nil {
			pass = newMemberPass[F](o.space.K(), o.workers)
			o.passes[p] = pass
		}
		o.asked = append(o.asked, pass)
	}
	o.gradient.arrange(o.asked)
	for i, p := range parts {
		pass := o.asked[i]
		o.lift(o.wide, p.l, p.r)
		pass.loss, pass.unit = p.loss, 1
		if pass.from = p.anchor; pass.from != nil {
			p.change = pass.from.subtractFrom(o.wide)
			pass.unit = powerOfTwo(p.change)
		}
		perUnit := 1 / pass.unit // also a power of 2: multiplying by it is exact
		pass.write(o.wide, perUnit)
	}
	if err := o.gradient.pass(y); err != nil {
		return err
	}
	for i, p := range parts {
		pass := o.asked[i]
		if pass.from != nil {
			pass.from.addTo(pass.g, pass.unit)
		}
		p.squares = pass.squares
		o.multiply(p, pass.g)
	}
	return nil
}

// multiply does G·R and Gᵀ·L from G's coordinates.
func (o *rowOperator[E, F]) multiply(p *part, g []float64) {
	o.space.Matrix(o.matrix, g)
	o.gemm.multiply(p.gr, plain(o.matrix), plain(p.r), false)
	if p.gl != p.gr {
		o.gemm.multiply(p.gl, transposed(o.matrix), plain(p.l), false)
	}
}

// contractDrawn implements drawing. It reads a row once, however often the row is drawn.
func (o *rowOperator[E, F]) contractDrawn(y []float64, d draw, p *part) error {
	if o.drawn == nil {
		k := o.space.K()
		acc := partialSums[float64](k, o.workers)
		o.drawn = &drawn[E]{contraction: &o.exact, z: o.wide, g: make([]float64, k), acc: acc}
	}
	w := o.drawn
	w.draw, w.y = d, y
	o.lift(w.z, p.l, p.r)
	clear(w.g)
	if d.rows == nil {
		if err := o.walk(w); err != nil {
			return err
		}
	} else {
		w.take(d.rows)
		if err := o.walkOver(w.distinct, len(w.distinct), w); err != nil {
			return err
		}
	}
	o.multiply(p, w.g)
	return nil
}

// applyMany implements manyAtOnce.
func (o *rowOperator[E, F]) applyMany(p [][]float64, l, r []*mat.Dense) error {
	for len(o.many) < len(p) {
		o.many = append(o.many, make([]float64, o.space.K()))
	}
	for j := range p {
		o.lift(o.many[j], l[j], r[j])
	}
	return o.exact.dotsOfMany(p, o.many[:len(p)])
}

// projectedSquares implements projector.
func (o *rowOperator[E, F]) projectedSquares(b, c *mat.Dense) (float64, error) {
	p := newProjection(o, b, c)
	n1, n2 := o.space.Dims()
	err := o.walkIn(blockRows, min(n1, n2), nil, o.m, p) // about that many multiply-adds for an entry
	return p.sum, err
}
