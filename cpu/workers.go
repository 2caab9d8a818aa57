package cpu

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// workerCount returns the number of workers of a setting, whose 0 means one for each available core.
func workerCount(setting int) int {
	if setting > 0 {
		return setting
	}
	return runtime.GOMAXPROCS(0)
}

// inTurn calls do for each number from 0 to count − 1; the next free worker takes the next number.
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
