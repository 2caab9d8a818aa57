// Package parallel shares work among goroutines.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Workers returns the number of workers of a setting, whose 0 means one for each available core.
func Workers(setting int) int {
	if setting > 0 {
		return setting
	}
	return runtime.GOMAXPROCS(0)
}

// On calls do for each of so many workers, and returns when all calls have returned. The caller is worker 0,
// so that the work begins before another thread wakes up.
func On(workers int, do func(w int)) {
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

// InTurn calls do for each number from 0 to count − 1 on so many workers; the next free worker takes the next
// number. It returns when all calls have returned.
func InTurn(workers, count int, do func(i int)) {
	var next atomic.Int64
	On(min(workers, count), func(int) {
		for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
			do(i)
		}
	})
}
