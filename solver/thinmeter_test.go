package solver

import (
	"fmt"
	"math"
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

func (*hostAlgebra) Differences(dst []float64, pairs ...Pair) error {
	for i, p := range pairs {
		var z, m mat.Dense
		z.Mul(dense(p.L), dense(p.R).T())
		m.Mul(dense(p.X), dense(p.Y).T())
		z.Sub(&z, &m)
		norm := mat.Norm(&z, 2)
		dst[i] = norm * norm
	}
	return nil
}

func (*hostAlgebra) Norms(dst []float64, matrices ...Matrix) error {
	for i, m := range matrices {
		norm := mat.Norm(dense(m), 2)
		dst[i] = norm * norm
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
		for _, d := range []int{17, 60, 85} {
			for name, f := range factorsAlong(t, truth, d) {
				t.Run(fmt.Sprintf("κ=%v/r=%d/%s", kappa, d, name), func(t *testing.T) {
					compareMeters(t, PSD{}, sensing.Sym{N: n}, truth, f, rank+1)
				})
			}
		}
	}
}

// TestThinMeterFewValues: a sample with fewer than r* singular values panicked, because the spectral angle
// reads the r*-th.
func TestThinMeterFewValues(t *testing.T) {
	const n, d, rank = 30, 20, 3
	truth, err := sensing.NewTruth(n, rank, 2, 5)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range factorsAlong(t, truth, d) {
		for values := 1; values <= rank; values++ {
			t.Run(fmt.Sprintf("%s/%d values", name, values), func(t *testing.T) {
				compareMeters(t, PSD{}, sensing.Sym{N: n}, truth, f, values)
			})
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
			e := &hostAlgebra{par: PSD{}, factor: f}
			m, err := newThinMeter(e, sensing.Sym{N: c.n}, false, nil, nil, values)
			if err != nil {
				t.Fatal(err)
			}
			w, err := m.newWork(0, c.d)
			if err != nil {
				t.Fatal(err)
			}
			got := NewSample(0)
			w.sample = &got
			if err := m.measure([]*thinWork{w}); err != nil {
				t.Fatal(err)
			}
			if !w.sound { // the host measures it
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
			{1, 1, 1, 1, 1}, {1, 1e-3, alpha, alpha, alpha}, {1e-3, 1e-3, 1e-3, 1e-3, 1e-3}, {1, 0.5, 0.3, 0.2, 0.1},
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
	e := &hostAlgebra{par: par, factor: f}
	m, err := newThinMeter(e, space, two, truth, estimate, values)
	if err != nil {
		t.Fatal(err)
	}
	_, d := l.Dims()
	w, err := m.newWork(0, d)
	if err != nil {
		t.Fatal(err)
	}
	got := NewSample(0)
	w.sample = &got
	if err := m.measure([]*thinWork{w}); err != nil {
		t.Fatal(err)
	}
	if !w.sound {
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
	near("signal", got.Signal, want.Signal, floor)
	near("noise", got.Noise, want.Noise, floor)
	near("angle", got.Angle, want.Angle, floor/want.Signal)
	near("spectral angle", got.SpectralAngle, want.SpectralAngle, floor/want.Sigma[rank-1])
	if len(got.Sigma) != values {
		t.Errorf("%d singular values, want %d", len(got.Sigma), values)
	}
	for j, v := range got.Sigma {
		near(fmt.Sprintf("σ_%d", j+1), v, want.Sigma[j], floor)
	}
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
			m, err := newThinMeter(e, sensing.Sym{N: c.n}, false, truth, truth.Basis(), c.rank+1)
			if err != nil {
				t.Fatal(err)
			}
			w, err := m.newWork(0, c.d)
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
