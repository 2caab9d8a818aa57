package cpu

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/matsense/matsense/sensing"
)

// blockRows is how many rows are contracted together. Eight dot products side by side keep two multiply-add units of
// latency four busy, and read z once for the eight; so does their accumulation with g.
const blockRows = 8

// The rows are cut into at most chunkCount chunks of at least leastChunk rows: enough for many cores to share them
// evenly, and few enough for the sums over chunks to cost little. Both numbers, and so every bit of a trajectory, are
// the same on every machine.
const (
	chunkCount = 128
	leastChunk = 32
)

// block is eight rows of entries. Past the last row of an ensemble its last row is repeated; callers give the
// repetitions the weight 0.
type block[E sensing.Entry] [blockRows][]E

// rows walks over an ensemble's rows, wherever they are.
type rows[E sensing.Entry] struct {
	source  sensing.RowSource[E]
	m       int
	length  int // of a row, in E's
	chunk   int // rows in a chunk
	workers int
	memory  []E          // all rows; nil where they are generated
	buffers [][]E        // for each worker, the block being generated
	turn    turnstile    // of the walk under way
	next    atomic.Int64 // its next chunk
}

// newRows prepares the rows of a source, and makes them all if they are to lie in memory.
func newRows[E sensing.Entry](ctx context.Context, source sensing.RowSource[E], inMemory bool, workers int) (*rows[E], error) {
	m := source.Measurements()
	length := sensing.RowLen[E](source.Space().K())
	chunk := chunkRows(m)
	r := &rows[E]{source: source, m: m, length: length, chunk: chunk, workers: min(workers, (m+chunk-1)/chunk)}
	r.turn.init()
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
	return r, r.fill(ctx)
}

// chunkRows is a function of m alone, and a multiple of blockRows.
func chunkRows(m int) int {
	rows := max((m+chunkCount-1)/chunkCount, leastChunk)
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

// walk visits every block of rows once, the blocks of a chunk in order by one worker. begin is called before a chunk's
// first block; done after its last, once it has returned for all chunks before.
func (r *rows[E]) walk(begin func(worker int), visit func(worker, first, count int), done func(worker int)) {
	r.next.Store(0)
	r.turn.reset()
	var wait sync.WaitGroup
	for w := range r.workers {
		wait.Go(func() {
			for {
				c := int(r.next.Add(1)) - 1
				from, to := c*r.chunk, min((c+1)*r.chunk, r.m)
				if from >= r.m {
					return
				}
				begin(w)
				for i := from; i < to; i += blockRows {
					count := min(blockRows, to-i)
					visit(w, i, count)
				}
				r.turn.wait(c)
				done(w)
				r.turn.pass()
			}
		})
	}
	wait.Wait()
}

// load points b to count rows from the i-th on, making them where they are not in memory.
func (r *rows[E]) load(worker, i, count int, b *block[E]) {
	for j := range b {
		at := min(j, count-1)
		if r.memory != nil {
			b[j] = r.memory[(i+at)*r.length : (i+at+1)*r.length]
			continue
		}
		b[j] = r.buffers[worker][at*r.length : (at+1)*r.length]
		if j == at {
			r.source.Row(i+j, b[j])
		}
	}
}

// turnstile lets workers through in the order of their chunks.
type turnstile struct {
	mu   sync.Mutex
	cond *sync.Cond
	at   int
}

func (t *turnstile) init() { t.cond = sync.NewCond(&t.mu) }

func (t *turnstile) reset() { t.at = 0 }

// wait returns when it is chunk c's turn.
func (t *turnstile) wait(c int) {
	t.mu.Lock()
	for t.at != c {
		t.cond.Wait()
	}
	t.mu.Unlock()
}

// pass gives the turn to the next chunk.
func (t *turnstile) pass() {
	t.mu.Lock()
	t.at++
	t.mu.Unlock()
	t.cond.Broadcast()
}

// workerCount resolves a setting of 0.
func workerCount(setting int) int {
	if setting > 0 {
		return setting
	}
	return runtime.GOMAXPROCS(0)
}
