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
	var wait sync.WaitGroup
	ended := make([]error, min(workers, count))
	for w := range ended {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
				if ended[w] = stop.err(); ended[w] != nil {
					return
				}
				do(i)
			}
		})
	}
	wait.Wait()
	return errors.Join(ended...)
}
