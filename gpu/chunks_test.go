package gpu

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// h200 is the device for which docs/kernels.md counts.
var h200 = driver.Info{
	Name: "H200", Capability: [2]int{9, 0}, Memory: 141e9, Free: 140e9, Multiprocessors: 132, L2: 50 << 20,
	BlockShared: 227 << 10, Cooperative: true,
}

// planned returns the operator of f32 rows, planned for a device that need not exist.
func planned(t *testing.T, info driver.Info, storage solver.Storage, n, m, members int) *rowOperator {
	t.Helper()
	ensemble, err := sensing.NewGaussian(sensing.Sym{N: n}, m, sensing.F32, 1)
	must(t, err)
	ranks := make([]int, members)
	for i := range ranks {
		ranks[i] = 5
	}
	e, err := newEngine(Backend{Info: info, Storage: storage}, ensemble, batch(ranks...))
	must(t, err)
	return rowsOf(e)
}

// TestChunks: the first rows of chunks follow from m and K alone; each chunk is whole blocks of eight rows;
// the chunks' sums, each written and read once, are a few percent of f32 rows; and the reference device and
// others share the chunks out evenly.
func TestChunks(t *testing.T) {
	for _, c := range []struct{ n, m, chunks int }{
		{2, 1, 1}, {60, 1200, 150}, {200, 2000, 52}, {200, 10_000, 104}, {200, 1_000_000, 208},
		{1000, 10_000, 8}, {1000, 300, 8}, {4000, 200_000, 8}, {4000, 57, 8}, {4000, 56, 7},
	} {
		var first *rowOperator
		for _, info := range []driver.Info{
			h200,
			{Capability: [2]int{8, 0}, Multiprocessors: 108, Memory: 80e9, L2: 40 << 20,
				BlockShared: 163 << 10, Cooperative: true},
			{Capability: [2]int{7, 5}, Multiprocessors: 16, Memory: 4e9, L2: 1 << 20, BlockShared: 64 << 10},
		} {
			for _, members := range []int{1, 8} {
				for _, storage := range []solver.Storage{solver.Memory, solver.Generated} {
					l := planned(t, info, storage, c.n, c.m, members)
					if first == nil {
						first = l
					}
					if !slices.Equal(l.chunks.starts, first.chunks.starts) || l.chunks.count() != c.chunks {
						t.Errorf("n = %d, m = %d: %d chunks on %+v, want %d",
							c.n, c.m, l.chunks.count(), info, c.chunks)
					}
				}
			}
		}
		for i, row := range first.chunks.starts {
			if i == 0 && row != 0 || i == c.chunks && row != c.m ||
				i < c.chunks && (row%8 != 0 || row >= first.chunks.starts[i+1]) {
				t.Errorf("n = %d, m = %d: chunk %d begins at %d", c.n, c.m, i, row)
			}
		}
		if sums, rows := first.chunks.count()*first.k*16, c.m*first.k*4; c.m >= 10_000 &&
			float64(sums) > 0.045*float64(rows) {
			t.Errorf("n = %d, m = %d: the sums of chunks are %.3f of the rows",
				c.n, c.m, float64(sums)/float64(rows))
		}
	}
	// The rows of the busiest group of blocks, relative to an even share.
	for blocks, most := range map[int]float64{264: 1.04, 108: 1.03, 216: 1.28, 128: 1.23, 32: 1.05} {
		l, groups := planned(t, h200, solver.Memory, 200, 10_000, 1), blocks/5
		busiest := 0
		for q := range groups {
			from, to := q*l.chunks.count()/groups, (q+1)*l.chunks.count()/groups
			busiest = max(busiest, l.chunks.starts[to]-l.chunks.starts[from])
		}
		if uneven := float64(busiest*groups) / 10_000; uneven > most {
			t.Errorf("%d blocks: the busiest group has %.3f of an even share, want %.2f",
				blocks, uneven, most)
		}
	}
}

// TestAnyNumberOfCardsHasChunks: 57 rows and more can be shared by 1, 2, 4 and 8 cards, whatever n is. Each
// card has rows, and none has more than twice an even share if there are 96 rows for each card.
//
// Symptom: n = 4000 has four chunks, and eight cards were refused.
func TestAnyNumberOfCardsHasChunks(t *testing.T) {
	for _, n := range []int{2, 60, 200, 519, 520, 600, 700, 850, 1000, 1039, 1040, 1470, 2000, 4000, 8000} {
		slabs := (n*(n+1)/2 + 4095) / 4096
		for _, m := range []int{57, 60, 96, 100, 391, 768, 1000, 4096, 10_000, 200_000} {
			all := chunkTable{starts: chunkStarts(m, slabs)}
			for _, cards := range []int{1, 2, 4, 8} {
				next := 0
				for card := range cards {
					c := all.onCard(card, cards)
					begin, end := c.starts[0], c.starts[c.count()]
					if begin != next || end <= begin {
						t.Errorf("n = %d, m = %d: card %d of %d has rows from %d to %d", n, m, card, cards,
							begin, end)
					}
					if m >= 96*cards && (end-begin)*cards > 2*m {
						t.Errorf("n = %d, m = %d: card %d of %d has %d rows", n, m, card, cards, end-begin)
					}
					next = end
				}
				if next != m {
					t.Errorf("n = %d, m = %d: %d cards have %d rows", n, m, cards, next)
				}
			}
		}
	}
}

// TestOldDevices: before compute capability 8.0 contract is one launch if its stages fit: two blocks to a
// multiprocessor of a V100, which has 96 KiB of shared memory, or one with f64 entries; one on a T4, which
// has 64 KiB, or two with signs, and none with f64 entries.
func TestOldDevices(t *testing.T) {
	v100 := driver.Info{Capability: [2]int{7, 0}, Multiprocessors: 80, Memory: 16e9, L2: 6 << 20,
		BlockShared: 96 << 10, Cooperative: true}
	t4 := driver.Info{Capability: [2]int{7, 5}, Multiprocessors: 40, Memory: 16e9, L2: 4 << 20,
		BlockShared: 64 << 10, Cooperative: true}
	for entries, blocks := range map[sensing.Entries]struct{ v100, t4 int }{
		sensing.F64: {1, 0}, sensing.F32: {2, 1}, sensing.BF16: {2, 1}, sensing.Q8: {2, 1},
		sensing.Signs: {2, 2},
	} {
		for _, storage := range []solver.Storage{solver.Memory, solver.Generated} {
			for info, want := range map[driver.Info]int{v100: blocks.v100, t4: blocks.t4} {
				l := planned(t, info, storage, 100, 1000, 1)
				l.setEntries(entries)
				got := 0
				if once, fault := l.once(); once {
					got = l.resident() / info.Multiprocessors
				} else if fault != "" {
					t.Errorf("%s on %v: %s", entries, info.Capability, fault)
				}
				if got != want || l.contractor.Capability != [2]int{7, 0} {
					t.Errorf("%s entries, %s, %v: %d blocks to a multiprocessor, want %d; %s needs %v", entries,
						storage, info.Capability, got, want, l.contractor.Name, l.contractor.Capability)
				}
			}
		}
	}
}

// moved is what a step's rows move and launch, counted tile by tile.
type moved struct{ rows, sums, launches float64 }

// count counts what a gradient in tiles moves, without the operator's estimate.
func count(l *rowOperator) (c moved) {
	members := float64(l.members)
	for first := 0; first < l.m; first += l.tileRows {
		rows := min(l.tileRows, l.m-first)
		quads := (l.members + 3) / 4 // dots and accumulate read a row for four members
		c.rows += 2 * float64(quads) * float64(rows) * float64(l.stride)
		c.launches += 3
		if !l.inMemory {
			c.rows += float64(rows) * float64(l.stride)
			c.launches++
		}
		for chunk, start := range l.chunks.starts[:l.chunks.count()] {
			if l.chunks.starts[chunk+1] <= first || start >= first+rows {
				continue
			}
			sum := members * float64(l.kp) * 8
			c.sums += sum // written
			if start < first {
				c.sums += sum // and read before
			}
		}
	}
	return c
}

// TestTiles: tiles are as large as memory allows if small ones would move the sums of chunks again and again.
// Regression: generated tiles of four rows, at n = 4000 and m = 200,000, took 200,000 launches and 6.4 TB of
// sums in a step.
func TestTiles(t *testing.T) {
	for _, c := range []struct {
		info          driver.Info
		storage       solver.Storage
		n, m, members int
		launches      float64 // at most
		sums          float64 // at most, of the rows' bytes
	}{
		{h200, solver.Generated, 4000, 200_000, 1, 14_000, 0.03},
		{h200, solver.Generated, 4000, 200_000, 8, 6_000, 0.05},
		{h200, solver.Generated, 4000, 200_000, 32, 6_000, 0.06},
		{h200, solver.Memory, 1500, 10_000, 8, 30, 0.01},
		{h200, solver.Generated, 1500, 10_000, 32, 130, 0.03},
		{h200, solver.Memory, 200, 10_000, 8, 30, 0.15},
		{driver.Info{Capability: [2]int{8, 6}, Multiprocessors: 28, Memory: 12e9, L2: 3 << 20,
			BlockShared: 99 << 10}, solver.Generated,
			4000, 200_000, 1, 40_000, 0.1},
		{driver.Info{Capability: [2]int{8, 6}, Multiprocessors: 28, Memory: 12e9, L2: 3 << 20,
			BlockShared: 99 << 10}, solver.Generated,
			4000, 200_000, 8, 40_000, 0.33},
	} {
		l := planned(t, c.info, c.storage, c.n, c.m, c.members)
		got := count(l)
		t.Logf("%d members, n = %d, %s: tiles of %d rows, %.0f launches, rows %.3g GB, sums %.3g GB",
			c.members, c.n, c.storage, l.tileRows, got.launches, got.rows/1e9, got.sums/1e9)
		if got.launches > c.launches || got.sums > c.sums*got.rows {
			t.Errorf("%d members, n = %d, m = %d, %s: tiles of %d rows make %.0f launches and move %.3g GB"+
				" of sums beside %.3g GB of rows",
				c.members, c.n, c.m, c.storage, l.tileRows, got.launches, got.sums/1e9, got.rows/1e9)
		}
		if bytes := float64(l.tileRows) * float64(l.stride); c.storage == solver.Generated &&
			bytes > float64(c.info.Memory)/memoryShare {
			t.Errorf("a tile of %d rows takes %.3g GB", l.tileRows, bytes/1e9)
		}
	}
}

// TestTilesAreCounted: the emulator counts the same sums and launches as count does.
func TestTilesAreCounted(t *testing.T) {
	const n, m = 91, 203
	for _, rows := range []int{4, 8, 20, 0} {
		t.Run(fmt.Sprint(rows), func(t *testing.T) {
			device := emulator.New(emulator.Config{})
			b := inTiles(emulated(t, emulator.Config{}, solver.Generated, solver.F64), rows)
			b.Connect = func() (driver.Device, error) { return device, nil }
			ensemble, err := sensing.NewGaussian(sensing.Sym{N: n}, m, sensing.F32, 1)
			must(t, err)
			e := gradientEngine(t, b, ensemble)
			o := rowsOf(e)
			o.made = tile{}
			device.ResetTraffic()
			must(t, o.contractInTiles(e.y, 1))
			want := count(o)
			var launches int64
			for _, family := range []string{"generate_f32", "dots_f32_f64", "residuals_f64",
				"accumulate_f32_f64"} {
				launches += device.Traffic(family).Launches
			}
			if float64(launches) != want.launches {
				t.Errorf("%d launches, want %.0f", launches, want.launches)
			}
			// accumulate also reads rows, and in each thread the weight of each row.
			got := device.Traffic("accumulate_f32_f64")
			sums := got.GlobalStored
			if visits := int64(want.sums/8) / int64(o.kp); rows == 0 && visits != int64(o.chunks.count()) {
				t.Errorf("%d visits to %d chunks", visits, o.chunks.count())
			}
			_, visits := o.tileVisits(o.tileRows)
			if stored := int64(visits) * int64(wholeQuads(o.k)) * 8; sums != stored {
				t.Errorf("%d bytes of sums were stored, want %d", sums, stored)
			}
			if all := int64(2*visits-o.chunks.count()) * int64(o.kp) * 8; float64(all) != want.sums {
				t.Errorf("the operator counts %d bytes of sums, want %.0f", all, want.sums)
			}
		})
	}
}

// TestPartials: the parts of dot products take memory for all rows only if contract can be one launch.
// Regression: at n = 4000 and m = 200,000 they took 3.1 GB.
func TestPartials(t *testing.T) {
	of := func(l *rowOperator) int64 {
		for _, b := range l.buffers() {
			if b.name == "partials" {
				return b.bytes
			}
		}
		t.Fatal("there are no partials")
		return 0
	}
	l := planned(t, h200, solver.Generated, 4000, 200_000, 1)
	if got, want := of(l), int64(l.tileRows)*int64(l.slabs)*8; got != want || got > 50<<20 {
		t.Errorf("%d bytes of partials, want %d", got, want)
	}
	l = planned(t, h200, solver.Memory, 200, 10_000, 1)
	if got, want := of(l), int64(10_000*5*8); got < want {
		t.Errorf("%d bytes of partials, want %d at least", got, want)
	}
}

// TestRefusedCooperation: on a device that refuses cooperative launches, or some of their blocks, contract
// still works, with the same bits, and the user gets one notice.
func TestRefusedCooperation(t *testing.T) {
	p := problem(t, 91, 100)
	run := func(config emulator.Config) (factor []float64, notices []string) {
		b := emulated(t, config, solver.Memory, solver.F64)
		b.Notice = func(text string) { notices = append(notices, text) }
		result, err := solver.Solve(context.Background(), p, b, solver.GD{StepSize: 0.1}, solver.Settings{
			Start: solver.Random{Alpha: 0.1, Seed: 1}, Iterations: 3, FactorRank: 2,
		})
		must(t, err)
		return result.Factor[0].RawMatrix().Data, notices
	}
	want, notices := run(emulator.Config{})
	if len(notices) != 0 {
		t.Errorf("a device that takes all blocks makes the notices %q", notices)
	}
	for _, c := range []struct {
		config emulator.Config
		notice string
	}{
		{emulator.Config{MostCooperative: 5}, "PTX emulator has room for 2 of 4 groups of blocks"},
		{emulator.Config{MostCooperative: 1}, "contract is done in three steps, which give the same bits" +
			" and read each row twice: emulator: launch contract_f32_f64 grid=2×1×1"},
		{emulator.Config{NotCooperative: true}, "contract is done in three steps on PTX emulator," +
			" which give the same bits and read each row twice: it has no cooperative launches"},
	} {
		got, notices := run(c.config)
		if len(notices) != 1 || !strings.Contains(notices[0], c.notice) {
			t.Errorf("%+v: the notices are %q, want %q", c.config, notices, c.notice)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%+v: number %d is %v, want %v", c.config, i, got[i], want[i])
			}
		}
	}
}

// TestWatchdog: on a card that drives a display, no launch takes more entries than it can process in some
// tenths of a second.
func TestWatchdog(t *testing.T) {
	display := h200
	display.Watchdog = true
	for _, c := range []struct {
		storage solver.Storage
		n, m    int
		most    float64
		once    bool
	}{
		{solver.Memory, 200, 10_000, launchWork, true},
		{solver.Memory, 1000, 10_000, launchWork, false},
		{solver.Generated, 200, 10_000, launchNormals, false},
		{solver.Generated, 1000, 10_000, launchNormals, false},
	} {
		for _, members := range []int{1, 8} {
			l := planned(t, display, c.storage, c.n, c.m, members)
			once, fault := l.once()
			if once != c.once || (fault == "") != c.once {
				t.Errorf("n = %d, %s: one launch: %v, %q", c.n, c.storage, once, fault)
			}
			if entries := float64(l.tileRows) * float64(l.k) * float64(members); entries > c.most {
				t.Errorf("n = %d, %s, %d members: a tile has %.3g entries", c.n, c.storage, members, entries)
			}
		}
	}
	if once, _ := planned(t, h200, solver.Generated, 200, 10_000, 1).once(); !once {
		t.Error("without a watchdog contract is not one launch")
	}
}

// TestWatchdogCutsProducts: on a card that drives a display, large products of a batch's factors are computed
// member by member, with the same bits.
func TestWatchdogCutsProducts(t *testing.T) {
	const n, m = 33, 40
	e, err := sensing.NewGaussian(sensing.Sym{N: n}, m, sensing.F32, 1)
	must(t, err)
	truth, err := sensing.NewTruth(n, 1, 1, 1)
	must(t, err)
	var factors [2][]float64
	var launches [2]int64
	for i, watchdog := range []bool{false, true} {
		config := emulator.Config{Watchdog: watchdog}
		device := emulator.New(config)
		b := emulated(t, config, solver.Memory, solver.F64)
		b.Connect = func() (driver.Device, error) { return device, nil }
		opened, err := b.Open(context.Background(), &sensing.Problem{Ensemble: e, Truth: truth},
			batch(5, 7, 9))
		must(t, err)
		engine := opened.(*engine)
		if watchdog {
			// As though a product of one member were all that a launch may take.
			rowsOf(engine).mostWork = n * n * 9
		}
		for member, r := range []int{5, 7, 9} {
			start := solver.Random{Alpha: 0.1, Seed: uint64(member)}
			u, err := start.Factor([]solver.Shape{{Rows: n, Cols: r}}, nil)
			must(t, err)
			must(t, engine.Set(member, solver.Iterate, u))
		}
		device.ResetTraffic()
		must(t, engine.Gradient(0, 1, 2))
		launches[i] = device.Traffic("lift_f64").Launches
		for member, r := range []int{5, 7, 9} {
			g := solver.Factor{mat.NewDense(n, r, nil)}
			must(t, engine.Get(member, solver.Gradient, g))
			factors[i] = append(factors[i], g[0].RawMatrix().Data...)
		}
		must(t, engine.Close())
	}
	if launches != [2]int64{1, 3} {
		t.Errorf("%v launches of lift, want 1 and 3", launches)
	}
	if !slices.Equal(factors[0], factors[1]) {
		t.Error("the gradients differ")
	}
}

// failing is a device on which, after some allocations, another process takes the rest of the memory.
type failing struct {
	driver.Device
	left int
}

func (f *failing) Alloc(size int64) (driver.Pointer, error) {
	if f.left--; f.left < 0 {
		return 0, fmt.Errorf("CUDA_ERROR_OUT_OF_MEMORY (2): out of memory: %w", driver.ErrMemory)
	}
	return f.Device.Alloc(size)
}

func (f *failing) Info() (driver.Info, error) {
	info, err := f.Device.Info()
	if f.left < 0 {
		info.Free = 1 << 20
	}
	return info, err
}

// TestNoRoomInTheMiddle: if another process takes memory while the engine opens, the error says what fits in
// the rest, and all allocations are freed.
func TestNoRoomInTheMiddle(t *testing.T) {
	for _, c := range []struct {
		after int
		want  string
	}{
		{0, "there was no room for the 583904 bytes of rows, though 1.07 GB were free before: " +
			"CUDA_ERROR_OUT_OF_MEMORY (2): out of memory: " +
			"out of device memory; 0.00105 GB can be had now, and 0.00"},
		{5, "2 of the 3 members fit, generated rows fit, bf16 entries fit, q8 entries fit"},
	} {
		b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
		device := emulator.New(emulator.Config{})
		b.Connect = func() (driver.Device, error) { return &failing{device, c.after}, nil }
		_, err := b.Open(context.Background(), problem(t, 33, 257), batch(3, 4, 5))
		if !errors.Is(err, driver.ErrMemory) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("after %d allocations: the error is %v", c.after, err)
		}
		if live := device.Live(); live != 0 {
			t.Errorf("%d bytes are live", live)
		}
	}
}
