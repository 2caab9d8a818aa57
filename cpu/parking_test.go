package cpu

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// TestParking: chunks are added in order, whoever ends first, and a worker that is late keeps the others from
// their chunks only when all sums are parked.
func TestParking(t *testing.T) {
	const workers, count = 3, 40
	q := newParking(workers, func() *int { return new(int) })
	for range 2 { // the second walk uses the memory of the first
		var added []int
		q.start(count, func(s *int) { added = append(added, *s) })
		ended := make(chan int, count)
		onWorkers(workers, func(int) {
			for {
				chunk, sums, ok := q.take()
				if !ok {
					return
				}
				*sums = chunk
				if chunk%10 == 0 { // the others park all sums but this one's meanwhile
					for range 2*workers - 1 {
						<-ended
					}
				}
				q.end(chunk, sums)
				if chunk%10 != 0 && chunk%10 < 2*workers {
					ended <- chunk
				}
			}
		})
		want := make([]int, count)
		for i := range want {
			want[i] = i
		}
		if !slices.Equal(added, want) {
			t.Fatalf("chunks were added in the order %v", added)
		}
	}
}

// TestParkingStop: an interruption ends the wait of those that have no sums, and the next walk has all sums.
func TestParkingStop(t *testing.T) {
	q := newParking(1, func() *int { return new(int) })
	q.start(9, func(*int) {})
	_, first, _ := q.take()
	second, parked, _ := q.take()
	q.end(second, parked)
	waited := make(chan bool)
	go func() {
		chunk, sums, ok := q.take() // there are sums no more: chunk 0 is under way and chunk 1 parked
		if ok {
			q.end(chunk, sums)
		}
		waited <- ok
	}()
	select {
	case <-waited:
		t.Fatal("a third chunk began with the sums of two")
	case <-time.After(10 * time.Millisecond):
	}
	why := errors.New("enough")
	q.stop(first, why)
	if <-waited || !errors.Is(q.err, why) {
		t.Fatal("a chunk began after the end")
	}
	var added int
	q.start(5, func(*int) { added++ })
	for range 5 {
		chunk, sums, ok := q.take()
		if !ok {
			t.Fatal("the next walk lacks sums")
		}
		q.end(chunk, sums)
	}
	if added != 5 || len(q.free) != 2 {
		t.Fatalf("the next walk added %d chunks and has %d sums", added, len(q.free))
	}
}
