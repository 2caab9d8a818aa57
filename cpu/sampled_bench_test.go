package cpu

import (
	"fmt"
	"testing"

	"github.com/matsense/matsense/sensing"
)

// BenchmarkSampled times a gradient of observed entries, by size and factor rank: 16·m·r operations.
func BenchmarkSampled(b *testing.B) {
	for _, size := range []struct{ n, m int }{{20_000, 1_000_000}, {100_000, 10_000_000}} {
		b.Run(fmt.Sprintf("n=%d", size.n), func(b *testing.B) {
			e, err := sensing.NewCompletion(sensing.Sym{N: size.n}, size.m, 1)
			if err != nil {
				b.Fatal(err)
			}
			for _, r := range []int{5, 10, 40} {
				b.Run(fmt.Sprintf("r=%d", r), func(b *testing.B) {
					benchmarkGradient(b, e, nil, r)
					operations := 16 * float64(size.m) * float64(r)
					b.ReportMetric(operations*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				})
			}
		})
	}
}
