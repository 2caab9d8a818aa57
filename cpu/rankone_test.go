package cpu

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestRankOneSameBits: neither the workers nor where vectors are nor the instructions change a bit, with
// several chunks and a remainder, or with several blocks in each.
func TestRankOneSameBits(t *testing.T) {
	sym, err := sensing.NewRankOne(sensing.Sym{N: 23}, 331, 7)
	if err != nil {
		t.Fatal(err)
	}
	sameBitsIn(t, solver.F64, sym, 23, 9)
	sameBitsIn(t, solver.F64, sym, 23, 1)
	for _, s := range []struct{ n1, n2, m, r int }{
		{70, 41, 501, 3}, {1500, 200, 4200, 3}, {150, 141, 1001, 1},
	} {
		rect, err := sensing.NewRankOne(sensing.Rect{N1: s.n1, N2: s.n2}, s.m, 7)
		if err != nil {
			t.Fatal(err)
		}
		p := &sensing.Problem{Ensemble: rect, Observations: make([]float64, s.m)}
		sensing.NewStream(1, 99).Normals(0, p.Observations)
		var want solver.Factor
		backends := []Backend{{Workers: 1}, {Workers: 3}, {Workers: 2, Storage: solver.Generated}}
		for _, simd := range available() {
			backends = append(backends, Backend{SIMD: simd})
		}
		for _, b := range backends {
			got := firstGradient(t, b, p, s.r)
			if want == nil {
				want = got
			}
			if !mat.Equal(got[0], want[0]) || !mat.Equal(got[1], want[1]) {
				t.Errorf("%+v: %+v differs from the first", s, b)
			}
		}
	}
	if chunk, block := chunkVectors(4200), vectorBlock(4200, 1700); block >= chunk {
		t.Errorf("there is no chunk of several blocks: %d measurements in a chunk and %d in a block", chunk,
			block)
	}
}

// firstGradient returns the gradient of UVᵀ at a random point.
func firstGradient(t *testing.T, b Backend, p *sensing.Problem, r int) solver.Factor {
	t.Helper()
	e, err := b.Open(context.Background(), p,
		solver.Batch{Parametrization: solver.UV{}, FactorRanks: []int{r}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	n1, n2 := p.Ensemble.Space().Dims()
	shapes := []solver.Shape{{Rows: n1, Cols: r}, {Rows: n2, Cols: r}}
	f, err := solver.Random{Alpha: 0.1, Seed: 1}.Factor(shapes, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(e.Set(0, solver.Iterate, f), e.Gradient(0),
		e.Get(0, solver.Gradient, f)); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestRankOneGradient compares the gradient of UVᵀ with plain loops over the vectors, for factors of one
// column and of more, and numbers of measurements around those of blocks and chunks.
func TestRankOneGradient(t *testing.T) {
	const n1, n2 = 70, 21
	for _, m := range []int{1, 7, 9, 127, 129, 300} {
		for _, r := range []int{1, 2} {
			e, err := sensing.NewRankOne(sensing.Rect{N1: n1, N2: n2}, m, 7)
			if err != nil {
				t.Fatal(err)
			}
			p := &sensing.Problem{Ensemble: e, Observations: make([]float64, m)}
			sensing.NewStream(1, 99).Normals(0, p.Observations)
			shapes := []solver.Shape{{Rows: n1, Cols: r}, {Rows: n2, Cols: r}}
			f, err := solver.Random{Alpha: 0.1, Seed: 1}.Factor(shapes, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := solver.Factor{mat.NewDense(n1, r, nil), mat.NewDense(n2, r, nil)}
			vector := make([]float64, n1+n2)
			var left, right mat.VecDense
			var term mat.Dense
			for i := range m {
				e.Vector(i, vector)
				a, b := mat.NewVecDense(n1, vector[:n1]), mat.NewVecDense(n2, vector[n1:])
				left.MulVec(f[0].T(), a)
				right.MulVec(f[1].T(), b)
				weight := (mat.Dot(&left, &right) - p.Observations[i]) / float64(2*m) // f has 1/(4m)
				term.Outer(weight, a, &right)
				want[0].Add(want[0], &term)
				term.Reset()
				term.Outer(weight, b, &left)
				want[1].Add(want[1], &term)
				term.Reset()
			}
			got := firstGradient(t, Backend{Workers: 2}, p, r)
			for k := range want { // sums of m and 70 terms of about 1, rounded in different orders
				if !mat.EqualApprox(got[k], want[k], 1e-13) {
					t.Errorf("m = %d, r = %d: the gradient of factor %d differs", m, r, k)
				}
			}
		}
	}
}

// TestVectorLoops: for factors of one column, products and the sum of squares are those of plain loops, with
// every instruction set, for vectors that are windows, and for numbers behind the last vector that are not
// finite.
func TestVectorLoops(t *testing.T) {
	for _, simd := range available() {
		for _, rows := range []int{1, 7, 8, 19} {
			for columns := 1; columns <= 35; columns++ {
				checkVectorLoops(t, newVectorLoops(simd), rows, columns,
					fmt.Sprintf("simd %s, %d vectors of %d numbers", simd, rows, columns))
			}
		}
	}
}

func checkVectorLoops(t *testing.T, v *vectorLoops, rows, columns int, what string) {
	t.Helper()
	down := columns + rows%3
	all := make([]float64, rows*down+thinPadding)
	for i := range all {
		all[i] = math.NaN()
	}
	a := operand{all[:(rows-1)*down+columns], rows, columns, down, 1}
	sensing.NewStream(6, sensing.StartStream).Normals(0, a.data)
	x, y := mat.NewDense(columns, 1, nil), make([]float64, rows)
	sensing.NewStream(7, sensing.StartStream).Normals(0, x.RawMatrix().Data)
	sensing.NewStream(8, sensing.StartStream).Normals(0, y)

	products, sum, gradient := make([]float64, rows), make([]float64, columns), make([]float64, columns)
	squares := 0.0
	for i := range rows {
		for k := range columns {
			products[i] += a.data[i*down+k] * x.At(k, 0)
		}
		res := products[i]*products[i] - y[i]
		squares += res * res
		for k := range columns {
			sum[k] += y[i] * a.data[i*down+k]
			gradient[k] += 0.5 * res * products[i] * a.data[i*down+k]
		}
	}
	near := func(name string, got, want []float64) {
		for k, w := range want { // sums of at most 35 terms, of which the largest are about 1000
			if !(math.Abs(got[k]-w) <= 1e-11) {
				t.Errorf("%s: number %d of %s is %v, want %v", what, k, name, got[k], w)
			}
		}
	}
	got := make([]float64, rows)
	v.multiply(got, a, x)
	near("A·x", got, products)
	got = make([]float64, padded(columns))
	v.addTo(got, y, a)
	near("yᵀA", got, sum)
	s := &vectorSums{gr: make([]float64, padded(columns))}
	p := &part{l: x, r: x}
	v.contract(s, p, a, a, y, 0.5)
	near("the gradient", s.gr, gradient)
	near("Σ res²", []float64{s.squares / 1e3}, []float64{squares / 1e3})
}

// TestVectorBlock: a block has whole eights, is never longer than its chunk, and never empty.
func TestVectorBlock(t *testing.T) {
	for _, m := range []int{1, 33, 5000, 1 << 20} {
		for _, length := range []int{1, 200, 1000, 5000, 1 << 20} {
			if b := vectorBlock(m, length); b < leastBlock || b > chunkVectors(m) || b%blockRows != 0 {
				t.Errorf("m = %d and vectors of %d: %d measurements in a block, %d in a chunk", m, length, b,
					chunkVectors(m))
			}
		}
	}
}

// TestRankOneMemory: stored vectors are told, and neither storage counts anything of n² numbers.
func TestRankOneMemory(t *testing.T) {
	const n, m = 4000, 50_000
	e, err := sensing.NewRankOne(sensing.Sym{N: n}, m, 1)
	if err != nil {
		t.Fatal(err)
	}
	batch := solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{2, 3}}
	for storage, vectors := range map[solver.Storage]float64{solver.Memory: 8 * m * n, solver.Generated: 0} {
		bytes, err := Backend{Storage: storage, Workers: 2}.Memory(&sensing.Problem{Ensemble: e}, batch)
		if err != nil {
			t.Fatal(err)
		}
		if !(bytes >= vectors && bytes <= vectors+20e6) {
			t.Errorf("%s: %.3g bytes for vectors of %.3g", storage, bytes, vectors)
		}
	}
	p := &sensing.Problem{Ensemble: e, Observations: make([]float64, m)}
	if _, err := (Backend{Precision: solver.Mixed}).Open(context.Background(), p, batch); err == nil {
		t.Error("mixed precision was taken")
	}
}

// TestRankOneSpectral: the spectral start of quadratic sensing is the truth's factor in the limit of many
// measurements: the error of S/2 falls like √(n/m), which is 0.045 here, times less than 7 for the heavy
// tails of y_i·a_i a_iᵀ; without the correction by trace and scale UUᵀ would be more than twice too large.
// From there gradient descent at half the suggested step converges.
func TestRankOneSpectral(t *testing.T) {
	const n, m = 20, 10_000
	e, err := sensing.NewRankOne(sensing.Sym{N: n}, m, 3)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := sensing.NewTruth(n, 2, 1.5, 4)
	if err != nil {
		t.Fatal(err)
	}
	var trajectory solver.Trajectory
	res, err := solver.Solve(context.Background(), &sensing.Problem{Ensemble: e, Truth: truth}, Backend{},
		solver.GD{StepSize: 0.06}, solver.Settings{Start: solver.Spectral{}, Iterations: 300, FactorRank: 2,
			Recorder: &trajectory})
	if err != nil {
		t.Fatal(err)
	}
	if first := trajectory[0].TestError; !(first < 0.3) {
		t.Errorf("the start is off by %.3g", first)
	}
	if last := trajectory[len(trajectory)-1].TestError; !(last < 1e-6) {
		t.Errorf("the end is off by %.3g", last)
	}
	// ‖S‖ is about 2·‖M*‖ + tr(M*) = 2 + 1 + 1/1.5².
	if step, want := res.Spectral.SuggestStep(), 1/(4*(3+1/2.25)); !(math.Abs(step/want-1) < 0.15) {
		t.Errorf("the suggested step is %.4f, want about %.4f", step, want)
	}
}

// TestRankOneReference compares a user's own vectors with the trajectories of the NumPy reference;
// cmd/matsense says what 1e-9 leaves room for.
func TestRankOneReference(t *testing.T) {
	for _, name := range []string{"quadratic", "bilinear"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("../testdata/reference", name)
			load := func(what string) *mat.Dense { return loadReference(t, filepath.Join(dir, what+".npy")) }
			vectors, x := load("vectors"), load("X")
			_, n := vectors.Dims()
			var space sensing.Space = sensing.Sym{N: n}
			var right *mat.Dense
			var par solver.Parametrization = solver.PSD{}
			truth, err := sensing.TruthOf(x)
			if name == "bilinear" {
				right, par = load("vectors-right"), solver.UV{}
				_, n2 := right.Dims()
				space = sensing.Rect{N1: n, N2: n2}
				truth, err = sensing.RectTruthOf(x, load("Y"))
			}
			if err != nil {
				t.Fatal(err)
			}
			e, err := sensing.RankOneOf(space, vectors, right)
			if err != nil {
				t.Fatal(err)
			}
			checkReference(t, dir, e, par, truth)
		})
	}
}

// BenchmarkRankOne is one gradient, of which bench/peers/rankone.py has the other side.
func BenchmarkRankOne(b *testing.B) {
	for _, size := range []struct{ n, m, r int }{
		{200, 4000, 1}, {200, 4000, 2}, {200, 4000, 5}, {200, 4000, 10}, {200, 4000, 20}, {200, 4000, 200},
		{1000, 20000, 5},
	} {
		b.Run(fmt.Sprintf("n=%d/m=%d/r=%d", size.n, size.m, size.r), func(b *testing.B) {
			e, err := sensing.NewRankOne(sensing.Sym{N: size.n}, size.m, 1)
			benchmarkGradient(b, e, err, size.r)
		})
	}
}
