package solver_test

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/internal/numtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestZerothOrderNewtonScalar: one number u with the truth 1, f = (u² − 1)²/4, from u = 0.9: a step of the
// first stage and two of the second. The one direction is ±1 after scaling, and the Hessian a second
// difference; from 0.2 it is negative at first, and raised to M.
func TestZerothOrderNewtonScalar(t *testing.T) {
	const step, radius, eta, least, sigma, q, b, seed = 0.3, 0.01, 0.02, 0.4, 1e-5, 3, 2, 1<<40 + 7
	f := func(u float64) float64 { return (u*u - 1) * (u*u - 1) / 4 }
	for _, u := range []float64{0.9, 0.2} {
		first := solver.ZerothOrder{StepSize: step, Directions: q, Radius: radius, Noise: sigma, Seed: seed}
		m := solver.ZerothOrderNewton{First: first, Bootstrap: b, HessianRadius: eta, LeastCurvature: least}
		problem, start := observedWhole(t, 1, 1, 1), mat.NewDense(1, 1, []float64{u})
		got := steps(t, memberAt(t, problem, start), m, mat.NewDense(1, 1, nil), b+2)
		u = steps(t, memberAt(t, problem, start), first, mat.NewDense(1, 1, nil), b).At(0, 0)
		row := uint64(b * q)
		for range 2 {
			var w [4]float64
			sensing.NewStream(seed, 8).Normals(row, w[:])
			h := (f(u+2*eta) + sigma*w[0] - f(u) - sigma*w[1] - f(u) - sigma*w[2] + f(u-2*eta) + sigma*w[3]) /
				(4 * eta * eta)
			row++
			scale := 1 / math.Sqrt(math.Max(h, least))
			g := 0.0
			for range b * q {
				var v [1]float64
				sensing.NewStream(seed, 7).Normals(row, v[:])
				sensing.NewStream(seed, 8).Normals(row, w[:2])
				sign := math.Copysign(1, v[0])
				at := radius * scale * sign
				g += (f(u+at) + sigma*w[0] - f(u-at) - sigma*w[1]) / (2 * radius) * sign / (b * q)
				row++
			}
			u -= scale * g
		}
		if !(math.Abs(got.At(0, 0)-u) <= 1e-11) { // roundings of f of 1e-16, divided by 4η²
			t.Errorf("%v, want %v", got.At(0, 0), u)
		}
	}
}

// TestZerothOrderNewtonMoments: with a truth that is observed whole and one column, f = ‖uuᵀ − M*‖²_F/4 is of
// degree 4. So the differences give H = ‖u‖²I + 2uuᵀ − M* + 2η²I and, along w = Rv with R = H^(−1/2),
// ∇f·w + δ²/2·(u·w)‖w‖²·2, without further terms. The mean over the sphere of radius √d is
//
//	E g = R·(∇f + δ²·d/(d + 2)·(tr(H⁻¹)u + 2H⁻¹u)),
//
// and at the solution the variance of g is d·σ²/(2δ²Q) with Q directions.
func TestZerothOrderNewtonMoments(t *testing.T) {
	numtest.Law(t)
	const n, q, b, draws, eta = 5, 4, 2, 4000, 0.3
	problem := observedWhole(t, n, 1, 1)
	truth := mat.NewDense(n, n, nil)
	problem.Truth.Matrix(truth)
	solution := mat.DenseCopyOf(problem.Truth.X())
	near := mat.DenseCopyOf(solution)
	near.Set(0, 0, near.At(0, 0)+0.05)
	near.Set(3, 0, near.At(3, 0)-0.1)
	for _, c := range []struct {
		u             *mat.Dense
		radius, sigma float64
	}{{near, 1e-3, 0}, {near, 0.3, 0}, {solution, 0.02, 1e-4}} {
		var h, outer, inverse, difference, bend, want mat.Dense
		outer.Mul(c.u, c.u.T())
		difference.Sub(&outer, truth)
		h.Scale(2, &outer)
		h.Sub(&h, truth)
		for i := range n {
			h.Set(i, i, h.At(i, i)+square(mat.Norm(c.u, 2))+2*eta*eta)
		}
		if err := inverse.Inverse(&h); err != nil {
			t.Fatal(err)
		}
		bend.Mul(&inverse, c.u)
		bend.Scale(2, &bend)
		bend.Add(&bend, scaledBy(mat.Trace(&inverse), c.u))
		bend.Scale(c.radius*c.radius*n/(n+2), &bend)
		want.Mul(&difference, c.u)
		want.Add(&want, &bend)
		want.Mul(&inverse, &want)
		want.Scale(-1, &want) // the mean step, −R·E g

		e := memberAt(t, problem, c.u)
		m := solver.ZerothOrderNewton{
			First:     solver.ZerothOrder{Directions: q, Radius: c.radius, Noise: c.sigma, Seed: 3},
			Bootstrap: b, HessianRadius: eta, LeastCurvature: 0.1,
		}
		mean, squares, spread := mat.NewDense(n, 1, nil), 0.0, 0.0
		for i := range draws {
			if err := e.Set(solver.Iterate, solver.Factor{c.u}); err != nil {
				t.Fatal(err)
			}
			if err := m.Step(e, b+i); err != nil {
				t.Fatal(err)
			}
			got := solver.NewFactor(e.Shapes())
			if err := e.Get(solver.Iterate, got); err != nil {
				t.Fatal(err)
			}
			got[0].Sub(got[0], c.u)
			mean.Add(mean, scaledBy(1./draws, got[0]))
			got[0].Sub(got[0], &want)
			squares += square(mat.Norm(got[0], 2)) / draws
			var of mat.Dense // R⁻¹ of it has the norm of g's random part
			of.Mul(&h, got[0])
			spread += mat.Dot(of.ColView(0), got[0].ColView(0)) / draws
		}
		mean.Sub(mean, &want)
		if off, bound := mat.Norm(mean, 2), 4*math.Sqrt(squares/draws); !(off <= bound) {
			t.Errorf("δ = %g, σ = %g: the mean step is off by %g, and 4 of its standard errors are %g",
				c.radius, c.sigma, off, bound)
		}
		// At the solution the bias of a direction varies as well, by far less than the noise.
		if variance := n * square(c.sigma) / (2 * square(c.radius) * b * q); c.sigma > 0 &&
			!(math.Abs(spread/variance-1) <= 0.1) {
			t.Errorf("the variance of g is %g, want %g", spread, variance)
		}
	}
}

// scaledBy returns a·x.
func scaledBy(a float64, x mat.Matrix) *mat.Dense {
	var y mat.Dense
	y.Scale(a, x)
	return &y
}

// TestZerothOrderNewtonRecovers: Newton steps without noise converge in a few steps where the first stage has
// come near, and a resumed run equals an uninterrupted one.
func TestZerothOrderNewtonRecovers(t *testing.T) {
	e, err := sensing.NewGaussian(sensing.Sym{N: 8}, 100, sensing.F64, 2)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := sensing.NewTruth(8, 1, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	solve := func(iterations int, resume *solver.State) (solver.Trajectory, *solver.State) {
		var path solver.Trajectory
		var kept solver.State
		if _, err := solver.Solve(background, &sensing.Problem{Ensemble: e, Truth: truth}, cpu.Backend{},
			solver.ZerothOrderNewton{
				First:     solver.ZerothOrder{StepSize: 0.25, Radius: 1e-5, Seed: 4},
				Bootstrap: 30, HessianRadius: 1e-3, LeastCurvature: 0.1,
			}, solver.Settings{
				Start: solver.Spectral{}, FactorRank: 1, Iterations: iterations, MeasureEvery: 1,
				Recorder: &path, Resume: resume,
				Keep: func(s solver.State) error { kept = s; return nil },
			}); err != nil {
			t.Fatal(err)
		}
		return path, &kept
	}
	whole, _ := solve(34, nil)
	last := whole[len(whole)-1]
	if before := whole[30].TestError; !(last.TestError < 1e-3*before) {
		t.Errorf("four steps of the second stage go from a test error of %g to %g", before, last.TestError)
	}
	for _, s := range whole { // d = 8 numbers and directions
		want := 2. * 8 * float64(min(s.Iteration, 30))
		if s.Iteration > 30 {
			want += float64(s.Iteration-30) * (2*8*9 + 2*8*30)
		}
		if s.Evaluations != want {
			t.Errorf("%v evaluations in %d steps, want %v", s.Evaluations, s.Iteration, want)
		}
	}
	_, state := solve(32, nil)
	if len(state.Slots) != 1 {
		t.Errorf("a state holds %d slots: points are scratch", len(state.Slots))
	}
	parts, _ := solve(34, state)
	if again := parts[len(parts)-1]; again.TestError != last.TestError {
		t.Errorf("a resumed run ends at %v, an uninterrupted one at %v", again.TestError, last.TestError)
	}
}
