package cpu

import (
	"context"
	"fmt"
	"testing"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// BenchmarkSampled times a gradient of observed entries, by factor rank: 16·m·r operations.
func BenchmarkSampled(b *testing.B) {
	const n, m = 20000, 1_000_000
	e, err := sensing.NewCompletion(sensing.Sym{N: n}, m, 1)
	if err != nil {
		b.Fatal(err)
	}
	truth, err := sensing.NewTruth(n, 5, 1, 1)
	if err != nil {
		b.Fatal(err)
	}
	for _, r := range []int{5, 10, 40} {
		b.Run(fmt.Sprintf("r=%d", r), func(b *testing.B) {
			engine, err := Backend{}.Open(context.Background(), &sensing.Problem{Ensemble: e, Truth: truth},
				solver.Batch{Parametrization: solver.PSD{}, Members: []solver.Member{{FactorRank: r}}})
			if err != nil {
				b.Fatal(err)
			}
			defer engine.Close()
			u, err := solver.SmallRandom{Alpha: 1, Seed: 1}.Factor([]solver.Shape{{Rows: n, Cols: r}}, nil)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := engine.Set(0, solver.Iterate, u); err != nil {
					b.Fatal(err)
				}
				if err := engine.Gradient(0); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(16*m*float64(r)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
