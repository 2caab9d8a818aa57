package gpu

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// card is a GPU, and the formats of n = 200, m = 10,000 with which mixed precision is chosen there.
type card struct {
	name  string
	info  driver.Info
	mixed []sensing.Entries
}

// cards are GPUs with the rates of their data sheets and architecture papers: multiprocessors, boost clock
// and bandwidth. docs/kernels.md names the sources. Shared memory is that of the compute capability.
var cards = []card{
	{"T4", driver.Info{Capability: [2]int{7, 5}, Multiprocessors: 40, Clock: 1.59e9, Bandwidth: 320e9,
		SingleToDouble: 32, BlockShared: 64 << 10, Cooperative: true},
		[]sensing.Entries{sensing.F32, sensing.BF16, sensing.Q8, sensing.Signs}},
	{"L4", driver.Info{Capability: [2]int{8, 9}, Multiprocessors: 58, Clock: 2.04e9, Bandwidth: 300e9,
		SingleToDouble: 64, BlockShared: 99 << 10, Cooperative: true},
		formats},
	{"A10", driver.Info{Capability: [2]int{8, 6}, Multiprocessors: 72, Clock: 1.695e9, Bandwidth: 600e9,
		SingleToDouble: 64, BlockShared: 99 << 10, Cooperative: true},
		formats},
	{"V100", driver.Info{Capability: [2]int{7, 0}, Multiprocessors: 80, Clock: 1.53e9, Bandwidth: 900e9,
		SingleToDouble: 2, BlockShared: 96 << 10, Cooperative: true}, nil},
	{"A100", driver.Info{Capability: [2]int{8, 0}, Multiprocessors: 108, Clock: 1.41e9, Bandwidth: 1555e9,
		SingleToDouble: 2, BlockShared: 163 << 10, Cooperative: true}, nil},
	{"H100", driver.Info{Capability: [2]int{9, 0}, Multiprocessors: 132, Clock: 1.98e9, Bandwidth: 3.35e12,
		SingleToDouble: 2, BlockShared: 227 << 10, Cooperative: true}, nil},
}

// cardsOfFloors are the cards of the tables of floors of docs/kernels.md. An H100 and an H200 have the rate
// at which a copy from device to device was measured, bytes read and written, in place of that which a driver
// reports.
func cardsOfFloors() []card {
	h100 := cards[len(cards)-1]
	h200 := h100
	h100.info.Bandwidth = 3.0e12
	h200.name, h200.info.Bandwidth = "H200", 4.3e12
	all := append(slices.Clone(cards[:len(cards)-1]), h100, h200)
	slices.Reverse(all)
	return all
}

// formats are all formats of entries.
var formats = []sensing.Entries{sensing.F64, sensing.F32, sensing.BF16, sensing.Q8, sensing.Signs}

// rowsOf200 are m = 10,000 rows of n = 200, of each format.
func rowsOf200(t *testing.T, entries sensing.Entries) sensing.Ensemble {
	t.Helper()
	e, err := sensing.NewGaussian(sensing.Sym{N: 200}, 10_000, entries, 1)
	if entries == sensing.Signs {
		e, err = sensing.NewRademacher(sensing.Sym{N: 200}, 10_000, 1)
	}
	must(t, err)
	return e
}

// TestMixedIsFaster: on cards that are slow in f64, mixed precision is chosen where two multiply-adds or two
// conversions of an entry take longer than reading it, for one member or for eight. For f32 rows on a T4
// these are 2/(2·40·1.59e9) s = 15.7 ps, and 4/320e9 s = 12.5 ps. On an A100 and an H100 mixed precision
// takes q8 rows 1.13 times as fast for one member. It has no tensor cores, and takes 1.7 and 2.3 times as
// long for eight.
func TestMixedIsFaster(t *testing.T) {
	for _, c := range slices.Concat(cards, cardsOfFloors()) {
		for _, entries := range formats {
			one := Backend{Info: c.info}
			four := Backend{Info: c.info, Others: slices.Repeat([]Card{{Info: c.info}}, 3)}
			generated := Backend{Info: c.info, Storage: solver.Generated, Precision: solver.Mixed}
			want := slices.Contains(c.mixed, entries)
			for what, b := range map[string]Backend{"one": one, "four": four, "generated rows": generated} {
				if got := b.MixedIsFaster(rowsOf200(t, entries)); got != want {
					t.Errorf("%s, %s, %s rows: %v, want %v", c.name, what, entries, got, want)
				}
			}
		}
	}
	// Without tensor cores the three steps take 8·8/128 cycles for an entry of eight members in f64, and
	// 8·7.2/128 in f32; for one member 2/16 and 15/128. On a chip that no table has, the driver's ratio
	// decides: eight members take 16 multiply-adds in f64, in 16/2 cycles.
	for ratio, want := range map[int]bool{2: false, 64: true} {
		unknown := driver.Info{Capability: [2]int{99, 0}, Multiprocessors: 100, Clock: 2e9, Bandwidth: 1.4e12,
			SingleToDouble: ratio}
		if got := (Backend{Info: unknown}).MixedIsFaster(rowsOf200(t, sensing.Q8)); got != want {
			t.Errorf("of a chip with the ratio %d: %v", ratio, got)
		}
	}
	info, err := emulator.New(emulator.Config{}).Info()
	must(t, err)
	if info.SingleToDouble != 2 || (Backend{Info: info}).MixedIsFaster(rowsOf200(t, sensing.Q8)) {
		t.Error("an emulator, which has no rates, chooses mixed precision")
	}
	vectors, err := sensing.NewRankOne(sensing.Sym{N: 8}, 40, 7)
	must(t, err)
	if (Backend{Info: cards[0].info}).MixedIsFaster(vectors) {
		t.Error("measurements without rows choose mixed precision")
	}
}

// TestLossesOfPrecisions: the losses for one member and for eight stand for those of all batches: on no card,
// with no format, does another number of members up to 32 have a larger loss of the precision that is chosen
// than the other precision has there or at these two.
func TestLossesOfPrecisions(t *testing.T) {
	for _, c := range cards {
		for _, entries := range formats {
			b, e := Backend{Info: c.info}, rowsOf200(t, entries)
			inDouble, inMixed := 1., 1.
			for members := 1; members <= 32; members++ {
				double, mixed, err := b.precisionFloors(e, members)
				must(t, err)
				inDouble = max(inDouble, double.seconds()/mixed.seconds())
				inMixed = max(inMixed, mixed.seconds()/double.seconds())
			}
			if chosen := slices.Contains(c.mixed, entries); chosen != (inDouble > worthwhile*inMixed) {
				t.Errorf("%s, %s rows: f64 loses up to %.2f, mixed up to %.2f", c.name, entries, inDouble,
					inMixed)
			}
		}
	}
}

// TestFloorsOfPrecisions: docs/kernels.md has these floors, in mixed precision for one member, and for eight.
// TestFloorsOfCards holds it to those of one member in f64.
func TestFloorsOfPrecisions(t *testing.T) {
	text, err := os.ReadFile("../docs/kernels.md")
	must(t, err)
	for _, members := range []int{1, 8} {
		for _, c := range cardsOfFloors() {
			line := fmt.Sprintf("| %s |", c.name)
			for _, entries := range formats {
				double, mixed, err := Backend{Info: c.info}.precisionFloors(rowsOf200(t, entries), members)
				must(t, err)
				cell := fmt.Sprintf("%.0f", mixed.seconds()*1e6)
				if members > 1 {
					cell = fmt.Sprintf("%.0f → %s", double.seconds()*1e6, cell)
				}
				if slices.Contains(c.mixed, entries) {
					cell = "**" + cell + "**"
				}
				line += " " + cell + " |"
			}
			if !strings.Contains(string(text), line+"\n") {
				t.Errorf("docs/kernels.md has no line %q", line)
			}
		}
	}
}

// shortCosts are the instructions of contract in f64 arithmetic with slabs of 2176 coordinates, the shortest
// that there are (docs/kernels.md).
var shortCosts = map[sensing.Entries]float64{
	sensing.F64: 17, sensing.F32: 15, sensing.BF16: 17, sensing.Q8: 21, sensing.Signs: 17,
}

// TestCosts: the emulator counts the instructions of contract, on rows of two full slabs but for 64
// coordinates, within one of those that the choice of a precision assumes; on rows of four short slabs but
// for 58 coordinates, as a device of four blocks has them; and the instructions of contract_early and of the
// three steps on the former.
func TestCosts(t *testing.T) {
	const m = 64
	for entries, c := range costs {
		for _, way := range []struct {
			n, slots   int
			capability [2]int
			precision  solver.Precision
			want       float64
		}{
			{127, 0, [2]int{9, 0}, solver.F64, c.double.instructions},
			{127, 0, [2]int{9, 0}, solver.F32, c.single.instructions},
			{131, 4, [2]int{9, 0}, solver.F64, shortCosts[entries]},
			{127, 0, [2]int{7, 0}, solver.F64, earlyCosts[entries].double},
			{127, 0, [2]int{7, 0}, solver.F32, earlyCosts[entries].single},
		} {
			var e sensing.Ensemble
			var err error
			if e, err = sensing.NewRademacher(sensing.Sym{N: way.n}, m, 1); entries != sensing.Signs {
				e, err = sensing.NewGaussian(sensing.Sym{N: way.n}, m, entries, 1)
			}
			must(t, err)
			config := emulator.Config{Multiprocessors: 2, Capability: way.capability}
			device := emulator.New(config)
			b := emulated(t, config, solver.Memory, way.precision)
			b.Connect = func() (driver.Device, error) { return device, nil }
			b.slots = way.slots
			o := rowsOf(gradientEngine(t, b, e))
			device.ResetTraffic()
			must(t, o.launchContract(o.zeros, 1))
			got := float64(device.Traffic(o.contractor.Name).Instructions) * 32 / float64(m*o.k)
			bound := 1.
			if way.capability[0] < 8 {
				bound = 0.5 // earlyCosts are rounded to halves
			}
			if math.Abs(got-way.want) > bound {
				t.Errorf("%s entries in %s, %s of %d slabs: %.1f instructions, want %v", entries,
					way.precision, o.contractor.Name, o.slabs, got, way.want)
			}
			if way.slots > 0 || way.capability[0] < 8 {
				continue
			}
			device.ResetTraffic()
			must(t, o.contractInTiles(o.zeros, 1))
			suffix := string(entries) + "_" + string(way.precision)
			got = float64(device.Traffic("dots_"+suffix).Instructions+
				device.Traffic("accumulate_"+suffix).Instructions) * 32 / float64(m*o.k)
			want := stepCosts[entries].double
			if way.precision == solver.F32 {
				want = stepCosts[entries].single
			}
			if math.Abs(got-want) > 0.1 {
				t.Errorf("%s entries in %s, three steps: %.1f instructions, want %v", entries, way.precision,
					got, want)
			}
		}
	}
}

// TestMixedSums: docs/kernels.md says what the sums of chunks of mixed precision move at n = 200, m = 10,000,
// beside the rows, and on which cards eight sums of parts in f64 would lower the floor of eight members:
// where memory bounds a launch that reads the rows once.
func TestMixedSums(t *testing.T) {
	text, err := os.ReadFile("../docs/kernels.md")
	must(t, err)
	page := strings.Join(strings.Fields(string(text)), " ")
	says := func(words string) {
		t.Helper()
		if !strings.Contains(page, words) {
			t.Errorf("docs/kernels.md does not say %q", words)
		}
	}
	const members = kernels.BatchMembers
	var shares []string
	for _, c := range cards {
		for _, entries := range formats {
			planned, err := planMixed(request{backend: Backend{Info: c.info}, ensemble: rowsOf200(t, entries),
				shapes: make([][]solver.Shape, members), losses: losses{squaredLoss}})
			must(t, err)
			o := planned.(*mixedOperator)
			l := &o.single.rowLayout
			chunks := l.sumBytes(l.chunks.count())
			parts := 2 * float64(members*chunkParts*l.kp*8)
			if c.name == "A10" {
				shares = append(shares, fmt.Sprintf("%.0f %%", 100*chunks/(float64(l.m)*float64(l.stride))))
				says(fmt.Sprintf("%d sums of chunks", l.chunks.count()))
				says(fmt.Sprintf("%.0f MB, in place of %.0f", parts/1e6, chunks/1e6))
			}
			now := o.contractionFloor()
			parted := now
			parted.memory -= (chunks - parts) / c.info.Bandwidth
			lower := l.together() && parted.seconds() < 0.98*now.seconds()
			if lower && slices.Contains(c.mixed, entries) {
				says(fmt.Sprintf("%s: %s %.2f → %.2f ms", c.name, entries, now.seconds()*1e3,
					parted.seconds()*1e3))
			}
		}
	}
	says(strings.Join(shares, ", ") + " of the rows")
}
