package gpu

import (
	"bytes"
	"context"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestTensorBits: nine members take two launches with tensor cores, whatever the device, and get the bits of
// contract_batch, of the three steps, and of each member alone.
func TestTensorBits(t *testing.T) {
	const n, m, members = 15, 43, 9 // K = 120: one slab
	for name, ensemble := range backendtest.Ensembles(t, n, m) {
		for _, multiprocessors := range []int{4, 132} {
			e, device := batchEngine(t, ensemble, members,
				batchConfig{multiprocessors, solver.Memory, solver.F64})
			o := rowsOf(e)
			must(t, o.countTensorGroups())
			if want := min(multiprocessors/4, o.chunks.count()); o.tensorGroups != want {
				t.Fatalf("%s: %d groups of blocks, want %d", name, o.tensorGroups, want)
			}
			read := func() []byte {
				sums := make([]byte, members*o.kp*8)
				must(t, o.Download(sums, o.g))
				res := make([]byte, members*m*8)
				must(t, o.Download(res, o.res))
				return append(sums, res...)
			}
			device.ResetTraffic()
			must(t, o.contractAll(e.y, members))
			tensor := read()
			if got := device.Traffic(o.tensorKernel()).Launches; got != 2 {
				t.Errorf("%s: %d launches, want 2", name, got)
			}
			o.tensorGroups = 0
			must(t, o.contractAll(e.y, members))
			if !bytes.Equal(read(), tensor) {
				t.Errorf("%s, %d multiprocessors: contract_batch gives other bits", name, multiprocessors)
			}
			o.batchGroups = 0
			must(t, o.contractAll(e.y, members))
			if !bytes.Equal(read(), tensor) {
				t.Errorf("%s, %d multiprocessors: three steps give other bits", name, multiprocessors)
			}
			must(t, o.contractAll(e.y, 1))
			if alone := read(); !bytes.Equal(alone[:o.k*8], tensor[:o.k*8]) ||
				!bytes.Equal(alone[members*o.kp*8:][:m*8], tensor[members*o.kp*8:][:m*8]) {
				t.Errorf("%s, %d multiprocessors: the first member alone has other bits", name, multiprocessors)
			}
		}
	}
}

// otherOrder is a device whose tensor cores give other results.
type otherOrder struct{ driver.Device }

// Load implements driver.Device: its product takes the elements of C in another order.
func (d otherOrder) Load(name, text string) (driver.Kernel, error) {
	if name == "tensor_order" {
		text = strings.Replace(text, "{%c0, %c1};", "{%c1, %c0};", 1)
	}
	return d.Device.Load(name, text)
}

// TestTensorOrder: a device that adds products in another order contracts a batch without its tensor cores,
// to the same bits, and says so.
func TestTensorOrder(t *testing.T) {
	const n, m = 15, 43
	gradients := func(other bool) (g []*mat.Dense, notices []string, groups int) {
		b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
		b.Notice = func(text string) { notices = append(notices, text) }
		connect := b.Connect
		b.Connect = func() (driver.Device, error) {
			d, err := connect()
			if other {
				d = otherOrder{d}
			}
			return d, err
		}
		opened, err := b.Open(context.Background(),
			&sensing.Problem{Ensemble: backendtest.Ensembles(t, n, m)["gaussian-f32"],
				Observations: make([]float64, m)},
			solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{2, 2}})
		must(t, err)
		defer func() { must(t, opened.Close()) }()
		for i := range 2 {
			start := solver.Random{Alpha: 0.1, Seed: uint64(i)}
			u, err := start.Factor([]solver.Shape{{Rows: n, Cols: 2}}, nil)
			must(t, err)
			must(t, opened.Set(i, solver.Iterate, u))
		}
		must(t, opened.Gradient(0, 1))
		for i := range 2 {
			at := mat.NewDense(n, 2, nil)
			must(t, opened.Get(i, solver.Gradient, solver.Factor{at}))
			g = append(g, at)
		}
		return g, notices, rowsOf(opened.(*engine)).tensorGroups
	}
	want, silent, groups := gradients(false)
	got, notices, none := gradients(true)
	if groups == 0 || len(silent) > 0 {
		t.Errorf("%d groups of blocks, and %q", groups, silent)
	}
	if none != 0 || len(notices) != 1 || !strings.Contains(notices[0], "without them") {
		t.Errorf("another order: %d groups of blocks, and %q", none, notices)
	}
	for i := range want {
		if !mat.Equal(got[i], want[i]) {
			t.Errorf("member %d has another gradient", i)
		}
	}
}

// TestRefusedBatches: a device that refuses launches of batches gets launches of half as many groups of
// blocks, and the user is told. If it refuses one group, the next way contracts, to the same bits.
func TestRefusedBatches(t *testing.T) {
	const n, m, members = 15, 43, 2 // one slab: groups of four blocks
	gradients := func(config emulator.Config) (g []byte, notices []string) {
		config.Multiprocessors = 16
		b := emulated(t, config, solver.Memory, solver.F64)
		b.Notice = func(text string) { notices = append(notices, text) }
		e := engineOf(t, b, &sensing.Problem{Ensemble: backendtest.Ensembles(t, n, m)["gaussian-f32"],
			Observations: make([]float64, m)}, solver.PSD{}, 2, 2)
		for i := range members {
			start := solver.Random{Alpha: 0.1, Seed: uint64(i)}
			u, err := start.Factor([]solver.Shape{{Rows: n, Cols: 2}}, nil)
			must(t, err)
			must(t, e.Set(i, solver.Iterate, u))
		}
		for range 2 { // the second time the device is asked for what it has room for
			must(t, e.Gradient(0, 1))
			for i := range members {
				must(t, e.Combine(i, solver.Iterate, 1, solver.Iterate, -0.1, solver.Gradient))
			}
		}
		o := rowsOf(e)
		g = make([]byte, members*o.kp*8)
		must(t, o.Download(g, o.g))
		return g, notices
	}
	want, notices := gradients(emulator.Config{})
	if len(notices) > 0 {
		t.Errorf("a device that takes all blocks makes the notices %q", notices)
	}
	for most, texts := range map[int][]string{
		9: {"PTX emulator has room for 2 of 4 groups of blocks: contract takes longer"},
		3: {"contract of a batch is done without tensor cores, which gives the same bits and takes longer: ",
			"contract of a batch is done in three steps, " +
				"which give the same bits and read rows more often: "},
	} {
		got, notices := gradients(emulator.Config{MostCooperative: most})
		if !bytes.Equal(got, want) {
			t.Errorf("%d blocks give other bits", most)
		}
		if len(notices) != len(texts) {
			t.Fatalf("%d blocks make the notices %q", most, notices)
		}
		for i, text := range texts {
			if !strings.HasPrefix(notices[i], text) {
				t.Errorf("%d blocks make the notice %q, want %q", most, notices[i], text)
			}
		}
	}
}

// TestTensorDevices: tensor cores are used for a batch of rows in memory in f64 arithmetic, on the cards
// whose tensor cores are fast in f64, if a multiprocessor has room for a block. The choices follow from the
// rates of data sheets. K = 20,100 coordinates are five slabs, so 100 of 108 and 120 of 132 multiprocessors
// have a block, and 104 chunks of a member have sums. An instruction for each entry takes 1.43 ms/128 on an
// A100 and 0.85 ms/128 on an H100.
//
// f64 rows: contract_batch waits for memory as contract_tensor does, but leaves 8 sums and not 104. For 8
// members it moves 1.61 + 0.02 GB, and contract_tensor 1.61 + 0.27 GB: 1.05 and 1.21 ms on an A100, 0.49 and
// 0.56 ms on an H100. Its multiply-adds and instructions take 0.73 and 0.43 ms. For 2 members memory takes
// 1.04 and 1.08 ms, 0.48 and 0.50 ms. More than eight members take as much for each eight, and the rest.
//
// f32 and bf16 rows: contract_batch converts an entry in four warps, which takes 0.71 and 0.42 ms for eight
// members, present or not. contract_tensor waits for memory: for 8 members 0.69 and 0.32 ms with f32 rows,
// for 32 members 2.77 ms on an A100, where four launches of contract_batch take 2.85 ms.
//
// q8 and sign rows of two members: contract_tensor computes for eight. On an A100 its products take 0.36 ms,
// and the three steps 0.30 ms with q8 rows (memory) and 0.17 ms with signs (multiply-adds). On an H100 its
// 2.7 instructions, eight times, take 0.143 ms, and the three steps 0.141 ms (memory) and 0.09 ms. With more
// members the three steps take more: for 9 members on an A100 with signs 0.74 ms, and two launches of
// contract_tensor 0.71 ms.
func TestTensorDevices(t *testing.T) {
	const n, m = 200, 10_000
	const k = n * (n + 1) / 2
	of := func(info driver.Info, members int, entries sensing.Entries) *rowLayout {
		info.Cooperative = true
		if info.BlockShared == 0 {
			info.BlockShared = 163 << 10 // the least of these cards
		}
		l := &rowLayout{rowStore: rowStore{m: m, inMemory: true}, members: members, k: k,
			precision: solver.F64, cards: 1, all: m}
		l.setDevice(info)
		l.setSlabs(referenceBlocks)
		l.setEntries(entries)
		l.shareRows(0)
		return l
	}
	for _, card := range cards {
		for entries := range costs {
			for _, members := range []int{1, 2, 8, 9, 32} {
				fast := members > 1 && (card.name == "A100" || card.name == "H100")
				if entries == sensing.F64 || members == 2 && entries.EntryBits() <= 8 {
					fast = false
				}
				if got := of(card.info, members, entries).tensor(); got != fast {
					t.Errorf("%s, %d members, %s rows: %v, want %v", card.name, members, entries, got, fast)
				}
			}
		}
	}
	h100 := driver.Info{Capability: [2]int{9, 0}, Multiprocessors: 132}
	for what, change := range map[string]func(l *rowLayout){
		"generated rows":    func(l *rowLayout) { l.inMemory = false },
		"single precision":  func(l *rowLayout) { l.precision = solver.F32 },
		"100 KiB":           func(l *rowLayout) { l.info.BlockShared = 100 << 10 },
		"no room for group": func(l *rowLayout) { l.info.Multiprocessors = 19 },
		"no cooperation":    func(l *rowLayout) { l.info.Cooperative = false },
	} {
		l := of(h100, 8, sensing.F32)
		if !l.tensor() {
			t.Fatal("an H100 without rates has no tensor cores")
		}
		if change(l); l.tensor() {
			t.Errorf("%s: tensor cores are used", what)
		}
	}
}

// TestTensorTraffic compares one launch of contract_tensor for eight members with the counts of
// docs/kernels.md.
func TestTensorTraffic(t *testing.T) {
	const n, m, members, multiprocessors = 90, 43, kernels.BatchMembers, 8 // K = 4095, one slab
	for name, ensemble := range backendtest.Ensembles(t, n, m) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, device := batchEngine(t, ensemble, members,
				batchConfig{multiprocessors, solver.Memory, solver.F64})
			o := rowsOf(e)
			must(t, o.countTensorGroups())
			device.ResetTraffic()
			must(t, o.launchTensor(e.y, 0, members))
			got := device.Traffic(o.tensorKernel())

			blocks := int64(kernels.BatchBlocks * o.slabs * o.tensorGroups)
			rows := int64(m) * o.stride
			z := blocks * kernels.Slab / kernels.BatchBlocks * members * 8
			y := int64(m) * members * 32 * 8 // all lanes of a warp ask for the same number
			starts := (3*blocks + kernels.BatchBlocks*int64(o.chunks.count()-o.tensorGroups)) * 8 * 32 * 4
			var levels int64
			if o.entries == sensing.Q8 {
				levels = blocks * 256 * 32 * 8 // the same for a level
			}
			if loaded, want := got.GlobalLoaded-got.StrongLoaded, rows+z+y+starts+levels; loaded != want {
				t.Errorf("%d bytes were loaded, want %d: rows %d, z %d, y %d, starts %d, levels %d",
					loaded, want, rows, z, y, starts, levels)
			}
			// Whole sectors of rows and z, and else one for each request.
			if sectors, want := got.LoadSectors-got.StrongSectors,
				(rows+z)/32+(y+levels)/256+starts/128; sectors != want {
				t.Errorf("%d sectors were loaded, want %d", sectors, want)
			}
			parts := int64(m) * members * int64(o.slabs) * kernels.BatchParts * 8
			weights := int64(m) * members * 8
			if least := parts + weights*kernels.BatchBlocks*int64(o.slabs); got.StrongLoaded < least {
				t.Errorf("%d bytes of parts and weights were loaded, fewer than %d", got.StrongLoaded, least)
			}
			// Parts are stored twice: published, and set to ones again.
			sums := members * int64(o.chunks.count()) * int64(wholeQuads(o.k)) * 8
			if want := sums + int64(m)*members*8 + weights + 2*parts; got.GlobalStored != want {
				t.Errorf("%d bytes were stored, want %d", got.GlobalStored, want)
			}
			if got.BankConflicts != 0 {
				t.Errorf("%d bank conflicts", got.BankConflicts)
			}
			// For each stage of eight rows (four of f64) a warp has 32 products for the dot products, and 16
			// for each four rows of its sums.
			stage := 8
			if o.entries == sensing.F64 {
				stage = 4
			}
			stages := 0
			for g := range o.tensorGroups {
				first, last := g*o.chunks.count()/o.tensorGroups, (g+1)*o.chunks.count()/o.tensorGroups
				stages += (o.chunks.starts[last] - o.chunks.starts[first] + stage - 1) / stage
			}
			warps := 8 * kernels.BatchBlocks * o.slabs
			if want := int64(warps * stages * (32 + 16*stage/4)); got.Products != want {
				t.Errorf("%d products, want %d", got.Products, want)
			}
		})
	}
}

// TestTensorCosts: the emulator counts the instructions of an entry for each of eight members, within a tenth
// of those that tensorFloor assumes. They are those that a second chunk of 48 rows adds to a launch.
func TestTensorCosts(t *testing.T) {
	const n, m, members = 90, 96, kernels.BatchMembers // K = 4095: one slab
	for name, ensemble := range backendtest.Ensembles(t, n, m) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, device := batchEngine(t, ensemble, members, batchConfig{4, solver.Memory, solver.F64})
			o := rowsOf(e)
			must(t, o.countTensorGroups())
			o.tensorGroups = 1
			instructions := func(starts ...int) float64 {
				o.chunks.starts = starts
				must(t, o.chunks.upload(o.device))
				device.ResetTraffic()
				must(t, o.launchTensor(e.y, 0, members))
				return float64(device.Traffic(o.tensorKernel()).Instructions)
			}
			more := instructions(0, m/2, m) - instructions(0, m/2)
			got := more * 32 / (m / 2 * members * float64(o.k))
			if want := tensorCosts[o.entries]; math.Abs(got-want) > 0.1 {
				t.Errorf("%.2f instructions, want %v", got, want)
			}
		})
	}
}
