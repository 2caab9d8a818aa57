package parallel

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestOnWaits: On returns when all workers have, also if one takes longer than the caller.
func TestOnWaits(t *testing.T) {
	const workers = 2
	var done atomic.Int64
	On(workers, func(w int) {
		if w > 0 {
			time.Sleep(time.Millisecond)
		}
		done.Add(1)
	})
	if done.Load() != workers {
		t.Errorf("%d of %d workers had returned", done.Load(), workers)
	}
}

// TestInTurn: each number is taken once, with more workers than numbers and with fewer.
func TestInTurn(t *testing.T) {
	for _, c := range []struct{ workers, count int }{{1, 5}, {3, 100}, {7, 2}, {4, 0}} {
		var lock sync.Mutex
		taken := make([]int, c.count)
		InTurn(c.workers, c.count, func(i int) {
			lock.Lock()
			defer lock.Unlock()
			taken[i]++
		})
		for i, times := range taken {
			if times != 1 {
				t.Errorf("%d workers take number %d of %d %d times", c.workers, i, c.count, times)
			}
		}
	}
}
