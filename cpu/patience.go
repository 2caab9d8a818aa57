package cpu

import (
	"runtime"
	"time"
)

// patience is how long a worker that waits for another one keeps its processor before it sleeps. To wake a
// sleeping thread takes about as long, and longer in a virtual machine, and a chunk of a rank-one walk takes
// a few microseconds.
const patience = 50 * time.Microsecond

// stayAwake returns when a condition is true, or when patience is over. It returns at once if so many workers
// do not all have a processor, since the one that is waited for may need this one's.
func stayAwake(workers int, condition func() bool) {
	if workers > runtime.GOMAXPROCS(0) {
		return
	}
	for begin := time.Now(); !condition() && time.Since(begin) < patience; {
	}
}
