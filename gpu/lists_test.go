package gpu

import (
	"context"
	"slices"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/drivertest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestLists: a list that is on the device is not copied again, a list that does not fit beside the others
// takes their place, and a list begins at a multiple of a sector.
func TestLists(t *testing.T) {
	bus := &drivertest.Bus{Device: emulator.New(emulator.Config{})}
	d := &device{Device: bus, lists: &lists{bytes: 4 * itemBytes}}
	var err error
	d.lists.at, err = d.Alloc(d.lists.bytes)
	must(t, err)
	of := func(numbers ...int) []byte {
		var list []item
		for _, n := range numbers {
			list = append(list, item{driver.Pointer(n), driver.Pointer(n + 1), n, driver.Pointer(n + 2)})
		}
		return encode(list)
	}
	short := []byte{1, 2, 3, 4}
	for i, c := range []struct {
		list   []byte
		copied int
	}{
		{of(1, 2), 64}, {of(3), 32}, {of(1, 2), 0}, {of(2), 32}, {of(3), 0}, {of(4, 5, 6, 7), 128},
		{of(3), 32}, {of(3), 0}, {of(1, 2), 64}, {short, 4}, {of(8), 32}, {short, 4}, {of(3), 32}, {short, 0},
		{nil, 0},
	} {
		bus.Reset()
		at, err := d.list(c.list)
		must(t, err)
		if bus.Up != int64(c.copied) {
			t.Errorf("list %d: %d bytes were copied, want %d", i, bus.Up, c.copied)
		}
		if at%listAlignment != 0 {
			t.Errorf("list %d is at %d", i, at)
		}
		if len(c.list) == 0 {
			continue
		}
		got := make([]byte, len(c.list))
		must(t, d.Download(got, at))
		if !slices.Equal(got, c.list) {
			t.Errorf("list %d is not on the device", i)
		}
	}
	if _, err := d.list(of(1, 2, 3, 4, 5)); err == nil {
		t.Error("a list without room is not refused")
	}
	must(t, d.Close())
}

// TestListsStay: the second time that an engine computes gradients, gradients of draws and residuals, no list
// goes to the device, whatever the ensemble. The operations use lists in turn.
func TestListsStay(t *testing.T) {
	pauli, err := sensing.NewPauli(8, 30, 1)
	must(t, err)
	for _, p := range []*sensing.Problem{
		problem(t, 9, 40), rectProblem(t, 9, 7, 40), uneven(t, sensing.Sym{N: 40}),
		uneven(t, sensing.Rect{N1: 9, N2: 40}), pauliProblem(t, pauli),
		vectorProblem(t, sensing.Sym{N: 9}, 40), vectorProblem(t, sensing.Rect{N1: 9, N2: 7}, 40),
	} {
		space := p.Ensemble.Space()
		t.Run(p.Ensemble.Name()+"/"+space.Name(), func(t *testing.T) {
			t.Parallel()
			b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
			bus := through(&b)
			batch := batchOf(parametrizationOf(space), 2, 3)
			batch.Needs = solver.Needs{Draws: true, Values: true, Vectors: 1}
			e, err := b.Open(context.Background(), p, batch)
			must(t, err)
			defer func() { must(t, e.Close()) }()
			for member, r := range batch.FactorRanks {
				must(t, e.Set(member, solver.Iterate, factorOf(t, space, r, uint64(member))))
			}
			for round := range 2 {
				bus.Reset()
				must(t, e.Gradient(0, 1))
				for member := range batch.FactorRanks {
					must(t, e.(solver.DrawEngine).DrawGradient(member, solver.Draw{}))
					must(t, e.(solver.ValueEngine).Residuals(member, solver.VectorSlot))
					must(t, descend(e, member, 0.1))
				}
				if round > 0 && bus.Up > 0 {
					t.Errorf("%d bytes go to the device", bus.Up)
				}
			}
		})
	}
}
