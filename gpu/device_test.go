package gpu

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// counting records the largest use of its device's memory.
type counting struct {
	driver.Device
	most   *int64
	allocs *int
}

func (c counting) Alloc(size int64) (driver.Pointer, error) {
	p, err := c.Device.Alloc(size)
	*c.most = max(*c.most, c.Live())
	*c.allocs++
	return p, err
}

func problem(t *testing.T, n, m int) *sensing.Problem {
	t.Helper()
	e, err := sensing.NewGaussian(sensing.Sym{N: n}, m, sensing.F32, 1)
	must(t, err)
	truth, err := sensing.NewTruth(n, 1, 1, 1)
	must(t, err)
	return &sensing.Problem{Ensemble: e, Truth: truth}
}

func rectProblem(t *testing.T, n1, n2, m int) *sensing.Problem {
	t.Helper()
	e, err := sensing.NewGaussian(sensing.Rect{N1: n1, N2: n2}, m, sensing.F32, 1)
	must(t, err)
	truth, err := sensing.NewRectTruth(n1, n2, 1, 1, 1)
	must(t, err)
	return &sensing.Problem{Ensemble: e, Truth: truth}
}

func batch(ranks ...int) solver.Batch { return batchOf(solver.PSD{}, ranks...) }

func batchOf(p solver.Parametrization, ranks ...int) solver.Batch {
	return solver.Batch{Parametrization: p, FactorRanks: ranks, Needs: solver.Needs{Slots: 1}}
}

// TestMemory: Memory predicts the memory in use to the byte, except for what Apply, AdjointMul or
// ProjectedSquares borrow; a step allocates nothing; and Close frees all of it.
func TestMemory(t *testing.T) {
	for _, c := range []struct {
		storage solver.Storage
		problem *sensing.Problem
		batch   solver.Batch
	}{
		{solver.Memory, problem(t, 33, 257), batch(3, 40, 1)},
		{solver.Generated, problem(t, 33, 257), batch(3, 40, 1)},
		{solver.Memory, rectProblem(t, 19, 5, 70), batchOf(solver.UV{}, 3, 21, 1)},
		{solver.Generated, rectProblem(t, 5, 19, 70), batchOf(solver.UV{}, 3, 21, 1)},
		{solver.Memory, problem(t, 13, 40), batchOf(solver.Indefinite{}, 3, 15, 1)},
		{solver.Memory, rectProblem(t, 67, 1, 40), batchOf(solver.Sparse{}, 1, 1, 1)},
		{solver.Memory, rectProblem(t, 5, 19, 70), batchOf(solver.Deep{Depth: 2}, 3, 21, 1)},
		{solver.Generated, rectProblem(t, 19, 5, 70), batchOf(solver.Deep{Depth: 4}, 3, 21, 1)},
		{solver.Memory, uneven(t, sensing.Sym{N: 200}), batch(3, 40, 1)},
		{solver.Memory, uneven(t, sensing.Rect{N1: 9, N2: 300}), batchOf(solver.UV{}, 3, 21, 1)},
		{solver.Memory, vectorProblem(t, sensing.Sym{N: 33}, 257), batch(3, 40, 1)},
		{solver.Generated, vectorProblem(t, sensing.Sym{N: 33}, 257), batch(3, 40, 1)},
		{solver.Generated, vectorProblem(t, sensing.Rect{N1: 5, N2: 19}, 70), batchOf(solver.UV{}, 3, 21, 1)},
	} {
		n1, n2 := c.problem.Ensemble.Space().Dims()
		title := fmt.Sprintf("%s/%s/%s/%d×%d", c.problem.Ensemble.Name(), c.batch.Parametrization.Name(),
			c.storage, n1, n2)
		t.Run(title, func(t *testing.T) {
			p, members := c.problem, c.batch
			members.Needs.Vectors = 2
			device := emulator.New(emulator.Config{})
			var most int64
			var allocs int
			b := emulated(t, emulator.Config{}, c.storage, solver.F64)
			b.Connect = func() (driver.Device, error) { return counting{device, &most, &allocs}, nil }
			foretold, err := b.Memory(p, members)
			must(t, err)
			e, err := b.Open(context.Background(), p, members)
			must(t, err)
			_, err = solver.NewSpectralEstimate(p.Ensemble, e.(solver.ProductEngine), 1)
			must(t, err)
			if _, layered := members.Parametrization.(solver.Layered); layered {
				width := members.FactorRanks[1]
				_, err := e.(solver.ProjectionEngine).ProjectedSquares(normal(1, n1, width),
					normal(2, n2, width))
				must(t, err)
			}
			borrowed := 8 * float64(n2) * float64(2*n1+n2)
			if float64(most) > foretold || float64(most) < foretold-borrowed {
				t.Errorf("%d bytes were taken at most, and %.0f foretold", most, foretold)
			}
			shapes, err := members.Parametrization.Shapes(p.Ensemble.Space(), members.FactorRanks[1])
			must(t, err)
			u, err := solver.Random{Alpha: 1, Seed: 1}.Factor(shapes, nil)
			must(t, err)
			must(t, e.Set(1, solver.Iterate, u))
			before := allocs
			for range 3 {
				for member := range 3 {
					must(t, descend(e, member, 0.1))
					_, err := e.Dot(member, solver.Gradient, solver.Iterate)
					must(t, err)
				}
			}
			var losses [3]float64
			must(t, e.Losses(losses[:], 0, 1, 2))
			if allocs != before {
				t.Errorf("%d allocations in steps", allocs-before)
			}
			must(t, e.Close())
			if live := device.Live(); live != 0 {
				t.Errorf("%d bytes are live after Close", live)
			}
			must(t, e.Close())
		})
	}
}

// TestTooLarge: on a device without room, the error comes before anything is allocated, and says how much is
// needed and what needs less.
func TestTooLarge(t *testing.T) {
	b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
	device := emulator.New(emulator.Config{Memory: 20 << 20})
	var most int64
	var allocs int
	b.Connect = func() (driver.Device, error) { return counting{device, &most, &allocs}, nil }
	p := problem(t, 33, 2000)
	need, err := b.Memory(p, batch(3, 4))
	must(t, err)
	_, err = b.Open(context.Background(), p, batch(3, 4))
	want := fmt.Sprintf("%.3g GB are needed and 0.021 GB are free on PTX emulator; 1 of the 2 members fit,"+
		" generated rows fit, bf16 entries fit, q8 entries fit: out of device memory", need/1e9)
	if !errors.Is(err, driver.ErrMemory) || !strings.Contains(err.Error(), want) {
		t.Errorf("the error is %v", err)
	}
	if allocs != 0 {
		t.Errorf("%d allocations", allocs)
	}
}

// TestOldDevice: a device that is too old for the kernels is refused with the reason.
func TestOldDevice(t *testing.T) {
	b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
	b.Info.Capability = [2]int{6, 1}
	if _, err := b.Memory(problem(t, 3, 4), batch(1)); err == nil ||
		!strings.Contains(err.Error(), "compute capability 6.1, and the kernels need 7.0") {
		t.Errorf("the error is %v", err)
	}
}

// TestLost: if the device is lost at any operation, the error says so, and Close still returns.
func TestLost(t *testing.T) {
	for after := 1; after < 120; after += 7 {
		b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
		lost := errors.Join(driver.ErrLost, errors.New("fell off the bus"))
		b.Connect = func() (driver.Device, error) {
			d := emulator.New(emulator.Config{})
			d.Fail(after, lost)
			return d, nil
		}
		_, err := solver.Solve(context.Background(), problem(t, 5, 30), b, solver.GD{StepSize: 0.1},
			solver.Settings{
				Start: solver.Random{Alpha: 0.1, Seed: 1}, Iterations: 50, MeasureEvery: 5,
			})
		if !errors.Is(err, driver.ErrLost) {
			t.Errorf("lost at operation %d: the error is %v", after, err)
		}
	}
}

// TestBrought: rows of user data lie in memory, whatever the storage is, and are those of the host.
func TestBrought(t *testing.T) {
	for name, e := range backendtest.Ensembles(t, 7, 40) {
		t.Run(name, func(t *testing.T) {
			b := emulated(t, emulator.Config{}, solver.Generated, solver.F64)
			want, _ := steps(t, b, e, 3, true)
			got, _ := steps(t, b, hidden(e), 3, true)
			for i, v := range want.RawMatrix().Data {
				if got.RawMatrix().Data[i] != v {
					t.Fatalf("number %d is %v with rows of the host, and %v with rows of the device",
						i, got.RawMatrix().Data[i], v)
				}
			}
		})
	}
}

// hidden hides an ensemble's type, so that the device must ask the host for each row.
func hidden(e sensing.Ensemble) sensing.Ensemble {
	switch e := e.(type) {
	case sensing.RowSource[float64]:
		return struct{ sensing.RowSource[float64] }{e}
	case sensing.RowSource[float32]:
		return struct{ sensing.RowSource[float32] }{e}
	case sensing.RowSource[sensing.BF16Entry]:
		return struct {
			sensing.RowSource[sensing.BF16Entry]
		}{e}
	case sensing.RowSource[sensing.Q8Entry]:
		return struct {
			sensing.RowSource[sensing.Q8Entry]
		}{e}
	case sensing.RowSource[sensing.SignWord]:
		return struct {
			sensing.RowSource[sensing.SignWord]
		}{e}
	}
	return e
}

// squared is a parametrization without kernels.
type squared struct{ solver.UV }

func (squared) Name() string { return "squared" }

// skew is an ensemble on a space without kernels.
type skew struct{ sensing.Rows }

type skewSpace struct{ sensing.Space }

func (skewSpace) Name() string { return "skew" }

func (s skew) Space() sensing.Space { return skewSpace{s.Rows.Space()} }

// long is an ensemble of matrices with more rows than a launch has tiles for.
type long struct{ sensing.Rows }

func (long) Space() sensing.Space { return sensing.Rect{N1: 1<<20 - 15, N2: 2} }

// TestRefused: what has no kernels is refused with the reason.
func TestRefused(t *testing.T) {
	b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
	sym, rect := problem(t, 3, 4), rectProblem(t, 3, 4, 5)
	for _, c := range []struct {
		problem *sensing.Problem
		par     solver.Parametrization
		want    string
	}{
		{rect, solver.PSD{}, "solver: UUᵀ needs symmetric matrices, and the measurements are rect"},
		{sym, solver.UV{},
			"solver: UVᵀ is not symmetric, and the measurements see symmetric matrices alone"},
		{rect, squared{},
			"GPUs have no kernels for the parametrization squared"},
		{&sensing.Problem{Ensemble: skew{rect.Ensemble.(sensing.Rows)}}, solver.UV{},
			"gpu: there are kernels for symmetric and rectangular matrices only, and the measurements are skew"},
		{&sensing.Problem{Ensemble: long{rect.Ensemble.(sensing.Rows)}}, solver.UV{},
			"gpu: 1048561 × 2 matrices are too large: a side has at most 1048560"},
	} {
		if _, err := b.Memory(c.problem, batchOf(c.par, 1)); err == nil || err.Error() != c.want {
			t.Errorf("the error is %v, want %s", err, c.want)
		}
	}
	b.Precision = "f16"
	if _, err := b.Memory(problem(t, 3, 4), batch(1)); err == nil || !strings.Contains(err.Error(), "f16") {
		t.Errorf("f16 arithmetic: %v", err)
	}
	b.Precision = solver.F64
	if _, err := b.Memory(problem(t, 3, 4), batch(0)); err == nil {
		t.Error("a factor without columns was taken")
	}
}

// TestInterrupted: an interrupt stops the making of rows.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
	if _, err := b.Open(ctx, problem(t, 5, 30), batch(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}
