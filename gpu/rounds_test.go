package gpu

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/numtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// openMembers opens an engine for members of the given factor ranks, and gives each a random iterate and
// gradient.
func openMembers(
	t *testing.T, b Backend, p *sensing.Problem, par solver.Parametrization, needs solver.Needs, ranks ...int,
) (solver.Engine, []*solver.Member) {
	t.Helper()
	e, err := b.Open(context.Background(), p,
		solver.Batch{Parametrization: par, FactorRanks: ranks, Needs: needs})
	must(t, err)
	t.Cleanup(func() { must(t, e.Close()) })
	var members []*solver.Member
	for i, rank := range ranks {
		m, err := solver.NewMember(e, i, p.Ensemble.Space(), par, rank)
		must(t, err)
		for slot := range solver.Slot(2) {
			u, err := solver.Random{Alpha: 1, Seed: uint64(2*i) + uint64(slot)}.Factor(m.Shapes(), nil)
			must(t, err)
			must(t, m.Set(slot, u))
		}
		members = append(members, m)
	}
	return e, members
}

// TestRounds: any operations of any members, in any order, have the same bits whether they wait for each
// other or are done at once.
func TestRounds(t *testing.T) {
	const slots, operations = 2, 150
	ranks := []int{3, 35, 1}
	for _, par := range []solver.Parametrization{solver.PSD{}, solver.UV{}} {
		p := problem(t, 40, 20)
		if par == (solver.UV{}) {
			p = rectProblem(t, 40, 37, 20)
		}
		end := func(atOnce bool) (all []solver.Factor) {
			e, members := openMembers(t, emulated(t, emulator.Config{}, solver.Memory, solver.F64), p, par,
				solver.Needs{Slots: slots, Inverses: true, Entrywise: true}, ranks...)
			random := rand.New(rand.NewPCG(1, 2))
			slot := func() solver.Slot { return solver.Slot(random.IntN(int(solver.MethodSlot) + slots)) }
			for range operations {
				m := members[random.IntN(len(members))]
				dst, x, y := slot(), slot(), slot()
				switch kind := random.IntN(11); {
				case kind == 0 && dst != x && dst != solver.Iterate:
					must(t, m.Precondition(dst, x, random.Float64()))
				case kind == 1 && dst != x && dst != solver.Iterate && m != members[1]:
					must(t, m.Project(dst, x))
				case kind == 2 && dst != x && dst != y && dst != solver.Iterate && m != members[1]:
					must(t, m.Fit(dst, y, x))
				case kind == 3:
					must(t, m.Gradient())
				case kind == 4:
					_, err := m.Dot(x, y)
					must(t, err)
				case kind == 5:
					must(t, m.MultiplyEntries(dst, 0.1, x, y, 0.5, slot()))
				case kind == 6: // by the root of a square
					must(t, m.MultiplyEntries(y, 1, y, y, 0, y))
					must(t, m.DivideEntries(dst, slot(), 0.1, x, y, 1))
				default: // the sum of two halves: no number grows
					must(t, m.Combine(dst, 0.5, x, -0.5, y))
				}
				if atOnce {
					must(t, e.Wait())
				}
			}
			for _, m := range members {
				for s := range solver.MethodSlot + slots {
					f := solver.NewFactor(m.Shapes())
					must(t, m.Get(s, f))
					all = append(all, f)
				}
			}
			return all
		}
		got, want := end(false), end(true)
		for i := range want {
			for b := range want[i] {
				if !numtest.SameBits(got[i][b].RawMatrix().Data, want[i][b].RawMatrix().Data) {
					t.Errorf("%s: slot %d of member %d differs", par.Name(), i%(int(solver.MethodSlot)+slots),
						i/(int(solver.MethodSlot)+slots))
				}
			}
		}
	}
}

// TestShared: the members of a batch share what a scaled step has beside a step of gradient descent, also
// with different factor ranks and λ: the Gram matrices, two panels and the rows below the first of them, and
// two triangular solutions. Nothing moves between host and device.
func TestShared(t *testing.T) {
	launches := func(method func(i int) solver.Method, ranks ...int) int {
		b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
		bus := through(&b)
		e, members := openMembers(t, b, problem(t, 40, 20), solver.PSD{}, method(0).Needs(), ranks...)
		var all []int
		for i := range members {
			all = append(all, i)
		}
		for step := range 2 {
			bus.Reset()
			must(t, e.Gradient(all...))
			for i, m := range members {
				must(t, method(i).Step(m, step))
			}
			must(t, e.Wait())
		}
		if bus.Up != 0 || bus.Down != 0 {
			t.Errorf("a step of %d members moves %d bytes to the device, and %d back", len(ranks), bus.Up, bus.Down)
		}
		return bus.Launches
	}
	plain := func(int) solver.Method { return solver.GD{StepSize: 0.1} }
	scaled := func(i int) solver.Method {
		return solver.ScaledGDLambda{StepSize: 0.1, Lambda: 0.1 + float64(i)}
	}
	for _, ranks := range [][]int{{35}, {35, 3, 35, 1}} {
		if got := launches(scaled, ranks...) - launches(plain, ranks...); got != 1+3+2 {
			t.Errorf("factor ranks %v: a scaled step has %d launches more, want 6", ranks, got)
		}
	}
}

// TestAdamShared: a step of Adam has two launches more than one of gradient descent, which all members share,
// and the bytes that docs/kernels.md counts.
func TestAdamShared(t *testing.T) {
	launches := func(method solver.Method, ranks ...int) (int, *emulator.Device) {
		b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
		device := emulator.New(emulator.Config{})
		b.Connect = func() (driver.Device, error) { return device, nil }
		bus := through(&b)
		e, members := openMembers(t, b, problem(t, 40, 20), solver.PSD{}, method.Needs(), ranks...)
		for _, m := range members {
			must(t, m.Gradient())
		}
		must(t, e.Wait())
		bus.Reset()
		device.ResetTraffic()
		for _, m := range members {
			must(t, method.Step(m, 0))
		}
		must(t, e.Wait())
		if bus.Up != 0 || bus.Down != 0 {
			t.Errorf("a step of %d members moves %d bytes to the device, and %d back", len(ranks), bus.Up,
				bus.Down)
		}
		return bus.Launches, device
	}
	adam := solver.Adam{StepSize: 0.1, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
	for _, ranks := range [][]int{{35}, {35, 3, 35, 1}} {
		gd, _ := launches(solver.GD{StepSize: 0.1}, ranks...)
		got, device := launches(adam, ranks...)
		if gd != 1 || got != 3 {
			t.Errorf("factor ranks %v: %d launches, and %d of gd", ranks, got, gd)
		}
		numbers := int64(0)
		for _, r := range ranks {
			numbers += 40 * int64(r)
		}
		for _, name := range []string{"multiply_entries", "divide_entries"} {
			moved := device.Traffic(name)
			if moved.GlobalLoaded != 24*numbers || moved.GlobalStored != 8*numbers {
				t.Errorf("factor ranks %v: %s loads %d bytes and stores %d, want %d and %d", ranks, name,
					moved.GlobalLoaded, moved.GlobalStored, 24*numbers, 8*numbers)
			}
		}
	}
}

// TestCombineTogether: successive members that combine the same slots alike share a launch, unless a factor
// smaller than its room leaves a gap, or the coefficients differ.
func TestCombineTogether(t *testing.T) {
	b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
	device := &calls{}
	connect := b.Connect
	b.Connect = func() (d driver.Device, err error) {
		device.Device, err = connect()
		return device, err
	}
	e, members := openMembers(t, b, problem(t, 40, 20), solver.PSD{}, solver.Needs{Slots: 1}, 3, 4, 2, 1, 5)
	must(t, e.Reset(1, 2)) // leaves a gap before member 2
	shorter, err := solver.NewMember(e, 1, sensing.Sym{N: 40}, solver.PSD{}, 2)
	must(t, err)
	members[1] = shorter
	want := make([]solver.Factor, len(members))
	for i, m := range members {
		x, y := normal(uint64(2*i), 40, m.Shapes()[0].Cols), normal(uint64(2*i+1), 40, m.Shapes()[0].Cols)
		must(t, m.Set(solver.Iterate, solver.Factor{x}))
		must(t, m.Set(solver.Gradient, solver.Factor{y}))
		half := 0.5
		if i == 4 {
			half = 0.75
		}
		must(t, m.Combine(solver.MethodSlot, half, solver.Iterate, -0.25, solver.Gradient))
		var sum, other mat.Dense
		sum.Scale(half, x)
		other.Scale(-0.25, y)
		sum.Add(&sum, &other)
		want[i] = solver.Factor{&sum}
	}
	device.made = nil
	must(t, e.Wait())
	if got := strings.Join(device.made, " "); got != "combine combine combine Wait" { // 0 and 1, 2 and 3, 4
		t.Errorf("the calls are %s", got)
	}
	for i, m := range members {
		got := solver.NewFactor(m.Shapes())
		must(t, m.Get(solver.MethodSlot, got))
		if !mat.Equal(got[0], want[i][0]) {
			t.Errorf("member %d has other numbers", i)
		}
	}
}
