package cpu

import (
	"context"
	"sync"
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
type rankOne struct {
	ensemble   *sensing.RankOne
	m, length  int
	n1         int
	symmetric  bool
	chunk      int       // measurements in a chunk
	block      int       // measurements in a block
	memory     []float64 // all vectors, measurement after measurement; nil if they are generated
	workspaces []*vectorWorkspace
	stop       *interruption
	queue      orderedQueue // of the chunks of a walk
}

// vectorWorkspace is the memory of one worker.
type vectorWorkspace struct {
	gemm   *gemm
	buffer []float64 // the block being generated
	p, q   []float64 // P and Q
	part   []float64 // the sum over a block
	acc    []*vectorSums
}

// vectorSums are the sums of one member over a chunk.
type vectorSums struct {
	gr, gl  []float64
	squares float64
}

const (
	leastBlock   = 32      // the minimum of measurements in a block: a factor is packed once for each block
	blockNumbers = 1 << 16 // numbers in the vectors of a block, which stay in cache for both multiplications
)

// vectorBlock returns the measurements in a block: a function of m and the length of vectors alone.
func vectorBlock(m, length int) int {
	return min(max(blockNumbers/length/blockRows*blockRows, leastBlock), chunkRows(m))
}

// rankOneKind is the kind of rank-one measurements.
type rankOneKind struct{ *sensing.RankOne }

// bytes counts all vectors, or one block of them for each worker, and for each worker: the sums of all
// members; and, for the widest member, the sum over a block and its operands with their panels.
func (e rankOneKind) bytes(o options, batch solver.Batch) float64 {
	const widestTile = 24 // panels are padded to this width
	m, length := float64(e.Measurements()), float64(e.VectorLen())
	block := float64(vectorBlock(e.Measurements(), e.VectorLen()))
	columns, widest := 0.0, 0.0
	for _, r := range batch.FactorRanks {
		columns += float64(r)
		widest = max(widest, float64(r))
	}
	each := length*columns + 2*(length+2*block)*(widest+widestTile)
	if o.storage == solver.Generated && e.Vectors() == nil {
		return 8 * float64(o.workers) * (each + block*length)
	}
	return 8 * (m*length + float64(o.workers)*each)
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
	multiplier := newGEMM(o)
	for range min(o.workers, (m+v.chunk-1)/v.chunk) {
		v.workspaces = append(v.workspaces, &vectorWorkspace{gemm: multiplier.alone()})
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
	var wait sync.WaitGroup
	for _, h := range v.workspaces {
		wait.Go(func() {
			for c := int(next.Add(1)) - 1; c*v.chunk < v.m && v.visitChunk(visit, h, c); {
				c = int(next.Add(1)) - 1
			}
		})
	}
	wait.Wait()
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

// times returns A·X in the memory dst, which grows if it is too small.
func (h *vectorWorkspace) times(dst *[]float64, a operand, x *mat.Dense) *mat.Dense {
	_, columns := x.Dims()
	out := denseOf(dst, a.rows, columns)
	h.gemm.multiply(out, a, plain(x), false)
	return out
}

// addTo does sum ← sum + Aᵀ·X.
func (h *vectorWorkspace) addTo(sum []float64, a operand, x *mat.Dense) {
	_, columns := x.Dims()
	part := denseOf(&h.part, a.cols, columns)
	h.gemm.multiply(part, operand{a.data, a.cols, a.rows, a.along, a.down}, plain(x), false)
	plus(sum, part.RawMatrix().Data)
}

// timesFactors returns P = A·L and Q = B·R; the dot products of their rows are the p_i. P and Q are one
// matrix if A is B and L is R.
func (v *rankOne) timesFactors(h *vectorWorkspace, a, b operand, l, r *mat.Dense) (p, q *mat.Dense) {
	p = h.times(&h.p, a, l)
	if v.symmetric && l == r {
		return p, p
	}
	return p, h.times(&h.q, b, r)
}

// apply implements operator.
func (v *rankOne) apply(dst []float64, l, r *mat.Dense) error {
	return v.walk(vectorVisit{each: func(h *vectorWorkspace, a, b operand, first int) {
		p, q := v.timesFactors(h, a, b, l, r)
		for i := range a.rows {
			dst[first+i] = chainsDot(p.RawRowView(i), q.RawRowView(i))
		}
	}})
}

// adjointMul implements operator: S·X = Aᵀ·diag(w)·(B·X).
func (v *rankOne) adjointMul(dst *mat.Dense, w []float64, trans bool, x *mat.Dense) error {
	rows, columns := dst.Dims()
	dst.Zero()
	return v.walk(vectorVisit{
		begin: func(h *vectorWorkspace) { h.sums(0).clear(rows*columns, 0) },
		each: func(h *vectorWorkspace, a, b operand, first int) {
			if trans {
				a, b = b, a
			}
			q := h.times(&h.q, b, x)
			for i := range a.rows {
				scaleRow(q, i, w[first+i])
			}
			h.addTo(h.sums(0).gr, a, q)
		},
		done: func(h *vectorWorkspace) { addInto(dst, h.sums(0).gr) },
	})
}

// contract implements operator.
func (v *rankOne) contract(y []float64, parts []*part) error {
	for _, p := range parts {
		p.gr.Zero()
		p.gl.Zero()
		p.squares = 0
	}
	scale := 1 / float64(v.m)
	return v.walk(vectorVisit{
		begin: func(h *vectorWorkspace) {
			for k, p := range parts {
				h.sums(k).clear(sizeOf(p.gr), sizeOf(p.gl))
			}
		},
		each: func(h *vectorWorkspace, a, b operand, first int) {
			for k, part := range parts {
				s := h.sums(k)
				p, q := v.timesFactors(h, a, b, part.l, part.r)
				for i := range a.rows {
					res := chainsDot(p.RawRowView(i), q.RawRowView(i)) - y[first+i]
					s.squares += float64(res * res)
					scaleRow(q, i, res*scale)
					if part.gl != part.gr {
						scaleRow(p, i, res*scale)
					}
				}
				h.addTo(s.gr, a, q)
				if part.gl != part.gr {
					h.addTo(s.gl, b, p)
				}
			}
		},
		done: func(h *vectorWorkspace) {
			for k, p := range parts {
				s := h.sums(k)
				p.squares += s.squares
				addInto(p.gr, s.gr)
				if p.gl != p.gr {
					addInto(p.gl, s.gl)
				}
			}
		},
	})
}

// sums returns the sums of a part.
func (h *vectorWorkspace) sums(part int) *vectorSums {
	for len(h.acc) <= part {
		h.acc = append(h.acc, new(vectorSums))
	}
	return h.acc[part]
}

// clear sets the sums to zeros of the given sizes.
func (s *vectorSums) clear(gr, gl int) {
	s.gr, s.gl, s.squares = zeros(s.gr, gr), zeros(s.gl, gl), 0
}

// zeros returns count zeros, in the given memory if it is large enough.
func zeros(memory []float64, count int) []float64 {
	if cap(memory) < count {
		return make([]float64, count)
	}
	memory = memory[:count]
	clear(memory)
	return memory
}

// denseOf returns a matrix in memory, which grows if it is too small. Its elements are undefined.
func denseOf(memory *[]float64, rows, columns int) *mat.Dense {
	if len(*memory) < rows*columns {
		*memory = make([]float64, rows*columns)
	}
	return mat.NewDense(rows, columns, (*memory)[:rows*columns])
}

// sizeOf returns the number of elements of a.
func sizeOf(a *mat.Dense) int {
	rows, columns := a.Dims()
	return rows * columns
}

// scaleRow does a_i ← c·a_i, for row i of a.
func scaleRow(a *mat.Dense, i int, c float64) {
	row := a.RawRowView(i)
	for k := range row {
		row[k] *= c
	}
}

// addInto does dst ← dst + sum, row after row.
func addInto(dst *mat.Dense, sum []float64) {
	rows, columns := dst.Dims()
	for i := range rows {
		plus(dst.RawRowView(i), sum[i*columns:][:columns])
	}
}
