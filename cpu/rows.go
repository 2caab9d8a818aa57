package cpu

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/matsense/matsense/sensing"
)

// blockRows is how many rows are contracted together. Eight dot products side by side keep two multiply-add units of
// latency four busy, and read z once for the eight; so does their accumulation with g.
const blockRows = 8

// The rows are cut into chunkCount chunks, of at least leastChunk rows and at most mostChunk: enough for many cores to
// share them evenly, few enough for the sums over chunks to cost little, and short enough for sums in f32, which end
// with the chunk, to be good. The numbers, and so every bit of a trajectory, are the same on every machine.
const (
	chunkCount = 128
	leastChunk = 32
	mostChunk  = 256
)

// block is eight rows of entries. Past the last row of an ensemble its last row is repeated; callers give the
// repetitions the weight 0.
type block[E sensing.Entry] [blockRows][]E

// rows walks over an ensemble's rows, wherever they are.
type rows[E sensing.Entry] struct {
	source  sensing.RowSource[E]
	m       int
	length  int // of a row, in E's
	workers int
	memory  []E          // all rows; nil where they are generated
	buffers [][]E        // for each worker, the block being generated
	walkers []func()     // for each worker, its part of a walk
	visitor visitor      // of the walk under way
	listed  []int        // the rows that it visits, ascending; nil is all
	count   int          // how many these are
	span    int          // how many of them are a chunk
	busy    int          // how many workers share them
	turn    orderedQueue // of its chunks
	next    atomic.Int64 // its next chunk
	wait    sync.WaitGroup
}

// newRows prepares the rows of a source, and makes them all if they are to lie in memory.
func newRows[E sensing.Entry](ctx context.Context, source sensing.RowSource[E], inMemory bool, workers int) (*rows[E], error) {
	m := source.Measurements()
	length := sensing.RowLen[E](source.Space().K())
	chunk := chunkRows(m)
	r := &rows[E]{source: source, m: m, length: length, workers: min(workers, (m+chunk-1)/chunk)}
	r.turn.init()
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
	r.memory = make([]E, m*length)
	adviseHugePages(r.memory)
	return r, r.fill(ctx)
}

// chunkRows is a function of m alone, and a multiple of blockRows.
func chunkRows(m int) int {
	rows := min(max((m+chunkCount-1)/chunkCount, leastChunk), mostChunk)
	return (rows + blockRows - 1) / blockRows * blockRows
}

// fill makes all rows in memory.
func (r *rows[E]) fill(ctx context.Context) error {
	var wait sync.WaitGroup
	var next atomic.Int64
	for range r.workers {
		wait.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= r.m {
					return
				}
				r.source.Row(i, r.memory[i*r.length:(i+1)*r.length])
			}
		})
	}
	wait.Wait()
	return ctx.Err()
}

// visitor is what a walk does with the rows.
type visitor interface {
	// begin is called before a chunk's first block.
	begin(worker int)
	// visit is called for each block, count rows from the first on.
	visit(worker, first, count int)
	// done is called after a chunk's last block, once it has returned for all chunks before.
	done(worker int)
}

// walk visits every block of rows once, the blocks of a chunk in order by one worker.
func (r *rows[E]) walk(v visitor) { r.walkOver(nil, r.m, v) }

// walkOver visits count rows, in the place of all: those listed. A visitor is told their places in the list.
func (r *rows[E]) walkOver(listed []int, count int, v visitor) {
	r.next.Store(0)
	r.turn.reset()
	r.visitor, r.listed, r.count, r.span = v, listed, count, chunkRows(count)
	r.busy = min(r.workers, (count+r.span-1)/r.span)
	if r.busy == 1 {
		r.walkers[0]()
		return
	}
	r.wait.Add(r.busy)
	for _, w := range r.walkers[:r.busy] {
		go w()
	}
	r.wait.Wait()
}

// walker returns what one worker does in a walk. It is made once, because making it takes memory.
func (r *rows[E]) walker(w int) func() {
	return func() {
		for {
			c := int(r.next.Add(1)) - 1
			from, to := c*r.span, min((c+1)*r.span, r.count)
			if from >= r.count {
				break
			}
			r.visitor.begin(w)
			for i := from; i < to; i += blockRows {
				r.visitor.visit(w, i, min(blockRows, to-i))
			}
			r.turn.wait(c)
			r.visitor.done(w)
			r.turn.pass()
		}
		if r.busy > 1 {
			r.wait.Done()
		}
	}
}

// load points b to count rows from the i-th of the walk on, making them where they are not in memory.
func (r *rows[E]) load(worker, i, count int, b *block[E]) {
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
		b[j] = r.buffers[worker][at*r.length : (at+1)*r.length]
		if j == at {
			r.source.Row(row, b[j])
		}
	}
}
