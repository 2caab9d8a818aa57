package cpu

import (
	"testing"

	"github.com/matsense/matsense/internal/parallel"
	"github.com/matsense/matsense/sensing"
)

// TestAdviseHugePages: advice takes slices of any length and place, and leaves them as they are.
func TestAdviseHugePages(t *testing.T) {
	const most = 5 << 20
	all := make([]uint16, most)
	for _, from := range []int{0, 1, 4096, 1<<20 - 1, most} {
		for _, length := range []int{0, 1, 1 << 19, 1 << 20, 3<<20 + 1} {
			adviseHugePages(all[from:min(from+length, most)])
		}
	}
	adviseHugePages[uint16](nil)
	for i := range all {
		if all[i] != 0 {
			t.Fatalf("number %d is %d", i, all[i])
		}
		all[i] = 1
	}
}

// BenchmarkInMemory makes 100 MB of Gaussian rows of f32 entries (n = 200) in memory, on all processors.
func BenchmarkInMemory(b *testing.B) {
	const m = 1250
	e, err := sensing.NewGaussian(sensing.Sym{N: 200}, m, sensing.F32, 1)
	if err != nil {
		b.Fatal(err)
	}
	entries := m * e.Space().K()
	b.SetBytes(int64(4 * entries))
	for b.Loop() {
		source := e.(sensing.RowSource[float32])
		if _, err := newRows(b.Context(), source, true, parallel.Workers(0)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(entries)*1e9, "ns/entry")
}
