package solver_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// identity returns c·I.
func identity(n int, c float64) *mat.Dense {
	one := mat.NewDense(n, n, nil)
	for i := range n {
		one.Set(i, i, c)
	}
	return one
}

// mirrored returns the iterate and the logarithms after some steps of mirror descent from a factor.
func mirrored(t *testing.T, p *sensing.Problem, par solver.Parametrization, start solver.Factor, step float64,
	steps int,
) (factor, logs solver.Factor) {
	t.Helper()
	_, r := start[0].Dims()
	m := memberOf(t, p, par, r)
	if err := m.Set(solver.Iterate, start); err != nil {
		t.Fatal(err)
	}
	for k := range steps {
		if err := (solver.MirrorDescent{StepSize: step}).Step(m, k); err != nil {
			t.Fatal(err)
		}
	}
	factor, logs = start.Clone(), start.Clone()
	if err := m.Get(solver.Iterate, factor); err != nil {
		t.Fatal(err)
	}
	if err := m.Get(solver.HostSlot, logs); err != nil {
		t.Fatal(err)
	}
	return factor, logs
}

// ofTruth returns the matrix whose eigenvectors are those of M*, with f of its eigenvalues as eigenvalues.
func ofTruth(t *testing.T, p *sensing.Problem, f func(lambda float64) float64) *mat.Dense {
	t.Helper()
	var dec mat.SVD
	if !dec.Factorize(p.Truth.X(), mat.SVDFull) {
		t.Fatal("no singular vectors")
	}
	n, r := p.Truth.X().Dims()
	var v, z mat.Dense
	dec.UTo(&v)
	values, sigma := make([]float64, n), dec.Values(nil)
	for i := range values {
		lambda := 0.0
		if i < r {
			lambda = sigma[i] * sigma[i]
		}
		values[i] = f(lambda)
	}
	z.Product(&v, mat.NewDiagDense(n, values), v.T())
	return &z
}

// apart returns ‖A − B‖_F/‖B‖_F.
func apart(a, b mat.Matrix) float64 {
	var d mat.Dense
	d.Sub(a, b)
	return mat.Norm(&d, 2) / mat.Norm(b, 2)
}

// TestMirrorDescentByEigenvalues: if the measurements are an isometry, G = Z − M*. From √α·I all matrices
// commute, and each eigenvalue goes its own way: log z ← log z − 2μ(z − λ), and for UUᵀ − VVᵀ from √(α/2)·I z
// = α·sinh(s) with s ← s − 2μ(z − λ). The logarithms keep their digits if z is far below rounding.
func TestMirrorDescentByEigenvalues(t *testing.T) {
	p := observedSquare(t, 3)
	const step = 0.2
	for _, alpha := range []float64{1e-2, 1e-40} {
		for _, steps := range []int{1, 5, 700} {
			t.Run(fmt.Sprintf("alpha=%g/steps=%d", alpha, steps), func(t *testing.T) {
				start := solver.Factor{identity(9, math.Sqrt(alpha))}
				f, logs := mirrored(t, p, solver.PSD{}, start, step, steps)
				entropy := func(lambda float64) float64 {
					s := math.Log(alpha)
					for range steps {
						s -= 2 * step * (math.Exp(s) - lambda)
					}
					return s
				}
				// G has an error of 1e-16‖M*‖ each step.
				want := ofTruth(t, p, func(lambda float64) float64 { return entropy(lambda) / 2 })
				if d := apart(logs[0], want); !(d < 1e-12) {
					t.Errorf("½ log UUᵀ is off by %g", d)
				}
				want = ofTruth(t, p, func(lambda float64) float64 { return math.Exp(entropy(lambda) / 2) })
				if d := apart(f[0], want); !(d < 1e-11) {
					t.Errorf("U is off by %g", d)
				}

				half := identity(9, math.Sqrt(alpha/2))
				f, _ = mirrored(t, p, solver.Indefinite{}, solver.Factor{half, half}, step, steps)
				var z, minus mat.Dense
				z.Mul(f[0], f[0].T())
				minus.Mul(f[1], f[1].T())
				z.Sub(&z, &minus)
				if d := apart(&z, ofTruth(t, p, func(lambda float64) float64 {
					s := 0.0
					for range steps {
						s -= 2 * step * (alpha*math.Sinh(s) - lambda)
					}
					return alpha * math.Sinh(s)
				})); !(d < 1e-11) {
					t.Errorf("UUᵀ − VVᵀ is off by %g", d)
				}
			})
		}
	}
}

// TestMirrorDescentIsGD: from √α·I a step of gradient descent and one of mirror descent differ by α·μ²G² to
// the leading order, with any measurements: αexp(−2μG) − α(I − μG)² = αμ²G² + O(μ³).
func TestMirrorDescentIsGD(t *testing.T) {
	p := problem(t, 0.1)
	const alpha, step = 0.04, 1e-3
	start := identity(17, math.Sqrt(alpha))
	m := memberAt(t, p, start)
	if err := m.Gradient(); err != nil {
		t.Fatal(err)
	}
	g := solver.Factor{identity(17, 0)}
	if err := m.Get(solver.Gradient, g); err != nil {
		t.Fatal(err)
	}
	f, _ := mirrored(t, p, solver.PSD{}, solver.Factor{start}, step, 1)
	var plain, difference, square mat.Dense
	plain.Scale(-step, g[0])
	plain.Add(start, &plain)
	plain.Mul(&plain, plain.T())
	difference.Mul(f[0], f[0].T())
	difference.Sub(&difference, &plain)
	square.Mul(g[0], g[0].T()) // αG²
	square.Scale(step*step, &square)
	if d := apart(&difference, &square); !(d < 0.01) { // μ‖G‖
		t.Errorf("the steps differ by another matrix than αμ²G²: it is off by %g", d)
	}
}

// divergence returns tr(Z log Z − Z log X − Z + X) for a Z = WWᵀ, with X = exp(2L).
func divergence(t *testing.T, w, l *mat.Dense) float64 {
	t.Helper()
	var dec mat.SVD
	if !dec.Factorize(w, mat.SVDNone) {
		t.Fatal("no singular values")
	}
	sum := 0.0
	for _, s := range dec.Values(nil) {
		if s > 0 {
			sum += s*s*2*math.Log(s) - s*s
		}
	}
	var lw, z, x, twice mat.Dense
	lw.Mul(l, w)
	z.Mul(w.T(), &lw)
	twice.Scale(2, l)
	x.Exp(&twice)
	return sum - 2*mat.Trace(&z) + mat.Trace(&x)
}

// TestMirrorDescentBias: with fewer measurements than unknowns, and without noise, the Bregman divergence
// from the iterate to the truth falls in every step. The limit Z fits the observations, and log Z − log Z₀ is
// in the span of the A_i: these are the conditions for the least divergence from Z₀ among all matrices that
// fit, and so the truth is farther from Z₀ than Z is. The start is not a multiple of I.
func TestMirrorDescentBias(t *testing.T) {
	const n, count, step = 10, 15, 0.1
	e, err := sensing.NewGaussian(sensing.Sym{N: n}, count, sensing.F32, 3)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := sensing.NewTruth(n, 2, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	p := &sensing.Problem{Ensemble: e, Truth: truth}
	start, err := solver.Random{Alpha: 0.3, Seed: 1}.Factor([]solver.Shape{{Rows: n, Cols: n}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := memberAt(t, p, start[0])
	logs := func() *mat.Dense {
		f := solver.Factor{identity(n, 0)}
		if err := m.Get(solver.HostSlot, f); err != nil {
			t.Fatal(err)
		}
		return f[0]
	}
	method := solver.MirrorDescent{StepSize: step}
	before := math.Inf(1)
	const steps = 4000
	for k := range steps {
		if err := method.Step(m, k); err != nil {
			t.Fatal(err)
		}
		now := divergence(t, truth.X(), logs())
		if !(now < before+1e-13) {
			t.Fatalf("step %d: the divergence goes from %g to %g", k, before, now)
		}
		before = now
	}
	if f := lossOf(t, m); !(f < 1e-20) {
		t.Fatalf("after %d steps f is %g: there is no limit to test", steps, f)
	}

	var eigen mat.EigenSym
	first := mat.NewSymDense(n, nil)
	first.SymOuterK(1, start[0])
	if !eigen.Factorize(first, true) {
		t.Fatal("no eigenvectors")
	}
	var v, zero, moved mat.Dense
	eigen.VectorsTo(&v)
	values := eigen.Values(nil)
	for i, x := range values {
		values[i] = math.Log(x) / 2
	}
	zero.Product(&v, mat.NewDiagDense(n, values), v.T())
	moved.Sub(logs(), &zero)

	columns, weights, a := mat.NewDense(n*n, count, nil), make([]float64, count), identity(n, 0)
	for i := range count {
		clear(weights)
		weights[i] = 1
		if err := m.AdjointMul(a, weights, false, identity(n, 1)); err != nil {
			t.Fatal(err)
		}
		columns.SetCol(i, a.RawMatrix().Data)
	}
	want := mat.NewDense(n*n, 1, moved.RawMatrix().Data)
	var combination, fitted mat.Dense
	if err := combination.Solve(columns, want); err != nil {
		t.Fatal(err)
	}
	fitted.Mul(columns, &combination)
	if d := apart(&fitted, want); !(d < 1e-10) {
		t.Errorf("log Z − log Z₀ is outside the span of the measurements by %g", d)
	}
	limit := solver.Factor{identity(n, 0)}
	if err := m.Get(solver.Iterate, limit); err != nil {
		t.Fatal(err)
	}
	if z, x := divergence(t, limit[0], &zero), divergence(t, truth.X(), &zero); !(z < x) {
		t.Errorf("the limit is as far from the start as %g, and the truth as %g", z, x)
	}
}

// TestMirrorDescentRefuses: starts without a logarithm and other parametrizations are refused.
func TestMirrorDescentRefuses(t *testing.T) {
	p := observedSquare(t, 2)
	flat := identity(9, 1)
	flat.Set(3, 3, 0)
	for want, u := range map[string]*mat.Dense{
		"as many columns as rows": mat.NewDense(9, 4, nil), "full rank": flat,
	} {
		_, r := u.Dims()
		m := memberOf(t, p, solver.PSD{}, r)
		if err := m.Set(solver.Iterate, solver.Factor{u}); err != nil {
			t.Fatal(err)
		}
		err := solver.MirrorDescent{StepSize: 1}.Step(m, 0)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q, and not that it wants %s", err, want)
		}
	}
	for _, par := range []solver.Parametrization{solver.UV{}, solver.Polar{}, solver.Sparse{}} {
		err := solver.Suits(solver.MirrorDescent{}, par)
		if err == nil || !strings.Contains(err.Error(), "logarithm") {
			t.Errorf("%s: %v", par.Name(), err)
		}
	}
}
