package cpu

import (
	"errors"
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

// inTurn calls do for each number from 0 to count − 1; the next free worker takes the next number. It returns
// the interruption's error if that ends it before all numbers are done.
func inTurn(stop *interruption, workers, count int, do func(i int)) error {
	var next atomic.Int64
	ended := make([]error, min(workers, count))
	onWorkers(len(ended), func(w int) {
		for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
			if ended[w] = stop.err(); ended[w] != nil {
				return
			}
			do(i)
		}
	})
	return errors.Join(ended...)
}

// onWorkers calls do for each of so many workers, and returns when all calls have returned. The caller is
// worker 0, so that the work begins before another thread wakes up.
func onWorkers(workers int, do func(w int)) {
	if workers == 0 {
		return
	}
	var wait sync.WaitGroup
	for w := 1; w < workers; w++ {
		wait.Go(func() { do(w) })
	}
	do(0)
	wait.Wait()
}
