package sensing

import (
	"fmt"
	"testing"
)

// BenchmarkRow makes one row of K = 20,100 entries (n = 200) from its counter.
func BenchmarkRow(b *testing.B) {
	space := Sym{N: 200}
	for _, entries := range []Entries{F64, F32, BF16, Q8} {
		e, err := NewGaussian(space, 1000, entries, 1)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("gaussian/"+string(entries), func(b *testing.B) {
			switch e := e.(type) {
			case RowSource[float64]:
				benchmarkRow(b, e)
			case RowSource[float32]:
				benchmarkRow(b, e)
			case RowSource[BF16Entry]:
				benchmarkRow(b, e)
			case RowSource[Q8Entry]:
				benchmarkRow(b, e)
			}
		})
	}
	r, err := NewRademacher(space, 1000, 1)
	if err != nil {
		b.Fatal(err)
	}
	b.Run(fmt.Sprintf("%s/%s", r.Name(), r.Entries()), func(b *testing.B) { benchmarkRow(b, r) })
}

func benchmarkRow[E Entry](b *testing.B, s RowSource[E]) {
	k := s.Space().K()
	row := make([]E, RowLen[E](k))
	i := 0
	for b.Loop() {
		s.Row(i%s.Measurements(), row)
		i++
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(k)*1e9, "ns/entry")
}

// BenchmarkPositions draws 10⁶ observed entries of a symmetric matrix with n = 30,000.
func BenchmarkPositions(b *testing.B) {
	const m = 1_000_000
	for b.Loop() {
		c, err := NewCompletion(Sym{N: 30_000}, m, 1)
		if err != nil {
			b.Fatal(err)
		}
		c.Positions()
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/m*1e9, "ns/entry")
}
