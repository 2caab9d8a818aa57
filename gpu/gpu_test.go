package gpu

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/internal/drivertest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// emulated returns a backend on an emulated device with canaries around each allocation.
func emulated(t *testing.T, config emulator.Config, storage solver.Storage,
	precision solver.Precision) Backend {
	t.Helper()
	info, err := emulator.New(config).Info()
	if err != nil {
		t.Fatal(err)
	}
	connect := func() (driver.Device, error) { return drivertest.Guard(t, emulator.New(config)), nil }
	return Backend{Label: "emulator", Info: info, Connect: connect, Storage: storage, Precision: precision}
}

// through puts a bus between a backend and its device. It is there once the backend has opened the device.
func through(b *Backend) *drivertest.Bus {
	bus, connect := &drivertest.Bus{}, b.Connect
	b.Connect = func() (d driver.Device, err error) {
		bus.Device, err = connect()
		return bus, err
	}
	return bus
}

// openPlanned opens an engine for a problem as a request plans it.
func openPlanned(t *testing.T, r request, p *sensing.Problem) *engine {
	t.Helper()
	e, err := engineFor(r)
	must(t, err)
	opened, err := r.backend.Connect()
	must(t, err)
	e.device = &device{Device: opened}
	t.Cleanup(func() { must(t, e.Close()) })
	must(t, e.open(context.Background(), p))
	return e
}

// parametrizationOf returns UUᵀ for symmetric matrices, and UVᵀ for others.
func parametrizationOf(space sensing.Space) solver.Parametrization {
	if _, symmetric := space.(sensing.Sym); symmetric {
		return solver.PSD{}
	}
	return solver.UV{}
}

// factorOf returns a random factor.
func factorOf(t testing.TB, space sensing.Space, r int, seed uint64) solver.Factor {
	t.Helper()
	shapes, err := parametrizationOf(space).Shapes(space, r)
	if err != nil {
		t.Fatal(err)
	}
	u, err := solver.Random{Alpha: 1, Seed: seed}.Factor(shapes, nil)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// old is a device without cooperative launches, on which contract is three steps.
var old = emulator.Config{Capability: [2]int{7, 0}, NotCooperative: true}

// inTiles returns a backend with tiles of rows rows.
func inTiles(b Backend, rows int) Backend {
	b.tileRows = rows
	return b
}

func TestBackend(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		config  emulator.Config
		storage solver.Storage
		tile    int
		suite   backendtest.Suite
	}{
		{"one pass", emulator.Config{}, solver.Memory, 0,
			backendtest.Suite{Small: true, LargeOf: []string{"gaussian-f32", "completion", "rank-one"}}},
		{"one pass generated", emulator.Config{}, solver.Generated, 0, backendtest.Suite{Brief: true}},
		{"three steps", old, solver.Memory, 12, backendtest.Suite{Brief: true}},
		{"three steps generated", old, solver.Generated, 20, backendtest.Suite{Brief: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.suite.Run(t, inTiles(emulated(t, c.config, c.storage, solver.F64), c.tile))
		})
	}
	t.Run("single precision", func(t *testing.T) {
		t.Parallel()
		backendtest.Suite{Single: true, Brief: true}.Run(t,
			emulated(t, emulator.Config{}, solver.Memory, solver.F32))
	})
}

func TestAgreesWithTheHost(t *testing.T) {
	t.Parallel()
	for storage, agree := range map[solver.Storage]func(t *testing.T, b, reference solver.Backend){
		solver.Memory: backendtest.Agree, solver.Generated: backendtest.AgreeGenerated,
	} {
		t.Run(string(storage), func(t *testing.T) {
			t.Parallel()
			agree(t, emulated(t, emulator.Config{}, storage, solver.F64), cpu.Backend{})
		})
	}
}

// TestSameBits: contract gives the same bits in one launch and in three steps, from memory and generated,
// with any tiles.
func TestSameBits(t *testing.T) {
	t.Parallel()
	for _, precision := range []solver.Precision{solver.F64, solver.F32} {
		t.Run(string(precision), func(t *testing.T) {
			t.Parallel()
			on := func(storage solver.Storage) Backend {
				return emulated(t, emulator.Config{}, storage, precision)
			}
			sameBits(t, []way{
				{"one pass", on(solver.Memory), true},
				{"one pass generated", on(solver.Generated), true},
				{"three steps", on(solver.Memory), false},
				{"three steps generated", on(solver.Generated), false},
				{"three steps in small tiles", inTiles(on(solver.Memory), 12), false},
				{"three steps generated in small tiles", inTiles(on(solver.Generated), 4), false},
			}, []size{{5, 61, 3}, {91, 37, 2}})
		})
	}
}

// TestSameBitsOnEveryDevice: the number of multiprocessors, the size of the cache and the number of blocks at
// one time change no bit. n = 91 makes two slabs, and 200 rows 25 chunks: each group of blocks takes one or
// two chunks on 16 multiprocessors, five with little room, and one on 132 multiprocessors.
func TestSameBitsOnEveryDevice(t *testing.T) {
	t.Parallel()
	of := func(config emulator.Config, storage solver.Storage) Backend {
		return emulated(t, config, storage, solver.F64)
	}
	small, large := emulator.Config{Multiprocessors: 16}, emulator.Config{Multiprocessors: 132, L2: 50 << 20}
	sameBits(t, []way{
		{"16 multiprocessors", of(small, solver.Memory), true},
		{"132 multiprocessors", of(large, solver.Memory), true},
		{"132 multiprocessors generated", of(large, solver.Generated), true},
		{"room for few blocks", of(emulator.Config{Multiprocessors: 16, MostCooperative: 11}, solver.Memory),
			true},
		{"no cooperative launches",
			of(emulator.Config{Multiprocessors: 132, NotCooperative: true}, solver.Memory), false},
		{"an old device", of(emulator.Config{Capability: [2]int{7, 0}, Multiprocessors: 80},
			solver.Generated), true},
		{"an old device with little shared memory", of(emulator.Config{Capability: [2]int{7, 5},
			Multiprocessors: 40, L2: 4 << 20}, solver.Memory), true},
	}, []size{{91, 200, 2}}, "gaussian-f32", "rademacher")
}

// way is one way to take the same steps.
type way struct {
	name    string
	backend Backend
	once    bool
}

// size is the size of a problem. n = 91 makes two slabs of coordinates, the second nearly empty; n = 5 makes
// rows shorter than a warp.
type size struct{ n, m, r int }

// sameBits takes the same steps in several ways, for all ensembles or those that are named, and compares each
// way with the first.
func sameBits(t *testing.T, ways []way, sizes []size, ensembles ...string) {
	for _, size := range sizes {
		for name, e := range backendtest.Ensembles(t, size.n, size.m) {
			if len(ensembles) > 0 && !slices.Contains(ensembles, name) {
				continue
			}
			t.Run(fmt.Sprintf("%s/n=%d", name, size.n), func(t *testing.T) {
				var want *mat.Dense
				var wantLoss float64
				for _, w := range ways {
					u, loss := steps(t, w.backend, e, size.r, w.once, nil)
					if want == nil {
						want, wantLoss = u, loss
					}
					if !mat.Equal(u, want) || loss != wantLoss {
						t.Errorf("%s differs from %s: loss %v and %v", w.name, ways[0].name, loss, wantLoss)
					}
				}
			})
		}
	}
}

// descend takes a step of gradient descent of a member.
func descend(e solver.Engine, member int, step float64) error {
	if err := e.Gradient(member); err != nil {
		return err
	}
	return e.Combine(member, solver.Iterate, 1, solver.Iterate, -step, solver.Gradient)
}

// steps takes two steps of gradient descent on a loss, with contract in one launch or not.
func steps(
	t *testing.T, b Backend, e sensing.Ensemble, r int, once bool, l solver.Loss,
) (*mat.Dense, float64) {
	t.Helper()
	n, _ := e.Space().Dims()
	truth, err := sensing.NewTruth(n, 1, 1, 1)
	must(t, err)
	opened, err := b.Open(context.Background(), &sensing.Problem{Ensemble: e, Truth: truth, Noise: 0.01},
		solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{r}, Losses: []solver.Loss{l}})
	must(t, err)
	defer func() { must(t, opened.Close()) }()
	engine := opened.(*engine)
	if once && rowsOf(engine).groups == 0 {
		t.Fatal("this device cannot contract in one launch")
	}
	if !once {
		rowsOf(engine).groups = 0
	}
	u, err := solver.Random{Alpha: 0.1, Seed: 1}.Factor([]solver.Shape{{Rows: n, Cols: r}}, nil)
	must(t, err)
	must(t, engine.Set(0, solver.Iterate, u))
	for range 2 {
		must(t, descend(engine, 0, 0.25))
	}
	var loss [1]float64
	must(t, engine.Losses(loss[:], 0))
	must(t, engine.Get(0, solver.Iterate, u))
	return u[0], loss[0]
}

// rowsOf returns the operator of an engine with rows: of several cards that of the first.
func rowsOf(e *engine) *rowOperator {
	if s, several := e.operator.(*spreadRows); several {
		return s.shares[0]
	}
	return e.operator.(*rowOperator)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
