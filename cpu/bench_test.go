package cpu

import (
	"context"
	"fmt"
	"testing"
	"time"
	"unsafe"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/roofline"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// The paper's main setting is n = 200, m = 10,000. GB/s is the rate of reading memory. GFLOP/s counts 4
// operations for each entry: a multiplication and an addition for p, and again for g.

func benchmarkEnsembles(b *testing.B, run func(b *testing.B, e sensing.Ensemble)) {
	benchmarkEnsemblesOf(b, 200, 10_000, run)
}

func benchmarkEnsemblesOf(b *testing.B, n, m int, run func(b *testing.B, e sensing.Ensemble)) {
	space := sensing.Sym{N: n}
	for _, format := range []sensing.Entries{sensing.F64, sensing.F32, sensing.BF16, sensing.Q8,
		sensing.Signs} {
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

func reportRates(b *testing.B, e sensing.Ensemble, members int) {
	entries := float64(e.Measurements()) * float64(e.Space().K())
	perSecond := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(entries*float64(e.(sensing.Rows).Entries().EntryBits())/8*perSecond/1e9, "GB/s")
	b.ReportMetric(4*float64(members)*entries*perSecond/1e9, "GFLOP/s")
	b.ReportMetric(1e3/perSecond/float64(members), "ms")
	b.ReportMetric(1e12/perSecond/float64(members)/entries, "ps/entry")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkSizes times one pass over 10⁸ entries for different n, and for n = 200 over a quarter and a half
// of the rows: the time for an entry should depend on neither.
func BenchmarkSizes(b *testing.B) {
	for _, size := range []struct{ n, m int }{
		{50, 78_431}, {100, 19_802}, {200, 4_975}, {400, 1_247}, {1000, 200}, {200, 1_244}, {200, 2_488},
	} {
		benchmarkEnsemblesOf(b, size.n, size.m, benchmarkRows)
	}
}

// BenchmarkContract times the pass over the rows alone, for one member and for more, which share the pass; ms
// is the time for each member.
func BenchmarkContract(b *testing.B) { benchmarkEnsembles(b, benchmarkRows) }

func benchmarkRows(b *testing.B, e sensing.Ensemble) {
	switch e := e.(type) {
	case sensing.RowSource[float64]:
		benchmarkContract(b, e)
	case sensing.RowSource[float32]:
		benchmarkContract(b, e)
	case sensing.RowSource[sensing.BF16Entry]:
		benchmarkContract(b, e)
	case sensing.RowSource[sensing.Q8Entry]:
		benchmarkContract(b, e)
	case sensing.RowSource[sensing.SignWord]:
		benchmarkContract(b, e)
	}
}

func benchmarkContract[E sensing.Entry](b *testing.B, e sensing.RowSource[E]) {
	o, err := Backend{}.options()
	if err != nil {
		b.Fatal(err)
	}
	for _, storage := range []solver.Storage{solver.Memory, solver.Generated} {
		if storage == solver.Generated && e.Entries().EntryBits() > 8 {
			continue // generating normal deviates takes seconds
		}
		r, err := newRows(context.Background(), e, storage == solver.Memory, o.workers)
		if err != nil {
			b.Fatal(err)
		}
		benchmarkPass(b, e, newContraction[E, float64](r, o), storage, solver.F64)
		benchmarkPass(b, e, newContraction[E, float32](r, o), storage, solver.F32)
	}
}

func benchmarkPass[E sensing.Entry, F number](
	b *testing.B, e sensing.Ensemble, c contraction[E, F], s solver.Storage, p solver.Precision,
) {
	y := make([]float64, c.m)
	for _, members := range []int{1, 8, 16, 32} {
		b.Run(fmt.Sprintf("%s/%s/members=%d", s, p, members), func(b *testing.B) {
			passes := make([]*memberPass[F], members)
			z := make([]float64, e.Space().K())
			for i := range passes {
				passes[i] = newMemberPass[F](len(z), c.workers)
			}
			c.arrange(passes)
			for i, p := range passes {
				sensing.NewStream(2, sensing.StartStream).Normals(uint64(i), z)
				p.write(z, 1)
			}
			for b.Loop() {
				c.pass(y)
			}
			reportRates(b, e, members)
		})
	}
}

// BenchmarkStep times a whole step of gradient descent with factor rank n.
func BenchmarkStep(b *testing.B) {
	benchmarkEnsembles(b, func(b *testing.B, e sensing.Ensemble) {
		n, _ := e.Space().Dims()
		truth, err := sensing.NewTruth(n, 5, 2, 1)
		if err != nil {
			b.Fatal(err)
		}
		p := &sensing.Problem{Ensemble: e, Truth: truth}
		engine, err := Backend{}.Open(context.Background(), p,
			solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{n}})
		if err != nil {
			b.Fatal(err)
		}
		defer engine.Close()
		u, err := solver.Random{Alpha: 1e-2, Seed: 1}.Factor([]solver.Shape{{Rows: n, Cols: n}}, nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := engine.Set(0, solver.Iterate, u); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if err := descend(engine, 0.25); err != nil {
				b.Fatal(err)
			}
		}
		reportRates(b, e, 1)
	})
}

// BenchmarkKernel times the two loops over a block whose rows are in cache, on one core: their speed without
// the limit of memory.
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

func benchmarkKernel[E sensing.Entry, F number](
	b *testing.B, simd SIMD, precision string, format sensing.Entries,
) {
	const n = 256
	k := newKernel[E, F](simd)
	h := newWorkspace[E, F]()
	length := sensing.RowLen[E](n)
	stride := length + 64/int(unsafe.Sizeof(*new(E))) // rows a power of two apart would share one cache set
	memory := make([]E, blockRows*stride)
	for j := range h.rows {
		h.rows[j] = memory[j*stride:][:length]
	}
	for i := range h.z {
		h.z[i], h.acc[i] = make([]F, n+8*i)[:n], make([]F, n+8*i)[:n]
	}
	for _, members := range []int{1, together} {
		for name, loop := range map[string]func(*workspace[E, F], int){"dot": k.dot, "add": k.add} {
			of := fmt.Sprintf("simd=%s/precision=%s/%s/members=%d", simd, precision, format, members)
			b.Run(of+"/"+name, func(b *testing.B) {
				for b.Loop() {
					if name == "dot" {
						h.decoded.done = 0 // as for the next block
					}
					loop(h, members)
				}
				b.ReportMetric(2*float64(n*blockRows*members*b.N)/1e9/b.Elapsed().Seconds(), "GFLOP/s")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// BenchmarkFactors times the work on a factor before and after the contraction: the lift to coordinates and
// the pullback from them.
func BenchmarkFactors(b *testing.B) {
	const n = 200
	e, err := sensing.NewRademacher(sensing.Sym{N: n}, 64, 1)
	if err != nil {
		b.Fatal(err)
	}
	o, err := Backend{}.options()
	if err != nil {
		b.Fatal(err)
	}
	op, err := newOperator(context.Background(), e, o)
	if err != nil {
		b.Fatal(err)
	}
	rows := op.(*rowOperator[sensing.SignWord, float64])
	for _, r := range []int{200, 20, 5, 1} {
		u, gu := mat.NewDense(n, r, nil), mat.NewDense(n, r, nil)
		sensing.NewStream(2, sensing.StartStream).Normals(0, u.RawMatrix().Data)
		p := &part{l: u, r: u, gr: gu, gl: gu}
		b.Run(fmt.Sprintf("lift/n=%d/r=%d", n, r), func(b *testing.B) {
			for b.Loop() {
				rows.lift(rows.wide, u, u)
			}
		})
		b.Run(fmt.Sprintf("pullback/n=%d/r=%d", n, r), func(b *testing.B) {
			for b.Loop() {
				rows.multiply(p, rows.wide)
			}
		})
	}
}

// BenchmarkShares times the parts of a step of gradient descent in turn, and reports the median of each in
// milliseconds: the contraction, the lift, the pullback, the change of the factor, and a sample of the
// metrics. others-% is the share of the step that is not the contraction, and sample-% a sample beside the
// step. The contraction is linear in the rows: it is timed over 10⁸ entries, and scaled to m = 10,000.
func BenchmarkShares(b *testing.B) {
	for _, n := range []int{200, 1000} {
		for _, r := range []int{n, n / 20} {
			space := sensing.Sym{N: n}
			m := 100_000_000 / space.K() / blockRows * blockRows
			normals, err := sensing.NewGaussian(space, m, sensing.F32, 1)
			if err != nil {
				b.Fatal(err)
			}
			signs, err := sensing.NewRademacher(space, m, 1)
			if err != nil {
				b.Fatal(err)
			}
			benchmarkShares[float32, float64](b, normals, r, solver.F64)
			benchmarkShares[sensing.SignWord, float32](b, signs, r, solver.F32)
		}
	}
}

func benchmarkShares[E sensing.Entry, F number](
	b *testing.B, e sensing.Ensemble, r int, precision solver.Precision,
) {
	const all = 10_000 // the rows of a step
	n, _ := e.Space().Dims()
	b.Run(fmt.Sprintf("%s/%s/n=%d/m=%d/r=%d", e.Name(), precision, n, all, r), func(b *testing.B) {
		o, err := Backend{Precision: precision}.options()
		if err != nil {
			b.Fatal(err)
		}
		op, err := newOperator(b.Context(), e, o)
		if err != nil {
			b.Fatal(err)
		}
		rows := op.(*rowOperator[E, F])
		pass := newMemberPass[F](e.Space().K(), o.workers)
		rows.gradient.arrange([]*memberPass[F]{pass})
		var u, gradient solver.Factor
		for _, f := range []*solver.Factor{&u, &gradient} {
			*f = solver.NewFactor([]solver.Shape{{Rows: n, Cols: r}})
		}
		sensing.NewStream(2, sensing.StartStream).Normals(0, u[0].RawMatrix().Data)
		p := &part{l: u[0], r: u[0], gr: like(u[0])}
		p.gl = p.gr
		y := make([]float64, e.Measurements())
		parts := []struct {
			name  string
			scale float64
			do    func() error
		}{
			{"contraction", all / float64(len(y)), func() error { return rows.gradient.pass(y) }},
			{"lift", 1, func() error {
				rows.lift(rows.wide, p.l, p.r)
				pass.write(rows.wide, 1)
				return nil
			}},
			{"pullback", 1, func() error {
				rows.multiply(p, pass.g)
				return nil
			}},
			{"change", 1, func() error {
				solver.PSD{}.Pullback(gradient, p.gr, p.gl, u)
				u.Combine(1, u, -1e-9, gradient)
				return nil
			}},
		}
		times := make([][]float64, len(parts))
		var samples []float64
		for b.Loop() {
			for i, part := range parts {
				began := time.Now()
				if err := part.do(); err != nil {
					b.Fatal(err)
				}
				times[i] = append(times[i], 1e3*part.scale*time.Since(began).Seconds())
			}
			samples = append(samples, 1e3*solver.MeasureSeconds(b.Context(), Backend{}, solver.PSD{},
				e.Space(), 5, r))
		}
		step := 0.0
		for i, part := range parts {
			ms := roofline.Median(times[i])
			b.ReportMetric(ms, part.name+"-ms")
			step += ms
		}
		sample := roofline.Median(samples)
		b.ReportMetric(sample, "sample-ms")
		b.ReportMetric(100*(1-roofline.Median(times[0])/step), "others-%")
		b.ReportMetric(100*sample/step, "sample-%")
		b.ReportMetric(0, "ns/op")
	})
}

// BenchmarkDraw times the gradient of a mini-batch with its lift and pullback, and of all measurements by the
// same call: over rows in memory, over generated rows and over observed entries.
func BenchmarkDraw(b *testing.B) {
	const n, r = 200, 5
	space := sensing.Sym{N: n}
	gaussian, err := sensing.NewGaussian(space, 10_000, sensing.F32, 1)
	if err != nil {
		b.Fatal(err)
	}
	signs, err := sensing.NewRademacher(space, 10_000, 1)
	if err != nil {
		b.Fatal(err)
	}
	large := sensing.Sym{N: 5000}
	entries, err := sensing.NewCompletion(large, 1_000_000, 1)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		ensemble sensing.Ensemble
		storage  solver.Storage
	}{
		{"f32", gaussian, solver.Memory},
		{"sign/generated", signs, solver.Generated},
		{"completion", entries, solver.Memory},
	} {
		side, _ := c.ensemble.Space().Dims()
		m := c.ensemble.Measurements()
		truth, err := sensing.NewTruth(side, 5, 2, 1)
		if err != nil {
			b.Fatal(err)
		}
		engine, err := Backend{Storage: c.storage}.Open(context.Background(),
			&sensing.Problem{Ensemble: c.ensemble, Truth: truth}, solver.Batch{
				Parametrization: solver.PSD{}, FactorRanks: []int{r},
				Needs: solver.Needs{Draws: true, Values: true},
			})
		if err != nil {
			b.Fatal(err)
		}
		defer engine.Close()
		u, err := solver.Random{Alpha: 1e-2, Seed: 1}.Factor([]solver.Shape{{Rows: side, Cols: r}}, nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := engine.Set(0, solver.Iterate, u); err != nil {
			b.Fatal(err)
		}
		for _, size := range []int{m / 1000, m / 100, m / 10, m} {
			var d solver.Draw
			if size < m {
				d.Rows = solver.MiniBatches{Size: size, Seed: 1}.Rows(0, m)
			}
			b.Run(fmt.Sprintf("%s/n=%d/m=%d/r=%d/B=%d", c.name, side, m, r, size), func(b *testing.B) {
				for b.Loop() {
					if err := engine.(solver.DrawEngine).DrawGradient(0, d); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(1e3*b.Elapsed().Seconds()/float64(b.N), "ms")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// BenchmarkMeasure times one sample of the metrics of an n × n factor.
func BenchmarkMeasure(b *testing.B) {
	for _, n := range []int{200, 500, 1000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			for range b.N {
				seconds := solver.MeasureSeconds(
					context.Background(), Backend{}, solver.PSD{}, sensing.Sym{N: n}, 5, n)
				b.ReportMetric(1e3*seconds, "ms/sample")
			}
		})
	}
}
