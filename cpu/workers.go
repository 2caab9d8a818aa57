package cpu

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// workerCount resolves a setting of 0.
func workerCount(setting int) int {
	if setting > 0 {
		return setting
	}
	return runtime.GOMAXPROCS(0)
}

// inTurn calls do for the numbers below count, on so many workers, each number when a worker is free.
func inTurn(workers, count int, do func(i int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(workers, count) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wait.Wait()
}
