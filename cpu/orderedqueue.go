package cpu

import "sync"

// orderedQueue lets workers add their chunks to a result in the order of the chunks.
type orderedQueue struct {
	mu   sync.Mutex
	cond *sync.Cond
	at   int   // the chunk whose turn it is
	err  error // why the chunks that are left do not come; nil while they do
}

func (q *orderedQueue) init() { q.cond = sync.NewCond(&q.mu) }

func (q *orderedQueue) reset() { q.at, q.err = 0, nil }

// wait returns true when it is the turn of chunk c, or false when it never comes.
func (q *orderedQueue) wait(c int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.at != c && q.err == nil {
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
	q.at++
	q.mu.Unlock()
	q.cond.Broadcast()
}
