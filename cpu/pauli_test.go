package cpu

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/numtest"
	"github.com/matsense/matsense/internal/roofline"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestTransform: the Walsh–Hadamard transform is the signed sums one by one, of every length, and twice over
// it is n times what it was.
func TestTransform(t *testing.T) {
	for n := 1; n <= 1<<11; n *= 2 {
		v, all := make([]float64, n), make([]float64, n)
		sensing.NewStream(1, sensing.StartStream).Normals(uint64(n), v)
		copy(all, v)
		transform(all)
		for z := range n {
			if want := signedSum(v, uint32(z)); !(math.Abs(all[z]-want) <= 1e-12*float64(n)) {
				t.Fatalf("n = %d: number %d is %v, and its sum %v", n, z, all[z], want)
			}
		}
		transform(all)
		for j := range all {
			if !(math.Abs(all[j]/float64(n)-v[j]) <= 1e-12*float64(n)) {
				t.Fatalf("n = %d: twice transformed number %d is %v times n, and was %v", n, j,
					all[j]/float64(n), v[j])
			}
		}
	}
}

// TestTransformSameBits: every instruction set has the bits of plain Go, at every length and off alignment,
// and writes nothing around the vector.
func TestTransformSameBits(t *testing.T) {
	for _, simd := range available() {
		for n := 1; n <= 1<<11; n *= 2 {
			for shift := range 3 {
				got, check := guarded[float64](t, n, shift)
				sensing.NewStream(2, sensing.StartStream).Normals(uint64(n), got)
				want := slices.Clone(got)
				transform(want)
				pauliLoopsOf(simd).transform(got)
				check(fmt.Sprintf("simd %s, n = %d", simd, n))
				if !numtest.SameBits(got, want) {
					t.Errorf("simd %s, n = %d, %d off alignment: %v, want %v", simd, n, shift, got, want)
				}
			}
		}
	}
}

// TestRowLoops: every instruction set has the bits of chainsDot and addScaled at every length, reads nothing
// behind a row, and writes nothing but its results.
func TestRowLoops(t *testing.T) {
	for _, simd := range available() {
		loops := pauliLoopsOf(simd)
		if loops.dots == nil {
			continue
		}
		for length := 1; length <= 41; length++ {
			var rows [rowsTogether][]float64
			var table rowTable
			for i := range rows {
				all := make([]float64, length+4)
				sensing.NewStream(3, sensing.StartStream).Normals(uint64(100*length+i), all)
				copy(all[length:], []float64{math.NaN(), math.NaN(), math.NaN(), math.NaN()})
				rows[i], table.rows[i] = all[:length], &all[0]
			}
			row := slices.Clone(rows[3])
			loops.dots(&table.numbers, row, &table.rows)
			for i, got := range table.numbers {
				if want := chainsDot(row, rows[i]); !numtest.SameBits([]float64{got}, []float64{want}) {
					t.Errorf("simd %s, length %d: product %d is %v, want %v", simd, length, i, got, want)
				}
			}
			sum, check := guarded[float64](t, length, length%8)
			copy(sum, row)
			loops.adds(sum, &table.numbers, &table.rows)
			check(fmt.Sprintf("simd %s, length %d", simd, length))
			for i, c := range table.numbers {
				addScaled(row, c, rows[i])
			}
			if !numtest.SameBits(sum, row) {
				t.Errorf("simd %s, length %d: the sum is %v, want %v", simd, length, sum, row)
			}
		}
	}
}

// TestColumnLoops: every instruction set has the bits of chainsDot and addScaled, for every bit of x, several
// words and numbers of columns around multiples of four, and writes nothing but its results.
func TestColumnLoops(t *testing.T) {
	for _, simd := range available() {
		loops := pauliLoopsOf(simd)
		if loops.columnDots == nil {
			continue
		}
		for columns := 1; columns <= 13; columns++ {
			for _, first := range []int{0, 1, 2, 4, 8, 16} {
				checkColumnLoops(t, loops, columns, []int{first, 95 - first, 7 * first, 29}[:1+columns%4],
					fmt.Sprintf("simd %s, %d columns, first x %d", simd, columns, first))
			}
		}
	}
}

func checkColumnLoops(t *testing.T, loops pauliLoops, columns int, xs []int, what string) {
	t.Helper()
	var factors [3]*mat.Dense
	var blocks [3]columnBlocks
	for i := range factors {
		factors[i] = mat.NewDense(pauliBlock, columns, nil)
		sensing.NewStream(5, sensing.StartStream).Normals(uint64(100*columns+i), factors[i].RawMatrix().Data)
		blocks[i] = blocks[i].of(factors[i])
	}
	l, r, sum := factors[0], factors[1], factors[2]
	apart := pauliBlock + columns%3
	dots, check := guarded[float64](t, (len(xs)-1)*apart+pauliBlock, columns)
	for i := range dots {
		dots[i] = math.Inf(1)
	}
	loops.columnDots((*[pauliBlock]float64)(dots), apart, blocks[0], blocks[1], xs)
	check(what)
	got, check := guarded[float64](t, len(blocks[2]), columns+1)
	copy(got, blocks[2])
	loops.columnAdds(got, (*[pauliBlock]float64)(dots), apart, blocks[1], xs)
	check(what)
	for g, x := range xs {
		for j := range apart {
			if at := g*apart + j; j >= pauliBlock && at < len(dots) && !math.IsInf(dots[at], 1) {
				t.Errorf("%s: the dot products of word %d end with %v", what, g, dots[at])
			}
		}
		for j := range pauliBlock {
			other := r.RawRowView((j ^ x) % pauliBlock)
			dot := dots[g*apart+j]
			if want := chainsDot(l.RawRowView(j), other); !numtest.SameBits([]float64{dot}, []float64{want}) {
				t.Errorf("%s: product %d of word %d is %v, want %v", what, j, g, dot, want)
			}
			addScaled(sum.RawRowView(j), dot, other)
		}
	}
	result := mat.NewDense(pauliBlock, columns, nil)
	columnBlocks(got).copyTo(result)
	if !numtest.SameBits(result.RawMatrix().Data, sum.RawMatrix().Data) {
		t.Errorf("%s: the sums are %v, want %v", what, mat.Formatted(result), mat.Formatted(sum))
	}
}

// TestPauliSameBits: every instruction set has the bits of plain Go, for few groups in a bundle and many, for
// narrow factors and wide ones, for Z = LLᵀ and for other Z.
func TestPauliSameBits(t *testing.T) {
	for _, size := range []struct{ n, m, r int }{
		{2, 3, 1}, {16, 9, 9}, {32, 50, 1}, {64, 64, 7}, {64, 900, 21}, {128, 30, 2}, {128, 4000, 3},
		{128, 4000, 8}, {64, 900, 40},
	} {
		e, err := sensing.NewPauli(size.n, size.m, 1)
		if err != nil {
			t.Fatal(err)
		}
		factors := [2]*mat.Dense{}
		for i := range factors {
			factors[i] = mat.NewDense(size.n, size.r, nil)
			sensing.NewStream(4, sensing.StartStream).Normals(uint64(i), factors[i].RawMatrix().Data)
		}
		for _, right := range factors {
			var want []float64
			for _, simd := range slices.Backward(available()) { // plain Go first
				op, err := newOperator(context.Background(), e, options{
					workers: 2, simd: simd, precision: solver.F64, stop: new(interruption),
				})
				if err != nil {
					t.Fatal(err)
				}
				p, product := make([]float64, size.m), mat.NewDense(size.n, size.r, nil)
				if err := errors.Join(op.apply(p, factors[0], right),
					op.adjointMul(product, p, false, right)); err != nil {
					t.Fatal(err)
				}
				got := append(p, product.RawMatrix().Data...)
				if want == nil {
					want = got
				}
				if !numtest.SameBits(got, want) {
					t.Errorf("simd %s differs from plain Go at %+v", simd, size)
				}
			}
		}
	}
}

// signedSum is Σ_j (−1)^|z∧j|·d_j.
func signedSum(d []float64, z uint32) (sum float64) {
	for j, v := range d {
		odd := uint64(bits.OnesCount32(z&uint32(j))) & 1
		sum += math.Float64frombits(math.Float64bits(v) ^ odd<<63)
	}
	return sum
}

// TestPauliWorkers: the number of workers changes no bit, with few words of each x and with many, of one
// block of rows and of several.
func TestPauliWorkers(t *testing.T) {
	for _, size := range []struct{ n, m, r int }{{2, 3, 1}, {16, 20, 5}, {128, 200, 3}, {128, 4000, 3}} {
		e, err := sensing.NewPauli(size.n, size.m, 1)
		if err != nil {
			t.Fatal(err)
		}
		want, wantLoss := steps(t, Backend{Workers: 1}, e, size.n, size.r)
		for _, workers := range []int{2, 5, 64} {
			if u, loss := steps(t, Backend{Workers: workers}, e, size.n, size.r); !mat.Equal(u[0], want[0]) ||
				loss != wantLoss {
				t.Errorf("n = %d, m = %d: %d workers differ from one", size.n, size.m, workers)
			}
		}
	}
}

// TestPauliPrecision: other arithmetic is refused.
func TestPauliPrecision(t *testing.T) {
	e, err := sensing.NewPauli(4, 5, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, precision := range []solver.Precision{solver.F32, solver.Mixed} {
		_, err := Backend{Precision: precision}.Open(context.Background(),
			&sensing.Problem{Ensemble: e, Observations: make([]float64, 5)},
			solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{1}})
		if err == nil {
			t.Errorf("%s was taken", precision)
		}
	}
}

// TestPauliReference repeats the case pauli of testdata/reference, which a separate NumPy program wrote, to
// 1e-9: see there for why that is enough.
func TestPauliReference(t *testing.T) {
	const dir = "../testdata/reference/pauli"
	list, err := sensing.LoadPaulis(filepath.Join(dir, "paulis.txt"), 0)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := sensing.TruthOf(loadReference(t, filepath.Join(dir, "X.npy")))
	if err != nil {
		t.Fatal(err)
	}
	checkReference(t, dir, list.Words, solver.PSD{}, truth)
}

// TestComplexState recovers a pure state of two qubits with complex amplitudes, as a real one of three, from
// the expectations of some of the words by their own definition, tr(P·ρ).
func TestComplexState(t *testing.T) {
	psi := []complex128{0.5, 0.5i, -0.1 + 0.3i, 0.3 - 0.5i}
	var norm float64
	for _, a := range psi {
		norm += real(a)*real(a) + imag(a)*imag(a)
	}
	n := len(psi)
	var words []string
	var expectations []float64
	letters := map[byte][2][2]complex128{
		'I': {{1, 0}, {0, 1}}, 'X': {{0, 1}, {1, 0}}, 'Y': {{0, -1i}, {1i, 0}}, 'Z': {{1, 0}, {0, -1}},
	}
	for _, first := range []byte("IXYZ") {
		for _, second := range []byte("IXYZ") {
			var sum complex128 // ψ†Pψ/‖ψ‖²
			for j := range n {
				for k := range n {
					conj := complex(real(psi[j]), -imag(psi[j]))
					sum += conj * letters[first][j/2][k/2] * letters[second][j%2][k%2] * psi[k]
				}
			}
			word := string([]byte{first, second})
			words = append(words, sensing.RealWord(word))
			expectations = append(expectations, real(sum)/norm)
		}
	}
	words, expectations = words[:14], expectations[:14]
	e, err := sensing.PaulisOf(words)
	if err != nil {
		t.Fatal(err)
	}
	for i := range expectations {
		expectations[i] *= e.Unit()
	}
	problem := &sensing.Problem{Ensemble: e, Observations: expectations}
	result, err := solver.Solve(context.Background(), problem, Backend{}, solver.GD{StepSize: 0.2},
		solver.Settings{Start: solver.Random{Alpha: 1e-3, Seed: 1}, Iterations: 1500, FactorRank: 2})
	if err != nil {
		t.Fatal(err)
	}
	w := result.Factor[0]
	var off float64
	for j := range n {
		for k := range n {
			var rho complex128 // UU†, U = W's upper half − i·its lower half
			for c := range 2 {
				rho += complex(w.At(j, c), -w.At(n+j, c)) * complex(w.At(k, c), w.At(n+k, c))
			}
			d := rho - psi[j]*complex(real(psi[k]), -imag(psi[k]))/complex(norm, 0)
			off += real(d)*real(d) + imag(d)*imag(d)
		}
	}
	if off = math.Sqrt(off); !(off < 1e-3) {
		t.Errorf("the state is off by %g", off)
	}
}

// BenchmarkPauli is one gradient from m = 10·n words, of which bench/peers/pauli.py has the other side; and
// from as many dense rows where these fit into memory.
func BenchmarkPauli(b *testing.B) {
	for _, n := range []int{64, 256, 1024, 4096} {
		for _, r := range []int{1, n} {
			if m := 10 * n; n <= 1024 || r == 1 {
				b.Run(fmt.Sprintf("words/n=%d/m=%d/r=%d", n, m, r), func(b *testing.B) {
					e, err := sensing.NewPauli(n, m, 1)
					benchmarkGradient(b, e, err, r)
				})
				if n <= 256 {
					b.Run(fmt.Sprintf("rows/n=%d/m=%d/r=%d", n, m, r), func(b *testing.B) {
						e, err := sensing.NewGaussian(sensing.Sym{N: n}, m, sensing.F32, 1)
						benchmarkGradient(b, e, err, r)
					})
				}
			}
		}
	}
}

// eachPair does d for all bundles.
func (o *pauli) eachPair(l, r *mat.Dense) (err error) {
	pair := o.pairs(l, r)
	for _, bundle := range o.bundles {
		err = errors.Join(err, o.eachBlock(func(from, to int) { pair(bundle, from, to) }))
	}
	return err
}

// eachCombination adds the terms of all bundles, with the c that are there.
func (o *pauli) eachCombination(dst, x *mat.Dense) (err error) {
	combine := o.combinations(dst, x)
	for _, bundle := range o.bundles {
		err = errors.Join(err, o.eachBlock(func(from, to int) { combine(bundle, from, to) }))
	}
	return err
}

// BenchmarkPauliProducts compares the loops for the products of rows on one worker, in turn: row by row in
// plain Go, eight rows at a time where the factor is wide enough, and by columns. ns is the median for a row
// of one word, in both products.
func BenchmarkPauliProducts(b *testing.B) {
	const n = 512
	e, err := sensing.NewPauli(n, 10*n, 1)
	if err != nil {
		b.Fatal(err)
	}
	simd, err := Auto.resolve()
	if err != nil {
		b.Fatal(err)
	}
	for _, r := range []int{1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 32, 64, 128, 512} {
		b.Run(fmt.Sprintf("simd=%s/n=%d/r=%d", simd, n, r), func(b *testing.B) {
			op, err := newOperator(b.Context(), e, options{
				workers: 1, simd: simd, precision: solver.F64, stop: new(interruption),
			})
			if err != nil {
				b.Fatal(err)
			}
			o := op.(*pauli)
			u, g := mat.NewDense(n, r, nil), mat.NewDense(n, r, nil)
			sensing.NewStream(1, sensing.StartStream).Normals(0, u.RawMatrix().Data)
			times := map[string][]float64{}
			for b.Loop() {
				for name, columns := range map[string]int{"plain": 0, "rows": 0, "columns": math.MaxInt} {
					if o.loops = pauliLoopsOf(simd); name == "plain" {
						o.loops = plainPauliLoops
					}
					o.loops.columns = columns
					began := time.Now()
					if err := errors.Join(o.eachPair(u, u), o.eachCombination(g, u)); err != nil {
						b.Fatal(err)
					}
					times[name] = append(times[name], time.Since(began).Seconds())
				}
			}
			for name, took := range times {
				b.ReportMetric(1e9*roofline.Median(took)/float64(n*len(o.groups)), name+"-ns")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

func benchmarkGradient(b *testing.B, e sensing.Ensemble, err error, r int) {
	if err != nil {
		b.Fatal(err)
	}
	n, _ := e.Space().Dims()
	engine, err := Backend{}.Open(context.Background(),
		&sensing.Problem{Ensemble: e, Observations: make([]float64, e.Measurements())},
		solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{r}})
	if err != nil {
		b.Fatal(err)
	}
	defer engine.Close()
	u, err := solver.Random{Alpha: 1, Seed: 1}.Factor([]solver.Shape{{Rows: n, Cols: r}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	gradient := func() {
		if err := engine.Set(0, solver.Iterate, u); err != nil {
			b.Fatal(err)
		}
		if err := engine.Gradient(0); err != nil {
			b.Fatal(err)
		}
	}
	gradient() // the first one makes what later ones use
	for b.Loop() {
		gradient()
	}
}

// BenchmarkTransform is a transform, and one of the n sums that it makes.
func BenchmarkTransform(b *testing.B) {
	for _, n := range []int{32, 256, 1024, 4096} {
		v := make([]float64, n)
		for _, simd := range available() {
			b.Run(fmt.Sprintf("transform/simd=%s/n=%d", simd, n), func(b *testing.B) {
				for b.Loop() {
					pauliLoopsOf(simd).transform(v)
				}
			})
		}
		b.Run(fmt.Sprintf("sum/n=%d", n), func(b *testing.B) {
			for b.Loop() {
				v[0] = signedSum(v, 5)
			}
		})
	}
}
