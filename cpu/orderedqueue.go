package cpu

import "sync"

// orderedQueue lets workers add their chunks to a result in the order of the chunks.
type orderedQueue struct {
	mu   sync.Mutex
	cond *sync.Cond
	at   int
}

func (t *orderedQueue) init() { t.cond = sync.NewCond(&t.mu) }

func (t *orderedQueue) reset() { t.at = 0 }

// wait returns when it is chunk c's turn.
func (t *orderedQueue) wait(c int) {
	t.mu.Lock()
	for t.at != c {
		t.cond.Wait()
	}
	t.mu.Unlock()
}

// pass gives the turn to the next chunk.
func (t *orderedQueue) pass() {
	t.mu.Lock()
	t.at++
	t.mu.Unlock()
	t.cond.Broadcast()
}
