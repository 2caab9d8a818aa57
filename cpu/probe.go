package cpu

import (
	"time"

	"github.com/matsense/matsense/internal/parallel"
	"github.com/matsense/matsense/sensing"
)

// Probe prepares a measurement of the rate, in bytes per second, at which as many goroutines as share the
// rows read this machine's memory. Each call of measure reads 512 MiB, far more than caches hold.
func (b Backend) Probe() (measure func() (float64, error), close func() error, err error) {
	const size = 512 << 20
	workers := parallel.Workers(b.Workers)
	data := make([]uint64, size/8)
	adviseHugePages(data)
	for i := range data {
		data[i] = uint64(i) // so that every page is mapped
	}
	sums := make([]uint64, workers)
	measure = func() (float64, error) {
		began := time.Now()
		parallel.On(workers, func(w int) {
			sums[w] = sum(data[w*len(data)/workers : (w+1)*len(data)/workers])
		})
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

// ProbeMultiplyAdds measures how many multiply-adds in f64 this machine does in a second, with the best
// instructions that the backend has, on as many goroutines as share the work. The numbers stay in cache.
func (b Backend) ProbeMultiplyAdds() float64 {
	const inner, rounds = 64, 1 << 12
	o, err := b.options()
	if err != nil {
		return 0 // Open says why
	}
	tiles := tilesOf(o.simd)
	t := tiles[len(tiles)-1]
	began := time.Now()
	parallel.On(o.workers, func(int) {
		c, a := make([]float64, t.rows*t.width), make([]float64, t.rows*inner)
		panel := make([]float64, inner*t.width)
		for range rounds {
			t.block(c, t.width, a, inner, 1, panel)
		}
	})
	return float64(o.workers*rounds*inner*t.rows*t.width) / time.Since(began).Seconds()
}

// ProbeGathers prepares measurements of how many rows of a table, of rows × columns numbers of 8 bytes, this
// machine reads in a second, in random order, on as many goroutines as share the work. A measurement reads
// one number of each 64 bytes of a row and the row's last one, so that it waits for memory alone.
func (b Backend) ProbeGathers(rows, columns int) (measure func() float64) {
	const reads = 1 << 18 // of each goroutine
	const apart = 8       // numbers in 64 bytes
	workers := parallel.Workers(b.Workers)
	table := make([]uint64, rows*columns) // whole numbers, whose sums take a cycle
	for i := range table {
		table[i] = uint64(i) // so that every page is mapped
	}
	order := make([][]int, workers)
	for w := range order {
		order[w] = make([]int, reads)
		stream := sensing.NewStream(uint64(w), sensing.StartStream)
		for i := range order[w] {
			order[w][i] = int(stream.Below(uint64(i), 0, uint64(rows))) * columns
		}
	}
	sums := make([]uint64, workers)
	return func() float64 {
		began := time.Now()
		parallel.On(workers, func(w int) {
			var sum uint64
			for _, from := range order[w] {
				row := table[from : from+columns]
				for k := 0; k < columns; k += apart {
					sum += row[k]
				}
				sum += row[columns-1]
			}
			sums[w] = sum
		})
		return float64(workers*reads) / time.Since(began).Seconds()
	}
}
