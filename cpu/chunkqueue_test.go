package cpu

import (
	"slices"
	"sync"
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
	if q.err != errBroken {
		t.Errorf("the error is %v", q.err)
	}
}
