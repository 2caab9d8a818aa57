package gpu

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
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

// TestTensorBits: nineteen members take a launch of sixteen and one of three with tensor cores, or three
// launches if the device has no room for the wide form. They get the bits of contract_batch, of the three
// steps, and of each member alone.
func TestTensorBits(t *testing.T) {
	t.Parallel()
	const n, m, members = 15, 75, 19 // K = 120: one slab
	for name, ensemble := range backendtest.Ensembles(t, n, m) {
		for _, multiprocessors := range []int{4, 132} {
			e, device := batchEngine(t, ensemble, members,
				batchConfig{multiprocessors, solver.Memory, solver.F64})
			o := rowsOf(e)
			must(t, o.countTensorGroups())
			most := o.chunks.count()
			want := [2]int{min(multiprocessors/4, most), min(multiprocessors/8, most)}
			if o.tensorGroups != want {
				t.Fatalf("%s: %d groups of blocks, want %d", name, o.tensorGroups, want)
			}
			read := func() []byte {
				sums := make([]byte, members*o.kp*8)
				must(t, o.Download(sums, o.g))
				res := make([]byte, members*m*8)
				must(t, o.Download(res, o.res))
				return append(sums, res...)
			}
			launched := func(counts ...int64) {
				t.Helper()
				for form, want := range counts {
					name := o.tensorKernel(form).name
					if got := device.Traffic(name).Launches; got != want {
						t.Errorf("%d launches of %s, want %d", got, name, want)
					}
				}
			}
			device.ResetTraffic()
			must(t, o.contractAll(e.y, members))
			tensor := read()
			if want[wideForm] > 0 {
				launched(1, 1)
				o.tensorGroups[wideForm] = 0
				must(t, o.contractAll(e.y, members))
				if !bytes.Equal(read(), tensor) {
					t.Errorf("%s: launches of eight members give other bits", name)
				}
				launched(4, 1)
			} else {
				launched(3, 0)
			}
			o.tensorGroups = [2]int{}
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
				t.Errorf("%s, %d multiprocessors: the first member alone has other bits", name,
					multiprocessors)
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
		return g, notices, rowsOf(opened.(*engine)).tensorGroups[0]
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
	const n, m = 15, 43 // one slab: groups of four blocks, and of eight in the wide form
	gradients := func(members int, config emulator.Config) (g []byte, notices []string) {
		config.Multiprocessors = 16
		b := emulated(t, config, solver.Memory, solver.F64)
		b.Notice = func(text string) { notices = append(notices, text) }
		e := engineOf(t, b, &sensing.Problem{Ensemble: backendtest.Ensembles(t, n, m)["gaussian-f32"],
			Observations: make([]float64, m)}, solver.PSD{}, slices.Repeat([]int{2}, members)...)
		all := make([]int, members)
		for i := range all {
			all[i] = i
			start := solver.Random{Alpha: 0.1, Seed: uint64(i)}
			u, err := start.Factor([]solver.Shape{{Rows: n, Cols: 2}}, nil)
			must(t, err)
			must(t, e.Set(i, solver.Iterate, u))
		}
		for range 2 { // the second time the device is asked for what it has room for
			must(t, e.Gradient(all...))
			for i := range members {
				must(t, e.Combine(i, solver.Iterate, 1, solver.Iterate, -0.1, solver.Gradient))
			}
		}
		o := rowsOf(e)
		g = make([]byte, members*o.kp*8)
		must(t, o.Download(g, o.g))
		return g, notices
	}
	var want []byte
	for _, c := range []struct {
		members, most int // blocks of a launch; 0 for all
		notices       []string
	}{
		{members: 2},
		{2, 9, []string{"PTX emulator has room for 2 of 4 groups of blocks: contract takes longer"}},
		{2, 3, []string{
			"contract of a batch is done without tensor cores, which gives the same bits and takes longer: ",
			"contract of a batch is done in three steps, " +
				"which give the same bits and read rows more often: "}},
		{members: 9},
		{9, 7, []string{
			"contract takes eight members in a launch, which gives the same bits and takes longer: ",
			"PTX emulator has room for 1 of 4 groups of blocks: contract takes longer"}},
	} {
		got, notices := gradients(c.members, emulator.Config{MostCooperative: c.most})
		if c.most == 0 {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%d members, %d blocks: other bits", c.members, c.most)
		}
		if len(notices) != len(c.notices) {
			t.Fatalf("%d members, %d blocks make the notices %q", c.members, c.most, notices)
		}
		for i, text := range c.notices {
			if !strings.HasPrefix(notices[i], text) {
				t.Errorf("%d members, %d blocks make the notice %q, want %q", c.members, c.most, notices[i], text)
			}
		}
	}
}

// TestTensorDevices: tensor cores are used for a batch of rows in memory in f64 arithmetic, on the cards
// whose tensor cores are fast in f64, if a multiprocessor has room for a block. The choices follow from the
// rates of data sheets. K = 20,100 coordinates are five slabs: groups of 20 blocks, or of 40 in the wide
// form. So 100 or 80 of 108 multiprocessors have a block, and 120 of 132. Eight sums of a member are 2.6 MB,
// written and read. An instruction for each entry takes 1.43 or 1.78 ms/128 on an A100 and 0.85 ms/128 on an
// H100.
//
// f64 rows: up to eight members take as long with contract_batch, which reads the rows once too: 1.04 ms on
// an A100, 0.48 ms on an H100. Its instructions take 0.73 and 0.43 ms. More members take two launches of it,
// and one of the wide form, whose products take 0.89 and 0.21 ms.
//
// f32 and bf16 rows: contract_batch converts an entry in four warps, which takes 0.71 and 0.42 ms for eight
// members, present or not. contract_tensor reads f32 rows in 0.53 and 0.25 ms. Its products take 0.36 ms on
// an A100, and the instructions with bf16 rows 0.14 ms on an H100. The wide form reads f32 rows once for
// sixteen members and not twice. With bf16 rows of 9 members it takes 0.89 ms on an A100, because it leaves
// 28 multiprocessors idle, and two launches of eight 0.71 ms. On an H100 its instructions take 16·2.2, and
// not 2·8·2.7.
//
// q8 and sign rows of two members: contract_tensor computes for eight. On an A100 its products take 0.36 ms,
// and the three steps 0.30 ms with q8 rows (memory) and 0.17 ms with signs (multiply-adds). On an H100 its
// 2.9 instructions, eight times, take 0.153 ms, and the three steps 0.141 ms (memory) and 0.09 ms. With more
// members the three steps take more: for 9 members on an A100 with signs 0.74 ms, and two launches of
// contract_tensor 0.71 ms.
func TestTensorDevices(t *testing.T) {
	for _, card := range cards {
		for entries := range costs {
			for _, members := range []int{1, 2, 8, 9, 32} {
				forms := 0 // of contract_tensor that an engine takes
				if members > 1 && (card.name == "A100" || card.name == "H100") {
					forms = 1
				}
				switch short := entries.EntryBits() <= 16; {
				case entries == sensing.F64 && members <= 8 || members == 2 && entries.EntryBits() <= 8:
					forms = 0
				case members > 8 && (!short || card.name != "A100"):
					forms *= 2
				}
				if got := len(tensorLayout(card.info, members, entries).tensorKernels()); got != forms {
					t.Errorf("%s, %d members, %s rows: %d forms, want %d", card.name, members, entries, got,
						forms)
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
		l := tensorLayout(h100, 8, sensing.F32)
		if !l.tensor() {
			t.Fatal("an H100 without rates has no tensor cores")
		}
		if change(l); l.tensor() {
			t.Errorf("%s: tensor cores are used", what)
		}
	}
	// 33 slabs have groups of 132 blocks, and 264 in the wide form.
	if l := tensorLayout(h100, 9, sensing.F32); !l.tensorWide() {
		t.Error("an H100 has no room for the wide form at n = 200")
	} else if l.slabs = 33; !l.tensor() || l.tensorWide() {
		t.Error("33 slabs: want the form for eight members")
	}
}

// tensorLayout is the layout of rows at n = 200 and m = 10,000 on a device.
func tensorLayout(info driver.Info, members int, entries sensing.Entries) *rowLayout {
	const n, m = 200, 10_000
	info.Cooperative = true
	if info.BlockShared == 0 {
		info.BlockShared = 163 << 10 // the least of the cards with fast tensor cores
	}
	l := &rowLayout{rowStore: rowStore{m: m, inMemory: true}, members: members, k: n * (n + 1) / 2,
		precision: solver.F64, cards: 1, all: m}
	l.setDevice(info)
	l.setSlabs(referenceBlocks)
	l.setEntries(entries)
	l.shareRows(0)
	return l
}

// eachForm calls do for both forms of contract_tensor, with an engine of as many members as a launch has.
func eachForm(t *testing.T, n, m, multiprocessors int, do func(t *testing.T, e *engine, d *emulator.Device,
	k batchOn, costs map[sensing.Entries]float64)) {
	for name, ensemble := range backendtest.Ensembles(t, n, m) {
		for i, form := range tensorForms {
			t.Run(form.name+strings.TrimPrefix(name, "gaussian-"), func(t *testing.T) {
				t.Parallel()
				e, device := batchEngine(t, ensemble, form.members,
					batchConfig{multiprocessors, solver.Memory, solver.F64})
				must(t, rowsOf(e).countTensorGroups())
				do(t, e, device, rowsOf(e).onTensor(i), form.costs)
			})
		}
	}
}

// TestTensorTraffic compares one launch of contract_tensor for as many members as it takes with the counts of
// docs/kernels.md.
func TestTensorTraffic(t *testing.T) {
	const n, m, multiprocessors = 90, 75, 16 // K = 4095, one slab
	eachForm(t, n, m, multiprocessors, func(t *testing.T, e *engine, device *emulator.Device, k batchOn,
		_ map[sensing.Entries]float64,
	) {
		o, members := rowsOf(e), int64(k.members)
		device.ResetTraffic()
		must(t, o.launchOn(k, e.y, 0, k.members))
		got := device.Traffic(k.name)

		blocks := int64(k.blocks * o.slabs * *k.groups)
		rows := int64(m) * o.stride
		z := int64(kernels.Slab**k.groups) * members * 8
		y := m * members * 32 * 8 // all lanes of a warp ask for the same number
		plan, added := planBytes(o, k), members*addedAgain(o)
		if added == 0 {
			t.Error("no chunk is added to the one before")
		}
		var levels int64
		if o.entries == sensing.Q8 {
			levels = blocks * 256 * 8 // a thread reads one
		}
		if loaded, want := got.GlobalLoaded-got.StrongLoaded, rows+z+y+plan+levels+added; loaded != want {
			t.Errorf("%d bytes were loaded, want %d: rows %d, z %d, y %d, plan %d, levels %d, sums %d",
				loaded, want, rows, z, y, plan, levels, added)
		}
		// Whole sectors of rows, z and sums, and else one for each request. In the wide form two blocks share
		// a sector of signs.
		if o.entries == sensing.Signs && k.members == kernels.WideMembers {
			rows *= 2
		}
		if sectors, want := got.LoadSectors-got.StrongSectors,
			(rows+z+added+levels)/32+y/256+plan/128; sectors != want {
			t.Errorf("%d sectors were loaded, want %d", sectors, want)
		}
		parts := m * members * int64(o.slabs) * kernels.BatchParts * 8
		weights := m * members * 8
		if least := parts + weights*int64(k.blocks*o.slabs); got.StrongLoaded < least {
			t.Errorf("%d bytes of parts and weights were loaded, fewer than %d", got.StrongLoaded, least)
		}
		// Parts are stored twice: published, and set to ones again.
		sums := members * int64(o.chunks.count()) * int64(wholeQuads(o.k)) * 8
		if want := sums + m*members*8 + weights + 2*parts + handedOver(o, k); got.GlobalStored != want {
			t.Errorf("%d bytes were stored, want %d", got.GlobalStored, want)
		}
		if got.BankConflicts != 0 {
			t.Errorf("%d bank conflicts", got.BankConflicts)
		}
		// For each stage of eight rows, or four, a warp has 32 products for the dot products, and 16 for each
		// four rows of its sums.
		stage := 8
		if o.entries == sensing.F64 && k.members == kernels.BatchMembers {
			stage = 4
		}
		stages := 0
		for i := range o.chunks.count() {
			stages += (o.chunks.starts[i+1] - o.chunks.starts[i] + stage - 1) / stage
		}
		warps := 8 * k.blocks * o.slabs
		if want := int64(warps * stages * (32 + 16*stage/4)); got.Products != want {
			t.Errorf("%d products, want %d", got.Products, want)
		}
	})
}

// TestTensorCosts: the emulator counts the instructions of an entry for each member, within a tenth of those
// that tensorFloor assumes, with one group and chunks of 96 rows. The costs of rows and of a chunk's end
// follow from launches of one and two chunks.
func TestTensorCosts(t *testing.T) {
	t.Parallel()
	const n, m = 90, 48 // K = 4095: one slab
	eachForm(t, n, m, 8, func(t *testing.T, e *engine, device *emulator.Device, k batchOn,
		costs map[sensing.Entries]float64,
	) {
		o := rowsOf(e)
		instructions := func(starts ...int) float64 {
			o.chunks.starts = starts
			must(t, o.shareOn(k, 1))
			device.ResetTraffic()
			must(t, o.launchOn(k, e.y, 0, k.members))
			return float64(device.Traffic(k.name).Instructions)
		}
		half, whole, two := instructions(0, m/2), instructions(0, m), instructions(0, m/2, m)
		rows, end := whole-half, two-whole
		got := (4*rows + end) * 32 / (96 * float64(k.members) * float64(o.k))
		if want := costs[o.entries]; math.Abs(got-want) > 0.1 {
			t.Errorf("%.2f instructions, want %v; the chunk's end is %.2f of them", got, want,
				got*end/(4*rows+end))
		}
	})
}

// TestTensorFloors: the table of docs/kernels.md has the floors by which an engine chooses, at n = 200 and
// m = 10,000.
func TestTensorFloors(t *testing.T) {
	page, err := os.ReadFile("../docs/kernels.md")
	must(t, err)
	h200 := driver.Info{Capability: [2]int{9, 0}, Multiprocessors: 132, Clock: 1.98e9, Bandwidth: 4.3e12}
	h100 := h200
	h100.Bandwidth = 3.0e12
	a100 := cards[slices.IndexFunc(cards, func(c card) bool { return c.name == "A100" })].info
	for _, members := range []int{8, 16, 32} {
		for _, entries := range []sensing.Entries{
			sensing.F64, sensing.F32, sensing.BF16, sensing.Q8, sensing.Signs,
		} {
			at := func(info driver.Info) *rowLayout { return tensorLayout(info, members, entries) }
			together, _ := at(h100).batchFloors()
			row := fmt.Sprintf("| %s | %d | %.2f GB |", entries, members, at(h100).tensorFloor().memory*3e3)
			for _, f := range []floor{
				at(a100).tensorFloor(), at(h100).tensorFloor(), at(h200).tensorFloor(), together,
			} {
				bound := "[IPC]"
				if f.memory > f.computing {
					bound = "M"
				}
				row += fmt.Sprintf(" %.2f %s |", f.seconds()*1e3, bound)
			}
			form := strings.NewReplacer("|", `\|`, ".", `\.`).Replace(row)
			if !regexp.MustCompile("(?m)^" + form + "$").Match(page) {
				t.Errorf("docs/kernels.md does not have the row\n%s", row)
			}
		}
	}
}
