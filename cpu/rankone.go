package cpu

import (
	"context"
	"sync/atomic"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// rankOne is the operator of a [sensing.RankOne], in O(m·n·r) multiplications. With the vectors of a block of
// measurements as the rows of A and B (A = B for symmetric matrices),
//
//	P = A·L,  Q = B·R,  p_i = P_i·Q_i,  res_i = p_i − y_i,
//	G·R = 1/m Aᵀ·diag(res)·Q,  Gᵀ·L = 1/m Bᵀ·diag(res)·P,
//
// Each block of vectors is read from memory, or generated, once for all members of a batch. As in [rows], one
// worker sums a chunk of measurements, block after block, and adds it to the result after all chunks before
// it. The size of a chunk depends on m alone, and that of a block on m and the length of vectors, so the bits
// depend neither on the workers nor on the batch.
//
// P, Q and the sums are transposed: they have few rows, and measurements or coordinates are the lanes of a
// register (see [thin]). For P and Q a few vectors at a time are transposed, which all members share; the
// sums read the vectors where they are.
type rankOne struct {
	ensemble   *sensing.RankOne
	m, length  int
	n1         int
	symmetric  bool
	chunk      int       // measurements in a chunk
	block      int       // measurements in a block
	memory     []float64 // all vectors, measurement after measurement; nil if they are generated
	workspaces []*vectorWorkspace
	totals     []*vectorSums // of the walk under way
	stop       *interruption
	queue      orderedQueue // of the chunks of a walk
}

// vectorWorkspace is the memory of one worker.
type vectorWorkspace struct {
	thin    *thin
	buffer  []float64 // the block being generated
	members []*vectorMember
	left    []thinProduct // of the block under way, with A
	right   []thinProduct // of the block under way, with B
	chains  []float64     // of the dot products of a block
	weights []float64     // of the measurements of a block
}

// vectorMember is what a worker has of one member of a batch.
type vectorMember struct {
	pt, qt []float64  // Pᵀ and Qᵀ of a block; the same memory if P is Q
	acc    vectorSums // the sums over a chunk
}

// vectorSums are the sums of one member: (G·R)ᵀ, (Gᵀ·L)ᵀ and Σ res².
type vectorSums struct {
	gr, gl  []float64
	squares float64
}

const (
	leastBlock   = 32      // the minimum of measurements in a block
	blockNumbers = 1 << 16 // numbers in the vectors of a block, which stay in cache for both multiplications
	largeFactor  = 1 << 14 // with more numbers in a factor, a block is one panel, for which it is read once
)

// vectorBlock returns the measurements in a block: a function of m and the length of vectors alone.
func vectorBlock(m, length int) int {
	return min(max(blockNumbers/length/blockRows*blockRows, leastBlock), chunkRows(m))
}

// rankOneKind is the kind of rank-one measurements.
type rankOneKind struct{ *sensing.RankOne }

// bytes counts all vectors, or one block of them for each worker; the sums of all members, and for each
// worker the same sums, P and Q of a block, and a transposed panel.
func (e rankOneKind) bytes(o options, batch solver.Batch) float64 {
	m, length := float64(e.Measurements()), float64(e.VectorLen())
	block := float64(vectorBlock(e.Measurements(), e.VectorLen()))
	columns := 0.0
	for _, r := range batch.FactorRanks {
		columns += float64(r)
	}
	sums := (length + 2*thinPadding) * columns
	each := sums + 2*(block+thinPadding)*columns + (length+packRows)*max(block, thinPadding)
	if o.storage == solver.Generated && e.Vectors() == nil {
		return 8 * (sums + float64(o.workers)*(each+block*length))
	}
	return 8 * (m*length + sums + float64(o.workers)*each)
}

func (e rankOneKind) newOperator(ctx context.Context, o options) (operator, error) {
	n1, _ := e.Space().Dims()
	m, length := e.Measurements(), e.VectorLen()
	_, symmetric := e.Space().(sensing.Sym)
	v := &rankOne{
		ensemble: e.RankOne, m: m, length: length, n1: n1, symmetric: symmetric,
		chunk: chunkRows(m), block: vectorBlock(m, length), stop: o.stop,
	}
	v.queue.init()
	for range min(o.workers, (m+v.chunk-1)/v.chunk) {
		v.workspaces = append(v.workspaces, &vectorWorkspace{thin: newThin(o.simd)})
	}
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

// vectorVisit is the work of a walk.
type vectorVisit struct {
	// begin is called before a chunk's first block.
	begin func(h *vectorWorkspace)
	// each is called for each block, with the number of its first measurement.
	each func(h *vectorWorkspace, a, b operand, first int)
	// done is called after a chunk's last block, when the done of all earlier chunks has returned.
	done func(h *vectorWorkspace)
}

// walk visits all blocks of vectors. One worker visits the blocks of a chunk, in order. begin and done may
// both be nil. An interruption ends the walk between two blocks.
func (v *rankOne) walk(visit vectorVisit) error {
	v.queue.reset()
	var next atomic.Int64
	onWorkers(len(v.workspaces), func(w int) {
		for c := int(next.Add(1)) - 1; c*v.chunk < v.m && v.visitChunk(visit, v.workspaces[w], c); {
			c = int(next.Add(1)) - 1
		}
	})
	return v.queue.err
}

// visitChunk does a chunk of a walk. It returns false if the walk was interrupted.
func (v *rankOne) visitChunk(visit vectorVisit, h *vectorWorkspace, chunk int) bool {
	if visit.begin != nil {
		visit.begin(h)
	}
	end := min((chunk+1)*v.chunk, v.m)
	for i := chunk * v.chunk; i < end; i += v.block {
		if err := v.stop.err(); err != nil {
			v.queue.stop(err)
			return false
		}
		a, b := v.load(h, i, min(v.block, end-i))
		visit.each(h, a, b, i)
	}
	if visit.done == nil {
		return true
	}
	if !v.queue.wait(chunk) {
		return false
	}
	visit.done(h)
	v.queue.pass()
	return true
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

// multiply does several products of A, which it reads once.
func (h *vectorWorkspace) multiply(a operand, products ...thinProduct) {
	stride := padded(a.rows)
	step := h.thin.panelRows()
	for _, p := range products {
		rows, columns := p.x.Dims()
		*p.dst = zeros(*p.dst, columns*stride)
		if rows*columns > largeFactor {
			step = a.rows
		}
	}
	for i := 0; i < a.rows; i += step {
		rows := operand{a.data[i*a.down:], min(step, a.rows-i), a.cols, a.down, a.along}
		panel := h.thin.transpose(rows)
		for _, p := range products {
			h.thin.add((*p.dst)[i:], stride, transposed(p.x), panel)
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
	h.thin.add(sum, padded(a.cols), operand{xt, columns, a.rows, stride, 1}, a)
}

// apply implements operator.
func (v *rankOne) apply(dst []float64, l, r *mat.Dense) error {
	parts := []*part{{l: l, r: r}}
	return v.walk(vectorVisit{each: func(h *vectorWorkspace, a, b operand, first int) {
		v.timesFactors(h, a, b, parts)
		pt, qt := v.factors(h.member(0), parts[0])
		h.dots(dst[first:][:a.rows], pt, qt)
	}})
}

// adjointMul implements operator: S·X = Aᵀ·diag(w)·(B·X).
func (v *rankOne) adjointMul(dst *mat.Dense, w []float64, trans bool, x *mat.Dense) error {
	rows, columns := dst.Dims()
	total := v.total(0)
	total.clear(padded(rows)*columns, 0)
	err := v.walk(vectorVisit{
		begin: func(h *vectorWorkspace) { h.member(0).acc.clear(padded(rows)*columns, 0) },
		each: func(h *vectorWorkspace, a, b operand, first int) {
			if trans {
				a, b = b, a
			}
			m := h.member(0)
			h.multiply(b, thinProduct{x, &m.qt})
			h.addTo(m.acc.gr, m.qt, w[first:][:a.rows], a)
		},
		done: func(h *vectorWorkspace) { total.add(&h.member(0).acc) },
	})
	copyTransposed(dst, total.gr)
	return err
}

// contract implements operator.
func (v *rankOne) contract(y []float64, parts []*part) error {
	clearSums := func(s *vectorSums, p *part) {
		rows, columns := p.gr.Dims()
		gr, gl := padded(rows)*columns, 0
		if p.gl != p.gr {
			rows, columns = p.gl.Dims()
			gl = padded(rows) * columns
		}
		s.clear(gr, gl)
	}
	for k, p := range parts {
		clearSums(v.total(k), p)
	}
	scale := 1 / float64(v.m)
	err := v.walk(vectorVisit{
		begin: func(h *vectorWorkspace) {
			for k, p := range parts {
				clearSums(&h.member(k).acc, p)
			}
		},
		each: func(h *vectorWorkspace, a, b operand, first int) {
			v.timesFactors(h, a, b, parts)
			h.weights = grown(h.weights, a.rows)
			for k, part := range parts {
				m := h.member(k)
				pt, qt := v.factors(m, part)
				h.dots(h.weights, pt, qt)
				for i, p := range h.weights {
					res := p - y[first+i]
					m.acc.squares += float64(res * res)
					h.weights[i] = res * scale
				}
				h.addTo(m.acc.gr, qt, h.weights, a)
				if part.gl != part.gr {
					h.addTo(m.acc.gl, pt, h.weights, b)
				}
			}
		},
		done: func(h *vectorWorkspace) {
			for k := range parts {
				v.total(k).add(&h.member(k).acc)
			}
		},
	})
	for k, p := range parts {
		s := v.total(k)
		p.squares = s.squares
		copyTransposed(p.gr, s.gr)
		if p.gl != p.gr {
			copyTransposed(p.gl, s.gl)
		}
	}
	return err
}

// total returns the sums of a member over all measurements.
func (v *rankOne) total(k int) *vectorSums {
	for len(v.totals) <= k {
		v.totals = append(v.totals, new(vectorSums))
	}
	return v.totals[k]
}

// clear sets the sums to zeros of the given sizes.
func (s *vectorSums) clear(gr, gl int) {
	s.gr, s.gl, s.squares = zeros(s.gr, gr), zeros(s.gl, gl), 0
}

// add does s ← s + t.
func (s *vectorSums) add(t *vectorSums) {
	plus(s.gr, t.gr)
	plus(s.gl, t.gl)
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
