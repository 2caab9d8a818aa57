package solver_test

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

var retractions = []solver.Retraction{
	solver.FactorRetraction{}, solver.SecondOrderRetraction{}, solver.ProjectionRetraction{},
	solver.ExponentialRetraction{},
}

// isSecondOrder says whether a retraction claims that its curves have no acceleration at first.
func isSecondOrder(r solver.Retraction) bool { return r != (solver.FactorRetraction{}) }

// manifold is a point Z of rank r on a problem that is observed whole, with the projectors of its tangent
// space and the velocity ξ of a step of size −1, all from singular vectors.
type manifold struct {
	par            solver.Parametrization
	problem        *sensing.Problem
	factor         solver.Factor
	z, left, right *mat.Dense // left = P, right = Q
	velocity       *mat.Dense
}

// newManifold returns a point of rank r among the matrices of a parametrization: 6 × 6, or 6 × 5 for UVᵀ. The
// truth has the rank 4.
func newManifold(t *testing.T, par solver.Parametrization, r int) *manifold {
	t.Helper()
	const n = 6
	m := &manifold{par: par}
	u := generic(n, r, 4)
	for i := range r { // well conditioned
		u.Set(i, i, u.At(i, i)+2)
	}
	if par == (solver.PSD{}) {
		m.problem, m.factor = observedWhole(t, n, 4, 2), solver.Factor{u}
	} else {
		truth, err := sensing.NewRectTruth(n, n-1, 4, 2, 5)
		if err != nil {
			t.Fatal(err)
		}
		m.problem = &sensing.Problem{Ensemble: basis{sensing.Rect{N1: n, N2: n - 1}}, Truth: truth}
		v := generic(n-1, r, 6)
		for i := range r {
			v.Set(i, i, v.At(i, i)-2)
		}
		m.factor = solver.Factor{u, v}
	}
	m.z = product(m.factor)
	var g mat.Dense
	truth := mat.NewDense(m.z.RawMatrix().Rows, m.z.RawMatrix().Cols, nil)
	m.problem.Truth.Matrix(truth)
	g.Sub(m.z, truth)
	m.left, m.right = projectors(t, m.z, r)
	m.velocity = m.tangent(&g)
	m.velocity.Scale(-0.5, m.velocity)
	return m
}

// product returns Z.
func product(f solver.Factor) *mat.Dense {
	var z mat.Dense
	z.Mul(f[0], f[len(f)-1].T())
	return &z
}

// projectors returns the orthogonal projectors to the r leading left and right singular vectors.
func projectors(t *testing.T, z *mat.Dense, r int) (left, right *mat.Dense) {
	t.Helper()
	var dec mat.SVD
	if !dec.Factorize(z, mat.SVDThin) {
		t.Fatal("no singular vectors")
	}
	var u, v mat.Dense
	dec.UTo(&u)
	dec.VTo(&v)
	left, right = new(mat.Dense), new(mat.Dense)
	for dst, all := range map[*mat.Dense]*mat.Dense{left: &u, right: &v} {
		rows, _ := all.Dims()
		some := all.Slice(0, rows, 0, r)
		dst.Mul(some, some.T())
	}
	return left, right
}

// tangent returns PA + AQ − PAQ, the projection of A to the tangent space.
func (m *manifold) tangent(a *mat.Dense) *mat.Dense {
	var sum, part mat.Dense
	sum.Mul(m.left, a)
	part.Mul(a, m.right)
	sum.Add(&sum, &part)
	part.Product(m.left, a, m.right)
	sum.Sub(&sum, &part)
	return &sum
}

// after returns R_Z(tξ): Z after a step of size t.
func (m *manifold) after(t *testing.T, r solver.Retraction, step float64) *mat.Dense {
	t.Helper()
	f := m.factor.Clone()
	place := memberOf(t, m.problem, m.par, f[0].RawMatrix().Cols)
	if err := place.Set(solver.Iterate, f); err != nil {
		t.Fatal(err)
	}
	if err := (solver.RGD{StepSize: step, Retraction: r}).Step(place, 0); err != nil {
		t.Fatal(err)
	}
	if err := place.Get(solver.Iterate, f); err != nil {
		t.Fatal(err)
	}
	return product(f)
}

// distance returns ‖A − B‖_F.
func distance(a, b *mat.Dense) float64 {
	var d mat.Dense
	d.Sub(a, b)
	return mat.Norm(&d, 2)
}

// moved returns Z + tξ.
func (m *manifold) moved(step float64) *mat.Dense {
	var s mat.Dense
	s.Scale(step, m.velocity)
	s.Add(&s, m.z)
	return &s
}

// onManifolds calls check for each retraction and both parametrizations, at a point of rank r.
func onManifolds(t *testing.T, r int, check func(t *testing.T, m *manifold, r solver.Retraction)) {
	for _, par := range []solver.Parametrization{solver.PSD{}, solver.UV{}} {
		for _, retraction := range retractions {
			t.Run(par.Name()+" "+retraction.Name(), func(t *testing.T) {
				check(t, newManifold(t, par, r), retraction)
			})
		}
	}
}

// slope returns the power of t by which an error falls from t = 4h to h.
func slope(of func(t float64) float64, h float64) float64 {
	return math.Log(of(4*h)/of(h)) / math.Log(4)
}

// TestRetractionStays: R_Z(0) = Z.
func TestRetractionStays(t *testing.T) {
	onManifolds(t, 2, func(t *testing.T, m *manifold, r solver.Retraction) {
		if d := distance(m.after(t, r, 0), m.z); !(d <= 1e-14*mat.Norm(m.z, 2)) {
			t.Errorf("R(0) is %g from Z", d)
		}
	})
}

// TestRetractionVelocity: the derivative of R_Z at 0 is the identity, and the direction is a tangent: R_Z(tξ)
// − Z − tξ is of the order t², with the ξ that the projectors give.
func TestRetractionVelocity(t *testing.T) {
	onManifolds(t, 2, func(t *testing.T, m *manifold, r solver.Retraction) {
		off := func(h float64) float64 { return distance(m.after(t, r, h), m.moved(h)) }
		if got := slope(off, 2e-4); !(math.Abs(got-2) < 0.02) {
			t.Errorf("it leaves Z + tξ as t^%.3f", got)
		}
		if d := distance(m.tangent(m.velocity), m.velocity); !(d < 1e-13*mat.Norm(m.velocity, 2)) {
			t.Errorf("ξ is %g from the tangent space", d)
		}
	})
}

// TestRetractionRank: R_Z(tξ) has the rank r.
func TestRetractionRank(t *testing.T) {
	onManifolds(t, 2, func(t *testing.T, m *manifold, r solver.Retraction) {
		var dec mat.SVD
		if !dec.Factorize(m.after(t, r, 0.5), mat.SVDNone) {
			t.Fatal("no singular values")
		}
		if s := dec.Values(nil); !(s[1] > 0.1 && s[2] < 1e-14) {
			t.Errorf("singular values %v", s)
		}
	})
}

// TestRetractionAcceleration: the part of the acceleration within the tangent space, (R(tξ) + R(−tξ) −
// 2Z)/t², vanishes as t → 0 if and only if the retraction is of second order.
func TestRetractionAcceleration(t *testing.T) {
	onManifolds(t, 2, func(t *testing.T, m *manifold, r solver.Retraction) {
		within := func(h float64) float64 {
			var a mat.Dense
			a.Add(m.after(t, r, h), m.after(t, r, -h))
			a.Sub(&a, m.z)
			a.Sub(&a, m.z)
			a.Scale(1/(h*h), &a)
			return mat.Norm(m.tangent(&a), 2) / mat.Norm(&a, 2)
		}
		if a := within(1e-3); isSecondOrder(r) != (a < 1e-5) {
			t.Errorf("a share of %g of the acceleration is within the tangent space", a)
		}
	})
}

// TestRetractionInvariance: the next Z depends on Z, not on the choice of the factor: UA and VA⁻ᵀ, or UK with
// KKᵀ = 1 for UUᵀ.
func TestRetractionInvariance(t *testing.T) {
	onManifolds(t, 2, func(t *testing.T, m *manifold, r solver.Retraction) {
		want := m.after(t, r, 0.4)
		sin, cos := math.Sincos(0.7)
		a := mat.NewDense(2, 2, []float64{cos, -sin, sin, cos})
		if len(m.factor) == 2 {
			a = mat.NewDense(2, 2, []float64{2, 1, -0.5, 0.7})
			var inverse, v mat.Dense
			if err := inverse.Inverse(a); err != nil {
				t.Fatal(err)
			}
			v.Mul(m.factor[1], inverse.T())
			m.factor[1] = &v
		}
		var u mat.Dense
		u.Mul(m.factor[0], a)
		m.factor[0] = &u
		if d := distance(m.after(t, r, 0.4), want); !(d < 1e-12) {
			t.Errorf("it depends on the factor: %g", d)
		}
	})
}

// TestProjection: it ends at the matrix of the r largest singular values of Z + tξ.
func TestProjection(t *testing.T) {
	for _, par := range []solver.Parametrization{solver.PSD{}, solver.UV{}} {
		m := newManifold(t, par, 2)
		for _, step := range []float64{0.01, 0.3, 0.9} {
			s := m.moved(step)
			left, _ := projectors(t, s, 2)
			var want mat.Dense
			want.Mul(left, s)
			if d := distance(m.after(t, solver.ProjectionRetraction{}, step), &want); !(d < 1e-13) {
				t.Errorf("%s: t = %g ends %g from the nearest matrix", par.Name(), step, d)
			}
		}
	}
}

// geodesicOfRankOne returns the end of the geodesic from a matrix σuvᵀ with a velocity ξ. The matrices of
// rank one, with the Frobenius metric dσ² + σ²(|du|² + |dv|²), are a cone over pairs of unit vectors.
// Unrolled, its geodesics are straight lines in the plane with the polar coordinates σ and the length of the
// pair's way.
func geodesicOfRankOne(t *testing.T, z, velocity *mat.Dense) *mat.Dense {
	t.Helper()
	var dec mat.SVD
	if !dec.Factorize(z, mat.SVDThin) {
		t.Fatal("no singular vectors")
	}
	var us, vs mat.Dense
	dec.UTo(&us)
	dec.VTo(&vs)
	u, v, sigma := us.ColView(0), vs.ColView(0), dec.Values(nil)[0]
	var right, left mat.VecDense // ξv and ξᵀu
	right.MulVec(velocity, v)
	left.MulVec(velocity.T(), u)
	along := mat.Dot(u, &right) // dσ/dt
	turn := func(at mat.Vector, towards *mat.VecDense) (unit *mat.VecDense, rate float64) {
		unit = mat.NewVecDense(at.Len(), nil)
		unit.AddScaledVec(towards, -along, at)
		rate = mat.Norm(unit, 2)
		unit.ScaleVec(1/rate, unit)
		return unit, rate / sigma
	}
	uTurn, uRate := turn(u, &right)
	vTurn, vRate := turn(v, &left)
	rate := math.Hypot(uRate, vRate)
	angle := math.Atan2(sigma*rate, sigma+along)
	rotated := func(from mat.Vector, to *mat.VecDense, share float64) *mat.VecDense {
		sin, cos := math.Sincos(angle * share)
		x := mat.NewVecDense(from.Len(), nil)
		x.ScaleVec(cos, from)
		x.AddScaledVec(x, sin, to)
		return x
	}
	var end mat.Dense
	end.Outer(math.Hypot(sigma+along, sigma*rate),
		rotated(u, uTurn, uRate/rate), rotated(v, vTurn, vRate/rate))
	return &end
}

// TestRetractionOrder: for rank one the exponential map has a closed form. A retraction differs from it by
// O(t³) if it is of second order, and by O(t²) otherwise. The exponential retraction is it, up to the error
// of its integration.
func TestRetractionOrder(t *testing.T) {
	onManifolds(t, 1, func(t *testing.T, m *manifold, r solver.Retraction) {
		off := func(h float64) float64 {
			var velocity mat.Dense
			velocity.Scale(h, m.velocity)
			return distance(m.after(t, r, h), geodesicOfRankOne(t, m.z, &velocity))
		}
		if r == (solver.ExponentialRetraction{}) {
			if d := off(0.5); !(d < 1e-8) {
				t.Errorf("the geodesic ends %g from its closed form", d)
			}
			return
		}
		want := 2.0
		if isSecondOrder(r) {
			want = 3
		}
		if got := slope(off, 4e-3); !(math.Abs(got-want) < 0.05) {
			t.Errorf("it leaves the geodesic as t^%.3f, want t^%g", got, want)
		}
	})
}

// TestGeodesic: with rank 3 of 6, the velocity of a geodesic has a constant norm, and its acceleration is
// orthogonal to the tangent space at the point where it is, not only at the beginning.
func TestGeodesic(t *testing.T) {
	for _, par := range []solver.Parametrization{solver.PSD{}, solver.UV{}} {
		m := newManifold(t, par, 3)
		const at, h = 0.6, 1e-3
		exp := solver.ExponentialRetraction{}
		before, here, behind := m.after(t, exp, at-h), m.after(t, exp, at), m.after(t, exp, at+h)
		speed := distance(behind, before) / (2 * h) / mat.Norm(m.velocity, 2)
		if !(math.Abs(speed-1) < 1e-5) {
			t.Errorf("%s: the speed changes by a factor of %v", par.Name(), speed)
		}
		var a mat.Dense
		a.Add(before, behind)
		a.Sub(&a, here)
		a.Sub(&a, here)
		there := *m
		there.left, there.right = projectors(t, here, 3)
		if share := mat.Norm(there.tangent(&a), 2) / mat.Norm(&a, 2); !(share < 1e-4) {
			t.Errorf("%s: a share of %g of the acceleration is within the tangent space", par.Name(), share)
		}
	}
}

// TestGeodesicOfFullRank: the matrices of full rank are an open set, whose geodesics are straight lines. So
// is the way of the projection.
func TestGeodesicOfFullRank(t *testing.T) {
	for _, par := range []solver.Parametrization{solver.PSD{}, solver.UV{}} {
		r := 6
		if par == (solver.UV{}) {
			r = 5 // the matrices are 6 × 5
		}
		m := newManifold(t, par, r)
		for _, retraction := range []solver.Retraction{
			solver.ExponentialRetraction{}, solver.ProjectionRetraction{},
		} {
			if d := distance(m.after(t, retraction, 0.1), m.moved(0.1)); !(d < 1e-8) {
				t.Errorf("%s %s ends %g from Z + tξ", par.Name(), retraction.Name(), d)
			}
		}
	}
}

// TestRGDRateUV: near a truth of rank r that is observed whole, the error falls by a factor of 1 − μ/2 in
// each step, for every κ, both parametrizations and every retraction.
func TestRGDRateUV(t *testing.T) {
	const mu = 0.5
	for _, kappa := range []float64{1, 20} {
		truth, err := sensing.NewRectTruth(8, 6, 2, kappa, 3)
		if err != nil {
			t.Fatal(err)
		}
		p := &sensing.Problem{Ensemble: basis{sensing.Rect{N1: 8, N2: 6}}, Truth: truth}
		for _, r := range retractions {
			f := solver.Factor{mat.DenseCopyOf(truth.X()), mat.DenseCopyOf(truth.Right())}
			for i, u := range f {
				rows, _ := u.Dims()
				noise := generic(rows, 2, uint64(7+i))
				noise.Scale(1e-3/(kappa*kappa), noise)
				u.Add(u, noise)
			}
			m := memberOf(t, p, solver.UV{}, 2)
			if err := m.Set(solver.Iterate, f); err != nil {
				t.Fatal(err)
			}
			take := func(count int) float64 {
				for i := range count {
					if err := (solver.RGD{StepSize: mu, Retraction: r}).Step(m, i); err != nil {
						t.Fatal(err)
					}
				}
				return lossOf(t, m)
			}
			before := take(3)
			if got := math.Pow(take(10)/before, 1.0/20); !(math.Abs(got-(1-mu/2)) < 1e-3) {
				t.Errorf("κ = %g, %s: the error falls by %v, want %v", kappa, r.Name(), got, 1-mu/2)
			}
		}
	}
}

// TestRetractionNeeds: no two retractions have one name, and each has at least the slots that it uses: a
// method with fewer would write beyond the engine's.
func TestRetractionNeeds(t *testing.T) {
	names := map[string]bool{}
	for _, r := range retractions {
		if names[r.Name()] {
			t.Errorf("two retractions are called %q", r.Name())
		}
		names[r.Name()] = true
		s := solver.Settings{Start: solver.Random{Alpha: 0.5, Seed: 1}, FactorRank: 2, Iterations: 3}
		for _, m := range []solver.Method{
			solver.RGD{StepSize: 0.1, Retraction: r},
			solver.RSGD{StepSize: 0.1, Retraction: r, Batch: solver.MiniBatches{Size: 300, Seed: 1}},
		} {
			if res := solve(t, problem(t, 0), m, s); res.Status != solver.BudgetSpent {
				t.Errorf("%s with %s ends as %v", m.Name(), r.Name(), res.Status)
			}
		}
	}
}
