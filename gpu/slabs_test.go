package gpu

import (
	"slices"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestSlabsFillTheDevice: whole groups of blocks fill at least nine tenths of the reference device's 264
// blocks for every n up to 1470, where one group of blocks with the longest slabs fills it, and of its 132
// blocks of contract_long for every n from there to 2079.
//
// Symptom: from n = 1040 to 1470 half to two thirds of the blocks had work, at n = 900 three quarters.
func TestSlabsFillTheDevice(t *testing.T) {
	least, short, last := 1., 0, 0
	for n := 1; n <= 2400; n++ {
		k := n * (n + 1) / 2
		length := slabLength(k, referenceBlocks)
		slabs, longest := blocks(k, length), blocks(k, kernels.Slab)
		if length%kernels.SlabStep != 0 || length > kernels.Slab || length < 1 {
			t.Fatalf("n = %d: slabs have %d coordinates", n, length)
		}
		if n > 1470 {
			own := blocks(longest, referenceBlocks/2)
			if own > kernels.LongSlabs {
				if length != kernels.Slab {
					t.Errorf("n = %d: slabs of %d coordinates", n, length)
				}
				continue
			}
			fill := float64(blocks(slabs, own)) / (referenceBlocks / 2)
			if slabs > own*referenceBlocks/2 || fill < leastFill {
				t.Errorf("n = %d: %d slabs of %d coordinates, %d in a block", n, slabs, length, own)
			}
			if blocks(k, length-kernels.SlabStep) <= own*referenceBlocks/2 {
				t.Errorf("n = %d: slabs of %d coordinates could be shorter", n, length)
			}
			last = n
			continue
		}
		groups := referenceBlocks / slabs
		if groups != referenceBlocks/longest {
			t.Errorf("n = %d: %d groups, but %d of the longest slabs", n, groups, referenceBlocks/longest)
		}
		fill := float64(groups*slabs) / referenceBlocks
		least = min(least, fill)
		if fill < leastFill {
			t.Errorf("n = %d: %d slabs of %d coordinates fill %.3f of the device", n, slabs, length, fill)
		}
		if filled := float64(groups*longest) / referenceBlocks; length < kernels.Slab {
			short++
			if filled >= leastFill {
				t.Errorf("n = %d: slabs are short, though the longest fill %.3f", n, filled)
			}
			// A shorter slab would not fit: a group would have more blocks than its share.
			if groups*blocks(k, length-kernels.SlabStep) <= referenceBlocks {
				t.Errorf("n = %d: slabs of %d coordinates could be shorter", n, length)
			}
		}
		// contract_batch takes the longest slabs. Up to this n a group of its blocks has a multiprocessor for
		// each, so all bits are those of earlier releases.
		if n <= 519 && length != kernels.Slab {
			t.Errorf("n = %d: slabs have %d coordinates", n, length)
		}
		// Chunks follow from the number of groups, so they stay as they are with the longest slabs.
		for _, m := range []int{57, 1000, 10_000, 200_000} {
			if got, want := len(chunkStarts(m, slabs)), len(chunkStarts(m, longest)); got != want {
				t.Errorf("n = %d, m = %d: %d chunks, want %d", n, m, got-1, want-1)
			}
		}
	}
	if last != 2079 {
		t.Errorf("contract_long takes rows up to n = %d", last)
	}
	t.Logf("slabs are short for %d n; at least %.3f of the blocks have work", short, least)
	for n, want := range map[int][3]int{ // slabs, groups and length
		200: {5, 52, 4096}, 600: {51, 5, 3584}, 700: {60, 4, 4096}, 900: {132, 2, 3072}, 1000: {123, 2, 4096},
		1040: {249, 1, 2176}, 1200: {256, 1, 2816}, 1400: {240, 1, 4096}, 1470: {264, 1, 4096},
		1471: {385, 1, 2816}, 1800: {396, 1, 4096}, 1801: {508, 1, 3200}, 2079: {528, 1, 4096},
	} {
		l := planned(t, h200, solver.Memory, n, 10_000, 1)
		if got := [3]int{l.slabs, min(l.resident()/l.groupBlocks(), l.chunks.count()), l.slab}; got != want {
			t.Errorf("n = %d: %d slabs, groups and coordinates of a slab, want %d", n, got, want)
		}
	}
}

// TestSameBitsOfShortSlabs: if slabs are shorter than kernels.Slab, one pass, three steps, old devices and
// several devices still have the same bits. K = 15,576 and six blocks make six slabs of 2688 coordinates.
func TestSameBitsOfShortSlabs(t *testing.T) {
	t.Parallel()
	of := func(config emulator.Config, storage solver.Storage) Backend {
		b := emulated(t, config, storage, solver.F64)
		b.slots = 6
		return b
	}
	three, large := emulator.Config{Multiprocessors: 3}, emulator.Config{Multiprocessors: 132}
	sameBits(t, []way{
		{"3 multiprocessors", of(three, solver.Memory), true},
		{"132 multiprocessors generated", of(large, solver.Generated), true},
		{"three steps", of(large, solver.Memory), false},
		{"three steps generated in small tiles", inTiles(of(large, solver.Generated), 4), false},
		{"an old device", of(emulator.Config{Capability: [2]int{7, 0}, Multiprocessors: 80}, solver.Memory),
			true},
		{"an old device generated", of(emulator.Config{Capability: [2]int{7, 0}, Multiprocessors: 80},
			solver.Generated), true},
		{"2 devices", onCards(t, of(large, solver.Memory), 2, three), true},
	}, []size{{176, 19, 2}}, "gaussian-f32", "rademacher")
}

// TestBatchOfShortSlabs: the members of a batch do not take contract_batch, which has the longest slabs, and
// each has the bits that it has alone.
func TestBatchOfShortSlabs(t *testing.T) {
	const n, m = 176, 11
	ensemble, err := sensing.NewGaussian(sensing.Sym{N: n}, m, sensing.BF16, 1)
	must(t, err)
	truth, err := sensing.NewTruth(n, 1, 1, 1)
	must(t, err)
	p := &sensing.Problem{Ensemble: ensemble, Truth: truth}
	b := emulated(t, emulator.Config{Multiprocessors: 132}, solver.Memory, solver.F64)
	gradients := func(slots int, members ...int) (all [][]float64) {
		b := b
		b.slots = slots
		ranks := make([]int, len(members))
		for i := range ranks {
			ranks[i] = 2
		}
		opened, err := b.Open(t.Context(), p, batch(ranks...))
		must(t, err)
		defer func() { must(t, opened.Close()) }()
		if slots != 0 && rowsOf(opened.(*engine)).batchGroups != 0 {
			t.Error("contract_batch takes short slabs")
		}
		list := make([]int, len(members))
		for i, member := range members {
			list[i] = i
			must(t, opened.Set(i, solver.Iterate, solver.Factor{normal(uint64(member), n, 2)}))
		}
		must(t, opened.Gradient(list...))
		for i := range members {
			g := solver.Factor{normal(0, n, 2)}
			must(t, opened.Get(i, solver.Gradient, g))
			all = append(all, g[0].RawMatrix().Data)
		}
		return all
	}
	together := gradients(6, 1, 2, 3)
	for i := range together {
		if alone := gradients(6, i+1)[0]; !slices.Equal(alone, together[i]) {
			t.Errorf("member %d has other bits in a batch", i)
		}
	}
	if slices.Equal(gradients(0, 1)[0], together[0]) {
		t.Error("the length of slabs changes no bit: the slabs of this test are not short")
	}
}

// TestOneLaunch: the n for which contract is one launch, as docs/kernels.md has them for one member.
func TestOneLaunch(t *testing.T) {
	device := func(capability [2]int, multiprocessors, shared, l2 int) driver.Info {
		return driver.Info{Capability: capability, Multiprocessors: multiprocessors,
			BlockShared: shared << 10, L2: l2 << 20, Cooperative: true}
	}
	a100 := device([2]int{8, 0}, 108, 163, 40)
	v100, t4 := device([2]int{7, 0}, 80, 96, 6), device([2]int{7, 5}, 40, 64, 4)
	a10, l4 := device([2]int{8, 6}, 72, 99, 6), device([2]int{8, 9}, 58, 99, 48)
	for _, c := range []struct {
		info    driver.Info
		entries []sensing.Entries
		want    []int // the first and the last n, in pairs
	}{
		{h200, []sensing.Entries{sensing.F64}, []int{1, 1800}},
		{h200, []sensing.Entries{sensing.F32, sensing.BF16, sensing.Q8}, []int{1, 2079}},
		{h200, []sensing.Entries{sensing.Signs}, []int{1, 1470}},
		{a100, []sensing.Entries{sensing.F64}, []int{1, 936, 1040, 1218}},
		{a100, []sensing.Entries{sensing.F32, sensing.BF16}, []int{1, 1559}},
		{a100, []sensing.Entries{sensing.Q8}, []int{1, 1273}},
		{a100, []sensing.Entries{sensing.Signs}, []int{1, 1039}},
		{v100, []sensing.Entries{sensing.F64}, []int{1, 734, 804, 809, 849, 881}},
		{v100, []sensing.Entries{sensing.F32, sensing.BF16, sensing.Q8, sensing.Signs}, []int{1, 1039}},
		{t4, []sensing.Entries{sensing.F64}, nil},
		{t4, []sensing.Entries{sensing.F32, sensing.BF16}, []int{1, 571, 600, 620, 653, 694}},
		{t4, []sensing.Entries{sensing.Q8}, []int{1, 550, 565, 571}},
		{t4, []sensing.Entries{sensing.Signs}, []int{1, 734, 804, 809}},
		{a10, []sensing.Entries{sensing.F64, sensing.Q8}, []int{1, 734}},
		{a10, []sensing.Entries{sensing.F32, sensing.BF16}, []int{1, 734, 849, 886}},
		{a10, []sensing.Entries{sensing.Signs}, []int{1, 1039}},
		{l4, []sensing.Entries{sensing.F64, sensing.F32, sensing.BF16, sensing.Q8}, []int{1, 652}},
		{l4, []sensing.Entries{sensing.Signs}, []int{1, 848}},
	} {
		for _, entries := range c.entries {
			var got []int
			before := false
			for n := 1; n <= 2400; n++ {
				l := rowLayout{rowStore: rowStore{m: 1000, inMemory: true}, k: n * (n + 1) / 2,
					precision: solver.F64}
				l.setDevice(c.info)
				l.setSlabs(referenceBlocks)
				l.setEntries(entries)
				once, _ := l.once()
				switch {
				case once && !before:
					got = append(got, n)
				case !once && before:
					got = append(got, n-1)
				}
				before = once
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, %s entries: one launch for n in %v, want %v", c.info.Capability, entries, got,
					c.want)
			}
		}
	}
}

// TestBeyondOneGroup counts what the plain version moves where no device holds a group of blocks of
// contract_long.
func TestBeyondOneGroup(t *testing.T) {
	for _, c := range []struct {
		storage        solver.Storage
		readings, sums float64
	}{{solver.Memory, 2, 0.003}, {solver.Generated, 3, 0.019}} {
		for _, n := range []int{2080, 2400, 3000} {
			for _, entries := range []sensing.Entries{sensing.F64, sensing.F32, sensing.BF16, sensing.Q8} {
				ensemble, err := sensing.NewGaussian(sensing.Sym{N: n}, 10_000, entries, 1)
				must(t, err)
				e, err := newEngine(Backend{Info: h200, Storage: c.storage}, ensemble, batch(5))
				must(t, err)
				l := rowsOf(e)
				if once, _ := l.once(); once {
					t.Errorf("n = %d, %s %s rows: one launch", n, c.storage, entries)
				}
				got := count(l)
				rows := float64(l.m) * float64(l.stride)
				if got.rows != c.readings*rows || got.sums > (c.sums+0.0005)*got.rows ||
					c.storage == solver.Memory && got.launches != 3 {
					t.Errorf("n = %d, %s rows, %s: %v times the rows, sums %.4f of these, %v launches", n,
						entries, c.storage, got.rows/rows, got.sums/got.rows, got.launches)
				}
			}
		}
	}
}

// TestStagesAhead: rows are two stages ahead where a multiprocessor holds as many blocks as with one.
func TestStagesAhead(t *testing.T) {
	a100 := driver.Info{Capability: [2]int{8, 0}, Multiprocessors: 108, BlockShared: 163 << 10}
	v100 := driver.Info{Capability: [2]int{7, 0}, Multiprocessors: 80, BlockShared: 96 << 10}
	for _, c := range []struct {
		info          driver.Info
		n             int
		entries       sensing.Entries
		generated     bool
		ahead, blocks int // stages, and blocks of a multiprocessor
		bytes         int // of a block's stages
	}{
		{h200, 200, sensing.F32, false, 1, 2, 3 * 2 * 4096 * 4},
		{h200, 200, sensing.Q8, false, 2, 2, 4 * 4 * 4096},
		{h200, 600, sensing.F64, false, 2, 2, 4 * 3584 * 8},
		{h200, 800, sensing.F64, false, 1, 2, 3 * 3712 * 8},
		{h200, 1040, sensing.BF16, false, 2, 2, 4 * 4 * 2176 * 2},
		{h200, 1040, sensing.BF16, true, 1, 2, 3 * 4 * 2176 * 2},
		{a100, 200, sensing.Q8, false, 1, 2, 3 * 4 * 4096},
		{a100, 200, sensing.F32, false, 2, 1, 4 * 2 * 4096 * 4},
		{a100, 900, sensing.F32, false, 1, 2, 3 * 2 * 3072 * 4},
		{v100, 900, sensing.F32, false, 0, 2, 2 * 3072 * 4},
	} {
		l := rowLayout{rowStore: rowStore{m: 1000, inMemory: !c.generated}, k: c.n * (c.n + 1) / 2,
			precision: solver.F64}
		l.setDevice(c.info)
		l.setSlabs(referenceBlocks)
		l.setEntries(c.entries)
		blocks := l.resident() / c.info.Multiprocessors
		if l.stagesAhead != c.ahead || blocks != c.blocks || l.stages != c.bytes {
			t.Errorf("%v, n = %d, %s entries: %d stages ahead, %d blocks, %d bytes, want %+v",
				c.info.Capability, c.n, c.entries, l.stagesAhead, blocks, l.stages, c)
		}
	}
}

// TestOneLaunchHasRoom: where contract is one launch by the device's description, a group of its blocks has
// room in shared memory, static shared memory included.
//
// Symptom: an A100 was taken to hold two blocks with f64, f32 and bf16 entries for n from 937 to 954, but
// lacks some hundred bytes.
func TestOneLaunchHasRoom(t *testing.T) {
	for _, c := range cards {
		config := emulator.Config{Capability: c.info.Capability, BlockShared: c.info.BlockShared,
			Multiprocessors: c.info.Multiprocessors}
		device := emulator.New(config)
		for _, entries := range formats {
			var kernel driver.Kernel
			for n := 2; n <= 1470; n += 4 {
				l := rowLayout{rowStore: rowStore{m: 1000, inMemory: true}, k: n * (n + 1) / 2,
					precision: solver.F64}
				l.setDevice(c.info)
				l.setSlabs(referenceBlocks)
				l.setEntries(entries)
				if once, _ := l.once(); !once {
					continue
				}
				var err error
				if kernel == nil {
					kernel, err = device.Load(l.contractor.Name, l.contractor.Text)
					must(t, err)
				}
				room, err := kernel.Resident(256, l.stages)
				must(t, err)
				if room < l.slabs {
					t.Errorf("%s, %s entries, n = %d: room for %d of %d blocks", c.name, entries, n, room,
						l.slabs)
				}
			}
		}
		must(t, device.Close())
	}
}
