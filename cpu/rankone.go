package cpu

import (
	"context"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/parallel"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// rankOne is the operator of a [sensing.RankOne], in O(m·n·r) multiplications. With the vectors of a block of
// measurements as the rows of A and B (A = B for symmetric matrices),
//
//	P = A·L,  Q = B·R,  p_i = P_i·Q_i,  res_i = p_i − y_i,
//	G·R = 1/m Aᵀ·diag(ψ(res))·Q,  Gᵀ·L = 1/m Bᵀ·diag(ψ(res))·P,
//
// Each block of vectors is read from memory, or generated, once for all members of a batch. One worker sums a
// chunk of measurements, block after block, and the sums over chunks are added to the result in order (see
// [chunkQueue]). The size of a chunk depends on m alone, and that of a block on m and the length of vectors,
// so the bits depend neither on the workers nor on the batch.
//
// P, Q and the sums are transposed: they have few rows, and measurements or coordinates are the lanes of a
// register (see [thin]). For P and Q a few vectors at a time are transposed, which all members share; the
// sums read the vectors where they are. A factor of one column has loops of its own, which take eight vectors
// at a time through both products (see [vectorLoops]).
type rankOne struct {
	ensemble   *sensing.RankOne
	m, length  int
	n1         int
	symmetric  bool
	chunk      int // measurements in a chunk
	chunks     int
	block      int       // measurements in a block
	memory     []float64 // all vectors, measurement after measurement; nil if they are generated
	workspaces []*vectorWorkspace
	totals     []*vectorSums // of the walk under way, for each member
	stop       *interruption
	ending     ending[float64]
	queue      chunkQueue      // of the chunks of a walk
	partial    [][]*vectorSums // the partial sums of chunks, for each member
}

// vectorWorkspace is the memory of one worker.
type vectorWorkspace struct {
	thin    *thin
	single  *vectorLoops // for factors of one column
	buffer  []float64    // the block being generated
	members []*vectorMember
	left    []thinProduct // of the block under way, with A
	right   []thinProduct // of the block under way, with B
	chains  []float64     // of the dot products of a block
	weights []float64     // of the measurements of a block
}

// vectorMember is what a worker has of one member of a batch.
type vectorMember struct {
	pt, qt []float64 // Pᵀ and Qᵀ of a block; the same memory if P is Q
}

// vectorSums are the sums of one member: (G·R)ᵀ, (Gᵀ·L)ᵀ and Σ res².
type vectorSums struct {
	gr, gl  []float64
	squares float64
}

const (
	leastBlock   = 32      // the minimum of measurements in a block
	leastVectors = 128     // the minimum of measurements in a chunk, for which adding its sums takes no time
	blockNumbers = 1 << 16 // numbers in the vectors of a block, which stay in cache for both multiplications
	largeFactor  = 1 << 14 // with more numbers in a factor, a block is one panel, for which it is read once
)

// chunkVectors returns the measurements in a chunk: a function of m alone, and a multiple of blockRows.
func chunkVectors(m int) int { return max(chunkRows(m), leastVectors) }

// vectorBlock returns the measurements in a block: a function of m and the length of vectors alone.
func vectorBlock(m, length int) int {
	return min(max(blockNumbers/length/blockRows*blockRows, leastBlock), chunkVectors(m))
}

// rankOneKind is the kind of rank-one measurements.
type rankOneKind struct{ *sensing.RankOne }

// bytes counts all vectors, or one block of them for each worker; the sums of all members, and for each
// worker the same sums twice, P and Q of a block, and a transposed panel.
func (e rankOneKind) bytes(o options, batch solver.Batch) float64 {
	m, length := float64(e.Measurements()), float64(e.VectorLen())
	block := float64(vectorBlock(e.Measurements(), e.VectorLen()))
	columns := 0.0
	for _, r := range batch.FactorRanks {
		columns += float64(r)
	}
	sums := (length + 2*thinPadding) * columns
	each := 2*sums + 2*(block+thinPadding)*columns + (length+packRows)*max(block, thinPadding)
	if o.storage == solver.Generated && e.Vectors() == nil {
		return 8 * (sums + float64(o.workers)*(each+block*length))
	}
	return 8 * (m*length + sums + float64(o.workers)*each)
}

func (e rankOneKind) newOperator(ctx context.Context, o options) (operator, error) {
	n1, _ := e.Space().Dims()
	m, length := e.Measurements(), e.VectorLen()
	_, symmetric := e.Space().(sensing.Sym)
	chunk := chunkVectors(m)
	v := &rankOne{
		ensemble: e.RankOne, m: m, length: length, n1: n1, symmetric: symmetric,
		chunk: chunk, chunks: (m + chunk - 1) / chunk, block: vectorBlock(m, length), stop: o.stop,
		ending: newKernel[float64, float64](o.simd).ending,
	}
	for range min(o.workers, v.chunks) {
		v.workspaces = append(v.workspaces, &vectorWorkspace{
			thin: newThin(o.simd), single: newVectorLoops(o.simd)})
	}
	v.queue.init(len(v.workspaces))
	v.partial = make([][]*vectorSums, partialCount(len(v.workspaces)))
	switch {
	case e.Vectors() != nil:
		v.memory = e.Vectors()
	case o.storage != solver.Generated:
		var err error
		if v.memory, err = madeInMemory(ctx, m, length, o.workers, e.Vector); err != nil {
			return nil, err
		}
	default:
		for _, h := range v.workspaces {
			h.buffer = make([]float64, v.block*length)
		}
	}
	return v, nil
}

// eachBlock calls do for all blocks of vectors, on all workers, with the number of a block's first
// measurement. An interruption ends it between two blocks.
func (v *rankOne) eachBlock(do func(h *vectorWorkspace, a, b operand, first int)) error {
	return v.summed(0, nil, func(h *vectorWorkspace, _ []*vectorSums, a, b operand, first int) {
		do(h, a, b, first)
	})
}

// summed does what eachBlock does, with the sums of the block's chunk for so many members, and then adds the
// sums over chunks to the totals. clear sets the sums of a member to zeros.
func (v *rankOne) summed(
	members int, clear func(k int, s *vectorSums),
	do func(h *vectorWorkspace, sums []*vectorSums, a, b operand, first int),
) error {
	v.totals = cleared(v.totals, members, clear)
	v.queue.reset(v.chunks)
	add := func(partial int) {
		for k, total := range v.totals[:members] {
			total.add(v.ending, v.partial[partial][k])
		}
	}
	parallel.On(len(v.workspaces), func(w int) {
		h := v.workspaces[w]
		for {
			chunk, partial, ok := v.queue.take()
			if !ok {
				return
			}
			sums := cleared(v.partial[partial], members, clear)
			v.partial[partial] = sums
			end := min((chunk+1)*v.chunk, v.m)
			for i := chunk * v.chunk; i < end; i += v.block {
				if err := v.stop.err(); err != nil {
					v.queue.stop(err)
					return
				}
				a, b := v.load(h, i, min(v.block, end-i))
				do(h, sums, a, b, i)
			}
			v.queue.leave(chunk, partial, add)
		}
	})
	return v.queue.err
}

// cleared returns sums for so many members, in the given memory, of which clear sets each to zeros.
func cleared(sums []*vectorSums, members int, clear func(k int, s *vectorSums)) []*vectorSums {
	for len(sums) < members {
		sums = append(sums, new(vectorSums))
	}
	for k := range members {
		clear(k, sums[k])
	}
	return sums
}

// load returns the vectors of count measurements, starting with number first, and generates them if they are
// not in memory.
func (v *rankOne) load(h *vectorWorkspace, first, count int) (a, b operand) {
	data := h.buffer
	if v.memory != nil {
		data = v.memory[first*v.length:][:count*v.length]
	} else {
		for i := range count {
			v.ensemble.Vector(first+i, data[i*v.length:][:v.length])
		}
	}
	a = operand{data, count, v.n1, v.length, 1}
	if v.symmetric {
		return a, a
	}
	return a, operand{data[v.n1:], count, v.length - v.n1, v.length, 1}
}

// member returns the memory of a member.
func (h *vectorWorkspace) member(k int) *vectorMember {
	for len(h.members) <= k {
		h.members = append(h.members, new(vectorMember))
	}
	return h.members[k]
}

// thinProduct is one of several products of the same matrix A: dst = (A·X)ᵀ.
type thinProduct struct {
	x   *mat.Dense
	dst *[]float64 // a row for each column of X, padded(rows of A) numbers apart
}

// multiply does several products of A. It transposes A once for those with several columns.
func (h *vectorWorkspace) multiply(a operand, products ...thinProduct) {
	stride := padded(a.rows)
	step, wide := h.thin.panelRows(), 0
	for _, p := range products {
		rows, columns := p.x.Dims()
		*p.dst = zeros(*p.dst, columns*stride)
		if columns == 1 {
			h.single.multiply(*p.dst, a, p.x)
			continue
		}
		wide++
		if rows*columns > largeFactor {
			step = a.rows
		}
	}
	for i := 0; i < a.rows && wide > 0; i += step {
		rows := operand{a.data[i*a.down:], min(step, a.rows-i), a.cols, a.down, a.along}
		panel := h.thin.transpose(rows)
		for _, p := range products {
			if _, columns := p.x.Dims(); columns > 1 {
				h.thin.add((*p.dst)[i:], stride, transposed(p.x), panel)
			}
		}
	}
}

// timesFactors does Pᵀ and Qᵀ of all parts.
func (v *rankOne) timesFactors(h *vectorWorkspace, a, b operand, parts []*part) {
	h.left, h.right = h.left[:0], h.right[:0]
	for k, p := range parts {
		m := h.member(k)
		h.left = append(h.left, thinProduct{p.l, &m.pt})
		switch {
		case !v.symmetric:
			h.right = append(h.right, thinProduct{p.r, &m.qt})
		case p.l != p.r:
			h.left = append(h.left, thinProduct{p.r, &m.qt})
		}
	}
	h.multiply(a, h.left...)
	h.multiply(b, h.right...)
}

// factors returns Pᵀ and Qᵀ of a part, which are one if P and Q are.
func (v *rankOne) factors(m *vectorMember, p *part) (pt, qt []float64) {
	if v.symmetric && p.l == p.r {
		return m.pt, m.pt
	}
	return m.pt, m.qt
}

// dots does dst_i = P_i·Q_i from Pᵀ and Qᵀ, with the chains of chainsDot.
func (h *vectorWorkspace) dots(dst, pt, qt []float64) {
	count, stride := len(dst), padded(len(dst))
	h.chains = zeros(h.chains, 4*count)
	chain := func(j int) []float64 { return h.chains[j*count:][:count] }
	columns := len(pt) / stride
	for j := range columns {
		at := j % 4
		if j >= columns/4*4 {
			at = 0
		}
		plusProducts(chain(at), pt[j*stride:], qt[j*stride:])
	}
	s0, s1, s2, s3 := chain(0), chain(1), chain(2), chain(3)
	for i := range dst {
		dst[i] = (s0[i] + s1[i]) + (s2[i] + s3[i])
	}
}

// plusProducts does dst_i ← dst_i + a_i·b_i.
func plusProducts(dst, a, b []float64) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] += float64(a[i] * b[i])
	}
}

// addTo does sum ← sum + Xᵀ·diag(w)·A, and scales Xᵀ.
func (h *vectorWorkspace) addTo(sum []float64, xt, w []float64, a operand) {
	stride := padded(a.rows)
	columns := len(xt) / stride
	for j := range columns {
		row := xt[j*stride:][:len(w)]
		for i, v := range w {
			row[i] *= v
		}
	}
	if columns == 1 {
		h.single.addTo(sum, xt, a)
		return
	}
	h.thin.add(sum, padded(a.cols), operand{xt, columns, a.rows, stride, 1}, a)
}

// apply implements operator.
func (v *rankOne) apply(dst []float64, l, r *mat.Dense) error {
	parts := []*part{{l: l, r: r}}
	return v.eachBlock(func(h *vectorWorkspace, a, b operand, first int) {
		v.timesFactors(h, a, b, parts)
		pt, qt := v.factors(h.member(0), parts[0])
		h.dots(dst[first:][:a.rows], pt, qt)
	})
}

// adjointMul implements operator: S·X = Aᵀ·diag(w)·(B·X).
func (v *rankOne) adjointMul(dst *mat.Dense, w []float64, trans bool, x *mat.Dense) error {
	rows, columns := dst.Dims()
	err := v.summed(1, func(_ int, s *vectorSums) { s.clear(padded(rows)*columns, 0) },
		func(h *vectorWorkspace, sums []*vectorSums, a, b operand, first int) {
			if trans {
				a, b = b, a
			}
			m := h.member(0)
			h.multiply(b, thinProduct{x, &m.qt})
			h.addTo(sums[0].gr, m.qt, w[first:][:a.rows], a)
		})
	copyTransposed(dst, v.totals[0].gr)
	return err
}

// narrow is 1 for a part whose factors have one column, and 0 for others.
func narrow(p *part) int {
	if _, columns := p.l.Dims(); columns == 1 {
		return 1
	}
	return 0
}

// contract implements operator.
func (v *rankOne) contract(y []float64, parts []*part) error {
	parts = slices.Clone(parts) // those of several columns first
	slices.SortStableFunc(parts, func(p, q *part) int { return narrow(p) - narrow(q) })
	wide := slices.IndexFunc(parts, func(p *part) bool { return narrow(p) == 1 })
	if wide < 0 {
		wide = len(parts)
	}
	clearSums := func(k int, s *vectorSums) {
		p := parts[k]
		rows, columns := p.gr.Dims()
		gr, gl := padded(rows)*columns, 0
		if p.gl != p.gr {
			rows, columns = p.gl.Dims()
			gl = padded(rows) * columns
		}
		s.clear(gr, gl)
	}
	scale := 1 / float64(v.m)
	err := v.summed(len(parts), clearSums,
		func(h *vectorWorkspace, sums []*vectorSums, a, b operand, first int) {
			for k, part := range parts[wide:] {
				h.single.contract(sums[wide+k], part, a, b, y[first:], scale)
			}
			v.timesFactors(h, a, b, parts[:wide])
			h.weights = grown(h.weights, a.rows)
			for k, part := range parts[:wide] {
				m, s := h.member(k), sums[k]
				pt, qt := v.factors(m, part)
				h.dots(h.weights, pt, qt)
				for i, p := range h.weights {
					res := p - y[first+i]
					s.squares += part.loss.square(res)
					h.weights[i] = part.loss.psi(res) * scale
				}
				h.addTo(s.gr, qt, h.weights, a)
				if part.gl != part.gr {
					h.addTo(s.gl, pt, h.weights, b)
				}
			}
		})
	for k, p := range parts {
		s := v.totals[k]
		p.squares = s.squares
		copyTransposed(p.gr, s.gr)
		if p.gl != p.gr {
			copyTransposed(p.gl, s.gl)
		}
	}
	return err
}

// clear sets the sums to zeros of the given sizes.
func (s *vectorSums) clear(gr, gl int) {
	s.gr, s.gl, s.squares = zeros(s.gr, gr), zeros(s.gl, gl), 0
}

// add does s ← s + t.
func (s *vectorSums) add(loops ending[float64], t *vectorSums) {
	loops.addTo(s.gr, t.gr)
	loops.addTo(s.gl, t.gl)
	s.squares += t.squares
}

// zeros returns count zeros, in the given memory if it is large enough.
func zeros(memory []float64, count int) []float64 {
	memory = grown(memory, count)
	clear(memory)
	return memory
}

// copyTransposed does dst = Sᵀ, where the rows of S are padded.
func copyTransposed(dst *mat.Dense, s []float64) {
	rows, columns := dst.Dims()
	for i := range rows {
		row := dst.RawRowView(i)
		for j := range columns {
			row[j] = s[j*padded(rows)+i]
		}
	}
}
