package cpu

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// sparseCase is a compressed matrix and factors of random numbers, each array in memory of its own.
type sparseCase struct {
	width, gap int   // of a row of a factor: its numbers, and those between two rows
	lengths    []int // the entries of each row
	special    bool  // some numbers are zeros of both signs, infinities and NaN
	floats     func(n int) []float64
	ints       func(n int) []int32
}

// run runs the loops of an instruction set, and returns all results by name.
func (c sparseCase) run(simd SIMD, seed uint64) map[string][]float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	normals := func(n int) []float64 {
		v := c.floats(n)
		for i := range v {
			v[i] = r.NormFloat64() * math.Exp2(float64(r.IntN(40)-20))
			if c.special && r.IntN(20) == 0 {
				v[i] = []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN()}[r.IntN(5)]
			}
		}
		return v
	}
	const others = 11 // rows on the right
	n, stride := len(c.lengths), c.width+c.gap
	size := func(rows int) int { return (rows-1)*stride + c.width }
	begin := make([]int, n+1)
	for i, length := range c.lengths {
		begin[i+1] = begin[i] + length
	}
	m := begin[n]
	rows, cols := c.ints(m), c.ints(m)
	for i := range n {
		for q := begin[i]; q < begin[i+1]; q++ {
			rows[q], cols[q] = int32(i), int32(r.IntN(others))
		}
	}
	left, right, numbers := normals(size(n)), normals(size(others)), normals(m)
	loops := sparseOf(simd)
	got := map[string][]float64{
		"residuals": c.floats(size(n)), "residuals of any width": c.floats(size(n)),
		"weighted": c.floats(size(n)), "dots": c.floats(m), "scatter": normals(size(others)),
	}
	for _, name := range []string{"residuals", "residuals of any width", "weighted"} {
		for i := range got[name] {
			got[name][i] = frame
		}
	}
	for name, loop := range map[string]residualsLoop{
		"residuals": loops.residualsOf(c.width), "residuals of any width": loops.residuals,
	} {
		squares := loop(got[name], stride, left, stride, right, stride, c.width, begin, cols, numbers, 0.7)
		got["squares of "+name] = []float64{squares}
	}
	loops.weighted(got["weighted"], stride, right, stride, c.width, begin, cols, numbers)
	loops.dots(got["dots"], left, stride, right, stride, c.width, rows, cols)
	loops.scatter(got["scatter"], stride, left, stride, c.width, cols, rows, numbers)
	return got
}

// check compares every instruction set with plain Go.
func (c sparseCase) check(t *testing.T, seed uint64) {
	t.Helper()
	want := c.run(Off, seed)
	for _, simd := range available() {
		for name, got := range c.run(simd, seed) {
			for k, v := range got {
				w := want[name][k]
				if !sameBits(v, w) && !(math.IsNaN(v) && math.IsNaN(w)) {
					t.Fatalf("%s, %s, width %d, rows of %v entries: number %d is %v, and %v in plain Go",
						simd, name, c.width, c.lengths, k, v, w)
				}
			}
		}
	}
}

// rowLengths has rows without entries and with all remainders of groups of four, first and last rows among
// them.
var rowLengths = [][]int{
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 13, 33}, {0}, {1}, {2, 0}, {3}, {4}, {1, 1, 1}, {70}, {0, 0, 5},
}

// checkSparse checks all widths, in memory that floats and ints return.
func checkSparse(t *testing.T, floats func(n int) []float64, ints func(n int) []int32) {
	for width := 1; width <= 70; width++ {
		for k, lengths := range rowLengths {
			c := sparseCase{width, 0, lengths, false, floats, ints}
			c.check(t, uint64(width))
			c.gap, c.special = k%4, true
			c.check(t, uint64(100+width))
		}
	}
}

// TestSparse: every instruction set gives the bits of plain Go, at all remainders of widths and of rows'
// lengths, for any stride and alignment, and writes nothing around the results.
func TestSparse(t *testing.T) {
	const kept = 100 // more arrays than a case has
	var checks []func(what string)
	keep := func(check func(what string)) {
		if checks = append(checks, check); len(checks) > kept {
			checks[0]("sparse")
			checks = checks[1:]
		}
	}
	shift := 0
	checkSparse(t, func(n int) []float64 {
		shift++
		s, check := guarded[float64](t, n, shift%8)
		keep(check)
		return s
	}, func(n int) []int32 {
		s, check := guarded[int32](t, n, shift%16)
		keep(check)
		return s
	})
	for _, check := range checks {
		check("sparse")
	}
}

// TestSampledDense: all that the operator does agrees with sums over all positions of dense matrices, for
// every instruction set.
func TestSampledDense(t *testing.T) {
	for _, space := range []sensing.Space{sensing.Sym{N: 13}, sensing.Rect{N1: 9, N2: 14}} {
		for _, width := range []int{1, 3, 10} {
			for _, simd := range available() {
				t.Run(fmt.Sprintf("%s/r=%d/%s", space.Name(), width, simd), func(t *testing.T) {
					checkSampledDense(t, space, width, simd)
				})
			}
		}
	}
}

func checkSampledDense(t *testing.T, space sensing.Space, width int, simd SIMD) {
	const m = 60
	e, err := sensing.NewCompletion(space, m, 5)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Backend{Workers: 2, SIMD: simd}.options()
	if err != nil {
		t.Fatal(err)
	}
	op, err := newOperator(context.Background(), e, o)
	if err != nil {
		t.Fatal(err)
	}
	n1, n2 := space.Dims()
	random := rand.New(rand.NewPCG(1, uint64(width)))
	normals := func(rows, cols int) *mat.Dense {
		d := mat.NewDense(rows, cols, nil)
		for i := range d.RawMatrix().Data {
			d.RawMatrix().Data[i] = random.NormFloat64()
		}
		return d
	}
	l, r, y := normals(n1, width), normals(n2, width), normals(1, m).RawRowView(0)
	drawn := make([]int, 600) // more than are taken together, with repetitions
	for k := range drawn {
		drawn[k] = random.IntN(m)
	}
	slices.Sort(drawn)

	// Σ_k w_k A_k as a dense matrix, and ⟨A_k, LRᵀ⟩.
	rows, cols := e.Positions()
	_, symmetric := space.(sensing.Sym)
	k := float64(space.K())
	values := make([]float64, m)
	sum := func(w []float64) *mat.Dense {
		s := mat.NewDense(n1, n2, nil)
		for q, v := range w {
			i, j := int(rows[q]), int(cols[q])
			switch {
			case symmetric && i != j:
				s.Set(i, j, v*math.Sqrt(k/2))
				s.Set(j, i, v*math.Sqrt(k/2))
			default:
				s.Set(i, j, v*math.Sqrt(k))
			}
		}
		return s
	}
	if symmetric {
		r = l // LRᵀ is symmetric
	}
	var z mat.Dense
	z.Mul(l, r.T())
	for q := range values {
		one := make([]float64, m)
		one[q] = 1
		a := sum(one)
		a.MulElem(a, &z)
		values[q] = mat.Sum(a)
	}
	close := func(what string, got, want mat.Matrix) {
		t.Helper()
		var difference mat.Dense
		difference.Sub(got, want)
		if d := mat.Norm(&difference, 2); !(d <= 1e-12*mat.Norm(want, 2)) { // sums of at most 600 terms
			t.Errorf("%s differs from that of dense matrices by %v, of %v", what, d, mat.Norm(want, 2))
		}
	}
	sides := func(what string, s *mat.Dense, gr, gl *mat.Dense) {
		t.Helper()
		var right, left mat.Dense
		right.Mul(s, r)
		left.Mul(s.T(), l)
		close("G·R of "+what, gr, &right)
		close("Gᵀ·L of "+what, gl, &left)
	}

	p := make([]float64, m)
	if err := op.apply(p, l, r); err != nil {
		t.Fatal(err)
	}
	close("apply", mat.NewVecDense(m, p), mat.NewVecDense(m, values))

	gr, gl := like(l), like(r)
	if err := op.adjointMul(gr, y, false, r); err != nil {
		t.Fatal(err)
	}
	if err := op.adjointMul(gl, y, true, l); err != nil {
		t.Fatal(err)
	}
	sides("weights", sum(y), gr, gl)

	res, squares := make([]float64, m), 0.0
	for q := range res {
		res[q] = (values[q] - y[q]) / m
		squares += (values[q] - y[q]) * (values[q] - y[q])
	}
	p1 := &part{l: l, r: r, gr: like(l), gl: like(r)}
	if err := op.contract(y, []*part{p1}); err != nil {
		t.Fatal(err)
	}
	sides("residuals", sum(res), p1.gr, p1.gl)
	if !(math.Abs(p1.squares-squares) <= 1e-12*squares) {
		t.Errorf("Σ res² is %v, and %v of dense matrices", p1.squares, squares)
	}

	weights := make([]float64, m)
	for _, q := range drawn {
		weights[q] += (values[q] - y[q]) / float64(len(drawn))
	}
	if err := op.(drawing).contractDrawn(y, draw{rows: drawn, count: len(drawn)}, p1); err != nil {
		t.Fatal(err)
	}
	sides("a draw", sum(weights), p1.gr, p1.gl)
}
