package gpu

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// onCards adds devices to a backend, until there are count. The configurations repeat.
func onCards(t *testing.T, b Backend, count int, configs ...emulator.Config) Backend {
	t.Helper()
	for i := range count - 1 {
		other := emulated(t, configs[i%len(configs)], b.Storage, b.Precision)
		b.Others = append(b.Others, Card{other.Info, other.Connect})
	}
	return b
}

// TestSameBitsOnAnyNumberOfDevices: one, two, four and eight devices give the same bits, of whatever kind the
// devices are, with rows in memory and generated. 61 rows are eight chunks, one for each of eight devices.
func TestSameBitsOnAnyNumberOfDevices(t *testing.T) {
	small, large := emulator.Config{Multiprocessors: 2}, emulator.Config{Multiprocessors: 132}
	old := emulator.Config{Capability: [2]int{7, 0}}
	for _, precision := range []solver.Precision{solver.F64, solver.F32} {
		t.Run(string(precision), func(t *testing.T) {
			t.Parallel()
			one := emulated(t, large, solver.Memory, precision)
			generated := emulated(t, large, solver.Generated, precision)
			sameBits(t, []way{
				{"one device", one, true},
				{"2 devices", onCards(t, one, 2, large), true},
				{"2 devices, generated", onCards(t, generated, 2, small), true},
				{"4 devices, of which two have three steps", onCards(t, one, 4, old, small), true},
				{"4 devices, generated in small tiles",
					inTiles(onCards(t, generated, 4, old), 4), false},
				{"8 devices", onCards(t, one, 8, large), true},
			}, []size{{5, 61, 3}})
		})
	}
}

// TestMembersOnSeveralDevices: a batch's gradients, losses and products have the same bits on one device and
// on four, and memory is as foretold on each.
func TestMembersOnSeveralDevices(t *testing.T) {
	p := problem(t, 9, 100)
	ranks := []int{1, 3, 2, 1, 2}
	one := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
	several := onCards(t, one, 4, emulator.Config{})
	most, allocs := make([]int64, 4), 0
	for i := range several.Others {
		connect := several.Others[i].Connect
		several.Others[i].Connect = func() (driver.Device, error) {
			d, err := connect()
			return counting{d, &most[i+1], &allocs}, err
		}
	}
	members := batch(ranks...)
	planned, err := newEngine(several, p.Ensemble, members)
	must(t, err)
	of := func(b Backend) (out []*mat.Dense, numbers []float64) {
		e, err := b.Open(context.Background(), p, members)
		must(t, err)
		defer func() { must(t, e.Close()) }()
		all := []int{0, 1, 2, 3, 4}
		for i, r := range ranks {
			must(t, e.Set(i, solver.Iterate, solver.Factor{normal(uint64(i), 9, r)}))
		}
		must(t, e.Gradient(all...))
		numbers = make([]float64, len(ranks), len(ranks)+100)
		must(t, e.Losses(numbers, all...))
		for i, r := range ranks {
			g := solver.Factor{mat.NewDense(9, r, nil)}
			must(t, e.Get(i, solver.Gradient, g))
			out = append(out, g[0])
		}
		products := e.(solver.ProductEngine)
		values := make([]float64, 100)
		must(t, products.Apply(values, normal(7, 9, 2), normal(8, 9, 2)))
		s := mat.NewDense(9, 2, nil)
		must(t, products.AdjointMul(s, values, false, normal(9, 9, 2)))
		return append(out, s), append(append(numbers, values...), e.Observations()...)
	}
	want, wantNumbers := of(one)
	got, gotNumbers := of(several)
	for i := range want {
		if !mat.Equal(got[i], want[i]) {
			t.Errorf("matrix %d differs", i)
		}
	}
	for i, v := range wantNumbers {
		if math.Float64bits(v) != math.Float64bits(gotNumbers[i]) {
			t.Errorf("number %d is %v on four devices and %v on one", i, gotNumbers[i], v)
		}
	}
	for card := range several.Others {
		if foretold := planned.operator.(*spreadRows).bytes(card); float64(most[card+1]) != foretold {
			t.Errorf("device %d: %d bytes were taken, and %.0f foretold", card+1, most[card+1], foretold)
		}
	}
}

// TestRowsTooLargeForOneDevice: the rows of n = 1000, m = 50,000 in f32 are 100 GB. Each of four devices
// needs a quarter of them and little more.
func TestRowsTooLargeForOneDevice(t *testing.T) {
	e, err := sensing.NewGaussian(sensing.Sym{N: 1000}, 50_000, sensing.F32, 1)
	must(t, err)
	b := Backend{Info: h200}
	p := &sensing.Problem{Ensemble: e}
	alone, err := b.Memory(p, batch(5))
	must(t, err)
	for range 3 {
		b.Others = append(b.Others, Card{Info: h200})
	}
	shared, err := b.Memory(p, batch(5))
	must(t, err)
	rows := 50_000 * 500_500 * 4.
	if alone < rows || shared < rows/4 || shared > 1.02*rows/4 {
		t.Errorf("%.4g bytes on one device, %.4g on each of four; the rows are %.4g", alone, shared, rows)
	}
}

// TestLostCard: if a device that is not the first is lost, the run's error says that a device is lost, and
// Close frees the others.
func TestLostCard(t *testing.T) {
	b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
	other := emulator.New(emulator.Config{})
	b.Others = []Card{{b.Info, func() (driver.Device, error) { return other, nil }}}
	opened, err := b.Open(context.Background(), problem(t, 6, 70), batch(2))
	must(t, err)
	u := solver.Factor{normal(1, 6, 2)}
	must(t, opened.Set(0, solver.Iterate, u))
	must(t, descend(opened, 0, 0.1))
	other.Fail(3, driver.ErrLost)
	if err := descend(opened, 0, 0.1); !errors.Is(err, driver.ErrLost) {
		t.Errorf("the error is %v", err)
	}
	if err := opened.Close(); !errors.Is(err, driver.ErrLost) {
		t.Errorf("Close: %v", err)
	}
}

// TestRefusedOnSeveralDevices: what several devices cannot do is refused before any is opened.
func TestRefusedOnSeveralDevices(t *testing.T) {
	of := func(count int) Backend {
		return onCards(t, emulated(t, emulator.Config{}, solver.Memory, solver.F64), count, emulator.Config{})
	}
	draws := batch(1)
	draws.Needs.Draws = true
	vectors := vectorProblem(t, sensing.Sym{N: 6}, 70)
	for _, c := range []struct {
		backend Backend
		problem *sensing.Problem
		batch   solver.Batch
		want    string
	}{
		{of(3), problem(t, 6, 70), batch(1), "2, 4 or 8 GPUs, got 3"},
		{of(2), problem(t, 6, 70), draws, "mini-batches run on one GPU"},
		{inMixed(of(2)), problem(t, 6, 70), batch(1), "mixed precision runs on one GPU"},
		{of(8), problem(t, 6, 20), batch(1), "3 chunks, too few for 8 GPUs"},
		{of(2), rectProblem(t, 5, 6, 70), batchOf(solver.Deep{Depth: 2}, 2), "runs on one GPU"},
		{of(2), vectors, batch(1), "share only rows"},
	} {
		_, err := c.backend.Memory(c.problem, c.batch)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("the error is %v, want one with %q", err, c.want)
		}
	}
}

// inMixed returns the backend with mixed precision.
func inMixed(b Backend) Backend {
	b.Precision = solver.Mixed
	return b
}
