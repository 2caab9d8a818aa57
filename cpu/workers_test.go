package cpu

import (
	"sync/atomic"
	"testing"
	"time"
)

// TestOnWorkersWaits: onWorkers returns when all workers have, also if one takes longer than the caller.
func TestOnWorkersWaits(t *testing.T) {
	const workers = 2
	var done atomic.Int64
	onWorkers(workers, func(w int) {
		if w > 0 {
			time.Sleep(time.Millisecond)
		}
		done.Add(1)
	})
	if done.Load() != workers {
		t.Errorf("%d of %d workers had returned", done.Load(), workers)
	}
}
