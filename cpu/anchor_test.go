package cpu

import (
	"context"
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestMixedGradient: with the truth as its anchor, a gradient has a relative error below 1e-6 at every
// distance from the truth down to 1e-13. In single precision no digit is right below the distance 1e-7. The
// reference is 1/m AᵀA(z − z*) in f64, in plain loops. z and z* are those of the engine, because rounding UUᵀ
// has an error of 1e-16 that no contraction can mend.
func TestMixedGradient(t *testing.T) {
	const n, m, r, rank = 24, 700, 24, 2
	space := sensing.Sym{N: n}
	truth, err := sensing.NewTruth(n, rank, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range backendtest.Ensembles(t, n, m) {
		t.Run(name, func(t *testing.T) {
			open := func(p solver.Precision) *engine {
				b := Backend{Precision: p, Workers: 2}
				opened, err := b.Open(context.Background(), &sensing.Problem{Ensemble: e, Truth: truth},
					solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{r}})
				if err != nil {
					t.Fatal(err)
				}
				return opened.(*engine)
			}
			mixed, single := open(solver.Mixed), open(solver.F32)
			lift := func(u *mat.Dense) []float64 {
				z := make([]float64, space.K())
				z2 := mat.NewDense(n, n, nil)
				newGEMM(options{workers: 1, simd: Off}).multiply(z2, plain(u), transposed(u), false)
				space.Coordinates(z, z2)
				return z
			}
			star := lift(truth.X())
			for digits := range 14 {
				u := away(truth, r, math.Pow(10, -float64(digits)))
				delta := lift(u)
				for k := range delta {
					delta[k] -= star[k]
				}
				want := normalTimes(e, delta, u)
				got := gradientAt(t, mixed, u)
				if err := relative(got, want); err > 1e-6 {
					t.Errorf("at the distance 1e-%d the relative error is %.2g", digits, err)
				}
				if err := relative(gradientAt(t, single, u), want); digits >= 8 && err < 0.1 {
					t.Errorf("at the distance 1e-%d single precision has the relative error %.2g: this test shows nothing",
						digits, err)
				}
			}
			if mixed.Anchor(0) != nil {
				t.Error("the anchor was renewed, and the truth is a perfect one")
			}
		})
	}
}

// away returns the factor [X 0] + distance·N, with a random N of norm 1 or so.
func away(truth *sensing.Truth, r int, distance float64) *mat.Dense {
	x := truth.X()
	n, rank := x.Dims()
	u := mat.NewDense(n, r, nil)
	noise := make([]float64, r)
	stream := sensing.NewStream(5, sensing.StartStream)
	for i := range n {
		stream.Normals(uint64(i), noise)
		for j := range r {
			v := distance * noise[j] / math.Sqrt(float64(n*r))
			if j < rank {
				v += x.At(i, j)
			}
			u.Set(i, j, v)
		}
	}
	return u
}

// normalTimes returns G·U, if 1/m AᵀAδ are the coordinates of G, in plain loops.
func normalTimes(e sensing.Ensemble, delta []float64, u *mat.Dense) *mat.Dense {
	g := make([]float64, len(delta))
	m := e.Measurements()
	for i := range m {
		row := backendtest.Row(e, i)
		var p float64
		for k, v := range row {
			p += v * delta[k]
		}
		for k, v := range row {
			g[k] += v * p / float64(m)
		}
	}
	n, r := u.Dims()
	full, out := mat.NewDense(n, n, nil), mat.NewDense(n, r, nil)
	e.Space().Matrix(full, g)
	out.Mul(full, u)
	return out
}

func gradientAt(t testing.TB, e *engine, u *mat.Dense) *mat.Dense {
	t.Helper()
	if err := e.Set(0, solver.Iterate, solver.Factor{u}); err != nil {
		t.Fatal(err)
	}
	if err := e.Gradient(0); err != nil {
		t.Fatal(err)
	}
	g := solver.NewFactor([]solver.Shape{{Rows: u.RawMatrix().Rows, Cols: u.RawMatrix().Cols}})
	if err := e.Get(0, solver.Gradient, g); err != nil {
		t.Fatal(err)
	}
	return g[0]
}

// relative is ‖got − want‖ / ‖want‖.
func relative(got, want *mat.Dense) float64 {
	var d mat.Dense
	d.Sub(got, want)
	return mat.Norm(&d, 2) / mat.Norm(want, 2)
}

// TestMixedTrajectory: along a whole trajectory, with the truth known and unknown, with noise and without,
// gradients differ from those of f64 by at most 1e-6 of their size plus the error of rounding UUᵀ in f64. An
// anchor serves for many steps.
func TestMixedTrajectory(t *testing.T) {
	const n, m, iterations = 16, 640, 900
	truth, err := sensing.NewTruth(n, 2, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	e, err := sensing.NewGaussian(sensing.Sym{N: n}, m, sensing.Q8, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, noise := range []float64{0, 1e-3} {
		for _, r := range []int{2, n} {
			for _, known := range []bool{true, false} {
				t.Run(fmt.Sprintf("noise %g/r %d/truth known %v", noise, r, known), func(t *testing.T) {
					batch := solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{r}}
					open := func(b Backend, p *sensing.Problem) *engine {
						opened, err := b.Open(context.Background(), p, batch)
						if err != nil {
							t.Fatal(err)
						}
						return opened.(*engine)
					}
					p := &sensing.Problem{Ensemble: e, Truth: truth, Noise: noise}
					double := open(Backend{}, p)
					if !known {
						p = &sensing.Problem{Ensemble: e, Observations: double.Observations()}
					}
					mixed := open(Backend{Precision: solver.Mixed}, p)
					shapes := []solver.Shape{{Rows: n, Cols: r}}
					u, err := solver.Random{Alpha: 1e-6, Seed: 1}.Factor(shapes, nil)
					if err != nil {
						t.Fatal(err)
					}
					renewals := 0
					for i := range iterations {
						want := gradientAt(t, double, u[0])
						got := gradientAt(t, mixed, u[0])
						var d mat.Dense
						d.Sub(got, want)
						if err, size := mat.Norm(&d, 2), mat.Norm(want, 2); err > 1e-6*size+1e-15 {
							t.Fatalf("at iterate %d the gradient has the norm %.2g and the error %.2g", i,
								size, err)
						}
						if mixed.members[0].renewed {
							renewals++
						}
						u[0].Sub(u[0], scaled(0.25, want))
					}
					if renewals == 0 || renewals > iterations/20 {
						t.Errorf("the anchor was renewed %d times in %d steps", renewals, iterations)
					}
				})
			}
		}
	}
}

// TestMixedFollowsF64: from a small start with a square factor, the test error falls as in f64, below 1e-13.
// In single precision it stays near 1e-7, the error of p_i − y_i.
func TestMixedFollowsF64(t *testing.T) {
	const n = 20
	truth, err := sensing.NewTruth(n, 2, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	e, err := sensing.NewGaussian(sensing.Sym{N: n}, 800, sensing.Q8, 1)
	if err != nil {
		t.Fatal(err)
	}
	solve := func(p solver.Precision) solver.Trajectory {
		var samples solver.Trajectory
		_, err := solver.Solve(context.Background(), &sensing.Problem{Ensemble: e, Truth: truth},
			Backend{Precision: p}, solver.GD{StepSize: 0.25}, solver.Settings{
				Start:      solver.Random{Alpha: 1e-12, Seed: 1},
				Iterations: 500, MeasureEvery: 1, Recorder: &samples,
			})
		if err != nil {
			t.Fatal(err)
		}
		return samples
	}
	double, mixed, single := solve(solver.F64), solve(solver.Mixed), solve(solver.F32)
	for i, s := range double {
		if s.TestError < 1e-13 {
			if i == 0 || i > 400 {
				t.Errorf("f64 is below 1e-13 at iterate %d", i)
			}
			break
		}
		if got := mixed[i].TestError; math.Abs(got-s.TestError) > 1e-3*s.TestError+1e-15 {
			t.Fatalf("at iterate %d the test error is %.4g, in f64 %.4g", i, got, s.TestError)
		}
	}
	last := len(double) - 1
	d, m, s := double[last].TestError, mixed[last].TestError, single[last].TestError
	if d > 1e-14 || m > 1e-14 || s < 1e-9 {
		t.Errorf("the last test errors are %.2g in f64, %.2g mixed and %.2g in f32", d, m, s)
	}
}

func scaled(a float64, x *mat.Dense) *mat.Dense {
	var y mat.Dense
	y.Scale(a, x)
	return &y
}

// TestAnchorIsState: an engine with the iterate and the anchor of another engine goes on with the same bits.
// An engine with only the iterate does not: the anchor is part of the state.
func TestAnchorIsState(t *testing.T) {
	const n, m, r = 16, 640, 5
	truth, err := sensing.NewTruth(n, 2, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	e, err := sensing.NewGaussian(sensing.Sym{N: n}, m, sensing.BF16, 1)
	if err != nil {
		t.Fatal(err)
	}
	open := func() *engine {
		opened, err := Backend{Precision: solver.Mixed}.Open(context.Background(),
			&sensing.Problem{Ensemble: e, Truth: truth},
			solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{r}})
		if err != nil {
			t.Fatal(err)
		}
		return opened.(*engine)
	}
	step := func(e *engine, count int) {
		for range count {
			if err := descend(e, 0.25); err != nil {
				t.Fatal(err)
			}
		}
	}
	get := func(e *engine) *mat.Dense {
		f := solver.NewFactor([]solver.Shape{{Rows: n, Cols: r}})
		if err := e.Get(0, solver.Iterate, f); err != nil {
			t.Fatal(err)
		}
		return f[0]
	}
	u, err := solver.Random{Alpha: 1e-6, Seed: 1}.Factor([]solver.Shape{{Rows: n, Cols: r}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	first := open()
	if err := first.Set(0, solver.Iterate, u); err != nil {
		t.Fatal(err)
	}
	mattered := false
	for at := range 40 {
		step(first, 8)
		saved, anchor := get(first), first.Anchor(0)
		second, forgetful := open(), open()
		for _, e := range []*engine{second, forgetful} {
			if err := e.Set(0, solver.Iterate, solver.Factor{saved}); err != nil {
				t.Fatal(err)
			}
		}
		if anchor != nil {
			if err := second.SetAnchor(0, anchor); err != nil {
				t.Fatal(err)
			}
		}
		step(first, 1)
		step(second, 1)
		step(forgetful, 1)
		if !mat.Equal(get(first), get(second)) {
			t.Fatalf("after %d steps the next one differs", 9*at+8)
		}
		mattered = mattered || !mat.Equal(get(first), get(forgetful))
	}
	if !mattered {
		t.Error("the anchor made no difference: this test shows nothing")
	}
	plain, err := Backend{}.Open(context.Background(), &sensing.Problem{Ensemble: e, Truth: truth},
		solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{r}})
	if err != nil {
		t.Fatal(err)
	}
	if err := plain.(solver.AnchorEngine).SetAnchor(0, u); err == nil {
		t.Error("an engine in f64 took an anchor")
	}
	member, err := solver.NewMember(first, 0, e.Space(), solver.PSD{}, r)
	if err != nil {
		t.Fatal(err)
	}
	if err := member.SetAnchor(solver.NewFactor([]solver.Shape{{Rows: n, Cols: r + 1}})); err == nil {
		t.Error("an anchor of another shape was taken")
	}
}

// TestMixedOfTinyData: the unit of the problem does not matter, even far outside the range of single
// precision.
func TestMixedOfTinyData(t *testing.T) {
	const n, m, r = 8, 200, 3
	e, err := sensing.NewGaussian(sensing.Sym{N: n}, m, sensing.F64, 1)
	if err != nil {
		t.Fatal(err)
	}
	y := make([]float64, m)
	for i := range y {
		y[i] = 1e-60 * math.Sin(float64(i))
	}
	for _, unit := range []float64{1e-30, 1e-24, 1e30} {
		u, err := solver.Random{Alpha: unit, Seed: 1}.Factor([]solver.Shape{{Rows: n, Cols: r}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		at := func(p solver.Precision) *mat.Dense {
			opened, err := Backend{Precision: p}.Open(context.Background(),
				&sensing.Problem{Ensemble: e, Observations: y},
				solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{r}})
			if err != nil {
				t.Fatal(err)
			}
			gradientAt(t, opened.(*engine), scaled(0.9, u[0])) // makes the anchor
			return gradientAt(t, opened.(*engine), u[0])
		}
		if err := relative(at(solver.Mixed), at(solver.F64)); err > 1e-6 {
			t.Errorf("with factors of size %g the relative error is %.2g", unit, err)
		}
	}
}
