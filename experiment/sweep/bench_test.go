package sweep

import (
	"context"
	"testing"
)

// BenchmarkPlan plans sweeps of 100,000 runs, as sweep --dry-run --yes does.
func BenchmarkPlan(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"axes", "axes:\n  - alpha: {logspace: [1e-10, 1e-2, 10]}\n  - factor-rank: [2, 4, 6, 8, 10, 20, 30, 40, 45, 50]\n" +
			"seeds: 1000\n"},
		{"seeds", "seeds: 100000\n"},
		{"filter", "axes:\n  - {init: [random, spectral], alpha: [1e-6, 0]}\n  - method: [gd, scaled-gd]\n" +
			"  - kappa: {linspace: [1, 6, 25]}\nseeds: 1000\nfilter: kappa >= 1 and n > rank\n"},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				s, err := Parse("s.yaml", []byte("base: {n: 50, rank: 2}\n"+c.text))
				if err != nil {
					b.Fatal(err)
				}
				part := Options{NamedPart: NamedPart{Shard: 2, Shards: 8}}
				p, err := NewPlan(context.Background(), s, part, aHost())
				if err != nil {
					b.Fatal(err)
				}
				if len(p.Runs) != 100_000 {
					b.Fatalf("%d runs", len(p.Runs))
				}
			}
		})
	}
}
