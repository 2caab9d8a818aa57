package cpu

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/matsense/matsense/sensing"
)

// TestFewRows: a pass over long rows, a few at a time, gives the bits of a pass over eight at a time,
// whatever is left of the last block and of the last stretch of coordinates. So does each member of a batch.
// Both sum the squares of all residuals.
func TestFewRows(t *testing.T) {
	for _, simd := range variants() {
		testFewRows[float64, float64](t, simd)
		testFewRows[float64, float32](t, simd)
		testFewRows[float32, float64](t, simd)
		testFewRows[float32, float32](t, simd)
	}
}

// squaresOf is Σ (a_i·z − y_i)², row by row.
func squaresOf[E sensing.Entry, F number](source sensing.RowSource[E], z []F, y []float64) (sum float64) {
	row, a := make([]E, len(z)), make([]float64, len(z))
	for i, v := range y {
		source.Row(i, row)
		decode(a, row, 0)
		res := -v
		for k, x := range a {
			res += x * float64(z[k])
		}
		sum += res * res
	}
	return sum
}

func testFewRows[E sensing.Entry, F number](t *testing.T, simd SIMD) {
	bound := 1e-12 // dot products of at most 2485 numbers, each rounded to 1e-16
	if _, single := any(*new(F)).(float32); single {
		bound = 1e-4 // the same, each rounded to 6e-8
	}
	format := sensing.F64
	if _, single := any(*new(E)).(float32); single {
		format = sensing.F32
	}
	for _, size := range []struct{ n, m int }{{3, 8}, {13, 45}, {70, 39}} {
		e, err := sensing.NewGaussian(sensing.Sym{N: size.n}, size.m, format, 1)
		if err != nil {
			t.Fatal(err)
		}
		o, err := Backend{SIMD: simd, Workers: 2}.options()
		if err != nil {
			t.Fatal(err)
		}
		r, err := newRows(context.Background(), e.(sensing.RowSource[E]), true, o.workers)
		if err != nil {
			t.Fatal(err)
		}
		c := newContraction[E, F](r, o)
		if c.fewRows.count != 0 {
			t.Fatalf("rows of %d numbers are taken %d at a time", r.length, c.fewRows.count)
		}
		y := make([]float64, size.m)
		sensing.NewStream(1, sensing.StartStream).Normals(0, y)
		whole, parts := newMemberPass[F](e.Space().K(), r.workers), newMemberPass[F](e.Space().K(), r.workers)
		pass := func(members ...*memberPass[F]) {
			c.arrange(members)
			for _, p := range members {
				for k := range p.z {
					p.z[k] = F(k%7) - 2.5
				}
			}
			if err := c.pass(y); err != nil {
				t.Fatal(err)
			}
		}
		pass(whole)
		if c.fewRows = newFewRows[E, F](simd); c.fewRows.count == 0 {
			t.Fatalf("%s has no kernel for a few rows of %s", simd, format)
		}
		pass(parts)
		name := fmt.Sprintf("%s, %s in %T, n = %d, m = %d", simd, format, *new(F), size.n, size.m)
		want := squaresOf(e.(sensing.RowSource[E]), parts.z, y)
		if !(math.Abs(parts.squares-want) <= bound*want) {
			t.Errorf("%s: Σ res² is %v, want %v", name, parts.squares, want)
		}
		if !slices.Equal(parts.g, whole.g) || parts.squares != whole.squares {
			t.Errorf("%s: %v and %v", name, parts.squares, whole.squares)
		}
		other := newMemberPass[F](e.Space().K(), r.workers)
		pass(other, parts) // a batch takes eight rows
		for i, p := range []*memberPass[F]{other, parts} {
			if !slices.Equal(p.g, whole.g) || p.squares != whole.squares {
				t.Errorf("%s: member %d of a batch has %v and %v", name, i, p.squares, whole.squares)
			}
		}
	}
}

// TestFewRowsOf: the parts of a block are chosen by its size.
func TestFewRowsOf(t *testing.T) {
	simd := available()[0]
	if simd == Off {
		t.Skip("plain Go takes eight rows")
	}
	const most = keptBytes / blockRows / 4 // singles in a row
	if fewRowsOf[float32, float64](simd, most).count != 0 {
		t.Error("a block that stays in cache is cut")
	}
	if got := fewRowsOf[float32, float64](simd, most+1).count; got == 0 || blockRows%got != 0 {
		t.Errorf("a block is cut into parts of %d rows", got)
	}
}

// BenchmarkFewRows compares passes over long rows, a few at a time, with passes over eight at a time, in
// turn. gain is the ratio of the shortest times: above 1, the few are faster.
func BenchmarkFewRows(b *testing.B) {
	for _, n := range []int{200, 300, 400, 600, 1000} {
		benchmarkFewRows[float64, float64](b, n, sensing.F64)
		benchmarkFewRows[float64, float32](b, n, sensing.F64)
		benchmarkFewRows[float32, float64](b, n, sensing.F32)
		benchmarkFewRows[float32, float32](b, n, sensing.F32)
	}
}

func benchmarkFewRows[E sensing.Entry, F number](b *testing.B, n int, format sensing.Entries) {
	b.Run(fmt.Sprintf("n=%d/%s/%T", n, format, *new(F)), func(b *testing.B) {
		space := sensing.Sym{N: n}
		e, err := sensing.NewGaussian(space, 30_000_000/space.K()/blockRows*blockRows, format, 1)
		if err != nil {
			b.Fatal(err)
		}
		o, err := Backend{}.options()
		if err != nil {
			b.Fatal(err)
		}
		r, err := newRows(b.Context(), e.(sensing.RowSource[E]), true, o.workers)
		if err != nil {
			b.Fatal(err)
		}
		c := newContraction[E, F](r, o)
		few := newFewRows[E, F](o.simd)
		p := newMemberPass[F](space.K(), r.workers)
		c.arrange([]*memberPass[F]{p})
		for k := range p.z {
			p.z[k] = F(k%7) - 2.5
		}
		y := make([]float64, e.Measurements())
		least := [2]time.Duration{1 << 62, 1 << 62}
		for b.Loop() {
			for i, kernel := range []fewRows[E, F]{{}, few} {
				c.fewRows = kernel
				began := time.Now()
				if err := c.pass(y); err != nil {
					b.Fatal(err)
				}
				least[i] = min(least[i], time.Since(began))
			}
		}
		entries := float64(e.Measurements() * space.K())
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(least[0].Nanoseconds())*1e3/entries, "eight-ps/entry")
		b.ReportMetric(float64(least[1].Nanoseconds())*1e3/entries, "few-ps/entry")
		b.ReportMetric(float64(least[0])/float64(least[1]), "gain")
	})
}
