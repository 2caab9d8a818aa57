package cpu

import (
	"context"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// sampled is the operator of a [sensing.Completion], in O(m·r). With e_ij = (LRᵀ)_ij − M_ij at the observed
// positions Ω and zero elsewhere, and p = m/K,
//
//	G = e/p,   Σ_k res_k² = K·Σ_{(i,j) ∈ Ω} e_ij²,
//
// and row i of G·R is 1/p·Σ_j e_ij r_j. A walk along the entries of row i reads each r_j once: for its dot
// product with l_i and then, still in cache, for the sum. A symmetric matrix has each entry in two rows. Gᵀ·L
// is the same walk along columns. One worker sums each row, in the order of columns: the bits are the same
// for any number of workers.
type sampled struct {
	ensemble *sensing.Completion
	k        float64
	workers  int
	stop     *interruption
	loops    sparse
	rows     *compressed     // the unknown matrix; both triangles if it is symmetric
	columns  *compressed     // its transpose; the same compressed if it is symmetric
	squares  [][]float64     // of the contraction under way: Σ e² of each part and block
	squared  []*part         // the parts with the squared loss, of the contraction under way
	whole    whole           // of draws of all measurements
	numbers  []float64       // of other losses than the squared one: p, then ψ(res)/m
	drawn    []*drawnEntries // of draws of some: the lists under way
}

// compressed is a sparse matrix, stored row after row.
type compressed struct {
	begin   []int     // the start of each row, and the end of the last one
	cols    []int32   // the column of each entry
	entry   []int32   // the measurement of each entry
	values  []float64 // M_ij; nil before the first contraction
	weights []float64 // of adjointMul; nil before its first call
	blocks  []int     // the first row of each block, and the number of rows
}

// blockEntries is about the number of entries in a block of rows.
const blockEntries = 1 << 14

// completionKind is the kind of entries observed one by one.
type completionKind struct{ *sensing.Completion }

func (e completionKind) bytes(_ options, batch solver.Batch) float64 {
	const position, entry = 8, 4 + 4 + 8 + 8 // each entry is in two rows, or in a row and a column
	n1, n2 := e.Space().Dims()
	each := 2*position + 2*entry
	if !batch.SquaredAlone() {
		each += 8 // the weight of each measurement
	}
	return float64(e.Measurements())*float64(each) + 3*8*float64(n1+n2)
}

func (e completionKind) newOperator(_ context.Context, o options) (operator, error) {
	n1, n2 := e.Space().Dims()
	rows, cols := e.Positions()
	s := &sampled{ensemble: e.Completion, k: float64(e.Space().K()), workers: o.workers, stop: o.stop,
		loops: sparseOf(o.simd)}
	if _, symmetric := e.Space().(sensing.Sym); symmetric {
		s.rows = compress(n1, [2][]int32{rows, cols}, [2][]int32{cols, rows})
		s.columns = s.rows
	} else {
		s.rows = compress(n1, [2][]int32{rows, cols})
		s.columns = compress(n2, [2][]int32{cols, rows})
	}
	return s, nil
}

// compress lays out the matrix with n rows whose entries have the rows and columns of one or two lists. An
// entry of the diagonal is in both lists and taken once. Each list is in the order of measurements, which is
// by rows and then columns of the first list, so the columns of every row come out ascending.
func compress(n int, lists ...[2][]int32) *compressed {
	c := &compressed{begin: make([]int, n+1)}
	each := func(do func(entry int, row, col int32)) {
		for k := range lists[0][0] {
			for l, list := range lists {
				if row, col := list[0][k], list[1][k]; l == 0 || row != col {
					do(k, row, col)
				}
			}
		}
	}
	each(func(_ int, row, _ int32) { c.begin[row+1]++ })
	for i := range n {
		c.begin[i+1] += c.begin[i]
	}
	c.cols, c.entry = make([]int32, c.begin[n]), make([]int32, c.begin[n])
	next := append([]int(nil), c.begin...)
	each(func(entry int, row, col int32) {
		c.cols[next[row]], c.entry[next[row]] = col, int32(entry)
		next[row]++
	})
	for i := range n {
		if last := len(c.blocks); last == 0 || c.begin[i]-c.begin[c.blocks[last-1]] >= blockEntries {
			c.blocks = append(c.blocks, i)
		}
	}
	c.blocks = append(c.blocks, n)
	return c
}

// eachBlock calls do for blocks of rows, on all workers.
func (s *sampled) eachBlock(c *compressed, do func(block, from, to int)) error {
	return inTurn(s.stop, s.workers, len(c.blocks)-1, func(b int) { do(b, c.blocks[b], c.blocks[b+1]) })
}

// spread does dst[q] = v_k for the measurement k of each entry q. Then it scales the entries of each row, of
// which one may be on the diagonal. dst is made if it is nil. The measurements of a row are far apart in
// memory, so the loop that reads them does nothing else: then the processor reads many at once.
func (s *sampled) spread(
	c *compressed, dst []float64, v []float64, scale func(row []float64, diagonal bool),
) ([]float64, error) {
	if dst == nil {
		dst = make([]float64, len(c.cols))
	}
	err := s.eachBlock(c, func(_, from, to int) {
		for i := from; i < to; i++ {
			row, cols := dst[c.begin[i]:c.begin[i+1]], c.cols[c.begin[i]:c.begin[i+1]]
			for q, k := range c.entry[c.begin[i]:c.begin[i+1]] {
				row[q] = v[k]
			}
			at, diagonal := slices.BinarySearch(cols, int32(i))
			scale(row[:at], false)
			if diagonal {
				scale(row[at:at+1], true)
				at++
			}
			scale(row[at:], false)
		}
	})
	return dst, err
}

// apply implements operator.
func (s *sampled) apply(p []float64, l, r *mat.Dense) error {
	rows, cols := s.ensemble.Positions()
	on, off := s.ensemble.Unit(0, 0), s.ensemble.Unit(0, 1)
	left, right := l.RawMatrix(), r.RawMatrix()
	return inTurn(s.stop, s.workers, (len(p)+blockEntries-1)/blockEntries, func(b int) {
		from, to := b*blockEntries, min((b+1)*blockEntries, len(p))
		s.loops.dots(p[from:to], left.Data, left.Stride, right.Data, right.Stride, right.Cols,
			rows[from:to], cols[from:to])
		for k := from; k < to; k++ {
			if rows[k] == cols[k] {
				p[k] *= on
			} else {
				p[k] *= off
			}
		}
	})
}

// adjointMul implements operator. A symmetric A_k = Unit·(E_ij + E_ji)/2 has half of its weight on either
// side of the diagonal.
func (s *sampled) adjointMul(dst *mat.Dense, w []float64, trans bool, x *mat.Dense) error {
	c := s.rows
	if trans {
		c = s.columns
	}
	on, off := s.ensemble.Unit(0, 0), s.ensemble.Unit(0, 1)
	if s.rows == s.columns {
		off /= 2
	}
	weights, err := s.spread(c, c.weights, w, func(row []float64, diagonal bool) {
		by := off
		if diagonal {
			by = on
		}
		for q := range row {
			row[q] *= by
		}
	})
	if err != nil {
		return err
	}
	c.weights = weights
	sums, other := dst.RawMatrix(), x.RawMatrix()
	return s.eachBlock(c, func(_, from, to int) {
		s.loops.weighted(sums.Data[from*sums.Stride:], sums.Stride, other.Data, other.Stride, other.Cols,
			c.begin[from:to+1], c.cols, c.weights)
	})
}

// contract implements operator. The walk that computes residuals and sums at once is for the squared loss.
// With another loss one walk computes all p_i, and another the sums with the weights ψ(res_i)/m.
func (s *sampled) contract(y []float64, parts []*part) error {
	s.squared = s.squared[:0]
	for _, p := range parts {
		if p.loss.other == nil {
			s.squared = append(s.squared, p)
			continue
		}
		s.numbers = grown(s.numbers, len(y))
		if err := p.loss.contractWhole(s, y, p, s.numbers); err != nil {
			return err
		}
	}
	if len(s.squared) == 0 {
		return nil
	}
	return s.contractSquared(y, s.squared)
}

// contractSquared does what contract does for parts with the squared loss.
func (s *sampled) contractSquared(y []float64, parts []*part) error {
	if err := s.observe(y); err != nil {
		return err
	}
	perP := s.k / float64(len(y)) // 1/p
	for len(s.squares) < len(parts) {
		s.squares = append(s.squares, make([]float64, len(s.rows.blocks)))
	}
	err := s.eachBlock(s.rows, func(block, from, to int) {
		for b, p := range parts { // the parts share the block's entries in cache
			s.squares[b][block] = s.multiply(s.rows, p.gr, p.l, p.r, perP, from, to)
		}
	})
	if err == nil && parts[0].gl != parts[0].gr { // and the same holds for all parts
		err = s.eachBlock(s.columns, func(_, from, to int) {
			for _, p := range parts {
				s.multiply(s.columns, p.gl, p.r, p.l, perP, from, to)
			}
		})
	}
	for b, p := range parts {
		p.squares = 0
		for _, v := range s.squares[b] {
			p.squares += float64(s.k * v)
		}
	}
	return err
}

// observe makes the values from the observations, which are the same in every contraction.
func (s *sampled) observe(y []float64) (err error) {
	if s.columns.values != nil {
		return nil
	}
	on, off := s.ensemble.Unit(0, 0), s.ensemble.Unit(0, 1)
	value := func(row []float64, diagonal bool) {
		by := off
		if diagonal {
			by = on
		}
		for q := range row {
			row[q] /= by
		}
	}
	values, err := s.spread(s.rows, nil, y, value)
	if err != nil {
		return err
	}
	s.rows.values = values
	if s.columns != s.rows {
		values, err = s.spread(s.columns, nil, y, value)
	}
	if err == nil {
		s.columns.values = values
	}
	return err
}

// multiply does the rows from ≤ i < to of dst = scale·e·R, and returns Σ e² over them.
func (s *sampled) multiply(c *compressed, dst, l, r *mat.Dense, scale float64, from, to int) float64 {
	sums, left, right := dst.RawMatrix(), l.RawMatrix(), r.RawMatrix()
	return s.loops.residualsOf(right.Cols)(sums.Data[from*sums.Stride:], sums.Stride,
		left.Data[from*left.Stride:], left.Stride, right.Data, right.Stride, right.Cols,
		c.begin[from:to+1], c.cols, c.values, scale)
}

// projectedSquares implements projector: ‖Bᵀ(√K·E_ij)C‖² = K·‖b_i‖²·‖c_j‖², with the rows of B
// and C.
func (s *sampled) projectedSquares(b, c *mat.Dense) (sum float64, err error) {
	norms := func(a *mat.Dense, n int) []float64 {
		all := make([]float64, n)
		for i := range all {
			if all[i] = 1; a != nil {
				all[i] = squaredNorm(a.RawRowView(i))
			}
		}
		return all
	}
	n1, n2 := s.ensemble.Space().Dims()
	left, right := norms(b, n1), norms(c, n2)
	rows, cols := s.ensemble.Positions()
	for k, i := range rows {
		sum += float64(left[i] * right[cols[k]])
	}
	return s.k * sum, s.stop.err()
}
