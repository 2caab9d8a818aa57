package solver_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/numtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// observedSquare returns a problem of a symmetric 9 × 9 truth of rank 2 whose measurements are an isometry,
// so that f = ‖Z − M*‖²_F/4.
func observedSquare(t *testing.T, kappa float64) *sensing.Problem {
	t.Helper()
	truth, err := sensing.NewTruth(9, 2, kappa, 5)
	if err != nil {
		t.Fatal(err)
	}
	return &sensing.Problem{Ensemble: basis{sensing.Sym{N: 9}}, Truth: truth}
}

// nearestOrthonormal returns PQᵀ of A = PΣQᵀ.
func nearestOrthonormal(t *testing.T, a *mat.Dense) *mat.Dense {
	t.Helper()
	var dec mat.SVD
	if !dec.Factorize(a, mat.SVDThin) {
		t.Fatal("no singular vectors")
	}
	var p, q, x mat.Dense
	dec.UTo(&p)
	dec.VTo(&q)
	x.Mul(&p, q.T())
	return &x
}

// inverseRoot returns (I + μ²DᵀD)^(−1/2), by eigenvectors.
func inverseRoot(t *testing.T, d *mat.Dense, mu float64) *mat.Dense {
	t.Helper()
	_, r := d.Dims()
	s := mat.NewSymDense(r, nil)
	s.SymOuterK(mu*mu, d.T())
	for i := range r {
		s.SetSym(i, i, 1+s.At(i, i))
	}
	var eig mat.EigenSym
	if !eig.Factorize(s, true) {
		t.Fatal("no eigenvectors")
	}
	var v, root mat.Dense
	eig.VectorsTo(&v)
	values := eig.Values(nil)
	for i, x := range values {
		values[i] = 1 / math.Sqrt(x)
	}
	root.Product(&v, mat.NewDiagDense(r, values), v.T())
	return &root
}

// startOf returns X and Θ of a random start, with a Θ that is not symmetric.
func startOf(t *testing.T, n, r int, alpha float64, seed uint64) solver.Factor {
	t.Helper()
	f, err := solver.Random{Alpha: alpha, AlphaRight: 1, Seed: seed}.Factor(
		[]solver.Shape{{Rows: n, Cols: r}, {Rows: r, Cols: r}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestWeightNormalizationStep: with measurements that are an isometry, the first step is that of the paper's
// algorithm, with the polar decomposition from singular vectors, the Riemannian gradient as
// (I − XXᵀ)∇ + ½X(Xᵀ∇ − ∇ᵀX), and the root in the retraction from eigenvectors. The step of Θ leaves
// (1 − ν/2)Θ + ν/2·XᵀM*X: with ν = 2 the best Θ. The size of the start does not matter.
func TestWeightNormalizationStep(t *testing.T) {
	p := observedSquare(t, 2)
	for _, r := range []int{1, 3, 9} {
		for _, mu := range []float64{0.2, 1} {
			for _, nu := range []float64{2, 0.7} {
				for _, alpha := range []float64{1, 1e-8} {
					t.Run(fmt.Sprintf("r=%d/step=%g/magnitude=%g/alpha=%g", r, mu, nu, alpha),
						func(t *testing.T) { checkNormalizedStep(t, p, r, mu, nu, alpha) })
				}
			}
		}
	}
}

func checkNormalizedStep(t *testing.T, p *sensing.Problem, r int, mu, nu, alpha float64) {
	truth := productOf(solver.Factor{p.Truth.X(), p.Truth.X()})
	f := startOf(t, 9, r, alpha, 1)
	m := memberOf(t, p, solver.Polar{}, r)
	if err := m.Set(solver.Iterate, f); err != nil {
		t.Fatal(err)
	}
	if err := (solver.WeightNormalization{StepSize: mu, MagnitudeStep: nu}).Step(m, 0); err != nil {
		t.Fatal(err)
	}
	after := f.Clone()
	if err := m.Get(solver.Iterate, after); err != nil {
		t.Fatal(err)
	}

	x := nearestOrthonormal(t, f[0])
	var theta, z, e, g, cross, d, within, straight, next, middle, inside mat.Dense
	theta.Add(f[1], f[1].T())
	theta.Scale(0.5, &theta)
	z.Product(x, &theta, x.T())
	e.Sub(&z, truth)
	g.Product(&e, x, &theta)
	cross.Mul(x.T(), &g)
	within.Mul(x, &cross)
	d.Sub(&g, &within)
	middle.Sub(&cross, cross.T())
	within.Mul(x, &middle)
	within.Scale(0.5, &within)
	d.Add(&d, &within)
	straight.Scale(-mu, &d)
	straight.Add(x, &straight)
	next.Mul(&straight, inverseRoot(t, &d, mu))
	// The distance of a condition below 1e3 from orthonormal columns costs about 1e-13.
	if !mat.EqualApprox(after[0], &next, 1e-12) {
		var off mat.Dense
		off.Sub(after[0], &next)
		t.Errorf("X is %g from the algorithm's", mat.Norm(&off, 2))
	}
	inside.Product(next.T(), truth, &next)
	inside.Scale(nu/2, &inside)
	var want, got mat.Dense
	want.Scale(1-nu/2, &theta)
	want.Add(&want, &inside)
	got.Add(after[1], after[1].T())
	got.Scale(0.5, &got)
	if !mat.EqualApprox(&got, &want, 1e-12) {
		got.Sub(&got, &want)
		t.Errorf("Θ is %g from the equation's", mat.Norm(&got, 2))
	}
}

// TestWeightNormalizationAligns: with measurements that are an isometry, tr(ΦΦᵀ) with Φ = QᵀX and an
// orthonormal basis Q of the truth's columns never falls, and comes to r*, and Z to M*. The columns stay
// orthonormal.
func TestWeightNormalizationAligns(t *testing.T) {
	p := observedSquare(t, 1.5)
	q := nearestOrthonormal(t, p.Truth.X()) // an orthonormal basis of its columns
	for _, r := range []int{3, 5, 9} {
		f := startOf(t, 9, r, 1e-3, 7)
		m := memberOf(t, p, solver.Polar{}, r)
		if err := m.Set(solver.Iterate, f); err != nil {
			t.Fatal(err)
		}
		method := solver.WeightNormalization{StepSize: 0.3, MagnitudeStep: 2}
		last := 0.0
		for i := range 1500 {
			if err := method.Step(m, i); err != nil {
				t.Fatal(err)
			}
			if err := m.Get(solver.Iterate, f); err != nil {
				t.Fatal(err)
			}
			var phi mat.Dense
			phi.Mul(q.T(), f[0])
			aligned := math.Pow(mat.Norm(&phi, 2), 2)
			// The first steps start from an arbitrary Θ.
			if i > 1 && aligned < last-1e-13 {
				t.Fatalf("r = %d: the alignment falls from %g to %g in step %d", r, last, aligned, i)
			}
			last = aligned
		}
		if !(math.Abs(last-2) < 1e-12) {
			t.Errorf("r = %d: the alignment comes to %g of 2", r, last)
		}
		var square, z mat.Dense
		square.Mul(f[0].T(), f[0])
		for i := range r {
			square.Set(i, i, square.At(i, i)-1)
		}
		if off := mat.Norm(&square, 2); !(off < 1e-14*float64(r)) {
			t.Errorf("r = %d: XᵀX is %g from the identity", r, off)
		}
		z.Product(f[0], f[1], f[0].T())
		if !mat.EqualApprox(f[1], f[1].T(), 1e-14) {
			t.Errorf("r = %d: Θ is not symmetric", r)
		}
		z.Sub(&z, productOf(solver.Factor{p.Truth.X(), p.Truth.X()}))
		if off := mat.Norm(&z, 2); !(off < 1e-11) {
			t.Errorf("r = %d: the error is %g", r, off)
		}
	}
}

// TestWeightNormalizationConverges: with Gaussian measurements and more columns than the rank, the error
// falls to rounding, in fewer steps with more columns, while gradient descent on UUᵀ does not come near.
func TestWeightNormalizationConverges(t *testing.T) {
	numtest.Law(t)
	e, err := sensing.NewGaussian(sensing.Sym{N: 12}, 900, sensing.F64, 3)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := sensing.NewTruth(12, 2, 1.2, 3)
	if err != nil {
		t.Fatal(err)
	}
	p := &sensing.Problem{Ensemble: e, Truth: truth}
	run := func(m solver.Method, par solver.Parametrization, r int, seed uint64, alpha float64) (reached int,
		last float64) {
		var path solver.Trajectory
		solve(t, p, m, solver.Settings{
			Parametrization: par, FactorRank: r, Start: solver.Random{Alpha: alpha, Seed: seed},
			Iterations: 600, MeasureEvery: 1, Stopper: solver.LossBelow(0), Recorder: &path,
		})
		reached = -1
		for _, x := range path {
			if reached < 0 && x.TestError < 1e-3 {
				reached = x.Iteration
			}
		}
		return reached, path[len(path)-1].TestError
	}
	method := solver.WeightNormalization{StepSize: 0.5, MagnitudeStep: 2}
	steps := map[int]int{}
	for _, r := range []int{4, 6, 12} {
		for seed := range uint64(3) {
			reached, last := run(method, solver.Polar{}, r, seed, 1e-3)
			if reached < 0 || !(last < 1e-13) {
				t.Errorf("r = %d: the error is %g at the end", r, last)
			}
			steps[r] += reached
		}
	}
	if steps[4] <= steps[6] || steps[6] <= 2*steps[12] {
		t.Errorf("%v steps", steps)
	}
	if _, last := run(solver.GD{StepSize: 0.25}, solver.PSD{}, 6, 0, 0.1); !(last > 1e-4) {
		t.Errorf("gradient descent comes to %g too", last)
	}
}

// TestWeightNormalizationResumes: the slot that tells X from Θ is part of the state, and a resumed run gives
// the same bits.
func TestWeightNormalizationResumes(t *testing.T) {
	p := problem(t, 0)
	method := solver.WeightNormalization{StepSize: 0.5, MagnitudeStep: 1}
	settings := func(iterations int) solver.Settings {
		return solver.Settings{Parametrization: solver.Polar{}, Start: solver.Random{Alpha: 0.1, Seed: 1},
			FactorRank: 4, Iterations: iterations}
	}
	resumes(t, p, method, settings, 20, 1, 7)
}

// TestWeightNormalizationSuits: other parametrizations have no X and Θ, and other methods do not take the
// partners of XΘXᵀ for what they scale by.
func TestWeightNormalizationSuits(t *testing.T) {
	method := solver.WeightNormalization{StepSize: 1, MagnitudeStep: 2}
	for _, p := range []solver.Parametrization{solver.PSD{}, solver.UV{}, solver.Deep{Depth: 2}} {
		if solver.Suits(method, p) == nil {
			t.Errorf("%s is not refused", p.Name())
		}
	}
	if err := solver.Suits(method, solver.Polar{}); err != nil {
		t.Error(err)
	}
	m := memberOf(t, observedSquare(t, 1), solver.Polar{}, 10)
	if err := method.Step(m, 0); err == nil || !strings.Contains(err.Error(), "10 columns of 9 numbers") {
		t.Errorf("ten columns of nine numbers: %v", err)
	}
	for _, m := range []solver.Method{solver.ScaledGD{}, solver.ScaledGDLambda{}, solver.PrecGD{},
		solver.ScaledSubgradient{}, solver.RGD{}, solver.RGDA{}} {
		if solver.Suits(m, solver.Polar{}) == nil {
			t.Errorf("%s is not refused for XΘXᵀ", m.Name())
		}
	}
}
