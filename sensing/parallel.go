package sensing

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// inParallel calls do for the numbers from 0 to count − 1 on all processors; the next free one takes the next
// number.
func inParallel(count int, do func(i int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), count) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wait.Wait()
}
