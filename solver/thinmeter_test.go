package solver

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// hostAlgebra is an AlgebraEngine with gonum's arithmetic, whose only member has a given factor.
type hostAlgebra struct {
	Engine
	par    Parametrization
	factor Factor
	copied int // numbers that SetMatrix and GetMatrix moved
}

func dense(m Matrix) *mat.Dense { return m.(*mat.Dense) }

func (*hostAlgebra) NewMatrix(rows, cols int) (Matrix, error) {
	return mat.NewDense(rows, cols, nil), nil
}
func (*hostAlgebra) FreeMatrix(Matrix) error { return nil }

func (*hostAlgebra) View(m Matrix, i0, i1, j0, j1 int) Matrix {
	return dense(m).Slice(i0, i1, j0, j1).(*mat.Dense)
}

func (h *hostAlgebra) SetMatrix(m Matrix, a *mat.Dense) error {
	dense(m).Copy(a)
	rows, cols := a.Dims()
	h.copied += rows * cols
	return nil
}

func (h *hostAlgebra) GetMatrix(a *mat.Dense, m Matrix) error {
	a.Copy(dense(m))
	rows, cols := a.Dims()
	h.copied += rows * cols
	return nil
}

func (h *hostAlgebra) Thin(int) (l, r Matrix, err error) {
	a, b := h.par.Thin(h.factor)
	return a, b, nil
}

func (*hostAlgebra) Multiply(products ...Product) error {
	for _, p := range products {
		var a, b mat.Matrix = dense(p.A), dense(p.B)
		if p.TransA {
			a = a.T()
		}
		if p.TransB {
			b = b.T()
		}
		var c mat.Dense
		c.Mul(a, b)
		c.Scale(p.Alpha, &c)
		dst := dense(p.Dst)
		if p.Beta != 0 {
			var old mat.Dense
			old.Scale(p.Beta, dst)
			c.Add(&c, &old)
		}
		dst.Copy(&c)
	}
	return nil
}

func (*hostAlgebra) CopyMatrix(dst, src Matrix) error {
	dense(dst).Copy(dense(src))
	return nil
}

func (*hostAlgebra) Normalize(row int, vectors ...Normalized) error {
	for _, v := range vectors {
		length, other := mat.Norm(dense(v.Z), 2), mat.Norm(dense(v.Y), 2)
		dense(v.X).Scale(1/length, dense(v.Z))
		if length == 0 {
			dense(v.X).Zero()
		}
		if v.Basis != nil {
			dense(v.Basis).SetRow(row, dense(v.X).RawRowView(0))
		}
		dense(v.Squares).SetRow(row, []float64{other * other, length * length})
	}
	return nil
}

func (*hostAlgebra) Dots(dst []float64, pairs ...[2]Matrix) error {
	for i, p := range pairs {
		var product mat.Dense
		product.MulElem(dense(p[0]), dense(p[1]))
		dst[i] = mat.Sum(&product)
	}
	return nil
}

// TestThinMeter: measuring on an engine agrees with decompositions of whole factors on the host.
func TestThinMeter(t *testing.T) {
	const n, rank = 60, 3
	for _, kappa := range []float64{1, 2, 100} {
		truth, err := sensing.NewTruth(n, rank, kappa, 5)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range []int{3, 4, 7, 17, 60, 85} {
			for name, f := range factorsAlong(t, truth, d) {
				t.Run(fmt.Sprintf("κ=%v/r=%d/%s", kappa, d, name), func(t *testing.T) {
					for _, values := range []int{1, rank, rank + 1, 10} {
						compareMeters(t, PSD{}, sensing.Sym{N: n}, truth, f, values)
					}
				})
			}
		}
	}
}

// TestThinMeterFullRank: if the truth has as many columns as rows, nothing is beside it.
func TestThinMeterFullRank(t *testing.T) {
	const n, d = 5, 20
	truth, err := sensing.NewTruth(n, n, 2, 5)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range factorsAlong(t, truth, d) {
		t.Run(name, func(t *testing.T) { compareMeters(t, PSD{}, sensing.Sym{N: n}, truth, f, n) })
	}
}

// TestThinMeterUnknownRank: without a truth nothing is deflated, and ten singular values span the signal and
// the rest. Values below 1e-8 of the largest came out as rounding errors; and a factor with more columns than
// rows had more values than rows.
func TestThinMeterUnknownRank(t *testing.T) {
	const values = 10
	for _, c := range []struct{ n, d int }{{30, 20}, {7, 30}, {20, 40}} {
		truth, err := sensing.NewTruth(c.n, 2, 2, 5)
		if err != nil {
			t.Fatal(err)
		}
		measured := 0
		for name, f := range factorsAlong(t, truth, c.d) {
			got, sound := measuredThinly(t, PSD{}, sensing.Sym{N: c.n}, nil, nil, f, values)
			if !sound { // the host measures it
				continue
			}
			measured++
			want, _, err := svd(f[0], mat.SVDNone)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Sigma) != min(values, c.n) {
				t.Errorf("n=%d r=%d %s: %d values", c.n, c.d, name, len(got.Sigma))
			}
			for j, v := range got.Sigma {
				if !(math.Abs(v-want[j]) <= 1e-9*want[j]+1e-14*want[0]) {
					t.Errorf("n=%d r=%d %s: σ_%d is %v, want %v", c.n, c.d, name, j+1, v, want[j])
				}
			}
		}
		if measured < 4 {
			t.Errorf("n=%d r=%d: only %d factors were measured, not even the starts", c.n, c.d, measured)
		}
	}
}

// factorsAlong returns factors as a run meets them: random starts of every size, signals that grow out of
// them one after another, and the end.
func factorsAlong(t *testing.T, truth *sensing.Truth, d int) map[string]Factor {
	all := map[string]Factor{}
	n, _ := truth.Dims()
	rank := truth.Rank()
	for _, alpha := range []float64{1, 1e-3, 1e-6, 1e-12} {
		start, err := Random{Alpha: alpha, Seed: 3}.Factor([]Shape{{n, d}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		all[fmt.Sprintf("start α=%g", alpha)] = start
		// X·Qᵀ with orthonormal rows of Q, the j-th column of X grown to a part of its length.
		q := orthonormalRows(rank, d)
		for _, grown := range [][]float64{
			{1, 1, 1, 1, 1}, {1, 1e-3, alpha, alpha, alpha}, {1e-3, 1e-3, 1e-3, 1e-3, 1e-3},
			{1, 0.5, 0.3, 0.2, 0.1},
		} {
			grown = grown[:rank]
			f := start.Clone()
			x := mat.DenseCopyOf(truth.X())
			for j, part := range grown {
				for i := range n {
					x.Set(i, j, x.At(i, j)*part)
				}
			}
			var signal mat.Dense
			signal.Mul(x, q)
			f[0].Add(f[0], &signal)
			all[fmt.Sprintf("grown to %v from α=%g", grown, alpha)] = f
		}
	}
	return all
}

func compareMeters(
	t *testing.T, par Parametrization, space sensing.Space, truth *sensing.Truth, f Factor, values int,
) {
	t.Helper()
	rank := truth.Rank()
	l, r := par.Thin(f)
	two := l != r
	basis := truthBasis(truth, two)
	// An estimate that is turned against the truth, and not a subspace of special vectors.
	rows, _ := basis.Dims()
	turned := mat.NewDense(rows, rank, nil)
	for i := range rows {
		for j := range rank {
			turned.Set(i, j, basis.At(i, j)+0.02*math.Sin(float64(1+3*i+7*j)))
		}
	}
	var qr mat.QR
	qr.Factorize(turned)
	var q mat.Dense
	qr.QTo(&q)
	estimate := mat.DenseCopyOf(q.Slice(0, rows, 0, rank))

	host := newMeter(par, &sensing.Problem{Truth: truth}, estimate, AllSingularValues)
	want := NewSample(0)
	if err := host.measure(&want, f); err != nil {
		t.Fatal(err)
	}
	got, sound := measuredThinly(t, par, space, truth, estimate, f, values)
	if !sound {
		t.Fatal("the factor was not sound")
	}
	// Both lose what is below rounding errors of ‖W‖; an angle, what is below these over its signal.
	top := want.Sigma[0]
	near := func(what string, got, want, floor float64) {
		t.Helper()
		if !(math.Abs(got-want) <= 1e-9*math.Abs(want)+floor) {
			t.Errorf("%s is %v, want %v (floor %.1g)", what, got, want, floor)
		}
	}
	floor := 1e-14 * top
	near("test error", got.TestError, want.TestError, 1e-14*max(top*top, 1))
	nearRank(t, &got, &want)
	near("signal", got.Signal, want.Signal, floor)
	near("noise", got.Noise, want.Noise, floor)
	near("angle", got.Angle, want.Angle, floor/want.Signal)
	// If σ_r* is repeated, the top r* singular vectors span no certain subspace.
	if len(want.Sigma) == rank || want.Sigma[rank] < (1-1e-9)*want.Sigma[rank-1] {
		near("spectral angle", got.SpectralAngle, want.SpectralAngle, floor/want.Sigma[rank-1])
	}
	if _, d := l.Dims(); len(got.Sigma) != min(values, d) {
		t.Errorf("there are %d singular values", len(got.Sigma))
	}
	for j, v := range got.Sigma {
		near(fmt.Sprintf("σ_%d", j+1), v, want.Sigma[j], floor)
	}
}

// measuredThinly returns the sample of a factor that a thinMeter measures, and whether it is sound.
func measuredThinly(
	t *testing.T, par Parametrization, space sensing.Space, truth *sensing.Truth, estimate *mat.Dense,
	f Factor, values int,
) (s Sample, sound bool) {
	t.Helper()
	l, r := par.Thin(f)
	m, err := newThinMeter(&hostAlgebra{par: par, factor: f}, space, l != r, truth, estimate)
	if err != nil {
		t.Fatal(err)
	}
	_, d := l.Dims()
	w, err := m.newWork(0, d, values)
	if err != nil {
		t.Fatal(err)
	}
	s = NewSample(0)
	w.sample = &s
	if err := m.measure([]*thinWork{w}); err != nil {
		t.Fatal(err)
	}
	return s, w.sound
}

// TestThinMeterTraffic: a sample moves at most 3·n·r* + 10·r*² numbers between the host and the engine.
func TestThinMeterTraffic(t *testing.T) {
	for _, c := range []struct{ n, d, rank int }{{200, 200, 3}, {200, 400, 1}, {300, 150, 5}} {
		truth, err := sensing.NewTruth(c.n, c.rank, 1, 5)
		if err != nil {
			t.Fatal(err)
		}
		for name, f := range factorsAlong(t, truth, c.d) {
			e := &hostAlgebra{par: PSD{}, factor: f}
			m, err := newThinMeter(e, sensing.Sym{N: c.n}, false, truth, truth.Basis())
			if err != nil {
				t.Fatal(err)
			}
			w, err := m.newWork(0, c.d, c.rank+1)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // the first sample also allocates
				s := NewSample(0)
				w.sample, e.copied = &s, 0
				if err := m.measure([]*thinWork{w}); err != nil || !w.sound {
					t.Fatal(w.sound, err)
				}
			}
			if most := 3*c.n*c.rank + 10*c.rank*c.rank; e.copied > most {
				t.Errorf("n=%d r=%d r*=%d %s: %d numbers are moved, more than %d",
					c.n, c.d, c.rank, name, e.copied, most)
			}
		}
	}
}

// counted counts the numbers in the matrices that an engine has made and not freed.
type counted struct {
	hostAlgebra
	numbers float64
}

func (c *counted) NewMatrix(rows, cols int) (Matrix, error) {
	c.numbers += float64(rows) * float64(cols)
	return c.hostAlgebra.NewMatrix(rows, cols)
}

func (c *counted) FreeMatrix(m Matrix) error {
	rows, cols := m.Dims()
	c.numbers -= float64(rows) * float64(cols)
	return nil
}

// TestMetricsOf: the size of metrics is what a meter allocates, before and while it measures; and only
// factors that are measured on the engine count.
func TestMetricsOf(t *testing.T) {
	all := metrics
	defer func() { metrics = all }()
	reads := func(m *Metric) bool { return m.Measure != nil } // the factor: other tests have registered some
	metrics = slices.DeleteFunc(slices.Clone(all), reads)
	sym, rect := sensing.Sym{N: 60}, sensing.Rect{N1: 40, N2: 30}
	for _, c := range []struct {
		par   Parametrization
		space sensing.Space
		r     int
		rank  int
	}{
		{PSD{}, sym, 17, 3}, {PSD{}, sym, 63, 1}, {UV{}, rect, 30, 2}, {Indefinite{}, sym, 20, 2},
	} {
		t.Run(fmt.Sprintf("%s/r=%d/rank=%d", c.par.Name(), c.r, c.rank), func(t *testing.T) {
			n1, n2 := c.space.Dims()
			truth, err := sensing.NewRectTruth(n1, n2, c.rank, 1, 1)
			if c.space == sym {
				truth, err = sensing.NewTruth(n1, c.rank, 1, 1)
			}
			if err != nil {
				t.Fatal(err)
			}
			shapes, err := c.par.Shapes(c.space, c.r)
			if err != nil {
				t.Fatal(err)
			}
			f, err := Random{Alpha: 1e-3, Seed: 3}.Factor(shapes, nil)
			if err != nil {
				t.Fatal(err)
			}
			l, r := c.par.Thin(f)
			two := l != r
			e := &counted{hostAlgebra: hostAlgebra{par: c.par, factor: f}}
			m, err := newThinMeter(e, c.space, two, truth, truthBasis(truth, two))
			if err != nil {
				t.Fatal(err)
			}
			job := Measured{FactorRank: c.r, Rank: c.rank}
			size := MetricsOf(c.space, c.par, true, job, Measured{FactorRank: c.rank, Rank: c.rank})
			if e.numbers != size.Shared {
				t.Errorf("the meter has %v numbers, want %v", e.numbers, size.Shared)
			}
			_, d := l.Dims()
			if size.Width != d || size.Columns != c.rank {
				t.Errorf("the width is %d and the columns %d, want %d and %d", size.Width, size.Columns, d, c.rank)
			}
			for range 2 {
				w, err := m.newWork(0, d, c.rank+1)
				if err != nil {
					t.Fatal(err)
				}
				s := NewSample(0)
				w.sample = &s
				if err := m.measure([]*thinWork{w}); err != nil || !w.sound {
					t.Fatal(w.sound, err)
				}
				if all := size.Shared + size.Member; e.numbers != all {
					t.Errorf("%v numbers, want %v", e.numbers, all)
				}
				if err := w.free(); err != nil || e.numbers != size.Shared {
					t.Errorf("%v numbers are left, want %v: %v", e.numbers, size.Shared, err)
				}
			}
		})
	}
	metrics = all
	if size := MetricsOf(sym, PSD{}, true, Measured{60, 1, 0}); size != (MetricSize{}) &&
		slices.ContainsFunc(metrics, reads) {
		t.Errorf("a registered metric reads the factor: %+v, want nothing", size)
	}
	metrics = slices.DeleteFunc(slices.Clone(all), reads)
	for name, size := range map[string]MetricSize{
		"few beside r*":        MetricsOf(sym, PSD{}, true, Measured{27, 9, 0}),
		"all singular values":  MetricsOf(sym, PSD{}, true, Measured{60, 1, AllSingularValues}),
		"as many as there are": MetricsOf(sym, PSD{}, true, Measured{60, 1, 60}),
		"deep products":        MetricsOf(rect, Deep{Depth: 2}, true, Measured{30, 1, 0}),
		"vectors":              MetricsOf(sensing.Rect{N1: 60, N2: 1}, Sparse{}, true, Measured{1, 1, 0}),
	} {
		if size != (MetricSize{}) {
			t.Errorf("%s: %+v, want nothing", name, size)
		}
	}
	// The host's decompositions of 8·10⁶ × 10 numbers would take seconds. No matrix has 8·10⁶ × 8·10⁶
	// numbers, and nothing but what has r* columns, or one, is as long as the factor.
	const n, rank = 8_000_000, 10
	size := MetricsOf(sensing.Sym{N: n}, PSD{}, true, Measured{rank, rank, 0})
	if numbers := size.Bytes(1) / 8; numbers < n*4*rank || numbers > n*(4*rank+2) {
		t.Errorf("a long matrix: %+v", size)
	}
}

// TestThinMeterRepeated: if W has few different singular values, bases are invariant after as many vectors.
// What the engine has added after that is thrown away, and the search goes on from a random vector.
func TestThinMeterRepeated(t *testing.T) {
	const n, d, rank = 60, 40, 3
	truth, err := sensing.NewTruth(n, rank, 1, 5)
	if err != nil {
		t.Fatal(err)
	}
	full := mat.NewDense(n, d, nil) // the truth's columns, then random ones: made orthonormal
	start, err := Random{Alpha: 1, Seed: 3}.Factor([]Shape{{n, d}, {d, d}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	full.Copy(start[0])
	full.Slice(0, n, 0, rank).(*mat.Dense).Copy(truth.X())
	orthonormal := func(a *mat.Dense) *mat.Dense {
		var qr mat.QR
		qr.Factorize(a)
		var q mat.Dense
		qr.QTo(&q)
		rows, cols := a.Dims()
		return mat.DenseCopyOf(q.Slice(0, rows, 0, cols))
	}
	left, right := orthonormal(full), orthonormal(start[1])
	for name, values := range map[string][]float64{
		"three values":           {1, 0.9, 0.5},
		"small beside the first": {1, 1, 1, 1e-7},
		"four values":            {1, 0.8, 0.7, 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			scaled := mat.DenseCopyOf(left)
			for j := range d {
				v := values[min(j, len(values)-1)]
				for i := range n {
					scaled.Set(i, j, v*scaled.At(i, j))
				}
			}
			w := mat.NewDense(n, d, nil)
			w.Mul(scaled, right.T())
			compareMeters(t, PSD{}, sensing.Sym{N: n}, truth, Factor{w}, rank+1)
		})
	}
}

// nearRank compares the learned rank of two samples.
func nearRank(t *testing.T, got, want *Sample) {
	t.Helper()
	for _, name := range []string{"learned_rank", "learned_rank_error"} {
		g, w := got.Value(name), want.Value(name)
		if !(math.Abs(g-w) <= 1e-7) && !(math.IsNaN(g) && math.IsNaN(w)) {
			t.Errorf("%s is %v, want %v", name, g, w)
		}
	}
}
