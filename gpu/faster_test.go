package gpu

import (
	"math"
	"slices"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// card is a GPU, and where its f64 arithmetic bounds contract.
type card struct {
	name  string
	info  driver.Info
	mixed []sensing.Entries
}

// cards are GPUs with the rates of their data sheets and architecture papers: multiprocessors, boost clock
// and bandwidth. docs/kernels.md names the sources.
var cards = []card{
	{"V100", driver.Info{Capability: [2]int{7, 0}, Multiprocessors: 80, Clock: 1.53e9, Bandwidth: 900e9,
		SingleToDouble: 2}, nil},
	{"T4", driver.Info{Capability: [2]int{7, 5}, Multiprocessors: 40, Clock: 1.59e9, Bandwidth: 320e9,
		SingleToDouble: 32}, []sensing.Entries{sensing.F32, sensing.BF16, sensing.Q8, sensing.Signs}},
	{"A100", driver.Info{Capability: [2]int{8, 0}, Multiprocessors: 108, Clock: 1.41e9, Bandwidth: 1555e9,
		SingleToDouble: 2}, []sensing.Entries{sensing.Q8}},
	{"A10", driver.Info{Capability: [2]int{8, 6}, Multiprocessors: 72, Clock: 1.695e9, Bandwidth: 600e9,
		SingleToDouble: 64}, []sensing.Entries{sensing.F32, sensing.BF16, sensing.Q8, sensing.Signs}},
	{"L4", driver.Info{Capability: [2]int{8, 9}, Multiprocessors: 58, Clock: 2.04e9, Bandwidth: 300e9,
		SingleToDouble: 64}, []sensing.Entries{sensing.BF16, sensing.Q8, sensing.Signs}},
	{"H100", driver.Info{Capability: [2]int{9, 0}, Multiprocessors: 132, Clock: 1.98e9, Bandwidth: 3.35e12,
		SingleToDouble: 2}, []sensing.Entries{sensing.Q8}},
}

// TestMixedIsFaster: on cards that are slow in f64, mixed precision is chosen where two multiply-adds or two
// conversions of an entry take longer than reading it; with f64 rows on no card. For f32 rows on a T4 these
// are 2/(2·40·1.59e9) s = 15.7 ps, and 4/320e9 s = 12.5 ps. On a V100, an A100 and an H100 rows of f64, f32
// and bf16 wait for memory or for instructions that f32 has too.
func TestMixedIsFaster(t *testing.T) {
	for _, c := range cards {
		for entries := range costs {
			one := Backend{Info: c.info}
			four := Backend{Info: c.info, Others: slices.Repeat([]Card{{Info: c.info}}, 3)}
			got, want := one.MixedIsFaster(entries), slices.Contains(c.mixed, entries)
			if got != want || four.MixedIsFaster(entries) != want {
				t.Errorf("%s, %s rows: %v, want %v", c.name, entries, got, want)
			}
		}
	}
	// Of a chip that no table has, the driver's ratio decides: q8 takes 2/16 cycles of conversions, or 2.
	for ratio, want := range map[int]bool{2: false, 64: true} {
		unknown := driver.Info{Capability: [2]int{99, 0}, Multiprocessors: 100, Clock: 2e9, Bandwidth: 1.4e12,
			SingleToDouble: ratio}
		if got := (Backend{Info: unknown}).MixedIsFaster(sensing.Q8); got != want {
			t.Errorf("of a chip with the ratio %d: %v", ratio, got)
		}
	}
	info, err := emulator.New(emulator.Config{}).Info()
	must(t, err)
	if info.SingleToDouble != 2 || (Backend{Info: info}).MixedIsFaster(sensing.Q8) {
		t.Error("an emulator, which has no rates, chooses mixed precision")
	}
}

// shortCosts are the instructions of contract in f64 arithmetic with slabs of 2176 coordinates, the shortest
// that there are (docs/kernels.md).
var shortCosts = map[sensing.Entries]float64{
	sensing.F64: 17, sensing.F32: 15, sensing.BF16: 17, sensing.Q8: 21, sensing.Signs: 17,
}

// TestCosts: the emulator counts the instructions of contract, on rows of two full slabs but for 64
// coordinates, within one of those that the choice of a precision assumes; and on rows of four short slabs
// but for 58 coordinates, as a device of four blocks has them.
func TestCosts(t *testing.T) {
	const m = 64
	for entries, c := range costs {
		for _, way := range []struct {
			n, slots  int
			precision solver.Precision
			want      float64
		}{
			{127, 0, solver.F64, c.double.instructions}, {127, 0, solver.F32, c.single.instructions},
			{131, 4, solver.F64, shortCosts[entries]},
		} {
			var e sensing.Ensemble
			var err error
			if e, err = sensing.NewRademacher(sensing.Sym{N: way.n}, m, 1); entries != sensing.Signs {
				e, err = sensing.NewGaussian(sensing.Sym{N: way.n}, m, entries, 1)
			}
			must(t, err)
			config := emulator.Config{Multiprocessors: 2}
			device := emulator.New(config)
			b := emulated(t, config, solver.Memory, way.precision)
			b.Connect = func() (driver.Device, error) { return device, nil }
			b.slots = way.slots
			o := rowsOf(gradientEngine(t, b, e))
			device.ResetTraffic()
			must(t, o.launchContract(o.zeros, 1))
			got := float64(device.Traffic(o.contractor.Name).Instructions) * 32 / float64(m*o.k)
			if math.Abs(got-way.want) > 1 {
				t.Errorf("%s entries in %s, %d slabs: %.1f instructions, want %v", entries, way.precision,
					o.slabs, got, way.want)
			}
		}
	}
}
