package cpu

import (
	"fmt"
	"testing"

	"github.com/matsense/matsense/sensing"
)

// BenchmarkSampled times a gradient of observed entries, by factor rank: 16·m·r operations.
func BenchmarkSampled(b *testing.B) {
	const n, m = 20000, 1_000_000
	e, err := sensing.NewCompletion(sensing.Sym{N: n}, m, 1)
	if err != nil {
		b.Fatal(err)
	}
	for _, r := range []int{5, 10, 40} {
		b.Run(fmt.Sprintf("r=%d", r), func(b *testing.B) {
			benchmarkGradient(b, e, nil, r)
			b.ReportMetric(16*m*float64(r)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
