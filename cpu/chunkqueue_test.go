package cpu

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestChunkQueueLeaves: a worker that is ahead of another goes on without waiting, as long as there are
// partial sums, and the chunks are added in their order when the first one is done.
func TestChunkQueueLeaves(t *testing.T) {
	var q chunkQueue
	q.init(2)
	q.reset(10)
	has := make([]int, partialSums(2)) // the chunk whose sum a partial sum is
	var added []int
	add := func(partial int) { added = append(added, has[partial]) }
	take := func() (chunk, partial int) {
		chunk, partial, ok := q.take()
		if !ok {
			t.Fatal("there are no more chunks")
		}
		has[partial] = chunk
		return chunk, partial
	}
	first, slow := take()
	for range partialSums(2) - 1 {
		chunk, partial := take()
		q.leave(chunk, partial, add)
	}
	if len(added) > 0 {
		t.Fatalf("the chunks %v were added before chunk 0", added)
	}
	q.leave(first, slow, add)
	if want := []int{0, 1, 2, 3}; !slices.Equal(added, want) {
		t.Errorf("the chunks %v were added, want %v", added, want)
	}
}

// TestChunkQueueOrder: however the workers take turns, every chunk is added once, in order, and no partial
// sum belongs to two chunks at a time. A second walk is like the first.
func TestChunkQueueOrder(t *testing.T) {
	const workers, chunks = 4, 500
	var q chunkQueue
	q.init(workers)
	for range 2 {
		q.reset(chunks)
		sums := make([]int, partialSums(workers)) // a data race if two chunks had one
		var added []int
		var wait sync.WaitGroup
		for range workers {
			wait.Go(func() {
				for {
					chunk, partial, ok := q.take()
					if !ok {
						return
					}
					sums[partial] = chunk
					if chunk%50 == 7 {
						time.Sleep(100 * time.Microsecond) // so that others fill all partial sums
					}
					q.leave(chunk, partial, func(partial int) { added = append(added, sums[partial]) })
				}
			})
		}
		wait.Wait()
		if len(added) != chunks || !slices.IsSorted(added) {
			t.Fatalf("%d chunks were added: %v", len(added), added)
		}
	}
}

// TestChunkQueueStops: stop wakes a worker that waits for a partial sum, and no chunk is given afterwards.
func TestChunkQueueStops(t *testing.T) {
	var q chunkQueue
	q.init(1)
	q.reset(3)
	if _, _, ok := q.take(); !ok {
		t.Fatal("there is no first chunk")
	}
	given := make(chan bool)
	go func() {
		_, _, ok := q.take()
		given <- ok
	}()
	q.stop(errBroken)
	if <-given {
		t.Error("a chunk was given after the stop")
	}
	if !errors.Is(q.err, errBroken) {
		t.Errorf("the error is %v", q.err)
	}
}

// seen is a visitor that notes which workers come. With both, worker 0 waits until another one has come.
type seen struct {
	both    bool
	workers [2]atomic.Bool
}

func (*seen) begin(int) {}

func (s *seen) visit(worker, _, _, _ int) {
	s.workers[worker].Store(true)
	for s.both && worker == 0 && !s.workers[1].Load() {
		time.Sleep(time.Millisecond)
	}
}

func (*seen) done(int) {}

// TestWalkAlone: a walk over fewer entries than alone has one worker. Members count as entries do.
func TestWalkAlone(t *testing.T) {
	const k, m = 70, 97
	r, err := newRows[float32](context.Background(), line[float32]{k: k, m: m}, true, 2)
	if err != nil {
		t.Fatal(err)
	}
	walk := func(members int, v *seen) {
		t.Helper()
		if err := r.walkIn(blockRows, members, nil, m, v); err != nil {
			t.Fatal(err)
		}
	}
	r.alone = m*k*3 + 1
	var three seen
	if walk(3, &three); three.workers[1].Load() {
		t.Error("a short walk has two workers")
	}
	walk(4, &seen{both: true}) // ends if there are two
}
