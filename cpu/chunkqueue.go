package cpu

import "sync"

// chunkQueue gives the chunks of a walk to workers, and adds the partial sums of the chunks to the result in
// the order of the chunks.
//
// A worker whose chunk is done before an earlier chunk does not wait for its turn. It leaves the partial sum
// in the queue and takes another one for the next chunk. The worker that ends the earlier chunk adds both.
// Waiting would put the worker's thread to sleep, and a thread wakes up after about the time of a chunk: two
// workers then take turns on one core. A worker only waits if all partial sums are taken, which happens when
// the system stops another worker for the time of several chunks.
type chunkQueue struct {
	mu    sync.Mutex
	freed *sync.Cond // a partial sum is free, or err is set
	count int        // of chunks
	next  int        // the chunk that is given next
	at    int        // the chunk whose partial sum is added next
	free  []int      // partial sums that no chunk has; the last is given first, because a cache has it
	left  []int      // at c modulo the number of partial sums: that of chunk c if it is done, or −1
	adds  bool       // a worker is adding
	err   error      // why the chunks that are left do not come; nil while they do
}

// partialSums returns how many partial sums so many workers need.
func partialSums(workers int) int {
	if workers == 1 {
		return 1
	}
	return 2 * workers
}

func (q *chunkQueue) init(workers int) {
	q.freed = sync.NewCond(&q.mu)
	q.left = make([]int, partialSums(workers))
}

// reset begins a walk over so many chunks. All workers have returned from the previous walk.
func (q *chunkQueue) reset(count int) {
	q.count, q.next, q.at, q.adds, q.err = count, 0, 0, false, nil
	q.free = q.free[:0]
	for i := range q.left {
		q.left[i] = -1
		q.free = append(q.free, len(q.left)-1-i)
	}
}

// take returns the next chunk and a partial sum for it. It returns false if there are no more chunks.
func (q *chunkQueue) take() (chunk, partial int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.free) == 0 && q.next < q.count && q.err == nil {
		q.freed.Wait()
	}
	if q.next == q.count || q.err != nil {
		return 0, 0, false
	}
	last := len(q.free) - 1
	chunk, partial = q.next, q.free[last]
	q.next++
	q.free = q.free[:last]
	return chunk, partial, true
}

// leave takes the partial sum of a chunk that is done. It calls add for the partial sums whose turn it is,
// unless another worker is doing so.
func (q *chunkQueue) leave(chunk, partial int, add func(partial int)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.left[chunk%len(q.left)] = partial
	if q.adds {
		return
	}
	q.adds = true
	for q.err == nil {
		turn := &q.left[q.at%len(q.left)]
		if partial = *turn; partial < 0 {
			break
		}
		*turn = -1
		q.mu.Unlock()
		add(partial)
		q.mu.Lock()
		q.at++
		q.free = append(q.free, partial)
		q.freed.Signal()
	}
	q.adds = false
}

// stop ends the walk: a worker has left its chunk unfinished.
func (q *chunkQueue) stop(err error) {
	q.mu.Lock()
	q.err = err
	q.mu.Unlock()
	q.freed.Broadcast()
}
