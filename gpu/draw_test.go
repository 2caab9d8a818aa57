package gpu

import (
	"fmt"
	"slices"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// bareOperator is an operator without its optional operations.
type bareOperator struct{ operator }

// planBare plans the operator of rows without its optional operations.
func planBare(r request) (operator, error) {
	o, err := planRows(r)
	return bareOperator{o}, err
}

// openWith opens an engine of one member for a method, with the operator of a plan, and gives it an iterate.
func openWith(
	t *testing.T, b Backend, p *sensing.Problem, plan func(request) (operator, error),
	par solver.Parametrization, m solver.Method, factorRank int,
) (*engine, *solver.Member) {
	t.Helper()
	r, err := newRequest(b, p.Ensemble, solver.Batch{
		Parametrization: par, FactorRanks: []int{factorRank}, Needs: m.Needs()})
	must(t, err)
	r.plan = plan
	e := openPlanned(t, r, p)
	member, err := solver.NewMember(e, 0, p.Ensemble.Space(), par, factorRank)
	must(t, err)
	u, err := solver.Random{Alpha: 0.5, Seed: 2}.Factor(member.Shapes(), nil)
	must(t, err)
	must(t, member.Set(solver.Iterate, u))
	return e, member
}

// TestBus counts the bytes that a step sends over the bus: 4 for each draw of a mini-batch, 8 for each value
// of f and each dot product, and nothing else. The first step may also send lists of members, which stay on
// the device.
func TestBus(t *testing.T) {
	const batch, directions, values = 20, 5, 2 * 5
	mini := solver.MiniBatches{Size: batch, Seed: 1}
	for _, c := range []struct {
		method   solver.Method
		up, down int64
	}{
		{solver.GD{StepSize: 0.1}, 0, 0},
		{solver.Momentum{StepSize: 0.1, Momentum: 0.5}, 0, 0},
		{solver.Nesterov{StepSize: 0.1}, 0, 0},
		{solver.ScaledGD{StepSize: 0.1}, 0, 0},
		{solver.ScaledGDLambda{StepSize: 0.1, Lambda: 0.2}, 0, 0},
		{solver.RGD{StepSize: 0.1}, 0, 0},
		{solver.PrecGD{StepSize: 0.1}, 8, 8}, // λ and the loss
		{solver.PolyakGD{StepSize: 0.1}, 0, 2 * 8},
		{solver.SGD{StepSize: 0.1, Batch: mini}, 4 * batch, 0},
		{solver.LabelNoiseGD{StepSize: 0.1, Noise: 0.1}, 0, 0},
		{solver.ZerothOrder{StepSize: 0.1, Directions: directions, Radius: 0.01}, 0, 8 * values},
		{solver.RSGD{StepSize: 0.1, Batch: mini}, 4 * batch, 0},
		{solver.RGDA{StepSize: 0.1, AdversaryStep: 0.1, Weight: 2, Radius: 0.1}, 0, 8},
	} {
		for name, plan := range map[string]func(request) (operator, error){
			"rows": planRows, "bare": planBare,
		} {
			for _, storage := range []solver.Storage{solver.Memory, solver.Generated} {
				t.Run(fmt.Sprintf("%s/%s/%s", c.method.Name(), name, storage), func(t *testing.T) {
					t.Parallel()
					up, down := busOf(t, storage, plan, c.method)
					if up != c.up || down != c.down {
						t.Errorf("%d bytes go up and %d down, want %d and %d", up, down, c.up, c.down)
					}
				})
			}
		}
	}
}

// busOf returns the bytes that the third step of a method sends.
func busOf(
	t *testing.T, storage solver.Storage, plan func(request) (operator, error), m solver.Method,
) (up, down int64) {
	t.Helper()
	b := emulated(t, emulator.Config{}, storage, solver.F64)
	bus := through(&b)
	e, member := openWith(t, b, problem(t, 9, 83), plan, solver.PSD{}, m, 3)
	for i := range 3 {
		bus.Reset()
		if m.Needs().Gradient {
			must(t, e.Gradient(0))
		}
		must(t, m.Step(member, i))
		must(t, e.Wait())
	}
	return bus.Up, bus.Down
}

// TestDrawnBits: the gradient of a draw has the same bits from memory and generated, on every device, and
// with any tiles. n = 91 makes two slabs; lists of 70 and 100 rows have nine chunks and thirteen.
func TestDrawnBits(t *testing.T) {
	t.Parallel()
	on := func(config emulator.Config, storage solver.Storage) Backend {
		return emulated(t, config, storage, solver.F64)
	}
	for _, entries := range []sensing.Entries{sensing.F32, sensing.Q8} {
		ensemble, err := sensing.NewGaussian(sensing.Sym{N: 91}, 200, entries, 3)
		must(t, err)
		truth, err := sensing.NewTruth(91, 1, 1, 1)
		must(t, err)
		p := &sensing.Problem{Ensemble: ensemble, Truth: truth}
		var want [][]float64
		for name, b := range map[string]Backend{
			"memory":                    on(emulator.Config{}, solver.Memory),
			"generated":                 on(emulator.Config{}, solver.Generated),
			"memory, small tiles":       inTiles(on(emulator.Config{}, solver.Memory), 12),
			"generated, smallest tiles": inTiles(on(emulator.Config{}, solver.Generated), 4),
			"132 multiprocessors": on(emulator.Config{Multiprocessors: 132, L2: 50 << 20},
				solver.Memory),
			"an old device": on(old, solver.Generated),
		} {
			_, m := openWith(t, b, p, planRows, solver.PSD{}, solver.SGD{}, 2)
			var got [][]float64
			for _, size := range []int{70, 100, 3, 70} {
				rows := solver.MiniBatches{Size: size, Seed: 7}.Rows(0, 200)
				must(t, m.DrawGradient(solver.Draw{Rows: rows}))
				g := solver.NewFactor(m.Shapes())
				must(t, m.Get(solver.Gradient, g))
				got = append(got, g[0].RawMatrix().Data)
			}
			if want == nil {
				want = got
			}
			for i := range want {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("%s, %s: draw %d has other bits", entries, name, i)
				}
			}
		}
	}
}

// TestDrawnTraffic: what a mini-batch moves in the device's memory follows from its size, not from m; twice
// the rows are twice the bytes.
func TestDrawnTraffic(t *testing.T) {
	moved := func(m, size int) (bytes int64) {
		device := emulator.New(emulator.Config{})
		b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
		b.Connect = func() (driver.Device, error) { return device, nil }
		e, member := openWith(t, b, problem(t, 91, m), planRows, solver.PSD{}, solver.SGD{}, 2)
		device.ResetTraffic()
		must(t, member.DrawGradient(solver.Draw{Rows: solver.MiniBatches{Size: size, Seed: 7}.Rows(0, m)}))
		o := rowsOf(e)
		for _, kernel := range append(o.kernels(), "combine", "draw_weights") {
			switch traffic := device.Traffic(kernel); kernel {
			case "gather_rows", "dots_f32_f64":
				bytes += traffic.GlobalLoaded
			case "generate_f32", o.contractor.Name, "draw_weights", "combine":
				if traffic.GlobalLoaded+traffic.GlobalStored > 0 {
					t.Errorf("%s ran", kernel)
				}
			}
		}
		if rows := int64(size) * o.stride; bytes < 2*rows {
			t.Errorf("%d bytes were read of %d rows of %d bytes, twice", bytes, size, o.stride)
		}
		return bytes
	}
	if few, many := moved(200, 32), moved(400, 32); few != many {
		t.Errorf("32 of 200 rows move %d bytes, 32 of 400 %d", few, many)
	}
	if half, whole := moved(200, 32), moved(200, 64); 2*half != whole {
		t.Errorf("32 rows move %d bytes, 64 rows %d", half, whole)
	}
}

// TestBareDraws: draws and points of an operator without optional operations agree with those of the
// operator of rows. The sums are in another order: 1e-13 is a few hundred roundings.
func TestBareDraws(t *testing.T) {
	for par, p := range map[solver.Parametrization]*sensing.Problem{
		solver.PSD{}: problem(t, 11, 97), solver.UV{}: rectProblem(t, 7, 5, 83),
	} {
		m := p.Ensemble.Measurements()
		needs := solver.RGDA{StepSize: 1}
		b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
		_, rows := openWith(t, b, p, planRows, par, needs, 3)
		_, bare := openWith(t, b, p, planBare, par, needs, 3)
		shift := solver.NewFactor(rows.ShapesOf(solver.VectorSlot))
		sensing.NewStream(1, sensing.NoiseStream).Normals(0, shift[0].RawMatrix().Data)
		for i, d := range []solver.Draw{
			{}, {Shift: solver.VectorSlot}, {Rows: []int{3, 3, m - 1}},
			{Rows: solver.MiniBatches{Size: 30, Seed: 7}.Rows(0, m), Shift: solver.VectorSlot},
			{Rows: solver.MiniBatches{Size: 3 * m, Seed: 7}.Rows(0, m)},
		} {
			var got, want solver.Factor
			for member, g := range map[*solver.Member]*solver.Factor{bare: &got, rows: &want} {
				must(t, member.Set(solver.VectorSlot, shift))
				must(t, member.DrawGradient(d))
				*g = solver.NewFactor(member.Shapes())
				must(t, member.Get(solver.Gradient, *g))
			}
			for b := range want {
				backendtest.Close(t, fmt.Sprintf("draw %d: matrix %d of %s", i, b, par.Name()),
					got[b].RawMatrix().Data, want[b].RawMatrix().Data, 1e-13)
			}
		}
		var got, want [2]float64
		must(t, bare.Evaluate(got[:], solver.Iterate, solver.Gradient))
		must(t, rows.Combine(solver.Gradient, 0.5, solver.Iterate, 0, solver.Iterate))
		must(t, bare.Combine(solver.Gradient, 0.5, solver.Iterate, 0, solver.Iterate))
		must(t, bare.Evaluate(got[:], solver.Iterate, solver.Gradient))
		must(t, rows.Evaluate(want[:], solver.Iterate, solver.Gradient))
		backendtest.Close(t, "values", got[:], want[:], 1e-13)
	}
}
