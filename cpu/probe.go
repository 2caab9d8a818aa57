package cpu

import (
	"sync"
	"time"
)

// Probe prepares a measurement of the rate, in bytes per second, at which as many goroutines as share the
// rows read this machine's memory. Each call of measure reads 512 MiB, far more than caches hold.
func (b Backend) Probe() (measure func() (float64, error), close func() error, err error) {
	const size = 512 << 20
	workers := workerCount(b.Workers)
	data := make([]uint64, size/8)
	for i := range data {
		data[i] = uint64(i) // so that every page is mapped
	}
	sums := make([]uint64, workers)
	measure = func() (float64, error) {
		began := time.Now()
		var wait sync.WaitGroup
		for w := range workers {
			wait.Go(func() { sums[w] = sum(data[w*len(data)/workers : (w+1)*len(data)/workers]) })
		}
		wait.Wait()
		return size / time.Since(began).Seconds(), nil
	}
	return measure, func() error { return nil }, nil
}

// sum adds v in eight chains side by side, so that it waits only for memory.
func sum(v []uint64) uint64 {
	var s [8]uint64
	for ; len(v) >= 8; v = v[8:] {
		s[0] += v[0]
		s[1] += v[1]
		s[2] += v[2]
		s[3] += v[3]
		s[4] += v[4]
		s[5] += v[5]
		s[6] += v[6]
		s[7] += v[7]
	}
	return s[0] + s[1] + s[2] + s[3] + s[4] + s[5] + s[6] + s[7]
}
