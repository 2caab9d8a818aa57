package backendtest

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// algebra checks products of matrices where the engine keeps its factors, against gonum.
func (f *fixture) algebra(t *testing.T) {
	e, ok := f.engine.(solver.AlgebraEngine)
	if !ok {
		t.Fatal("the engine does not multiply matrices")
	}
	// Products of other matrices depend on neither measurements nor factor: one problem is enough.
	if sizes := f.kind.sizes; f.plain() && (f.size == sizes[0] || f.size == sizes[f.kind.small-1]) {
		t.Run("multiply", func(t *testing.T) { multiply(t, e) })
		t.Run("dots", func(t *testing.T) { dots(t, e) })
		t.Run("normalize", func(t *testing.T) { normalize(t, e) })
	}
	t.Run("thin", func(t *testing.T) { f.thin(t, e) })
}

// plain says whether this is the ensemble and the parametrization that stand for all others in tests of what
// depends on neither: rows of f32 numbers, and UUᵀ.
func (f *fixture) plain() bool {
	_, rows := f.problem.Ensemble.(sensing.Rows)
	_, psd := f.kind.parametrization.(solver.PSD)
	return rows && psd && standsForOthers(f.problem.Ensemble)
}

// dense returns a matrix of random numbers.
func dense(rows, cols int, seed uint64) *mat.Dense {
	return mat.NewDense(rows, cols, normals(rows*cols, seed))
}

// placed returns a copy of a in an engine's matrix.
func placed(t *testing.T, e solver.AlgebraEngine, a *mat.Dense) solver.Matrix {
	t.Helper()
	rows, cols := a.Dims()
	m, err := e.NewMatrix(rows, cols)
	must(t, err)
	must(t, e.SetMatrix(m, a))
	return m
}

// fetched returns a copy of an engine's matrix on the host.
func fetched(t *testing.T, e solver.AlgebraEngine, m solver.Matrix) *mat.Dense {
	t.Helper()
	rows, cols := m.Dims()
	a := mat.NewDense(rows, cols, normals(rows*cols, 1)) // must be overwritten
	must(t, e.GetMatrix(a, m))
	return a
}

// multiply does one list of products of many shapes, and of each with views, transposes and scales.
func multiply(t *testing.T, e solver.AlgebraEngine) {
	zeros, err := e.NewMatrix(3, 2)
	must(t, err)
	if !mat.Equal(fetched(t, e, zeros), mat.NewDense(3, 2, nil)) {
		t.Error("a new matrix is not zero")
	}
	var products []solver.Product
	var dsts []solver.Matrix
	var wants []*mat.Dense
	var names []string
	for at, c := range []struct{ rows, cols, depth int }{
		{1, 1, 1}, {2, 3, 40}, {33, 17, 5}, {4, 3, 1031}, {40, 33, 20}, {1, 65, 16},
	} {
		for trans := range 4 {
			for _, scale := range [][2]float64{{1, 0}, {-0.5, 2}} {
				transA, transB := trans&1 != 0, trans&2 != 0
				shape := func(rows, cols int, transposed bool, seed int) *mat.Dense {
					if transposed {
						rows, cols = cols, rows
					}
					return dense(rows, cols, uint64(100*at+10*trans+seed))
				}
				a, b := shape(c.rows, c.depth, transA, 1), shape(c.depth, c.cols, transB, 2)
				old := dense(c.rows+3, c.cols+2, 3)
				want := mat.DenseCopyOf(old)
				window := want.Slice(1, 1+c.rows, 2, 2+c.cols).(*mat.Dense)
				var left, right mat.Matrix = a, b
				if transA {
					left = a.T()
				}
				if transB {
					right = b.T()
				}
				var product mat.Dense
				product.Mul(left, right)
				product.Scale(scale[0], &product)
				window.Scale(scale[1], window)
				window.Add(window, &product)
				dst := placed(t, e, old)
				products = append(products, solver.Product{
					Dst: e.View(dst, 1, 1+c.rows, 2, 2+c.cols), Alpha: scale[0],
					A: viewed(t, e, a), TransA: transA, B: viewed(t, e, b), TransB: transB, Beta: scale[1],
				})
				dsts, wants = append(dsts, dst), append(wants, want)
				names = append(names, fmt.Sprint(c, trans, scale))
			}
		}
	}
	must(t, e.Multiply(products...))
	for i, dst := range dsts {
		Close(t, names[i], fetched(t, e, dst).RawMatrix().Data, wants[i].RawMatrix().Data, tolerance)
		must(t, e.FreeMatrix(dst))
	}
	// A view is written and read alone; NaN in a matrix that is not read does no harm.
	whole := placed(t, e, dense(5, 7, 1))
	view := e.View(e.View(whole, 1, 5, 2, 6), 1, 3, 0, 2)
	part := dense(2, 2, 2)
	must(t, e.SetMatrix(view, part))
	if !mat.Equal(fetched(t, e, view), part) {
		t.Error("a view is not what was set")
	}
	want := dense(5, 7, 1)
	want.Slice(2, 4, 2, 4).(*mat.Dense).Copy(part)
	if !mat.Equal(fetched(t, e, whole), want) {
		t.Error("setting a view changes something else")
	}
	dst := placed(t, e, mat.NewDense(1, 1, []float64{math.NaN()}))
	one := placed(t, e, mat.NewDense(1, 1, []float64{3}))
	must(t, e.Multiply(solver.Product{Dst: dst, Alpha: 2, A: one, B: one}))
	if got := fetched(t, e, dst).At(0, 0); got != 18 {
		t.Errorf("2·3·3 + 0·NaN is %v: beta = 0 reads dst", got)
	}
}

// viewed returns a copy of a inside a larger matrix of the engine.
func viewed(t *testing.T, e solver.AlgebraEngine, a *mat.Dense) solver.Matrix {
	t.Helper()
	rows, cols := a.Dims()
	large := mat.NewDense(rows+1, cols+2, nil)
	for i := range rows + 1 {
		for j := range cols + 2 {
			large.Set(i, j, math.NaN())
		}
	}
	large.Slice(1, rows+1, 1, cols+1).(*mat.Dense).Copy(a)
	return e.View(placed(t, e, large), 1, rows+1, 1, cols+1)
}

// dots checks ⟨A, B⟩ of matrices of several sizes together, and copies of some rows.
func dots(t *testing.T, e solver.AlgebraEngine) {
	var pairs [][2]solver.Matrix
	var wants []float64
	for i, c := range [][2]int{{1, 1}, {3, 50}, {130, 127}, {2, 8192}} {
		a, b := dense(c[0], c[1], uint64(i)), dense(c[0], c[1], uint64(i+10))
		a.Scale(math.Pow(10, float64(-4*i)), a)
		var product mat.Dense
		product.MulElem(a, b)
		there := placed(t, e, a)
		pairs = append(pairs, [2]solver.Matrix{there, placed(t, e, b)}, [2]solver.Matrix{there, there})
		wants = append(wants, mat.Sum(&product), math.Pow(mat.Norm(a, 2), 2))
	}
	got := make([]float64, len(pairs))
	must(t, e.Dots(got, pairs...))
	for i, want := range wants {
		a, b := fetched(t, e, pairs[i][0]), fetched(t, e, pairs[i][1])
		size := mat.Norm(a, 2) * mat.Norm(b, 2)
		if !(math.Abs(got[i]-want) <= tolerance*size) {
			t.Errorf("⟨A, B⟩ of pair %d is %v, want %v", i, got[i], want)
		}
		alone := []float64{math.NaN()}
		must(t, e.Dots(alone, pairs[i]))
		if alone[0] != got[i] {
			t.Errorf("⟨A, B⟩ of pair %d is %v alone and %v with others", i, alone[0], got[i])
		}
	}
	from, to := dense(7, 5, 1), dense(6, 5, 2)
	there := placed(t, e, to)
	must(t, e.CopyMatrix(e.View(there, 2, 5, 0, 5), e.View(placed(t, e, from), 4, 7, 0, 5)))
	to.Slice(2, 5, 0, 5).(*mat.Dense).Copy(from.Slice(4, 7, 0, 5))
	if !mat.Equal(fetched(t, e, there), to) {
		t.Error("three rows are not copied, or others changed")
	}
}

// normalize checks vectors of length 1, and that the other rows of what is written stay.
func normalize(t *testing.T, e solver.AlgebraEngine) {
	const rows, row = 4, 2
	type vector struct {
		z, y, basis, squares *mat.Dense
		on                   solver.Normalized
	}
	var all []vector
	var list []solver.Normalized
	for i, c := range []struct {
		d, n   int
		scale  float64
		stored bool
	}{{1, 1, 1, true}, {33, 300, 1e-12, true}, {257, 5, 1e6, false}, {6, 7, 0, true}} {
		v := vector{
			z: dense(1, c.d, uint64(4*i)), y: dense(c.n, 1, uint64(4*i+1)),
			basis: dense(rows, c.d, uint64(4*i+2)), squares: dense(rows, 2, uint64(4*i+3)),
		}
		v.z.Scale(c.scale, v.z)
		v.on = solver.Normalized{Z: placed(t, e, v.z), X: placed(t, e, dense(1, c.d, 9)),
			Y: placed(t, e, v.y), Squares: placed(t, e, v.squares)}
		if c.stored {
			v.on.Basis = placed(t, e, v.basis)
		}
		all, list = append(all, v), append(list, v.on)
	}
	must(t, e.Normalize(row, list...))
	for i, v := range all {
		length := mat.Norm(v.z, 2)
		v.squares.SetRow(row, []float64{math.Pow(mat.Norm(v.y, 2), 2), length * length})
		if length > 0 {
			v.z.Scale(1/length, v.z)
		}
		Close(t, fmt.Sprintf("x of vector %d", i),
			fetched(t, e, v.on.X).RawMatrix().Data, v.z.RawMatrix().Data, tolerance)
		for j := range 2 { // each column by itself: their sizes differ
			column := func(a *mat.Dense) []float64 { return mat.Col(nil, j, a) }
			Close(t, fmt.Sprintf("squares of vector %d", i),
				column(fetched(t, e, v.on.Squares)), column(v.squares), tolerance)
		}
		if v.on.Basis != nil {
			v.basis.SetRow(row, v.z.RawRowView(0))
			Close(t, fmt.Sprintf("basis of vector %d", i),
				fetched(t, e, v.on.Basis).RawMatrix().Data, v.basis.RawMatrix().Data, tolerance)
		}
	}
}

// thin checks the L and R of a member's iterate against the parametrization's.
func (f *fixture) thin(t *testing.T, e solver.AlgebraEngine) {
	u := f.random(t, f.size.factorRank, 71)
	must(t, e.Set(0, solver.Iterate, u))
	wantL, wantR := f.kind.parametrization.Thin(u)
	l, r, err := e.Thin(0)
	must(t, err)
	if (l == r) != (wantL == wantR) {
		t.Errorf("L and R are one matrix: %v, want %v", l == r, wantL == wantR)
	}
	Close(t, "L", fetched(t, e, l).RawMatrix().Data, wantL.RawMatrix().Data, tolerance)
	Close(t, "R", fetched(t, e, r).RawMatrix().Data, wantR.RawMatrix().Data, tolerance)
}
