package solver_test

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// generic returns an n × r matrix without structure.
func generic(n, r int, seed uint64) *mat.Dense {
	u := mat.NewDense(n, r, nil)
	sensing.NewStream(seed, sensing.StartStream).Normals(0, u.RawMatrix().Data)
	return u
}

// TestRGDStep: (UUᵀ − Z)/μ → −½(PG + GP − PGP) as μ → 0, with P the projector to the columns of U and an
// error of the order of μ. Here P comes from the singular vectors of U, and G = Z − M*, because all is
// observed.
func TestRGDStep(t *testing.T) {
	const n, r = 7, 3
	p := observedWhole(t, n, 4, 2)
	u := generic(n, r, 4)
	var z, g, q, want, part mat.Dense
	z.Mul(u, u.T())
	p.Truth.Matrix(mat.NewDense(n, n, nil))
	m := mat.NewDense(n, n, nil)
	p.Truth.Matrix(m)
	g.Sub(&z, m)
	var dec mat.SVD
	if !dec.Factorize(u, mat.SVDThin) {
		t.Fatal("no singular vectors")
	}
	var left mat.Dense
	dec.UTo(&left)
	q.Mul(&left, left.T())
	want.Mul(&q, &g)
	part.Mul(&g, &q)
	want.Add(&want, &part)
	part.Product(&q, &g, &q)
	want.Sub(&want, &part)
	want.Scale(-0.5, &want)
	off := func(mu float64) float64 {
		next := steps(t, memberAt(t, p, u), solver.RGD{StepSize: mu}, u, 1)
		var d mat.Dense
		d.Mul(next, next.T())
		d.Sub(&d, &z)
		d.Scale(1/mu, &d)
		d.Sub(&d, &want)
		return mat.Norm(&d, 2) / mat.Norm(&want, 2)
	}
	a, b := off(1e-3), off(1e-4)
	if slope := math.Log10(a / b); !(b < 1e-3 && math.Abs(slope-1) < 0.01) {
		t.Errorf("off by %.2g and %.2g", a, b)
	}
}

// TestRGDInvariance: Z depends on UUᵀ alone: from U·K, with any square K with KKᵀ = I, the iterates make the
// same Z.
func TestRGDInvariance(t *testing.T) {
	p := problem(t, 0.1)
	u := generic(17, 2, 5)
	sin, cos := math.Sincos(0.7)
	var turned mat.Dense
	turned.Mul(u, mat.NewDense(2, 2, []float64{cos, -sin, sin, cos}))
	z := func(u *mat.Dense) *mat.Dense {
		u = steps(t, memberAt(t, p, u), solver.RGD{StepSize: 0.3}, u, 10)
		var z mat.Dense
		z.Mul(u, u.T())
		return &z
	}
	if !mat.EqualApprox(z(u), z(&turned), 1e-11) {
		t.Error("it depends on the factor")
	}
}

// TestRGDRate: near a truth of the manifold's rank that is observed whole, the error falls by a factor of 1 −
// μ/2 in each step, whatever κ is.
func TestRGDRate(t *testing.T) {
	const mu = 0.5
	for _, kappa := range []float64{1, 5, 20} {
		p := observedWhole(t, 8, 2, kappa)
		start := mat.DenseCopyOf(generic(8, 2, 3))
		start.Scale(1e-3/kappa, start)
		start.Add(start, p.Truth.X())
		e := memberAt(t, p, start)
		steps(t, e, solver.RGD{StepSize: mu}, start, 5)
		before := lossOf(t, e)
		steps(t, e, solver.RGD{StepSize: mu}, start, 10)
		after := lossOf(t, e)
		if got := math.Pow(after/before, 1.0/20); math.Abs(got-(1-mu/2)) > 1e-3 {
			t.Errorf("κ = %g: the error falls by %v, want %v", kappa, got, 1-mu/2)
		}
	}
}

// TestPlantedSaddle: at the saddle the gradient vanishes, and f is ¼ Σ of the squares of the missing
// eigenvalues. Beside it, the component towards the largest missing one grows by a factor of 1 + (μ/2)(λ₁/λ₃
// − 1) in each step.
func TestPlantedSaddle(t *testing.T) {
	const n, mu = 8, 0.2
	p := observedWhole(t, n, 3, 2) // σ = 1, ¾, ½ and λ = 1, 9/16, ¼
	at := func(alpha float64) *mat.Dense {
		start := solver.Saddle{Truth: p.Truth, Alpha: alpha, Seed: 1}
		f, err := start.Factor([]solver.Shape{{Rows: n, Cols: 2}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return f[0]
	}
	e := memberAt(t, p, at(0))
	g := solver.Factor{mat.NewDense(n, 2, nil)}
	loss := lossOf(t, e)
	if err := e.Get(solver.Gradient, g); err != nil {
		t.Fatal(err)
	}
	if norm := mat.Norm(g[0], 2); norm > 1e-14 || math.Abs(loss-0.25) > 1e-14 {
		t.Errorf("the gradient is %g and f is %v", norm, loss)
	}
	u := at(1e-7)
	along := func(u *mat.Dense) float64 { // of v₁, beside v₃
		var c mat.Dense
		c.Mul(p.Truth.Basis().T(), u)
		return c.At(0, 1)
	}
	e = memberAt(t, p, u)
	next := steps(t, e, solver.RGD{StepSize: mu}, u, 10)
	if got, want := math.Pow(along(next)/along(u), 0.1), 1+mu/2*3; math.Abs(got-want) > 1e-4 {
		t.Errorf("the way out grows by %v a step, want %v", got, want)
	}
	if _, err := (solver.Saddle{Truth: p.Truth}).Factor([]solver.Shape{{Rows: n, Cols: 3}}, nil); err == nil {
		t.Error("a saddle that misses nothing was planted")
	}
}

// TestRGDRefuses: a start that is not on the manifold diverges, and other parametrizations are refused.
func TestRGDRefuses(t *testing.T) {
	s := solver.Settings{Start: solver.Spectral{}, FactorRank: 4, Iterations: 50}
	res := solve(t, observedWhole(t, 4, 1, 1), solver.RGD{StepSize: 0.5}, s)
	if res.Status != solver.Diverged {
		t.Errorf("it ends as %v", res.Status)
	}
	for _, m := range []solver.Method{solver.RGD{}, solver.RSGD{}} {
		if solver.Suits(m, solver.UV{}) != nil || solver.Suits(m, solver.PSD{}) != nil ||
			solver.Suits(m, solver.Indefinite{}) == nil {
			t.Errorf("%s suits the wrong parametrization", m.Name())
		}
	}
}
