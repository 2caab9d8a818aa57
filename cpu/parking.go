package cpu

import "sync"

// parking adds the sums over chunks to a result in the order of the chunks, and lets the workers go on
// meanwhile: a worker that ends a chunk early parks its sums and takes others for its next chunk. The worker
// that ends the first missing chunk adds all that are parked behind it. Sums of a few thousand numbers take
// microseconds, less than it takes to wake a worker that waits as in [orderedQueue].
//
// A worker gets its next chunk together with the sums for it, in the order of chunks. So the first missing
// chunk always has a worker, and those who wait for sums get them at last.
type parking[S any] struct {
	mu      sync.Mutex
	cond    *sync.Cond
	count   int       // chunks of the walk
	next    int       // the next chunk to begin
	at      int       // the first chunk not yet added
	adding  bool      // a worker adds the sums of chunk at
	free    []S       // no worker has them
	parked  map[int]S // by chunk
	err     error     // why the chunks that are left do not come; nil while they do
	addSums func(S)   // adds sums to the result
}

// newParking returns a parking with two sums for each worker, of which one may be parked.
func newParking[S any](workers int, newSums func() S) *parking[S] {
	q := &parking[S]{parked: map[int]S{}}
	q.cond = sync.NewCond(&q.mu)
	for range 2 * workers {
		q.free = append(q.free, newSums())
	}
	return q
}

// start begins a walk over so many chunks.
func (q *parking[S]) start(count int, addSums func(S)) {
	q.count, q.next, q.at, q.err, q.addSums = count, 0, 0, nil, addSums
	for _, s := range q.parked { // by a walk that was interrupted
		q.free = append(q.free, s)
	}
	clear(q.parked)
}

// take returns the next chunk and the sums for it, whose numbers are those of another chunk. It returns false
// when no chunk is left, or none is to be begun any more.
func (q *parking[S]) take() (chunk int, sums S, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.next < q.count && q.err == nil && len(q.free) == 0 {
		q.cond.Wait()
	}
	if q.next >= q.count || q.err != nil {
		return 0, sums, false
	}
	last := len(q.free) - 1
	sums, q.free = q.free[last], q.free[:last]
	q.next++
	return q.next - 1, sums, true
}

// end takes the sums over a chunk back. It adds those whose turn it is, unless another worker is adding.
func (q *parking[S]) end(chunk int, sums S) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.parked[chunk] = sums
	if q.adding {
		return
	}
	for {
		first, ended := q.parked[q.at]
		if !ended {
			return
		}
		q.adding = true
		q.mu.Unlock()
		q.addSums(first)
		q.mu.Lock()
		q.adding = false
		delete(q.parked, q.at)
		q.at++
		q.free = append(q.free, first)
		q.cond.Signal()
	}
}

// stop ends the walk: a worker leaves its chunk unfinished, and gives its sums back.
func (q *parking[S]) stop(sums S, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.free, q.err = append(q.free, sums), err
	q.cond.Broadcast()
}
