package gpu

import (
	"context"
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestMixedGradient: with the truth as its anchor, a gradient has a relative error below 1e-6 at every
// distance from the truth, for every format, in memory and generated. docs/precision.md derives the bound. The
// reference is 1/m AᵀA(z − z*) in f64, in plain loops. In single precision no digit is right at the end.
func TestMixedGradient(t *testing.T) {
	const n, m, r, rank = 12, 200, 4, 2
	truth, err := sensing.NewTruth(n, rank, 2, 1)
	must(t, err)
	for name, e := range backendtest.Ensembles(t, n, m) {
		for _, storage := range []solver.Storage{solver.Memory, solver.Generated} {
			t.Run(name+"/"+string(storage), func(t *testing.T) {
				t.Parallel()
				open := func(p solver.Precision) *engine {
					return engineOf(t, emulated(t, emulator.Config{}, storage, p),
						&sensing.Problem{Ensemble: e, Truth: truth}, solver.PSD{}, r)
				}
				mixed, single := open(solver.Mixed), open(solver.F32)
				for digits := 0; digits < 12; digits += 3 {
					u := away(truth, r, math.Pow(10, -float64(digits)))
					want := normalTimes(e, truth, u)
					if err := relative(gradientAt(t, mixed, u), want); err > 1e-6 {
						t.Errorf("at the distance 1e-%d the relative error is %.2g", digits, err)
					}
					if err := relative(gradientAt(t, single, u), want); digits >= 9 && err < 0.1 {
						t.Errorf("at the distance 1e-%d single precision has the relative error %.2g: "+
							"this test shows nothing", digits, err)
					}
				}
				if mixed.Anchor(0) != nil {
					t.Error("the anchor was renewed, and the truth is a perfect one")
				}
			})
		}
	}
}

// engineOf opens an engine of members with the given factor ranks.
func engineOf(t *testing.T, b Backend, p *sensing.Problem, par solver.Parametrization, ranks ...int) *engine {
	t.Helper()
	opened, err := b.Open(context.Background(), p, solver.Batch{Parametrization: par, FactorRanks: ranks})
	must(t, err)
	t.Cleanup(func() { must(t, opened.Close()) })
	return opened.(*engine)
}

// away returns the factor [X 0] + distance·N, with N of norm 1 or so.
func away(truth *sensing.Truth, r int, distance float64) *mat.Dense {
	x := truth.X()
	n, rank := x.Dims()
	u := mat.NewDense(n, r, nil)
	for i := range n {
		for j := range r {
			v := distance * math.Sin(float64(1+i*r+j)) / math.Sqrt(float64(n*r)/2)
			if j < rank {
				v += x.At(i, j)
			}
			u.Set(i, j, v)
		}
	}
	return u
}

// normalTimes returns G·U with G = 1/m Σ ⟨A_i, UUᵀ − XXᵀ⟩A_i, in plain loops. The difference is taken of the
// rounded products: rounding UUᵀ has an error of 1e-16 that no contraction can mend, so U is compared only
// where it is far larger than that.
func normalTimes(e sensing.Ensemble, truth *sensing.Truth, u *mat.Dense) *mat.Dense {
	n, r := u.Dims()
	_, rank := truth.X().Dims()
	product := func(a, b *mat.Dense, i, j, cols int) (sum float64) {
		for l := range cols {
			sum = math.FMA(a.At(i, l), b.At(j, l), sum) // the order of lift
		}
		return sum
	}
	delta := mat.NewDense(n, n, nil)
	for i := range n {
		for j := range n {
			delta.Set(i, j, product(u, u, i, j, r)-product(truth.X(), truth.Right(), i, j, rank))
		}
	}
	d := make([]float64, e.Space().K())
	e.Space().Coordinates(d, delta)
	g := make([]float64, len(d))
	m := e.Measurements()
	for i := range m {
		row := backendtest.Row(e, i)
		var p float64
		for k, v := range row {
			p += v * d[k]
		}
		for k, v := range row {
			g[k] += v * p / float64(m)
		}
	}
	full, out := mat.NewDense(n, n, nil), mat.NewDense(n, r, nil)
	e.Space().Matrix(full, g)
	out.Mul(full, u)
	return out
}

func gradientAt(t *testing.T, e solver.Engine, u *mat.Dense) *mat.Dense {
	t.Helper()
	must(t, e.Set(0, solver.Iterate, solver.Factor{u}))
	must(t, e.Gradient(0))
	rows, cols := u.Dims()
	g := solver.NewFactor([]solver.Shape{{Rows: rows, Cols: cols}})
	must(t, e.Get(0, solver.Gradient, g))
	return g[0]
}

// relative is ‖got − want‖ / ‖want‖.
func relative(got, want *mat.Dense) float64 {
	var d mat.Dense
	d.Sub(got, want)
	return mat.Norm(&d, 2) / mat.Norm(want, 2)
}

// TestMixedTrajectory: along a whole trajectory, with the truth known and unknown, with noise and without,
// gradients differ from those of f64, on the device and on the host, and from those of mixed precision on the
// host, by at most 1e-6 of their size plus the error of rounding UUᵀ in f64: docs/precision.md. (Two mixed
// gradients have an error each.) An anchor serves for many steps, and at its renewal the gradient and the loss
// are those of f64, to the bit.
func TestMixedTrajectory(t *testing.T) {
	const n, m, iterations, every = 8, 200, 700, 7
	truth, err := sensing.NewTruth(n, 1, 1, 1)
	must(t, err)
	e, err := sensing.NewGaussian(sensing.Sym{N: n}, m, sensing.Q8, 1)
	must(t, err)
	for _, noise := range []float64{0, 1e-3} {
		for _, known := range []bool{true, false} {
			t.Run(fmt.Sprintf("noise %g/truth known %v", noise, known), func(t *testing.T) {
				t.Parallel()
				const r = 2
				p := &sensing.Problem{Ensemble: e, Truth: truth, Noise: noise}
				double := engineOf(t, emulated(t, emulator.Config{}, solver.Memory, solver.F64), p, solver.PSD{}, r)
				if !known {
					p = &sensing.Problem{Ensemble: e, Observations: double.Observations()}
				}
				mixed := engineOf(t, emulated(t, emulator.Config{}, solver.Memory, solver.Mixed), p, solver.PSD{}, r)
				host := onHost(t, solver.F64, p, r)
				hostMixed := onHost(t, solver.Mixed, p, r)
				u, err := solver.Random{Alpha: 1e-6, Seed: 1}.Factor([]solver.Shape{{Rows: n, Cols: r}}, nil)
				must(t, err)
				renewals := 0
				for i := range iterations {
					want := gradientAt(t, host, u[0])
					got := gradientAt(t, mixed, u[0])
					size := mat.Norm(want, 2)
					compare := func(name string, other *mat.Dense, errors float64) {
						var d mat.Dense
						d.Sub(got, other)
						if err := mat.Norm(&d, 2); err > errors*1e-6*size+1e-15 {
							t.Fatalf("at iterate %d the gradient has the norm %.2g, and differs from %s by %.2g",
								i, size, name, err)
						}
					}
					compare("f64 on the host", want, 1)
					compare("mixed precision on the host", gradientAt(t, hostMixed, u[0]), 2)
					renewed := mixed.operator.(anchored).renewed(0)
					if renewed {
						renewals++
					}
					if renewed || i%every == 0 {
						same := gradientAt(t, double, u[0])
						compare("f64 on the device", same, 1)
						if renewed && (!mat.Equal(got, same) || lossOf(t, mixed) != lossOf(t, double)) {
							t.Fatalf("at iterate %d the anchor was renewed, and gradient or loss is not that of f64", i)
						}
					}
					u[0].Sub(u[0], scaled(0.25, want))
				}
				if !known && renewals == 0 || renewals > iterations/20 {
					t.Errorf("the anchor was renewed %d times in %d steps", renewals, iterations)
				}
			})
		}
	}
}

func onHost(t *testing.T, p solver.Precision, problem *sensing.Problem, r int) solver.Engine {
	t.Helper()
	opened, err := cpu.Backend{Precision: p, Workers: 1}.Open(context.Background(), problem,
		solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{r}})
	must(t, err)
	t.Cleanup(func() { must(t, opened.Close()) })
	return opened
}

func lossOf(t *testing.T, e solver.Engine) float64 {
	t.Helper()
	var loss [1]float64
	must(t, e.Losses(loss[:], 0))
	return loss[0]
}

func scaled(a float64, x *mat.Dense) *mat.Dense {
	var y mat.Dense
	y.Scale(a, x)
	return &y
}
