package solver_test

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestZerothOrderScalar: one number u with the truth 1, f = (u² − 1)²/4. Directions and noise are rows of
// their streams.
func TestZerothOrderScalar(t *testing.T) {
	const step, radius, sigma, q, seed = 0.3, 0.01, 1e-3, 6, 1<<40 + 7
	f := func(u float64) float64 { return (u*u - 1) * (u*u - 1) / 4 }
	m := solver.ZerothOrder{StepSize: step, Directions: q, Radius: radius, Noise: sigma, Seed: seed}
	u := 0.4
	got := steps(t, memberAt(t, observedWhole(t, 1, 1, 1), mat.NewDense(1, 1, []float64{u})), m,
		mat.NewDense(1, 1, nil), 3)
	for i := range 3 {
		g := 0.0
		for k := range q {
			var p [1]float64
			var w [2]float64
			sensing.NewStream(seed, 7).Normals(uint64(i*q+k), p[:])
			sensing.NewStream(seed, 8).Normals(uint64(i*q+k), w[:])
			g += (f(u+radius*p[0]) + sigma*w[0] - f(u-radius*p[0]) - sigma*w[1]) / (2 * radius) * p[0] / q
		}
		u -= step * g
	}
	if math.Abs(got.At(0, 0)-u) > 1e-13 { // roundings of f of 1e-16, divided by the radius
		t.Errorf("%v, want %v", got.At(0, 0), u)
	}
}

// TestZerothOrderMoments: with a truth that is observed whole, and one column, f = ‖uuᵀ − M*‖²_F/4 and ∇Δf =
// 2(n + 2)u, so that
//
//	E g = ∇f + δ²(n + 2)u + O(δ⁴),   E‖g − E g‖² ≈ (d + 1)/q·‖∇f‖² + d·σ²/(2δ²q).
func TestZerothOrderMoments(t *testing.T) {
	const n, q, draws = 6, 4, 3000
	problem := observedWhole(t, n, 1, 1)
	u := mat.NewDense(n, 1, []float64{0.5, -0.2, 0.3, 0.1, -0.4, 0.2})
	e := memberAt(t, problem, u)
	if err := e.Gradient(); err != nil {
		t.Fatal(err)
	}
	slope := solver.NewFactor(e.Shapes())
	if err := e.Get(solver.Gradient, slope); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ radius, sigma float64 }{{1e-4, 0}, {0.1, 0}, {0.1, 0.05}} {
		var mean mat.Dense
		mean.Scale(c.radius*c.radius*(n+2), u)
		mean.Add(&mean, slope[0])
		variance := (n+1)/float64(q)*square(mat.Norm(&mean, 2)) + n*c.sigma*c.sigma/(2*c.radius*c.radius*q)

		sum, spread := mat.NewDense(n, 1, nil), 0.0
		m := solver.ZerothOrder{StepSize: 1, Directions: q, Radius: c.radius, Noise: c.sigma, Seed: 3}
		for i := range draws {
			if err := e.Set(solver.Iterate, solver.Factor{u}); err != nil {
				t.Fatal(err)
			}
			if err := m.Step(e, i); err != nil {
				t.Fatal(err)
			}
			g := solver.NewFactor(e.Shapes())
			if err := e.Get(solver.Gradient, g); err != nil {
				t.Fatal(err)
			}
			sum.Add(sum, g[0])
			g[0].Sub(g[0], &mean)
			spread += square(mat.Norm(g[0], 2)) / draws
		}
		sum.Scale(1.0/draws, sum)
		sum.Sub(sum, &mean)
		// Of a sum of n squares, as its mean is 1.
		if off, sigmas := mat.Norm(sum, 2), math.Sqrt(variance/draws); !(off < 3*sigmas) {
			t.Errorf("δ = %g, σ = %g: the mean is off by %v, and its deviation is %v",
				c.radius, c.sigma, off, sigmas)
		}
		if !(math.Abs(spread/variance-1) < 0.1) { // 3000 draws, and terms in δ²
			t.Errorf("δ = %g, σ = %g: the variance is %v, want %v", c.radius, c.sigma, spread, variance)
		}
	}
}

func square(x float64) float64 { return x * x }

// TestZerothOrderRecovers: values alone suffice to find matrices in each parametrization, evaluations are
// counted, and a resumed run has the same bits.
func TestZerothOrderRecovers(t *testing.T) {
	square := sensing.Sym{N: 8}
	truth, err := sensing.NewTruth(8, 1, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	wide := sensing.Rect{N1: 6, N2: 4}
	wideTruth, err := sensing.NewRectTruth(6, 4, 1, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		space sensing.Space
		truth *sensing.Truth
		par   solver.Parametrization
		step  float64
	}{{square, truth, solver.PSD{}, 0.25}, {wide, wideTruth, solver.UV{}, 0.5}} {
		e, err := sensing.NewGaussian(c.space, 100, sensing.F64, 2)
		if err != nil {
			t.Fatal(err)
		}
		problem := &sensing.Problem{Ensemble: e, Truth: c.truth}
		solve := func(iterations int, resume *solver.State) (solver.Trajectory, *solver.State) {
			var path solver.Trajectory
			var kept solver.State
			if _, err := solver.Solve(background, problem, cpu.Backend{},
				solver.ZerothOrder{StepSize: c.step, Radius: 1e-5, Noise: 1e-13, Seed: 4}, solver.Settings{
					Start: solver.Random{Alpha: 1e-3, Seed: 2}, Parametrization: c.par, FactorRank: 1,
					Iterations: iterations, MeasureEvery: 50, Recorder: &path, Resume: resume,
					Keep: func(s solver.State) error { kept = s; return nil },
				}); err != nil {
				t.Fatal(err)
			}
			return path, &kept
		}
		whole, _ := solve(300, nil)
		last := whole[len(whole)-1]
		if !(last.TestError < 1e-6) {
			t.Errorf("%s: the test error is %v", c.par.Name(), last.TestError)
		}
		n1, n2 := c.space.Dims()
		numbers := n1
		if c.par != (solver.PSD{}) {
			numbers += n2
		}
		for _, s := range whole {
			if s.Evaluations != float64(2*numbers*s.Iteration) { // as many directions as numbers
				t.Errorf("%s: %v evaluations in %d steps of %d numbers",
					c.par.Name(), s.Evaluations, s.Iteration, numbers)
			}
		}
		_, state := solve(120, nil)
		if len(state.Slots) != 1 {
			t.Errorf("%s: a state holds %d slots: directions and points are scratch", c.par.Name(), len(state.Slots))
		}
		parts, _ := solve(300, state)
		if again := parts[len(parts)-1]; again.TestError != last.TestError ||
			again.TrainLoss != last.TrainLoss {
			t.Errorf("%s: a resumed run ends at %v, an uninterrupted one at %v",
				c.par.Name(), again.TestError, last.TestError)
		}
	}
	var path solver.Trajectory
	e, err := sensing.NewGaussian(square, 100, sensing.F64, 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := solver.Solve(background, &sensing.Problem{Ensemble: e, Truth: truth}, cpu.Backend{},
		solver.GD{StepSize: 0.25},
		solver.Settings{Start: solver.Random{Alpha: 1e-3}, Recorder: &path}); err != nil ||
		!math.IsNaN(path[0].Evaluations) {
		t.Errorf("gradient descent counts %v evaluations, %v", path[0].Evaluations, err)
	}
}
