package cpu

import (
	"sync/atomic"

	"github.com/matsense/matsense/internal/parallel"
)

// inTurn calls do for each number from 0 to count − 1; the next free worker takes the next number. After an
// interruption it does nothing for the numbers that are left, and returns the interruption's error.
func inTurn(stop *interruption, workers, count int, do func(i int)) error {
	var ended atomic.Pointer[error]
	parallel.InTurn(workers, count, func(i int) {
		if err := stop.err(); err != nil {
			ended.Store(&err)
			return
		}
		do(i)
	})
	if err := ended.Load(); err != nil {
		return *err
	}
	return nil
}
