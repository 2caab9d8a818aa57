package gpu

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestMixedGradient: with the truth as its anchor, a gradient has a relative error below 1e-6 at every
// distance from the truth, for every format, in memory and generated. docs/precision.md derives the bound.
// The reference is 1/m AᵀA(z − z*) in f64, in plain loops. In single precision no digit is right at the end.
func TestMixedGradient(t *testing.T) {
	const n, m, r, rank = 6, 60, 3, 2
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
				for digits := 0; digits < 12; digits += 9 {
					u := away(truth, r, math.Pow(10, -float64(digits)))
					want := normalTimes(e, truth, u)
					if err := relative(gradientAt(t, mixed, u), want); err > 1e-6 {
						t.Errorf("at the distance 1e-%d the relative error is %.2g", digits, err)
					}
					if err := relative(gradientAt(t, single, u), want); digits == 9 && err < 0.1 {
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

// TestMixedTrajectory: along a whole trajectory, with noise, and without it from an unknown truth, gradients
// differ from those of f64, on the device and on the host, and from those of mixed precision on the host, by
// at most 1e-6 of their size plus the error of rounding UUᵀ in f64: docs/precision.md. (Two mixed gradients
// have an error each.) An anchor serves for many steps, and at its renewal the gradient and the loss are
// those of f64, to the bit.
func TestMixedTrajectory(t *testing.T) {
	const n, m, iterations, every = 5, 80, 220, 40
	truth, err := sensing.NewTruth(n, 1, 1, 1)
	must(t, err)
	e, err := sensing.NewGaussian(sensing.Sym{N: n}, m, sensing.Q8, 1)
	must(t, err)
	for known, noise := range map[bool]float64{true: 1e-3, false: 0} {
		t.Run(fmt.Sprintf("noise %g/truth known %v", noise, known), func(t *testing.T) {
			t.Parallel()
			const r = 2
			p := &sensing.Problem{Ensemble: e, Truth: truth, Noise: noise}
			open := func(a solver.Precision) *engine {
				return engineOf(t, emulated(t, emulator.Config{}, solver.Memory, a), p, solver.PSD{}, r)
			}
			double := open(solver.F64)
			if !known {
				p = &sensing.Problem{Ensemble: e, Observations: double.Observations()}
			}
			mixed := open(solver.Mixed)
			host := onHost(t, solver.F64, p, r)
			hostMixed := onHost(t, solver.Mixed, p, r)
			u, err := solver.Random{Alpha: 1e-3, Seed: 1}.Factor([]solver.Shape{{Rows: n, Cols: r}}, nil)
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
						t.Fatalf("at iterate %d the anchor was renewed: gradient or loss is not that of f64", i)
					}
				}
				u[0].Sub(u[0], scaled(0.5, want))
			}
			if !known && renewals == 0 || renewals > iterations/10 {
				t.Errorf("the anchor was renewed %d times in %d steps", renewals, iterations)
			}
		})
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

// TestAnchorIsState: an engine with the iterate and the anchor of another engine goes on with the same bits,
// for every kind of factor. An engine with only the iterate does not: the anchor is part of the state. A
// member that is begun anew has its first anchor again.
func TestAnchorIsState(t *testing.T) {
	const n, m, r = 5, 60, 2
	for _, par := range []solver.Parametrization{solver.PSD{}, solver.Indefinite{}, solver.UV{}} {
		t.Run(par.Name(), func(t *testing.T) {
			t.Parallel()
			p := problem(t, n, m)
			if _, uv := par.(solver.UV); uv {
				p = rectProblem(t, n, n-1, m)
			}
			open := func() *engine {
				return engineOf(t, emulated(t, emulator.Config{}, solver.Memory, solver.Mixed), p, par, r)
			}
			first := open()
			shapes := first.members[0].shapes
			u, err := solver.Random{Alpha: 1e-1, Seed: 1}.Factor(shapes, nil)
			must(t, err)
			must(t, first.Set(0, solver.Iterate, u))
			start := u.Clone()
			state := func(e *engine) solver.Factor {
				f := solver.NewFactor(shapes)
				must(t, e.Get(0, solver.Iterate, f))
				return f
			}
			same := func(a, b solver.Factor) bool {
				for i := range a {
					if !mat.Equal(a[i], b[i]) {
						return false
					}
				}
				return true
			}
			gradient := func(e *engine) solver.Factor {
				must(t, e.Gradient(0))
				f := solver.NewFactor(shapes)
				must(t, e.Get(0, solver.Gradient, f))
				return f
			}
			want := gradient(first) // from the first anchor
			must(t, first.Set(0, solver.Iterate, start))
			must(t, first.SetAnchor(0, start))
			if !same(first.Anchor(0), start) {
				t.Fatal("the anchor is not where it was put")
			}
			for range 3 {
				must(t, descend(first, 0, 0.25))
			}
			second, forgetful := open(), open()
			for _, e := range []*engine{second, forgetful} {
				must(t, e.Set(0, solver.Iterate, state(first)))
			}
			must(t, second.SetAnchor(0, first.Anchor(0)))
			next := gradient(first)
			if !same(next, gradient(second)) {
				t.Error("with the same iterate and anchor the gradients differ")
			}
			if same(next, gradient(forgetful)) {
				t.Error("the anchor made no difference: this test shows nothing")
			}
			must(t, first.Reset(0, r))
			must(t, first.Set(0, solver.Iterate, start))
			if first.Anchor(0) != nil || !same(gradient(first), want) {
				t.Error("a member that is begun anew has not its first anchor")
			}
		})
	}
	plain := engineOf(t, emulated(t, emulator.Config{}, solver.Memory, solver.F64), problem(t, n, m),
		solver.PSD{}, r)
	if err := plain.SetAnchor(0, solver.NewFactor(plain.members[0].shapes)); err == nil {
		t.Error("an engine in f64 took an anchor")
	}
}

// TestMixedSameBits: every member has the bits that it has alone, whether its anchor is the truth, was
// renewed or is made in this step; with contract in one launch or in steps, in tiles, generated and on a
// device that has other numbers of everything.
func TestMixedSameBits(t *testing.T) {
	const n, m = 5, 60
	e, err := sensing.NewGaussian(sensing.Sym{N: n}, m, sensing.Q8, 1)
	must(t, err)
	truth, err := sensing.NewTruth(n, 1, 1, 1)
	must(t, err)
	known := &sensing.Problem{Ensemble: e, Truth: truth, Noise: 0.1}
	double := engineOf(t, emulated(t, emulator.Config{}, solver.Memory, solver.F64), known, solver.PSD{}, 1)
	unknown := &sensing.Problem{Ensemble: e, Observations: double.Observations()}
	run := func(b Backend, p *sensing.Problem, once bool, ranks ...int) (out []*mat.Dense, losses []float64) {
		e := engineOf(t, b, p, solver.PSD{}, ranks...)
		if !once {
			o := e.operator.(*mixedOperator)
			o.single.groups, o.double.groups = 0, 0
		}
		all := make([]int, len(ranks))
		for i, r := range ranks {
			all[i] = i
			u, err := solver.Random{Alpha: 0.3, Seed: 1}.Factor([]solver.Shape{{Rows: n, Cols: r}}, nil)
			must(t, err)
			must(t, e.Set(i, solver.Iterate, u))
			if r == 2 {
				must(t, e.SetAnchor(i, u)) // the others keep theirs
			}
		}
		for range 2 {
			must(t, e.Gradient(all...))
			for i := range ranks {
				must(t, e.Combine(i, solver.Iterate, 1, solver.Iterate, -0.25, solver.Gradient))
			}
		}
		losses = make([]float64, len(ranks))
		must(t, e.Losses(losses, all...))
		for i, r := range ranks {
			f := solver.NewFactor([]solver.Shape{{Rows: n, Cols: r}})
			must(t, e.Get(i, solver.Iterate, f))
			out = append(out, f[0])
		}
		return out, losses
	}
	mixed := func(c emulator.Config, s solver.Storage, tile int) Backend {
		b := emulated(t, c, s, solver.Mixed)
		b.tileRows = tile
		return b
	}
	for name, p := range map[string]*sensing.Problem{"known": known, "unknown": unknown} {
		var want []*mat.Dense
		var wantLosses []float64
		for _, r := range []int{1, 2, 3} {
			u, loss := run(mixed(emulator.Config{}, solver.Memory, 0), p, true, r)
			want, wantLosses = append(want, u...), append(wantLosses, loss...)
		}
		for way, b := range map[string]Backend{
			"together":            mixed(emulator.Config{}, solver.Memory, 0),
			"in tiles":            mixed(emulator.Config{}, solver.Memory, 8),
			"generated":           mixed(emulator.Config{}, solver.Generated, 0),
			"generated, in tiles": mixed(emulator.Config{}, solver.Generated, 12),
			"on another device": mixed(emulator.Config{Capability: [2]int{7, 0}, Multiprocessors: 3},
				solver.Memory, 0),
		} {
			u, losses := run(b, p, true, 1, 2, 3)
			for i := range want {
				if !mat.Equal(u[i], want[i]) || losses[i] != wantLosses[i] {
					t.Errorf("truth %s, %s: member %d differs from itself alone", name, way, i)
				}
			}
		}
		u, losses := run(mixed(emulator.Config{}, solver.Memory, 0), p, false, 3)
		if !mat.Equal(u[0], want[2]) || losses[0] != wantLosses[2] {
			t.Errorf("truth %s: in three steps and in one launch the bits differ", name)
		}
	}
}

// TestMixedReachesTheFloor: from a small start the test error falls to that of f64, and stays near 1e-7, the
// error of p_i − y_i, in single precision: docs/precision.md.
func TestMixedReachesTheFloor(t *testing.T) {
	const n, iterations = 4, 60
	truth, err := sensing.NewTruth(n, 1, 1, 1)
	must(t, err)
	e, err := sensing.NewGaussian(sensing.Sym{N: n}, 80, sensing.BF16, 1)
	must(t, err)
	last := func(p solver.Precision) float64 {
		var samples solver.Trajectory
		_, err := solver.Solve(context.Background(), &sensing.Problem{Ensemble: e, Truth: truth},
			emulated(t, emulator.Config{}, solver.Memory, p), solver.GD{StepSize: 0.6}, solver.Settings{
				FactorRank: 1, Start: solver.Random{Alpha: 0.5, Seed: 1}, Iterations: iterations,
				MeasureEvery: iterations,
				Recorder:     &samples,
			})
		must(t, err)
		return samples[len(samples)-1].TestError
	}
	d, m, s := last(solver.F64), last(solver.Mixed), last(solver.F32)
	if d > 1e-14 || m > 1e-14 || s < 1e-9 {
		t.Errorf("the last test errors are %.2g in f64, %.2g mixed and %.2g in f32", d, m, s)
	}
}

// TestMixedOfTinyData: the unit of the problem does not matter, far outside the range of single precision.
func TestMixedOfTinyData(t *testing.T) {
	const n, m, r = 4, 30, 2
	e, err := sensing.NewGaussian(sensing.Sym{N: n}, m, sensing.F64, 1)
	must(t, err)
	y := make([]float64, m)
	for i := range y {
		y[i] = 1e-60 * math.Sin(float64(i))
	}
	for _, unit := range []float64{1e-30, 1e-24, 1e30} {
		u, err := solver.Random{Alpha: unit, Seed: 1}.Factor([]solver.Shape{{Rows: n, Cols: r}}, nil)
		must(t, err)
		at := func(p solver.Precision) *mat.Dense {
			e := engineOf(t, emulated(t, emulator.Config{}, solver.Memory, p),
				&sensing.Problem{Ensemble: e, Observations: y}, solver.PSD{}, r)
			gradientAt(t, e, scaled(0.9, u[0])) // makes the anchor
			return gradientAt(t, e, u[0])
		}
		if err := relative(at(solver.Mixed), at(solver.F64)); err > 1e-6 {
			t.Errorf("with factors of size %g the relative error is %.2g", unit, err)
		}
	}
}

// TestMixedRefused: methods without full gradients, and ensembles without rows, are in f64.
func TestMixedRefused(t *testing.T) {
	b := emulated(t, emulator.Config{}, solver.Memory, solver.Mixed)
	for _, needs := range []solver.Needs{{Draws: true}, {Values: true}} {
		_, err := b.Memory(problem(t, 4, 8),
			solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{1}, Needs: needs})
		if err == nil || !strings.Contains(err.Error(), "methods that step without the full gradient") {
			t.Errorf("%+v: %v", needs, err)
		}
	}
}

// TestMixedChunks: in single precision no chunk has more than 256 rows, each begins at a multiple of 8, and
// the chunks of f64 arithmetic begin chunks of single precision too.
func TestMixedChunks(t *testing.T) {
	for _, m := range []int{1, 60, 2000, 10_000, 200_000, 199_999} {
		for _, slabs := range []int{1, 5, 300} {
			long := chunkStarts(m, slabs)
			short := shortened(long, mixedRows)
			for c, start := range short[1:] {
				if rows := start - short[c]; rows < 1 || rows > mixedRows || short[c]%stageRows != 0 {
					t.Fatalf("m = %d, %d slabs: chunk %d has %d rows from %d on", m, slabs, c, rows, short[c])
				}
			}
			for _, start := range long {
				if !slices.Contains(short, start) {
					t.Fatalf("m = %d, %d slabs: no chunk begins at %d", m, slabs, start)
				}
			}
		}
	}
}

// TestMixedAlone: the f64 operator of mixed precision contracts one member at a time. A batch loads no kernel
// of batches in f64, has memory for residuals of one member, and opens with the memory that is foretold.
func TestMixedAlone(t *testing.T) {
	const n, m, members = 15, 43, 9
	e := backendtest.Ensembles(t, n, m)["gaussian-f32"]
	for _, others := range []int{0, 1} {
		for _, storage := range []solver.Storage{solver.Memory, solver.Generated} {
			b := emulated(t, emulator.Config{}, storage, solver.Mixed)
			b = onCards(t, b, 1+others, emulator.Config{})
			device := emulator.New(emulator.Config{})
			var most int64
			var allocs int
			b.Connect = func() (driver.Device, error) { return counting{device, &most, &allocs}, nil }
			p, ranks := &sensing.Problem{Ensemble: e, Observations: make([]float64, m)}, make([]int, members)
			for i := range ranks {
				ranks[i] = 2
			}
			foretold, err := b.Memory(p, batch(ranks...))
			must(t, err)
			opened, err := b.Open(context.Background(), p, batch(ranks...))
			must(t, err)
			o := opened.(*engine).operator.(*mixedOperator)
			if !o.single.together() || o.double.together() || o.double.tensor() {
				t.Errorf("contractions together: %v in single precision, %v and %v in f64",
					o.single.together(), o.double.together(), o.double.tensor())
			}
			for _, name := range o.kernels() {
				if name == "tensor_order" || strings.HasPrefix(name, "contract_tensor") ||
					strings.HasPrefix(name, "contract_batch") && strings.HasSuffix(name, "_f64") {
					t.Errorf("%s is loaded", name)
				}
			}
			for _, buffer := range o.double.buffers() {
				if want := int64(o.double.m) * 8; buffer.name == "residuals" && buffer.bytes != want {
					t.Errorf("%d bytes of residuals, want %d", buffer.bytes, want)
				}
			}
			const borrowed = 8 * n * 3 * n // by products, as in TestMemory
			if others == 0 && float64(most) != foretold-borrowed {
				t.Errorf("%s rows: %d bytes were taken, and %.0f foretold", storage, most, foretold-borrowed)
			}
			must(t, opened.Close())
		}
	}
}
