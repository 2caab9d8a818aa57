package solver_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// shiftOf returns the shift of a member.
func shiftOf(t *testing.T, m *solver.Member) []float64 {
	t.Helper()
	e := solver.NewFactor(m.ShapesOf(solver.VectorSlot))
	if err := m.Get(solver.VectorSlot, e); err != nil {
		t.Fatal(err)
	}
	return e[0].RawMatrix().Data
}

// TestRGDAScalar: one number u with the truth 1, observed once, and one shift, which reaches the end of its
// interval on the way.
func TestRGDAScalar(t *testing.T) {
	const step, up, weight, radius = 0.3, 0.4, 1.5, 0.25
	u, shift, met := 0.3, 0.0, false
	e := memberAt(t, observedWhole(t, 1, 1, 1), mat.NewDense(1, 1, []float64{u}))
	m := solver.RGDA{StepSize: step, AdversaryStep: up, Weight: weight, Radius: radius}
	for i := range 12 {
		got := steps(t, e, m, mat.NewDense(1, 1, nil), 1)
		res := u*u - 1
		u, shift = u-step*(res-shift)*u/(u*u), shift-up*(res+(weight-1)*shift)
		met = met || math.Abs(shift) > radius
		shift = max(-radius, min(shift, radius))
		if math.Abs(got.At(0, 0)-u) > 1e-14 || math.Abs(shiftOf(t, e)[0]-shift) > 1e-14 {
			t.Fatalf("step %d: %v and %v, want %v and %v", i, got.At(0, 0), shiftOf(t, e)[0], u, shift)
		}
	}
	if !met {
		t.Error("the shift never met its bound")
	}
}

// TestRGDARate: near a truth that is observed whole, take an error of Z in a direction between the truth's
// columns and the rest, and the shift that answers it. The matrix 1 − [μ −μ; η η(λ − 1)] moves the two.
// Within the truth's columns the same holds with 2μ for μ. The slower of the two decides the rate.
func TestRGDARate(t *testing.T) {
	const n, rank, step, up, weight = 7, 2, 0.3, 0.2, 2.5
	for _, kappa := range []float64{1, 10} {
		problem := observedWhole(t, n, rank, kappa)
		u := mat.DenseCopyOf(problem.Truth.X())
		perturb(u, 1e-3/(kappa*kappa))
		e := memberAt(t, problem, u)
		m := solver.RGDA{StepSize: step, AdversaryStep: up, Weight: weight, Radius: 1}
		distance := func(u *mat.Dense) float64 {
			var z mat.Dense
			z.Mul(u, u.T())
			var truth mat.Dense
			truth.Mul(problem.Truth.X(), problem.Truth.X().T())
			z.Sub(&z, &truth)
			return math.Hypot(mat.Norm(&z, 2), norm(shiftOf(t, e))/math.Sqrt(n*(n+1)/2))
		}
		// A complex pair of eigenvalues turns as it shrinks: only over whole turns does the distance fall
		// steadily.
		first := distance(steps(t, e, m, u, 10))
		last := distance(steps(t, e, m, u, 40)) // above what rounding leaves
		want := math.Log(max(contraction(step, up, weight), contraction(2*step, up, weight)))
		if got := math.Log(last/first) / 40; math.Abs(got/want-1) > 0.05 {
			t.Errorf("κ = %g: the distance falls by %v a step, want %v", kappa, math.Exp(got), math.Exp(want))
		}
	}
}

// contraction returns the spectral radius of 1 − [μ −μ; η η(λ − 1)].
func contraction(step, up, weight float64) float64 {
	var eigen mat.Eigen
	eigen.Factorize(mat.NewDense(2, 2, []float64{1 - step, step, -up, 1 - up*(weight-1)}), mat.EigenNone)
	radius := 0.0
	for _, v := range eigen.Values(nil) {
		radius = max(radius, math.Hypot(real(v), imag(v)))
	}
	return radius
}

func norm(v []float64) float64 { return mat.Norm(mat.NewVecDense(len(v), v), 2) }

// perturb adds a perturbation of the given size.
func perturb(u *mat.Dense, size float64) {
	u.Apply(func(i, j int, v float64) float64 { return v + size*math.Sin(float64(1+3*i+7*j)) }, u)
}

// game returns a problem with some noise, and a method and a function that play the game on it from the
// spectral estimate.
func game(t *testing.T, noise float64) (*sensing.Problem, solver.RGDA,
	func(iterations int, resume *solver.State) (*solver.Result, *solver.State, error)) {
	t.Helper()
	e, err := sensing.NewGaussian(sensing.Sym{N: 8}, 150, sensing.F64, 3)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := sensing.NewTruth(8, 2, 3, 3)
	if err != nil {
		t.Fatal(err)
	}
	problem := &sensing.Problem{Ensemble: e, Truth: truth, Noise: noise, NoiseSeed: 3}
	m := solver.RGDA{StepSize: 0.3, AdversaryStep: 0.3, Weight: 2, Radius: 1}
	return problem, m, func(iterations int, resume *solver.State) (*solver.Result, *solver.State, error) {
		var kept solver.State
		r, err := solver.Solve(background, problem, cpu.Backend{}, m, solver.Settings{
			Start: solver.Spectral{}, FactorRank: 2, Iterations: iterations, Resume: resume,
			Keep: func(s solver.State) error { kept = s; return nil },
		})
		return r, &kept, err
	}
}

// TestRGDAEquilibrium: with noise, the gradient of f vanishes at the last factor, and the shift is the best
// answer, −res/(λ − 1).
func TestRGDAEquilibrium(t *testing.T) {
	problem, m, play := game(t, 0.05)
	r, state, err := play(300, nil)
	if err != nil {
		t.Fatal(err)
	}
	e := memberAt(t, problem, r.Factor[0])
	if err := e.Gradient(); err != nil {
		t.Fatal(err)
	}
	g := solver.NewFactor(e.Shapes())
	if err := e.Get(solver.Gradient, g); err != nil {
		t.Fatal(err)
	}
	if size := mat.Norm(g[0], 2); !(size < 1e-12) {
		t.Errorf("the gradient of f is %v", size)
	}
	p, y := make([]float64, 150), e.Observations()
	if err := e.Apply(p, r.Factor[0], r.Factor[0]); err != nil {
		t.Fatal(err)
	}
	shift := state.Slots[2][0].RawMatrix().Data
	for i := range p {
		if want := -(p[i] - y[i]) / (m.Weight - 1); math.Abs(shift[i]-want) > 1e-12 {
			t.Fatalf("shift %d is %v, want %v", i, shift[i], want)
		}
	}
}

// TestRGDAResumes: the shift is part of the state, and a resumed run gives the same bits.
func TestRGDAResumes(t *testing.T) {
	_, _, play := game(t, 0)
	_, whole, err := play(40, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, half, err := play(17, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, parts, err := play(40, half)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole.Slots {
		if !slices.Equal(parts.Slots[i][0].RawMatrix().Data, whole.Slots[i][0].RawMatrix().Data) {
			t.Errorf("slot %d of a resumed game differs", i)
		}
	}
	half.Slots[2] = solver.Factor{mat.NewDense(3, 1, nil)}
	if _, _, err := play(40, half); err == nil ||
		!strings.Contains(err.Error(), "the vector is [3 × 1], of 150 observations") {
		t.Errorf("a shift of another length: %v", err)
	}
	half.Slots = half.Slots[:2]
	if _, _, err := play(40, half); err == nil || !strings.Contains(err.Error(), "2 slots and rgda needs 3") {
		t.Errorf("no shift: %v", err)
	}
	if err := solver.Suits(solver.RGDA{}, solver.UV{}); err == nil {
		t.Error("the game is played on UVᵀ")
	}
}
