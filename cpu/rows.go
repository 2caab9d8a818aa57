package cpu

import (
	"context"
	"sync"
	"unsafe"

	"github.com/matsense/matsense/sensing"
)

// blockRows is how many rows are contracted together. Eight dot products side by side keep two multiply-add
// units of latency four busy, and read z once for all eight rows. Their accumulation reads and writes g once.
const blockRows = 8

// The rows are cut into chunkCount chunks, of at least leastChunk and at most mostChunk rows. These are
// enough chunks for many cores to share evenly, and few enough that adding them costs little. They are short,
// because sums in f32 end with the chunk and must be accurate. The constants, and so every bit of a
// trajectory, are the same on every machine.
const (
	chunkCount = 128
	leastChunk = 32
	mostChunk  = 256
)

// walkAlone is how many entries a pass by one worker takes in the time that a second worker needs to wake up:
// a pass over fewer gains nothing from it. It is for rows in memory and loops in assembly; entries that are
// generated, and loops in plain Go, take many times as long.
const walkAlone = 1 << 20

// block is eight rows of entries. Past the last row of a walk, that row is repeated; callers give the
// repetitions the weight 0.
type block[E sensing.Entry] [blockRows][]E

// rows walks over the rows of an ensemble, in memory or generated.
type rows[E sensing.Entry] struct {
	source  sensing.RowSource[E]
	m       int
	length  int // of a row, in elements of type E
	workers int
	alone   int // a walk over fewer entries has a single worker
	stop    *interruption
	memory  []E        // all rows; nil if they are generated
	buffers [][]E      // for each worker, the block being generated
	walkers []func()   // for each worker, its part of a walk
	visitor visitor    // of the walk under way
	listed  []int      // the rows that it visits, ascending; nil means all
	count   int        // the number of rows that it visits
	span    int        // the rows of a chunk
	step    int        // the rows of a visit
	queue   chunkQueue // of its chunks
	wait    sync.WaitGroup
}

// newRows prepares the rows of a source. With inMemory it makes all of them.
func newRows[E sensing.Entry](
	ctx context.Context, source sensing.RowSource[E], inMemory bool, workers int,
) (*rows[E], error) {
	m := source.Measurements()
	length := sensing.RowLen[E](source.Space().K())
	chunk := chunkRows(m)
	r := &rows[E]{source: source, m: m, length: length, workers: min(workers, (m+chunk-1)/chunk)}
	r.queue.init(r.workers)
	for w := range r.workers {
		r.walkers = append(r.walkers, r.walker(w))
	}
	if kept, ok := source.(sensing.RowsInMemory[E]); ok {
		r.memory = kept.Rows()
		return r, nil
	}
	if !inMemory {
		r.buffers = make([][]E, r.workers)
		for w := range r.buffers {
			r.buffers[w] = make([]E, blockRows*length)
		}
		return r, nil
	}
	var err error
	r.memory, err = madeInMemory(ctx, m, length, r.workers, source.Row)
	return r, err
}

// chunkRows returns the rows of a chunk: a function of m alone, and a multiple of blockRows.
func chunkRows(m int) int {
	rows := min(max((m+chunkCount-1)/chunkCount, leastChunk), mostChunk)
	return (rows + blockRows - 1) / blockRows * blockRows
}

// madeInMemory returns m rows of length elements, each written by row. A worker takes a span of rows at a
// time: a huge page has many rows, and the system would zero it once for each worker that touches it at the
// same moment.
func madeInMemory[E any](ctx context.Context, m, length, workers int, row func(i int, dst []E)) ([]E, error) {
	const spanBytes, spansEach = 8 << 20, 4 // large beside a page, small beside what each worker makes
	memory := make([]E, m*length)
	adviseHugePages(memory)
	rowBytes := length * int(unsafe.Sizeof(*new(E)))
	span := max(min(spanBytes/rowBytes, m/(spansEach*workers)), 1)
	return memory, inTurn(&interruption{ctx.Err}, workers, (m+span-1)/span, func(s int) {
		for i := s * span; i < min((s+1)*span, m); i++ {
			row(i, memory[i*length:(i+1)*length])
		}
	})
}

// visitor is the work of a walk.
type visitor interface {
	// begin is called before a chunk's first block, with the number of the partial sum that the chunk has.
	begin(partial int)
	// visit is called for each block, or for so many rows as walkIn says: count rows, starting with row
	// first.
	visit(worker, partial, first, count int)
	// done is called after a chunk's last block, when the done of all earlier chunks has returned. Another
	// worker may call it.
	done(partial int)
}

// walk visits every block of rows once. One worker visits the blocks of a chunk, in order. An interruption
// ends the walk between two blocks: in long rows of generated entries a chunk takes most of a minute.
func (r *rows[E]) walk(v visitor) error { return r.walkOver(nil, r.m, v) }

// walkOver visits only the count rows listed, or all if listed is nil. The visitor gets their places in the
// list.
func (r *rows[E]) walkOver(listed []int, count int, v visitor) error {
	return r.walkIn(blockRows, 1, listed, count, v)
}

// walkIn is walkOver with step rows in a visit, a multiple of blockRows, and a visit that takes as long as
// the passes of so many members.
func (r *rows[E]) walkIn(step, members int, listed []int, count int, v visitor) error {
	r.step = step
	r.visitor, r.listed, r.count, r.span = v, listed, count, chunkRows(count)
	chunks := (count + r.span - 1) / r.span
	r.queue.reset(chunks)
	workers := max(1, min(r.workers, chunks))
	if count*r.source.Space().K()*members < r.alone {
		workers = 1
	}
	others := r.walkers[1:workers]
	r.wait.Add(len(others))
	for _, w := range others {
		go w()
	}
	r.walkers[0]() // as in parallel.On
	r.wait.Wait()
	return r.queue.err
}

// walker returns the function that worker w runs in a walk. It is created once, because creating it
// allocates.
func (r *rows[E]) walker(w int) func() {
	return func() {
		for {
			chunk, partial, ok := r.queue.take()
			if !ok {
				break
			}
			r.visitChunk(w, partial, chunk)
		}
		if w > 0 {
			r.wait.Done()
		}
	}
}

// visitChunk has worker w visit a chunk, unless the walk is interrupted.
func (r *rows[E]) visitChunk(w, partial, chunk int) {
	r.visitor.begin(partial)
	to := min((chunk+1)*r.span, r.count)
	for i := chunk * r.span; i < to; i += r.step {
		if err := r.stop.err(); err != nil {
			r.queue.stop(err)
			return
		}
		r.visitor.visit(w, partial, i, min(r.step, to-i))
	}
	r.queue.leave(chunk, partial, r.visitor.done)
}

// load points b to count rows, starting with the i-th of the walk, and generates them if they are not in
// memory.
func (r *rows[E]) load(worker, i, count int, b *block[E]) { r.loadInto(0, worker, i, count, b) }

// loadInto is load with the place among the blocks of the worker's buffer, which reserve makes.
func (r *rows[E]) loadInto(place, worker, i, count int, b *block[E]) {
	for j := range b {
		at := min(j, count-1)
		row := i + at
		if r.listed != nil {
			row = r.listed[row]
		}
		if r.memory != nil {
			b[j] = r.memory[row*r.length : (row+1)*r.length]
			continue
		}
		b[j] = r.buffers[worker][(place*blockRows+at)*r.length:][:r.length]
		if j == at {
			r.source.Row(row, b[j])
		}
	}
}

// reserve makes the buffers large enough for so many generated rows.
func (r *rows[E]) reserve(count int) {
	for w, b := range r.buffers {
		if len(b) < count*r.length {
			r.buffers[w] = make([]E, count*r.length)
		}
	}
}
