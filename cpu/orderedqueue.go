package cpu

import "sync"

// orderedQueue lets workers add their chunks to a result in the order of the chunks.
type orderedQueue struct {
	mu   sync.Mutex
	cond *sync.Cond
	at   int // the chunk whose turn it is
}

func (q *orderedQueue) init() { q.cond = sync.NewCond(&q.mu) }

func (q *orderedQueue) reset() { q.at = 0 }

// wait returns when it is the turn of chunk c.
func (q *orderedQueue) wait(c int) {
	q.mu.Lock()
	for q.at != c {
		q.cond.Wait()
	}
	q.mu.Unlock()
}

// pass gives the turn to the next chunk.
func (q *orderedQueue) pass() {
	q.mu.Lock()
	q.at++
	q.mu.Unlock()
	q.cond.Broadcast()
}
