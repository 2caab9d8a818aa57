package cpu

import (
	"context"
	"fmt"
	"testing"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// The paper's main setting is n = 200, m = 10,000. Memory is read at the rate GB/s, entries are used at the rate
// GFLOP/s, 4 for each: a multiplication and an addition on the way to p, and again on the way to g.

func benchmarkEnsembles(b *testing.B, run func(b *testing.B, e sensing.Ensemble)) {
	const n, m = 200, 10_000
	space := sensing.Sym{N: n}
	for _, format := range []sensing.Entries{sensing.F64, sensing.F32, sensing.BF16, sensing.Q8, sensing.Signs} {
		b.Run(fmt.Sprintf("n=%d/m=%d/%s", n, m, format), func(b *testing.B) {
			var e sensing.Ensemble
			var err error
			if format == sensing.Signs {
				e, err = sensing.NewRademacher(space, m, 1)
			} else {
				e, err = sensing.NewGaussian(space, m, format, 1)
			}
			if err != nil {
				b.Fatal(err)
			}
			run(b, e)
		})
	}
}

func reportRates(b *testing.B, e sensing.Ensemble) {
	entries := float64(e.Measurements()) * float64(e.Space().K())
	perSecond := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(entries*float64(e.Entries().EntryBits())/8*perSecond/1e9, "GB/s")
	b.ReportMetric(4*entries*perSecond/1e9, "GFLOP/s")
	b.ReportMetric(1e3/perSecond, "ms")
	b.ReportMetric(0, "ns/op")
}

// benchmark returns what does one pass.
func (o *rowOperator[E, F]) benchmark(y, z []float64) func() {
	s := newShare[F](o.space.K(), o.workers)
	for k, v := range z {
		s.z[k] = F(v)
	}
	shares := []*share[F]{s}
	return func() { o.gradient.pass(y, shares) }
}

// BenchmarkContract is the one pass over the rows alone.
func BenchmarkContract(b *testing.B) {
	benchmarkEnsembles(b, func(b *testing.B, e sensing.Ensemble) {
		o, err := Backend{}.options()
		if err != nil {
			b.Fatal(err)
		}
		op, err := newOperator(context.Background(), e, o)
		if err != nil {
			b.Fatal(err)
		}
		y := make([]float64, e.Measurements())
		z := make([]float64, e.Space().K())
		sensing.NewStream(2, sensing.StartStream).Normals(0, z)
		pass := op.(interface{ benchmark(y, z []float64) func() }).benchmark(y, z)
		for b.Loop() {
			pass()
		}
		reportRates(b, e)
	})
}

// BenchmarkStep is a whole step of gradient descent with factor rank n.
func BenchmarkStep(b *testing.B) {
	benchmarkEnsembles(b, func(b *testing.B, e sensing.Ensemble) {
		n, _ := e.Space().Dims()
		truth, err := sensing.NewTruth(n, 5, 2, 1)
		if err != nil {
			b.Fatal(err)
		}
		p := &sensing.Problem{Ensemble: e, Truth: truth}
		engine, err := Backend{}.Open(context.Background(), p, solver.Batch{Parametrization: solver.PSD{}, Members: []solver.Member{{FactorRank: n}}})
		if err != nil {
			b.Fatal(err)
		}
		defer engine.Close()
		u, err := solver.SmallRandom{Alpha: 1e-2, Seed: 1}.Factor([]solver.Shape{{Rows: n, Cols: n}}, nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := engine.Set(0, solver.Iterate, u); err != nil {
			b.Fatal(err)
		}
		method := solver.GradientDescent{StepSize: 0.25}
		for b.Loop() {
			if err := method.Step(engine, 0, 0); err != nil {
				b.Fatal(err)
			}
		}
		reportRates(b, e)
	})
}

// BenchmarkKernel is the two loops over a block whose rows are in cache, on one core: what they could do if memory were
// no bound.
func BenchmarkKernel(b *testing.B) {
	for _, simd := range available() {
		benchmarkKernels[float64](b, simd, "f64")
		benchmarkKernels[float32](b, simd, "f32")
	}
}

func benchmarkKernels[F number](b *testing.B, simd SIMD, precision string) {
	benchmarkKernel[float64, F](b, simd, precision, sensing.F64)
	benchmarkKernel[float32, F](b, simd, precision, sensing.F32)
	benchmarkKernel[sensing.BF16Entry, F](b, simd, precision, sensing.BF16)
	benchmarkKernel[sensing.Q8Entry, F](b, simd, precision, sensing.Q8)
	benchmarkKernel[sensing.SignWord, F](b, simd, precision, sensing.Signs)
}

func benchmarkKernel[E sensing.Entry, F number](b *testing.B, simd SIMD, precision string, format sensing.Entries) {
	const n = 512
	k := newKernel[E, F](simd)
	h := new(hand[E, F])
	for j := range h.rows {
		h.rows[j] = make([]E, sensing.RowLen[E](n))
	}
	x := make([]F, n)
	for name, loop := range map[string]func(){"dot": func() { k.dot(h, x) }, "add": func() { k.add(h, x) }} {
		b.Run(fmt.Sprintf("simd=%s/precision=%s/%s/%s", simd, precision, format, name), func(b *testing.B) {
			for b.Loop() {
				loop()
			}
			b.ReportMetric(2*n*blockRows*float64(b.N)/1e9/b.Elapsed().Seconds(), "GFLOP/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}
