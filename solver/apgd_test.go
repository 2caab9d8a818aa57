package solver_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gorgonia.org/tensor"

	"github.com/matsense/matsense/internal/numtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// projector returns the orthogonal projector on the span of a matrix's columns, from its singular vectors.
func projector(t *testing.T, a *mat.Dense) *mat.Dense {
	t.Helper()
	var dec mat.SVD
	if !dec.Factorize(a, mat.SVDThin) {
		t.Fatal("no singular vectors")
	}
	var u, q mat.Dense
	dec.UTo(&u)
	q.Mul(&u, u.T())
	return &q
}

// TestAPGDStep: a step turns the error E = UVᵀ − M* of observations of all entries into
// (I − μ/2 Q_U) E (I − μ/2 Q_V), with the projectors on the columns of V before the step and of U after it.
// The sizes of U and V do not matter. Nor does it matter that the first step makes their norms alike.
func TestAPGDStep(t *testing.T) {
	p := observedRectangle(t, 3)
	truth := productOf(solver.Factor{p.Truth.X(), p.Truth.Right()})
	shrink := func(q *mat.Dense, mu float64) *mat.Dense {
		n, _ := q.Dims()
		var d mat.Dense
		d.Scale(-mu/2, q)
		for i := range n {
			d.Set(i, i, 1+d.At(i, i))
		}
		return &d
	}
	for _, mu := range []float64{0.3, 1, 1.7} {
		for _, size := range []float64{1, 5, 100} {
			t.Run(fmt.Sprintf("step=%g/size=%g", mu, size), func(t *testing.T) {
				f, err := solver.Random{Alpha: 0.2, Seed: 1}.Factor(
					[]solver.Shape{{Rows: 9, Cols: 4}, {Rows: 7, Cols: 4}}, nil)
				if err != nil {
					t.Fatal(err)
				}
				f[0].Scale(size, f[0])
				f[1].Scale(size/4, f[1])
				m := memberOf(t, p, solver.UV{}, 4)
				if err := m.Set(solver.Iterate, f); err != nil {
					t.Fatal(err)
				}
				if err := (solver.APGD{StepSize: mu}).Step(m, 0); err != nil {
					t.Fatal(err)
				}
				after := f.Clone()
				if err := m.Get(solver.Iterate, after); err != nil {
					t.Fatal(err)
				}
				var e, want, got mat.Dense
				e.Sub(productOf(f), truth)
				want.Product(shrink(projector(t, after[0]), mu), &e, shrink(projector(t, f[1]), mu))
				got.Sub(productOf(after), truth)
				got.Sub(&got, &want)
				// The damping is 2e-13 of the squares, and conditions of UᵀU and VᵀV are below 1e3.
				if d := mat.Norm(&got, 2); !(d < 1e-9*mat.Norm(&e, 2)) {
					t.Errorf("the error is %g from the one that the equation gives", d)
				}
				if u, v := mat.Norm(after[0], 2), mat.Norm(after[1], 2); !(u < 2*v && v < 2*u) {
					t.Errorf("the norms of U and V are %g and %g", u, v)
				}
			})
		}
	}
}

// gaussNewton returns the Δ for which ΔPᵀ is nearest to G in the Frobenius norm, by the normal equations
// JᵀJ·Δ = Jᵀ·G in all entries of Δ, with the Jacobian J of Δ ↦ ΔPᵀ.
func gaussNewton(t *testing.T, g mat.Matrix, p *mat.Dense) *mat.Dense {
	t.Helper()
	rows, cols := g.Dims()
	_, r := p.Dims()
	j, right := mat.NewDense(rows*cols, rows*r, nil), mat.NewVecDense(rows*cols, nil)
	for i := range rows {
		for k := range cols {
			right.SetVec(i*cols+k, g.At(i, k))
			for l := range r {
				j.Set(i*cols+k, i*r+l, p.At(k, l))
			}
		}
	}
	var normal, b, delta mat.Dense
	normal.Mul(j.T(), j)
	b.Mul(j.T(), right)
	if err := delta.Solve(&normal, &b); err != nil {
		t.Fatal(err)
	}
	return mat.NewDense(rows, r, delta.RawMatrix().Data)
}

// TestAPGDIsGaussNewton: a step of size μ is one of the approximated Gauss-Newton method with η = μ/2, which
// minimizes the residuals' linear model over U and then over V, with the identity for 1/m Σ ⟨A_i, ·⟩A_i in
// the normal equations. There are fewer measurements than unknowns, so they are no isometry. The first step
// also makes the norms of U and V alike, and agrees in UVᵀ.
func TestAPGDIsGaussNewton(t *testing.T) {
	const n1, n2, r, m, mu = 9, 7, 4, 40, 0.6
	rng := rand.New(rand.NewPCG(1, 2))
	normals := func(rows, cols int) *mat.Dense {
		a := mat.NewDense(rows, cols, nil)
		a.Apply(func(int, int, float64) float64 { return rng.NormFloat64() }, a)
		return a
	}
	all, y := normals(m, n1*n2), normals(m, 1).RawMatrix().Data
	e, err := sensing.NewRectDense(tensor.New(tensor.WithShape(m, n1, n2),
		tensor.WithBacking(all.RawMatrix().Data)))
	if err != nil {
		t.Fatal(err)
	}
	gradient := func(f solver.Factor) *mat.Dense { // G = 1/m Σ res_i A_i
		g := mat.NewDense(n1, n2, nil)
		z := productOf(f)
		for i := range m {
			a := mat.NewDense(n1, n2, all.RawRowView(i))
			var entries, part mat.Dense
			entries.MulElem(a, z)
			part.Scale((mat.Sum(&entries)-y[i])/m, a)
			g.Add(g, &part)
		}
		return g
	}
	f := solver.Factor{normals(n1, r), normals(n2, r)}
	f[1].Scale(5, f[1])
	member := memberOf(t, &sensing.Problem{Ensemble: e, Observations: y}, solver.UV{}, r)
	if err := member.Set(solver.Iterate, f); err != nil {
		t.Fatal(err)
	}
	near := func(what string, iteration int, got, want *mat.Dense) {
		t.Helper()
		var d mat.Dense
		d.Sub(got, want)
		// The damping is 2e-13 of the squares, and conditions of UᵀU and VᵀV are below 100.
		if off := mat.Norm(&d, 2) / mat.Norm(want, 2); !(off < 1e-10) {
			t.Errorf("step %d: %s is %g from that of Gauss-Newton", iteration, what, off)
		}
	}
	for iteration := range 4 {
		want := f.Clone()
		for k := range want {
			var g mat.Matrix = gradient(want)
			if k == 1 {
				g = g.T()
			}
			delta := gaussNewton(t, g, want[1-k])
			delta.Scale(mu/2, delta)
			want[k].Sub(want[k], delta)
		}
		if err := (solver.APGD{StepSize: mu}).Step(member, iteration); err != nil {
			t.Fatal(err)
		}
		if err := member.Get(solver.Iterate, f); err != nil {
			t.Fatal(err)
		}
		near("UVᵀ", iteration, productOf(f), productOf(want))
		if iteration > 0 {
			near("U", iteration, f[0], want[0])
			near("V", iteration, f[1], want[1])
		}
	}
}

// TestAPGDConditions: from small random starts with eight columns for a truth of rank 2, the error of
// Gaussian measurements falls to 1e-10 in as many steps for κ = 1 as for κ = 100 (of M*: 10⁴), and then to
// rounding, where it stays. Without the damping UᵀU has no inverse by then.
func TestAPGDConditions(t *testing.T) {
	numtest.Law(t)
	const target, iterations = 1e-10, 200
	run := func(kappa float64, seed uint64, m solver.Method) solver.Trajectory {
		var path solver.Trajectory
		solve(t, rectangular(t, 600, kappa), m, solver.Settings{
			Parametrization: solver.UV{}, FactorRank: 8, Start: solver.Random{Alpha: 1e-3, Seed: seed},
			Iterations: iterations, MeasureEvery: 1, Stopper: solver.LossBelow(0), Recorder: &path,
		})
		return path
	}
	for seed := range uint64(3) {
		var steps []int
		for _, kappa := range []float64{1, 10, 100} {
			path := run(kappa, seed, solver.APGD{StepSize: 1.6})
			above := 0
			for _, x := range path {
				if !(x.TestError < target) {
					above = x.Iteration
				}
			}
			if last := path[len(path)-1]; last.Iteration != iterations || !(last.TestError < 1e-13) {
				t.Errorf("κ = %g: the error is %g after %d steps", kappa, last.TestError, last.Iteration)
			}
			steps = append(steps, above+1)
		}
		if least, most := slices.Min(steps), slices.Max(steps); most > iterations/4 || most-least > least/4 {
			t.Errorf("%v steps", steps)
		}
	}
	plain := run(1, 0, solver.GD{StepSize: 0.5})
	if last := plain[len(plain)-1].TestError; !(last > 1e-5) {
		t.Errorf("gradient descent comes to %g too", last)
	}
}

// TestAPGDResumes: the slot that tells U from V is part of the state, and a resumed run gives the same bits.
func TestAPGDResumes(t *testing.T) {
	p := rectangular(t, 400, 2)
	method := solver.APGD{StepSize: 0.8}
	settings := func(iterations int) solver.Settings {
		return solver.Settings{Parametrization: solver.UV{}, Start: solver.Random{Alpha: 0.1, Seed: 1},
			FactorRank: 4, Iterations: iterations}
	}
	resumes(t, p, method, settings, 20, 1, 7)
}

// TestAPGDSuits: other parametrizations have no U and V of one product.
func TestAPGDSuits(t *testing.T) {
	for _, p := range []solver.Parametrization{solver.PSD{}, solver.Indefinite{}, solver.Deep{Depth: 2}} {
		if solver.Suits(solver.APGD{}, p) == nil {
			t.Errorf("%s is not refused", p.Name())
		}
	}
	if err := solver.Suits(solver.APGD{}, solver.UV{}); err != nil {
		t.Error(err)
	}
}
