package gpu

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// longRows returns a backend whose reference device holds four blocks of contract, and two of contract_long,
// and which has so many multiprocessors.
func longRows(t *testing.T, multiprocessors int, storage solver.Storage, precision solver.Precision) Backend {
	b := emulated(t, emulator.Config{Multiprocessors: multiprocessors}, storage, precision)
	b.slots = 4
	return b
}

// TestSameBitsOfLongRows: contract_long gives the bits of contract and of the three steps. K = 20,100 and
// four blocks make six slabs of 3456 coordinates, three in a block of contract_long.
func TestSameBitsOfLongRows(t *testing.T) {
	t.Parallel()
	stored := func(multiprocessors int) Backend {
		return longRows(t, multiprocessors, solver.Memory, solver.F64)
	}
	two := emulator.Config{Multiprocessors: 2}
	ways := []way{
		{"2 multiprocessors", stored(2), true},
		{"132 multiprocessors", stored(132), true},
		{"three steps", stored(2), false},
		{"2 devices", onCards(t, stored(2), 2, two), true},
	}
	sameBits(t, ways, []size{{200, 11, 2}}, "gaussian-q8")
	generated := way{"generated", longRows(t, 2, solver.Generated, solver.F64), true}
	sameBits(t, append(ways, generated), []size{{200, 11, 2}}, "gaussian-f32")
}

// TestMixedLongRows: gradients in mixed precision have the same bits with contract_long and with contract.
func TestMixedLongRows(t *testing.T) {
	t.Parallel()
	const n, m = 200, 11
	ensemble, err := sensing.NewGaussian(sensing.Sym{N: n}, m, sensing.BF16, 1)
	must(t, err)
	var all [][]float64
	for _, multiprocessors := range []int{2, 132} {
		e := gradientEngine(t, longRows(t, multiprocessors, solver.Memory, solver.Mixed), ensemble)
		single := e.operator.(*mixedOperator).single
		name := single.contractor.Name
		if long := strings.HasPrefix(name, "contract_long_"); long != (multiprocessors == 2) {
			t.Fatalf("%d multiprocessors take %s", multiprocessors, name)
		}
		must(t, e.Combine(0, solver.Iterate, 1, solver.Iterate, -0.01, solver.Gradient))
		must(t, e.Gradient(0))
		g := solver.Factor{normal(0, n, 2)}
		must(t, e.Get(0, solver.Gradient, g))
		all = append(all, g[0].RawMatrix().Data)
	}
	if !slices.Equal(all[0], all[1]) {
		t.Error("contract_long gives other bits")
	}
}

// TestLongPlan: how many slabs a block of contract_long has, how many pairs are on their way, and how much
// shared memory it takes: 32 KiB for z of a slab of 4096, and 32 KiB for a pair, or 64 KiB of f64 rows.
func TestLongPlan(t *testing.T) {
	a100 := driver.Info{Capability: [2]int{8, 0}, Multiprocessors: 108, BlockShared: 163 << 10, L2: 40 << 20,
		Cooperative: true}
	little := h200
	little.L2 = 25 << 20
	for _, c := range []struct {
		info       driver.Info
		n          int
		entries    sensing.Entries
		storage    solver.Storage
		own, ahead int
		shared     int // KiB
	}{
		{h200, 1470, sensing.F32, solver.Memory, 1, 1, 96}, // contract
		{h200, 1800, sensing.F32, solver.Memory, 3, 2, 3*32 + 3*32},
		{h200, 2079, sensing.F32, solver.Memory, 4, 2, 4*32 + 3*32},
		{h200, 2079, sensing.BF16, solver.Memory, 4, 2, 4*32 + 3*32},
		{h200, 2079, sensing.Q8, solver.Memory, 4, 1, 4*32 + 2*32},
		{h200, 1800, sensing.F64, solver.Memory, 3, 1, 3*32 + 2*64},
		{h200, 1800, sensing.F64, solver.Generated, 3, 1, 3*32 + 2*64},
		{h200, 2079, sensing.F32, solver.Generated, 4, 1, 4*32 + 2*32},
		{h200, 1800, sensing.BF16, solver.Generated, 1, 1, 96},
		{little, 1800, sensing.F64, solver.Memory, 1, 1, 96}, // two rows are 25 MiB
		{little, 1800, sensing.BF16, solver.Memory, 3, 2, 3*32 + 3*32},
		{a100, 1000, sensing.F32, solver.Memory, 2, 2, 2*32 + 3*32},
		{a100, 1400, sensing.F32, solver.Memory, 3, 1, 3*32 + 2*32},
	} {
		l := rowLayout{rowStore: rowStore{m: 1000, inMemory: c.storage == solver.Memory}, all: 1000, cards: 1,
			k: c.n * (c.n + 1) / 2, members: 1, precision: solver.F64}
		l.setDevice(c.info)
		l.setSlabs(referenceBlocks)
		l.setEntries(c.entries)
		l.shareRows(0)
		if got := [3]int{l.own, l.stagesAhead, l.stages >> 10}; got != [3]int{c.own, c.ahead, c.shared} {
			t.Errorf("n = %d, %s %s entries, %d multiprocessors: %d slabs, pairs and KiB, want %+v", c.n,
				c.storage, c.entries, c.info.Multiprocessors, got, c)
		}
		kept := int64(0)
		if c.own > 1 && c.storage == solver.Generated {
			kept = 3 * l.stride
		}
		if got := l.passingBytes(); got != kept {
			t.Errorf("n = %d, %s %s entries: %d bytes of rows in passing, want %d", c.n, c.storage, c.entries,
				got, kept)
		}
	}
}

// TestLongTraffic compares contract_long with the counts of docs/kernels.md: each row is copied twice, or
// stored and copied once if it is generated, and little else is moved.
func TestLongTraffic(t *testing.T) {
	t.Parallel()
	const n, m = 200, 64
	for name, rows := range backendtest.Ensembles(t, n, m) {
		if rows.Entries() == sensing.Signs {
			continue
		}
		for _, way := range []struct {
			storage   solver.Storage
			precision solver.Precision
		}{
			{solver.Memory, solver.F64}, {solver.Memory, solver.F32}, {solver.Generated, solver.F64},
		} {
			if way.storage == solver.Generated && rows.Entries().EntryBits() < 32 {
				continue
			}
			t.Run(fmt.Sprintf("%s/%s/%s", name, way.storage, way.precision), func(t *testing.T) {
				t.Parallel()
				b := longRows(t, 2, way.storage, way.precision)
				device := emulator.New(emulator.Config{Multiprocessors: 2})
				b.Connect = func() (driver.Device, error) { return device, nil }
				o := rowsOf(gradientEngine(t, b, rows))
				if o.own != 3 || o.slabs != 6 || o.groups != 1 {
					t.Fatalf("%d slabs, %d in a block, %d groups", o.slabs, o.own, o.groups)
				}
				device.ResetTraffic()
				must(t, o.launchContract(o.zeros, o.groups))
				testLongTraffic(t, o, device.Traffic(o.contractor.Name))
			})
		}
	}
}

func testLongTraffic(t *testing.T, o *rowOperator, got emulator.Traffic) {
	m, bytes := int64(o.m), numberBytes(o.precision)
	blocks, slabs := int64(o.groupBlocks()), int64(o.slabs)
	rows, kept := 2*m*o.stride, int64(0)
	if !o.inMemory {
		rows, kept = m*o.stride, m*o.stride
	}
	z := int64(wholeQuads(o.k)) * bytes
	y := m * blocks * 32 * 8 // all lanes of a warp ask for the same number
	// All lanes of a block's warps read the first rows of its chunks.
	starts := int64(o.chunks.count()+2) * blocks * 8 * 32 * 4
	var levels int64
	if o.entries == sensing.Q8 {
		levels = blocks * 256 * 8
	}
	if loaded, want := got.GlobalLoaded-got.StrongLoaded, rows+z+y+starts+levels; loaded != want {
		t.Errorf("%d bytes were loaded, want %d: rows %d, z %d, y %d, starts %d, levels %d",
			loaded, want, rows, z, y, starts, levels)
	}
	if least := m * slabs * blocks * bytes; got.StrongLoaded < least {
		t.Errorf("%d bytes of partials were loaded, fewer than %d", got.StrongLoaded, least)
	}
	halves := bytes / 4 // four f64 are two loads, and each asks for half of a sector
	if sectors, want := got.LoadSectors-got.StrongSectors,
		(rows+levels)/32+halves*((z+31)/32)+y/256+starts/128; sectors != want {
		t.Errorf("%d sectors were loaded, want %d", sectors, want)
	}
	sums := int64(o.chunks.count()) * int64(wholeQuads(o.k)) * bytes
	if want := sums + m*(slabs*bytes+8) + kept; got.GlobalStored != want {
		t.Errorf("%d bytes were stored, want %d", got.GlobalStored, want)
	}
	if o.entries != sensing.F64 && got.BankConflicts != 0 {
		t.Errorf("%d bank conflicts", got.BankConflicts)
	}
	each := float64(got.Instructions) * 32 / float64(o.m*o.k)
	if want := longCosts[o.entries].of(&o.rowLayout); each < want-0.5 || each > want+0.5 {
		t.Errorf("%.2f instructions an entry, want %v", each, want)
	}
}
