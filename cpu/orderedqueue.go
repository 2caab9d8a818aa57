package cpu

import (
	"sync"
	"sync/atomic"
)

// orderedQueue lets workers add their chunks to a result in the order of the chunks.
type orderedQueue struct {
	workers int // at most so many wait
	mu      sync.Mutex
	cond    *sync.Cond
	at      atomic.Int64 // the chunk whose turn it is; changes under mu
	err     error        // why the chunks that are left do not come; nil while they do
}

func (q *orderedQueue) init(workers int) {
	q.workers, q.cond = workers, sync.NewCond(&q.mu)
}

func (q *orderedQueue) reset() {
	q.at.Store(0)
	q.err = nil
}

// wait returns true when it is the turn of chunk c, or false when it never comes.
func (q *orderedQueue) wait(c int) bool {
	stayAwake(q.workers, func() bool { return q.at.Load() == int64(c) })
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.at.Load() != int64(c) && q.err == nil {
		q.cond.Wait()
	}
	return q.err == nil
}

// stop ends all waiting: a worker has left its chunk unfinished.
func (q *orderedQueue) stop(err error) {
	q.mu.Lock()
	q.err = err
	q.mu.Unlock()
	q.cond.Broadcast()
}

// pass gives the turn to the next chunk.
func (q *orderedQueue) pass() {
	q.mu.Lock()
	q.at.Add(1)
	q.mu.Unlock()
	q.cond.Broadcast()
}
